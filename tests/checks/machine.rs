//! `agent.cpu`, `agent.memory` and `agent.load_average`, of this machine.

use crate::{output, read, run};

#[test]
fn the_parts_of_cpu_time_are_all_of_it() {
    let found = run("agent.cpu", &[]).expect("time passes between two readings");
    let parts = ["user", "sys", "idle", "wait", "irq", "stolen"];
    let parts = parts.map(|part| found.number(&format!("{part}_percent_average")));
    assert!((parts.iter().sum::<f64>() - 100.0).abs() < 1e-6, "{found:#?}");
    assert!((found.number("usage_average") + parts[2] - 100.0).abs() < 1e-6, "{found:#?}");
    let [lowest, average, highest] =
        ["min_cpu_usage", "usage_average", "max_cpu_usage"].map(|name| found.number(name));
    assert!(0.0 <= lowest && lowest <= average && average <= highest && highest <= 100.0);
    let lines = read("/proc/stat").lines().filter(|line| line.starts_with("cpu")).count() - 1;
    assert_eq!(found.number("cpu_count"), lines as f64);
}

#[test]
fn memory_is_that_of_free() {
    let found = run("agent.memory", &[]).expect("it can be read");
    let free = output("free", &["-b"]);
    let line = |name: &str| {
        let line = free.lines().find(|line| line.starts_with(name)).expect("a line of it");
        line.split_ascii_whitespace().nth(1).expect("the total").parse::<f64>().expect("a number")
    };
    assert_eq!([found.number("total"), found.number("swap_total")], [line("Mem:"), line("Swap:")]);
    assert_eq!(found.number("ram"), line("Mem:") / f64::from(1 << 20));
    assert_eq!(found.number("used") + found.number("free"), found.number("total"));
    assert_eq!(found.number("actual_used") + found.number("actual_free"), found.number("total"));
    assert!(found.number("actual_used") <= found.number("used"), "{found:#?}");
    assert!((0.0..=100.0).contains(&found.number("used_percent")));
}

#[test]
fn the_load_per_core_is_of_all_cpus_of_a_machine_and_not_those_of_this_process() {
    let online = output("getconf", &["_NPROCESSORS_ONLN"]).trim().parse::<f64>().expect("a number");
    let this = std::env::current_exe().expect("a running program has a path");
    let test =
        "machine::the_load_per_core_is_of_all_cpus_of_a_machine_and_not_those_of_this_process";
    if std::env::var("PINNED").is_err() {
        // On one CPU alone.
        let this = this.to_str().expect("a path of text");
        output("taskset", &["-c", "0", "env", "PINNED=1", this, "--exact", test]);
    }
    let found = run("agent.load_average", &[]).expect("it can be read");
    assert_eq!(found.number("1m") / online, found.number("1m_per_core"));
}
