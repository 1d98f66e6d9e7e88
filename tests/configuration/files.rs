//! Files and folders: what is read, what is refused, and with which words and exit codes.

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use support::{Agent, command};

use super::*;

const LOAD: &str = "type: agent.load_average\n";

#[test]
fn valid_files_are_told_with_their_price() {
    let folder = Folder::of(&[(
        "agent.yaml",
        "period: 10\nchecks:\n  load: {type: agent.load_average, publish: all}\n",
    )]);
    let checks =
        Folder::of(&[("more.yaml", LOAD), ("README", "no check"), (".hidden.yaml", "x: [")]);
    let (code, stdout, stderr) =
        run(&["config", "check", &folder.path("agent.yaml"), &checks.whole()]);
    let expected = "valid: checks: 2, metrics they publish: 5, about $1.50 a month (list price of us-east-1, \
        September 2026)\n";
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (Some(0), expected, ""));
}

#[test]
fn every_problem_of_every_file_is_printed_at_once_with_exit_code_2() {
    let folder = Folder::of(&[
        ("a.yaml", "type: agent.load_average\nperiod: 0\n"),
        ("b.yml", LOAD),
        ("c.yaml", "type: [\n"),
        ("d.yaml", "tpye: agent.load_average\n"),
    ]);
    fs::write(folder.path("e.yaml"), b"type: \xff\n").expect("a file");
    mode(folder.write("f.yaml", LOAD), 0o666);
    fs::create_dir(folder.path("g.yaml")).expect("a folder");
    let (code, stdout, stderr) = run(&["config", "check", &folder.whole()]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    let expected = [
        "a.yaml:2:9: period \"0\": expected seconds from 1 to 1800, such as 30, 90s or 5m",
        "b.yml: expected a name that ends with .yaml; rename it, or its check does not run",
        "c.yaml:1:7: `[` opens here and is not closed: add `]`",
        "d.yaml:1:1: unknown key \"tpye\": a check has type, label, disabled, period, timeout, details, \
         publish, alarms, metadata; did you mean type?",
        "d.yaml:1:1: type is missing: expected one of agent.",
        "e.yaml: expected text in UTF-8, which line 1 is not",
        "f.yaml: any user can write to f.yaml, so it is not used: chmod o-w f.yaml",
        "g.yaml: expected a file or a folder",
    ];
    let relative = folder.relative(&stderr);
    let lines: Vec<_> = relative.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{relative}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
}

#[test]
fn what_is_no_file_is_refused_and_nothing_is_waited_for() {
    let folder = Folder::of(&[("empty/", "")].map(|_| ("keep", "")));
    let pipe = folder.path("pipe.yaml");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
    let problem = |path: &str| {
        let (code, _, stderr) = run(&["--dry-run", "--config", path]);
        assert_eq!(code, Some(2), "{stderr}");
        folder.relative(&stderr)
    };
    assert_eq!(problem(&pipe), "--config \"pipe.yaml\": expected a file or a folder\n");
    let missing = problem(&folder.path("none.yaml"));
    assert_eq!(
        missing,
        "--config \"none.yaml\": it cannot be read: No such file or directory (os error 2)\n"
    );
    let empty = Folder::of(&[]);
    assert_eq!(
        empty.relative(&run(&["--dry-run", "--config", &empty.whole()]).2),
        ".: there is no *.yaml in this folder, so no check\n"
    );
    mode(empty.whole(), 0o777);
    assert!(run(&["--dry-run", "--config", &empty.whole()]).2.contains("any user can write to"));
    let large = folder.write("large.yaml", vec![b'#'; (1 << 20) + 1]);
    let large = problem(large.to_str().expect("UTF-8"));
    assert_eq!(large, "--config \"large.yaml\": expected at most 1024 KiB\n");
}

#[test]
fn a_variable_names_files_and_is_replaced_in_values() {
    let folder =
        Folder::of(&[("agent.yaml", "namespace: ${OURS}\nservice: ${NONE:-web}\nperiod: 1\n")]);
    let mut agent = command();
    agent.args(["--dry-run", "--once", "--output=json"]);
    agent.env("CLOUDWATCH_METRICS_AGENT_CONFIG", folder.path("agent.yaml"));
    agent.env("OURS", "Our: ${OWN}");
    let (code, stdout, stderr) = outcome(&mut agent);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains(r#""namespace":"Our: ${OWN}""#), "{stdout}");
    assert!(stdout.contains(r#"{"ServiceName":"web"}"#), "{stdout}");
}

#[test]
fn beside_a_command_a_broken_file_is_an_error_line_and_the_command_runs() {
    let folder = Folder::of(&[("agent.yaml", "namespace: a\nservice: b\nperiod: x\n")]);
    let (code, stdout, stderr) =
        run(&["--config", &folder.path("agent.yaml"), "--", "sh", "-c", "echo runs; exit 7"]);
    assert_eq!((code, stdout.as_str()), (Some(7), "runs\n"), "{stderr}");
    let stderr = folder.relative(&stderr);
    assert!(
        stderr.contains("agent.yaml:3:9: period \"x\": expected a whole number of seconds"),
        "{stderr}"
    );
    assert!(stderr.contains("the command runs, and nothing is measured"), "{stderr}");
    // What was typed still keeps it from starting.
    let (code, stdout, _) =
        run(&["--config", &folder.path("agent.yaml"), "--buffer=x", "--", "sh", "-c", "echo runs"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
}

#[test]
fn beside_a_command_that_is_stopped_a_broken_file_changes_no_exit_code() {
    let folder = Folder::of(&[("agent.yaml", "period: x\n")]);
    let mut agent = command();
    agent.args(["--config", &folder.path("agent.yaml"), "--", "sleep", "1000"]);
    let agent = Agent::start(&mut agent);
    agent.wait_for_log("nothing is measured");
    agent.signal(Signal::TERM);
    agent.wait().expect_code(128 + 15);
}

#[test]
fn beside_a_command_a_broken_check_is_left_out_and_the_rest_is_measured() {
    let checks = Folder::of(&[("bad.yaml", "type: agent.lod\n"), ("good.yaml", LOAD)]);
    let args = ["--dry-run", "--period=1", "--config", &checks.whole(), "--", "sleep", "1.5"];
    let (code, stdout, stderr) = run(&args);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(checks.relative(&stderr).contains("bad.yaml:1:7: type \"agent.lod\": expected one of"));
    assert!(stdout.contains("MemoryUtilization="), "{stdout}");
}

#[test]
fn the_example_is_a_valid_file() {
    let (code, example, _) = run(&["config", "example"]);
    assert_eq!(code, Some(0));
    let folder = Folder::of(&[("agent.yaml", &example)]);
    let (code, stdout, stderr) = run(&["config", "check", &folder.path("agent.yaml")]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let (warning, valid) = stdout.split_once('\n').expect("two lines");
    assert!(warning.ends_with("it is empty: it has no option and no check"), "{stdout}");
    assert!(valid.starts_with("valid: checks: 0, metrics they publish: 0"), "{stdout}");
}

#[test]
fn thresholds_and_notifications_of_the_example_are_valid_with_every_key() {
    let (_, example, _) = run(&["config", "example"]);
    let (_, last) = example.split_once("#thresholds:").expect("thresholds come last but one");
    let key = |line: &str| {
        let (blanks, rest) = line.split_at(line.find('#')?);
        let key = rest.strip_prefix('#').filter(|key| !key.starts_with([' ', '-']))?;
        // A variable that is not set is a mistake.
        Some(format!("{blanks}{key}\n").replace("${HOOK_SECRET}", "secret"))
    };
    let keys: String = last.lines().filter_map(key).collect();
    let folder = Folder::of(&[("agent.yaml", &format!("thresholds:\n{keys}"))]);
    let (code, stdout, stderr) = run(&["config", "check", &folder.path("agent.yaml")]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{keys}");
    assert!(stdout.contains("valid: checks: 0"), "{stdout}");
    for section in ["notifications", "notification_plans", "suppressions"] {
        assert!(keys.contains(&format!("\n{section}:\n")), "{section}: {keys}");
    }
}

#[test]
fn without_a_path_config_check_asks_for_one() {
    let (code, _, stderr) = run(&["config", "check"]);
    let expected =
        "config check: expected a file or a folder, or CLOUDWATCH_METRICS_AGENT_CONFIG\n";
    assert_eq!((code, stderr.as_str()), (Some(2), expected));
}
