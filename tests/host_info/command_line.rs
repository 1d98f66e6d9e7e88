//! What is typed, and what is printed.

use serde_json::Value;

use crate::run;

#[test]
fn without_a_type_all_are_listed() {
    let (code, text, error) = run(&["host-info"]);
    assert_eq!((code, &*error), (Some(0), ""));
    let names = [
        "cpus",
        "memory",
        "network_interfaces",
        "filesystems",
        "disks",
        "system",
        "processes",
        "who",
        "date",
        "hostname",
        "kernel_modules",
        "fstab",
        "sysctl",
        "packages",
        "connections",
    ];
    let listed = text.lines().map(|line| line.split(' ').next().unwrap_or_default());
    assert!(listed.eq(names), "{text}");
    let (code, text, _) = run(&["host-info", "--output", "json"]);
    assert_eq!((code, text.lines().count()), (Some(0), 1));
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(answer["info"]["types"], Value::from(names.to_vec()));
}

#[test]
fn an_unknown_type_is_an_error_that_names_the_nearest() {
    for (name, near) in [
        ("memroy", "; did you mean memory?\n"),
        ("CPUS", "; did you mean cpus?\n"),
        ("network-interfaces", "; did you mean network_interfaces?\n"),
        ("NETWORK_INTERFACES", "; did you mean network_interfaces?\n"),
        ("conections", "; did you mean connections?\n"),
        ("environment", "connections\n"),
    ] {
        for output in ["text", "json"] {
            let (code, text, error) = run(&["host-info", name, "--output", output]);
            assert_eq!((code, &*text), (Some(2), ""), "{name}");
            let start = format!("host-info {name:?}: expected one of cpus, memory, ");
            assert!(error.starts_with(&start) && error.ends_with(near), "{error}");
        }
    }
}

#[test]
fn several_records_are_a_table_and_one_is_a_list() {
    let (code, text, _) = run(&["host-info", "cpus"]);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = text.lines().collect();
    let start: Vec<_> = lines.iter().map(|line| words(line)[0].clone()).collect();
    assert_eq!((code, &*start[0], &*start[1]), (Some(0), "name", "cpu.0"), "{text}");
    // Each column begins at the same place in each line.
    let place = |line: &str, word: &str| line.find(word).expect("it is there");
    let vendor = place(lines[0], "vendor");
    assert!(lines.iter().all(|line| line[..vendor].ends_with("  ")), "{text}");
    let (_, text, _) = run(&["host-info", "memory"]);
    assert_eq!(text.lines().count(), 13);
    assert_eq!(words(text.lines().next().unwrap_or_default())[0], "total");
}
