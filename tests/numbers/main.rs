//! The numbers beside CPU and memory: the real binary under loads of a known size, against the kernel's
//! own files.
#![cfg(target_os = "linux")]

mod group;

use std::fs;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use support::{Agent, command, run};

/// Windows of two seconds with a sample each second, as JSON. Of so few samples each is over a time that
/// the scheduling of this machine hardly changes.
fn previewing(scope: &str, metrics: &str) -> Vec<String> {
    let agent = support::binary().display().to_string();
    let fixed = ["--namespace", "Test", "--service", "Foo", "--dry-run", "--output", "json"];
    let fixed = [agent.as_str()].into_iter().chain(fixed);
    let times = ["--period", "2", "--sample-interval", "1"];
    let chosen = ["--scope", scope, "--metrics", metrics];
    fixed.chain(times).chain(chosen).map(str::to_owned).collect()
}

fn start(arguments: &[String]) -> Agent {
    let mut command = Command::new(&arguments[0]);
    command.args(&arguments[1..]).env_clear().env("PATH", PATH).stdin(Stdio::null());
    Agent::start(&mut command)
}

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Waits for two more windows, so that the one of now is among them, ends the agent, and returns all.
fn windows_of(agent: Agent, seen: usize) -> Vec<Value> {
    agent.wait_for_stdout_lines("\"start\"", seen + 2);
    let ended = agent.terminate().expect_code(0);
    ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What the rates of a number add up to over the samples of all windows, which are a second each.
fn total(windows: &[Value], name: &str) -> f64 {
    let of = |window: &Value, part: &str| window[name][part].as_f64();
    let of_window =
        |window: &Value| of(window, "mean").unwrap_or(0.0) * of(window, "count").unwrap_or(0.0);
    windows.iter().map(of_window).sum()
}

fn assert_near(name: &str, told: f64, kernel: f64) {
    let tolerance = 0.15 * kernel;
    assert!((told - kernel).abs() <= tolerance, "{name}: {told} where the kernel has {kernel}");
}

/// A test that needs root, which the test command is where it has to be complete.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    assert!(is_root || std::env::var_os("CI").is_none(), "this test needs root");
    if !is_root {
        eprintln!("NOT TESTED: it needs root");
    }
    is_root
}

/// Processes that use all of the CPU that they can get. They end with this.
struct Hogs(Vec<Child>);

impl Hogs {
    fn start(count: usize, before: &str) -> Self {
        let hog = format!("{before} while :; do :; done");
        let start = |_| Command::new("sh").args(["-c", &hog]).spawn().expect("there is a shell");
        Self((0..count).map(start).collect())
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}

/// Microseconds of the line `some` of a file of pressure.
fn stalled(file: &Path) -> f64 {
    let text = fs::read_to_string(file).expect("this kernel has PSI");
    let total = text.lines().next().and_then(|line| line.rsplit_once("total="));
    total.and_then(|(_, total)| total.parse().ok()).expect("a total")
}

#[test]
fn more_load_than_cpus_is_pressure_as_the_kernel_has_it() {
    let file = Path::new("/proc/pressure/cpu");
    if !file.exists() {
        eprintln!("NOT TESTED: this kernel has no PSI");
        return;
    }
    let cpus = std::thread::available_parallelism().expect("a number of CPUs").get();
    let _hogs = Hogs::start(2 * cpus, "");
    let agent = start(&previewing("host", "pressure"));
    agent.wait_for_stdout_lines("\"start\"", 1);
    // Of a steady load the windows need not begin with the reading.
    let (before, at) = (stalled(file), Seconds::now());
    agent.wait_for_stdout_lines("\"start\"", 3);
    let kernel = (stalled(file) - before) / 10_000.0 / at.elapsed();
    let windows = windows_of(agent, 1);
    let means = windows[1..].iter().filter_map(|window| window["cpu_pressure"]["mean"].as_f64());
    let means: Vec<_> = means.collect();
    let told = means.iter().sum::<f64>() / means.len() as f64;
    assert!(kernel > 50.0, "the load was none: {kernel}");
    assert!((told - kernel).abs() < 10.0, "{told} where the kernel has {kernel}: {windows:?}");
    let highest = windows[1]["cpu_pressure"]["max"].as_f64().expect("it has samples");
    assert!(highest <= 100.0, "{highest}");
}

/// Time on the kernel's clock, which needs no clock of the tests' own.
struct Seconds(f64);

impl Seconds {
    fn now() -> Self {
        let text = fs::read_to_string("/proc/uptime").expect("Linux has it");
        Self(text.split(' ').next().and_then(|first| first.parse().ok()).expect("seconds"))
    }

    fn elapsed(&self) -> f64 {
        Self::now().0 - self.0
    }
}

/// One test at a time loads the disk.
static DISK: Mutex<()> = Mutex::new(());

/// Bytes read and written by disks, as /proc/diskstats has them: `lsblk` tells which are disks.
fn disks() -> [f64; 2] {
    let listed = Command::new("lsblk").args(["-dnro", "NAME,TYPE"]).output().expect("util-linux");
    let listed = String::from_utf8(listed.stdout).expect("names are text");
    let is_disk = |name: &str| {
        let is_memory = name.starts_with("zram") || name.starts_with("ram");
        listed.lines().any(|line| line == format!("{name} disk")) && !is_memory
    };
    let mut bytes = [0.0; 2];
    for line in fs::read_to_string("/proc/diskstats").expect("Linux has it").lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        if is_disk(fields[2]) {
            let sectors = |column: usize| fields[column].parse::<f64>().expect("a number");
            bytes = [bytes[0] + 512.0 * sectors(5), bytes[1] + 512.0 * sectors(9)];
        }
    }
    bytes
}

/// Writes so many MiB past the page cache to the disk that has the build.
fn write_to_disk(mebibytes: u32, within: &str) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("written-{within}"));
    let of = format!("of={}", file.display());
    let count = format!("count={mebibytes}");
    let arguments = ["if=/dev/zero", &of, "bs=1M", &count, "oflag=direct"];
    let enter = group::enter(within);
    let dd = format!("{enter} exec dd \"$@\"");
    let written = run(Command::new("sh").args(["-c", &dd, "sh"]).args(arguments));
    let _ = fs::remove_file(&file);
    written.expect_code(0);
}

#[test]
fn what_is_written_to_disks_is_what_the_kernel_counted() {
    let _alone = DISK.lock().expect("no other test has failed");
    let before = disks()[1];
    let agent = start(&previewing("host", "io"));
    agent.wait_for_stdout_lines("\"start\"", 1);
    let load = disks()[1];
    write_to_disk(256, "");
    let load = (disks()[1] - load) / f64::from(1 << 20);
    let windows = windows_of(agent, 1);
    // Others may write, too, before and after.
    let most = (disks()[1] - before) / f64::from(1 << 20);
    assert!(load >= 256.0, "the load did not reach a disk: {load} MiB");
    let told = total(&windows, "disk_write_bytes") / f64::from(1 << 20);
    assert!(told >= 0.85 * load && told <= 1.15 * most, "{told} of {load} to {most} MiB");
    let operations = total(&windows, "disk_write_operations");
    assert!(operations >= 0.85 * 256.0 / 4.0, "{operations}");
}

/// Bytes received and sent by an interface of the network namespace of a process.
fn counted(process: u32, interface: &str) -> [f64; 2] {
    let text = fs::read_to_string(format!("/proc/{process}/net/dev")).expect("it runs");
    let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("{interface}:")));
    let columns: Vec<_> = line.expect("the interface is there").split_whitespace().collect();
    [0, 8].map(|column: usize| columns[column].parse().expect("a number"))
}

/// Sends so many datagrams of 1,000 bytes from the network namespace of a process.
fn send(process: u32, to: &'static str, count: usize) {
    let namespace = fs::File::open(format!("/proc/{process}/ns/net")).expect("it runs");
    let sending = std::thread::spawn(move || {
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(namespace.as_fd(), network).expect("root may enter it");
        let receiver = UdpSocket::bind("127.0.0.1:9999").expect("nobody else is there");
        let sender = UdpSocket::bind("0.0.0.0:0").expect("an address");
        for _ in 0..count {
            sender.send_to(&[7; 1000], to).expect("there is a route");
        }
        drop(receiver);
    });
    sending.join().expect("it sends");
}

#[test]
fn a_network_namespace_is_its_interfaces_without_lo() {
    if !is_root() {
        return;
    }
    // What is sent to the neighbour leaves by the one end and comes in at the other, in the same place.
    let setup = "ip link add veth0 type veth peer name veth1 && ip link set lo up && ip link set veth0 up \
        && ip link set veth1 up && ip address add 10.9.0.1/24 dev veth0 \
        && ip neighbour add 10.9.0.9 lladdr 02:00:00:00:00:09 dev veth0 && exec \"$@\"";
    let inside = ["unshare", "--net", "sh", "-c", setup, "sh"].map(str::to_owned);
    let arguments = [inside.to_vec(), previewing("container", "network")].concat();
    let agent = start(&arguments);
    agent.wait_for_stdout_lines("\"start\"", 1);
    let process = agent.id();
    let before = ["veth0", "veth1"].map(|interface| counted(process, interface));
    send(process, "10.9.0.9:9", 2000);
    send(process, "127.0.0.1:9999", 5000);
    let after = ["veth0", "veth1"].map(|interface| counted(process, interface));
    let lo = counted(process, "lo");
    let windows = windows_of(agent, 1);
    let kernel = |way: usize| {
        after.iter().map(|of| of[way]).sum::<f64>() - before.iter().map(|of| of[way]).sum::<f64>()
    };
    assert!(kernel(1) > 2e6 && lo[1] > 5e6, "the load was none: {after:?} {lo:?}");
    assert_near("received", total(&windows, "network_received_bytes"), kernel(0));
    assert_near("sent", total(&windows, "network_sent_bytes"), kernel(1));
}

#[test]
fn what_a_machine_has_none_of_is_said_once_and_explained_with_the_reason() {
    let all = "cpu,pressure-full,memory-peak,ephemeral-storage,fullest";
    let arguments = ["--namespace", "Test", "--service", "Foo", "--dry-run", "--scope", "host"];
    let mut explain = command();
    explain.arg("explain").args(arguments).args(["--metrics", all]);
    let text = run(&mut explain).expect_code(0).stdout;
    for line in [
        "  CPUFullPressure: unavailable: the kernel does not measure it of the machine, where it is always 0",
        "  MemoryPeakUtilization: unavailable: the kernel keeps it of control groups alone, and not of the \
         machine",
        "  EphemeralStorageUtilization: unavailable: only an ECS task on Fargate has it: --scope task or pod",
        "  MaxContainerMemoryUtilization: unavailable: it is of the containers of a task or pod: --scope pod or task",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}: {text}");
    }
    let agent = start(&previewing("host", all));
    agent.wait_for_stdout_lines("\"start\"", 3);
    let log = agent.terminate().expect_code(0).stderr;
    for label in ["CPU full pressure", "memory peak", "ephemeral storage", "fullest container"] {
        assert_eq!(log.matches(&format!("] {label} unavailable: ")).count(), 1, "{label}: {log}");
    }
    assert!(!log.contains("scope host"), "{log}");
    assert!(!log.contains("ERROR"), "nothing is lost: {log}");
}

#[test]
fn the_price_is_of_each_number_that_has_a_value() {
    let mut explain = command();
    explain.args(["explain", "--namespace", "Test", "--service", "Foo", "--region", "eu-west-1"]);
    explain.args(["--scope", "host", "--metrics", "cpu,network,processes,fullest"]);
    explain.env("AWS_EC2_METADATA_DISABLED", "true");
    let text = run(&mut explain).expect_code(0).stdout;
    // Two each of CPU, and of what is received and sent; two of processes; none of `fullest`.
    assert!(text.contains(": 8 metrics, 43800 PutMetricData calls"), "{text}");
    for unit in
        ["MaxNetworkSentBytes (Bytes/Second)", "Processes (Count)", "ProcessUtilization (Percent)"]
    {
        assert!(text.contains(unit), "{unit}: {text}");
    }
}
