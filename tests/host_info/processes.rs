//! What runs.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{find, info, number, python};

/// What the kernel says of one process, in the units of host info.
const SCRIPT: &str = "
import json, os, sys
pid = sys.argv[1]
stat = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
status = dict(line.split(':', 1) for line in open(f'/proc/{pid}/status'))
tick = os.sysconf('SC_CLK_TCK')
boot = [int(line.split()[1]) for line in open('/proc/stat') if line.startswith('btime')][0]
kb = lambda name: int(status[name].split()[0]) * 1024
print(json.dumps({
    'pid': int(pid), 'exe_name': os.readlink(f'/proc/{pid}/exe'), 'exe_cwd': os.readlink(f'/proc/{pid}/cwd'),
    'exe_root': os.readlink(f'/proc/{pid}/root'), 'state_ppid': int(status['PPid']),
    'state_threads': int(status['Threads']), 'state_nice': int(stat[16]), 'state_priority': int(stat[15]),
    'memory_size': kb('VmSize'), 'start': (boot + int(stat[19]) / tick) * 1000,
    'user': int(stat[11]) * 1000 // tick, 'system': int(stat[12]) * 1000 // tick,
    'faults': int(stat[7]) + int(stat[9]), 'resident': kb('VmRSS'), 'share': kb('RssFile') + kb('RssShmem'),
    'state': status['State'].split()[1].strip('()'),
}))
";

#[test]
fn a_process_is_what_the_kernel_says_of_it() {
    // It waits for its input, after it has used some time.
    let script = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo ready; read line";
    let mut command = Command::new("nice");
    command.args(["-n", "7", "sh", "-c", script]).current_dir("/usr").arg0("other-name");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("sh is installed");
    let mut ready = [0; 6];
    let stdout = child.stdout.as_mut().expect("it is a pipe");
    std::io::Read::read_exact(stdout, &mut ready).expect("it says that it is ready");
    let expected = python(SCRIPT, &[&child.id().to_string()]);
    let found = info("processes");
    drop(child.stdin.take());
    child.wait().expect("it ends with its input");
    let own = find(&found, "pid", expected["pid"].clone());
    for name in [
        "exe_name",
        "exe_cwd",
        "exe_root",
        "state_ppid",
        "state_threads",
        "state_nice",
        "state_priority",
        "memory_size",
    ] {
        assert_eq!(own[name], expected[name], "{name}");
    }
    assert_eq!(own["exe_cwd"], Value::from("/usr"));
    // This test may be nice itself.
    assert!(own["state_nice"].as_i64() >= Some(7), "{own:#}");
    assert_eq!([&own["time_user"], &own["time_sys"]], [&expected["user"], &expected["system"]]);
    assert_eq!(number(own, "time_total"), number(own, "time_user") + number(own, "time_sys"));
    assert!(number(own, "time_total") > 0, "{own:#}");
    assert_eq!(
        [&own["memory_resident"], &own["memory_share"]],
        [&expected["resident"], &expected["share"]]
    );
    assert_eq!(own["memory_page_faults"], expected["faults"]);
    assert_eq!([&own["state_name"], &expected["state"]], ["sleeping", "sleeping"]);
    let start = expected["start"].as_f64().expect("a number");
    assert!((number(own, "time_start_time") as f64 - start).abs() <= 1000.0, "{own:#}");
    let numbers: Vec<_> = found.iter().map(|one| number(one, "pid")).collect();
    assert!(numbers.is_sorted(), "by number, each once: {numbers:?}");
}

#[test]
fn a_thread_is_not_a_process_of_its_own() {
    // This test runs in a thread beside the first one of its process, with one more.
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || wait.recv().is_ok());
    let names = std::fs::read_dir("/proc/self/task").expect("/proc is mounted");
    let names = names.map(|entry| entry.expect("an entry").file_name().into_string());
    let threads: Vec<u32> =
        names.map(|name| name.expect("a number").parse().expect("a number")).collect();
    let found = info("processes");
    drop(end);
    thread.join().expect("it ends");
    let is_listed = |number: &&u32| found.iter().any(|record| record["pid"] == **number);
    let listed: Vec<_> = threads.iter().filter(is_listed).collect();
    assert!(threads.len() >= 2, "{threads:?}");
    assert_eq!(listed, [&std::process::id()], "{threads:?}");
    let own = find(&found, "pid", std::process::id());
    assert!(number(own, "state_threads") >= 2, "{own}");
}
