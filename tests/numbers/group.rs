//! A control group of the test's own, with limits, and loads in it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{
    DISK, Hogs, assert_near, is_root, previewing, stalled, start, total, windows_of, write_to_disk,
};

const ROOT: &str = "/sys/fs/cgroup";

/// The directories of a group that is made in each hierarchy. They go when this is dropped.
struct Group {
    name: String,
    directories: Vec<PathBuf>,
}

impl Group {
    fn new() -> Self {
        let name = format!("numbers-test-{}", std::process::id());
        let is_v2 = Path::new(ROOT).join("cgroup.controllers").exists();
        let hierarchies: &[_] = if is_v2 { &[""] } else { &["memory", "pids", "blkio", "unified"] };
        let hierarchies = hierarchies.iter().map(|name| Path::new(ROOT).join(name));
        let hierarchies: Vec<_> = hierarchies.filter(|path| path.exists()).collect();
        if is_v2 {
            // A controller that is on already is no error.
            let control = Path::new(ROOT).join("cgroup.subtree_control");
            fs::write(control, "+memory +pids +io").expect("root may");
        }
        let directories: Vec<_> = hierarchies.iter().map(|path| path.join(&name)).collect();
        for directory in &directories {
            fs::create_dir(directory).expect("root may make groups");
        }
        Self { name, directories }
    }

    /// A file of the group, by the names that it has in version 2 and in version 1.
    fn file(&self, names: [&str; 2]) -> Option<PathBuf> {
        let files =
            names.iter().flat_map(|name| self.directories.iter().map(move |of| of.join(name)));
        files.into_iter().find(|file| file.exists())
    }

    fn set(&self, names: [&str; 2], value: &str) {
        let file = self.file(names).expect("this kernel has the controller");
        fs::write(file, value).expect("root may set it");
    }

    fn read(&self, names: [&str; 2]) -> f64 {
        let text = fs::read_to_string(self.file(names).expect("the file is there"));
        text.expect("it can be read").trim().parse().expect("a number")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for directory in &self.directories {
            // One that is not empty stays, and the test has failed already.
            let _ = fs::remove_dir(directory);
        }
    }
}

/// What a shell does to get into the group of this name; of none, nothing.
pub fn enter(name: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    let directories =
        ["", "memory", "pids", "blkio", "unified"].map(|of| Path::new(ROOT).join(of).join(name));
    let directories = directories.iter().filter(|directory| directory.exists());
    directories.map(|of| format!("echo $$ > {}/cgroup.procs;", of.display())).collect()
}

/// The major and minor number of the disk that a file of the build is on; sysfs has a partition below its
/// disk.
fn disk() -> String {
    use std::os::unix::fs::MetadataExt;
    let device = fs::metadata(env!("CARGO_TARGET_TMPDIR")).expect("Cargo made it").dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let sysfs =
        fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).expect("it is on a disk");
    let is_partition = sysfs.join("partition").exists();
    let disk = if is_partition { sysfs.parent().expect("its disk") } else { &sysfs };
    fs::read_to_string(disk.join("dev")).expect("its numbers").trim().to_owned()
}

#[test]
fn a_group_has_its_own_numbers_as_the_kernel_counts_them() {
    if !is_root() {
        return;
    }
    let _alone = DISK.lock().expect("no other test has failed");
    let group = Group::new();
    group.set(["memory.max", "memory.limit_in_bytes"], "268435456");
    group.set(["pids.max", "pids.max"], "50");
    if group.file(["io.stat", ""]).is_none_or(|file| file.is_dir()) {
        // Since Linux 6.10 version 1 counts where there is a limit.
        let rule = format!("{} 100000000000", disk());
        group.set(["blkio.throttle.write_bps_device", "blkio.throttle.write_bps_device"], &rule);
        write_to_disk(1, &group.name);
    }
    let inside = format!("{} exec \"$@\"", enter(&group.name));
    let shell = ["sh", "-c", &inside, "sh"].map(str::to_owned).to_vec();
    let arguments = previewing("container", "pressure,io,processes,memory-peak,swap");
    let agent = start(&[shell, arguments].concat());
    agent.wait_for_stdout_lines("\"start\"", 1);
    write_to_disk(128, &group.name);
    let cpus = std::thread::available_parallelism().expect("a number of CPUs").get();
    let hogs = Hogs::start(2 * cpus, &enter(&group.name));
    let pressure = group.file(["cpu.pressure", "cpu.pressure"]);
    agent.wait_for_stdout_lines("\"start\"", 3);
    let before = pressure.as_deref().map(|file| (stalled(file), super::Seconds::now()));
    agent.wait_for_stdout_lines("\"start\"", 5);
    let kernel = before.map(|(before, at)| {
        let file = pressure.as_deref().expect("it was read");
        (stalled(file) - before) / 10_000.0 / at.elapsed()
    });
    let (count, peak) = (
        group.read(["pids.current", "pids.current"]),
        group.file(["memory.peak", "memory.max_usage_in_bytes"]),
    );
    let peak = peak.map(|_| group.read(["memory.peak", "memory.max_usage_in_bytes"]));
    let windows = windows_of(agent, 4);
    drop(hogs);
    let last = &windows[4];
    // The agent and the hogs.
    assert_eq!(count, 1.0 + 2.0 * cpus as f64);
    assert_eq!(last["processes"].as_f64(), Some(count), "{last}");
    assert_eq!(last["process_utilization"].as_f64(), Some(2.0 * count), "{last}");
    if let Some(peak) = peak {
        assert_near(
            "peak",
            last["memory_peak"].as_f64().expect("a peak"),
            100.0 * peak / 268_435_456.0,
        );
    }
    assert!(last["swap"].is_null(), "nobody has set a limit: {last}");
    assert_near("written", total(&windows, "disk_write_bytes"), f64::from(128 << 20));
    if let Some(kernel) = kernel {
        let told = windows[3]["cpu_pressure"]["mean"].as_f64().expect("it has samples");
        assert!(kernel > 40.0, "the load was none: {kernel}");
        assert!((told - kernel).abs() < 15.0, "{told} where the kernel has {kernel}");
    }
}
