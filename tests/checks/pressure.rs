//! `agent.pressure`, of this machine and of a control group.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{read, run, targets};
use support::namespace::{is_inside, path_in_folder, skip};

/// The total of `some` of a file, in milliseconds.
fn total(path: &str) -> f64 {
    let text = read(path);
    let total = text.split_ascii_whitespace().find_map(|word| word.strip_prefix("total="));
    total.expect("a total").parse::<f64>().expect("a number") / 1000.0
}

const CPU: &str = "/proc/pressure/cpu";

#[test]
fn that_of_the_machine_is_between_what_stands_in_its_files_before_and_after() {
    if !Path::new(CPU).exists() {
        return skip("pressure of the machine", "the kernel has no PSI");
    }
    let before = total(CPU);
    let found = run("agent.pressure", &[("scope", "machine")]).expect("the kernel has PSI");
    let range = before..=total(CPU);
    assert!(range.contains(&found.number("cpu_some_total")), "{range:?} {found:#?}");
    assert!(found.absent["cpu_full_percent"].contains("always 0"), "{found:#?}");
    for name in ["cpu_some", "memory_some", "memory_full", "io_some", "io_full"] {
        let percent = found.number(&format!("{name}_percent"));
        assert!((0.0..=100.0).contains(&percent), "{name} {percent}");
    }
    assert!(targets("agent.pressure").contains(&"machine".to_owned()));
}

/// A group of this test's own, which is the root of a namespace as that of a container is.
const GROUP: &str = "mkdir \"$folder/machine\" \"$folder/group\"
    mount -t cgroup2 none \"$folder/machine\"
    own=\"$folder/machine/checks-$$\"; mkdir \"$own\"
    sh -e -c 'echo $$ > \"$0/cgroup.procs\"
        exec unshare --cgroup --mount --propagation private sh -e -c \"
            umount $folder/machine; mount -t cgroup2 none $folder/group
            exec \\\"\\$@\\\"\" sh \"$@\"' \"$own\" \"$@\" && code=0 || code=$?
    rmdir \"$own\"; exit $code";

/// Lets the threads end that burn CPU time, also when a test fails.
struct Burning(Arc<AtomicBool>);

impl Drop for Burning {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[test]
fn that_of_a_container_is_of_its_group() {
    if !Path::new(CPU).exists() {
        return skip("pressure of a group", "the kernel has no PSI");
    }
    if !is_inside("pressure::that_of_a_container_is_of_its_group", &[], GROUP) {
        return;
    }
    let file = path_in_folder("group/cpu.pressure");
    let start = total(&file);
    // More that runs than there are CPUs, until some of it had to wait.
    let burning = Arc::new(AtomicBool::new(true));
    let guard = Burning(burning.clone());
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    for _ in 0..2 * cpus + 1 {
        let burning = burning.clone();
        std::thread::spawn(move || while burning.load(Ordering::Relaxed) {});
    }
    while total(&file) < start + 100.0 {
        std::hint::spin_loop();
    }
    let before = total(&file);
    let found = run("agent.pressure", &[]).expect("the group has files");
    let range = before..=total(&file);
    drop(guard);
    assert!(range.contains(&found.number("cpu_some_total")), "{range:?} {found:#?}");
    assert!(found.number("cpu_some_percent") > 10.0, "{found:#?}");
    assert!((0.0..=100.0).contains(&found.number("cpu_full_percent")), "{found:#?}");
    assert_eq!(targets("agent.pressure"), ["container", "machine"]);
}
