//! Checks of files: run once, published, counted and refused.

use fake_cloudwatch::FakeCloudWatch;
use serde_json::Value;
use support::{Agent, publishing_to};

use super::*;

/// Checks that find something each second on any Linux.
const CHECKS: &str = "\
checks:
  load:
    type: agent.load_average
    period: 1
    publish: [1m, available]
  swap:
    type: agent.memory
    period: 1
    publish: {swap_page_in: PagesIn, used_percent: Used}
";

#[test]
fn what_checks_find_arrives_as_statistic_sets_and_rates() {
    let folder = Folder::of(&[("agent.yaml", CHECKS)]);
    let cloudwatch = FakeCloudWatch::start();
    let mut publishing = publishing_to(&cloudwatch.url());
    let agent = Agent::start(publishing.args(["--config", &folder.path("agent.yaml")]));
    cloudwatch.wait_until("rates of two windows", |seen| {
        seen.data.iter().filter(|datum| datum.name == "PagesIn").count() >= 2
    });
    let ended = agent.terminate().expect_code(0);
    let data = cloudwatch.data();
    let of = |name: &str| data.iter().filter(move |datum| datum.name == name).collect::<Vec<_>>();
    for (name, check, unit) in [
        ("LoadAverage1m", "load", "None"),
        ("LoadAverageAvailable", "load", "Count"),
        ("Used", "swap", "Percent"),
        ("PagesIn", "swap", "None"),
    ] {
        assert!(!of(name).is_empty(), "{name}");
        for datum in of(name) {
            let own = [("ServiceName", "FooService"), ("Check", check)];
            assert_eq!(datum.dimensions, own.map(|(n, v)| (n.to_owned(), v.to_owned())));
            assert_eq!(datum.unit.as_deref(), Some(unit), "{name}");
            let set = datum.set.expect("a statistic set");
            assert!(set.sample_count >= 1.0 && set.minimum >= 0.0, "{set:?}");
        }
    }
    assert!(
        of("LoadAverageAvailable")
            .iter()
            .all(|datum| datum.set.map(|set| set.minimum) == Some(1.0))
    );
    assert!(of("CPUUtilization").len() >= 2, "beside the rest");
    assert!(!ended.stderr.contains("WARN") && !ended.stderr.contains("ERROR"), "{ended:#?}");
}

#[test]
fn emf_has_the_values_in_an_array() {
    let folder = Folder::of(&[("agent.yaml", CHECKS)]);
    let mut agent = command();
    agent.args(["-n", "Test", "-s", "Foo", "--publish=emf", "--period=2"]);
    let agent = Agent::start(agent.args(["--config", &folder.path("agent.yaml")]));
    agent.wait_for_stdout("LoadAverage1m");
    let ended = agent.terminate().expect_code(0);
    let lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let load = lines.iter().find(|line| line.get("LoadAverage1m").is_some()).expect("a line");
    assert_eq!(load["Check"], "load");
    assert_eq!(load["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0][1], "Check");
    let values = load["LoadAverage1m"].as_array().expect("an array");
    assert!((1..=3).contains(&values.len()), "{load}");
    assert!(load.get("CPUUtilization").is_none(), "a line of its own");
}

#[test]
fn the_console_shows_checks_as_lines_and_as_json() {
    let folder = Folder::of(&[("agent.yaml", CHECKS)]);
    let path = folder.path("agent.yaml");
    let once = |output: &str| {
        let args = ["--dry-run", "--once", "--period=3", "--config", &path, "--output", output];
        let (code, stdout, stderr) = run(&args);
        assert_eq!(code, Some(0), "{stderr}");
        stdout
    };
    let text = once("text");
    let swap =
        text.lines().find(|line| line.ends_with(" Check=swap")).expect("a line of the check");
    assert!(swap.contains(" Used=") && swap.contains("/s results="), "{swap}");
    let object: Value = serde_json::from_str(&once("json")).expect("one line");
    let checks = object["checks"].as_array().expect("checks");
    let ids: Vec<_> = checks.iter().map(|check| check["id"].as_str().expect("an id")).collect();
    assert_eq!(ids, ["load", "swap"]);
    let metric = &checks[0]["metrics"][0];
    assert_eq!(
        (metric["name"].as_str(), metric["published"].as_str()),
        (Some("1m"), Some("LoadAverage1m"))
    );
    assert!(metric["values"]["count"].as_u64().is_some_and(|count| count >= 2), "{metric}");
}

#[test]
fn one_check_is_run_once_by_type_or_by_id() {
    let (code, stdout, stderr) = run(&["check", "agent.load_average"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with("agent.load_average: available: success; took "), "{stdout}");
    let folder = Folder::of(&[("load.yaml", "type: agent.load_average\n")]);
    let (code, stdout, _) = run(&["check", "load", "--config", &folder.whole(), "--output=json"]);
    assert_eq!(code, Some(0));
    let object: Value = serde_json::from_str(&stdout).expect("one object");
    let keys: Vec<_> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["available", "check", "duration_ms", "metrics", "status", "timestamp", "type"]
    );
    assert_eq!(
        (object["check"].as_str(), object["available"].as_bool()),
        (Some("load"), Some(true))
    );
    let metric = &object["metrics"][0];
    let keys: Vec<_> = metric.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["kind", "name", "type", "unit", "value"]);
}

#[test]
fn a_check_that_cannot_be_run_says_what_was_expected() {
    let folder = Folder::of(&[("load.yaml", "type: agent.load_average\n")]);
    let folder = folder.whole();
    for (args, expected) in [
        (&["check"][..], "check: expected a type, such as agent.filesystem target=/; "),
        (&["check", "load_average"], "check \"load_average\": expected one of agent."),
        (
            &["check", "agent.load_average", "x"],
            "agent.load_average \"x\": expected KEY=VALUE, such as target=/",
        ),
        (
            &["check", "agent.load_average", "a=b"],
            "agent.load_average \"a\": expected no details, because this type takes none",
        ),
        (
            &["check", "laod", "--config", &folder],
            "check \"laod\": neither a check of the configuration files nor a type; the files have load; did you mean load?",
        ),
        (
            &["config", "check", "x.yaml", "--output", "json"],
            "config check has no option --output: cloudwatch_metrics_agent config check --help lists those it has",
        ),
        (&["host-info", "--list"], "host-info has no option --list: "),
        // A name of an option that it lacks is no help.
        (&["healthcheck", "--perod", "5"], "healthcheck has no option --perod: "),
        (&["healthcheck", "--timout", "5"], "unknown option --timout: did you mean --timeout?"),
        (
            &["store", "verfy"],
            "store \"verfy\": expected one of verify, export, prune, salvage; did you mean verify?",
        ),
        (
            &["config", "chek"],
            "config \"chek\": expected one of check, example; did you mean check?",
        ),
        (&["store"], "store: expected one of verify, export, prune, salvage"),
        (&["config"], "config: expected one of check, example"),
        (&["ctl"], "ctl: expected one of checks, check, "),
        (
            &["check", "load", "a=b", "--config", &folder],
            "\"a=b\": expected no details: check load has those of its file",
        ),
        (
            &["check", "agent.load_average", "--output=xml"],
            "--output \"xml\": expected text or json",
        ),
    ] {
        let (code, stdout, stderr) = run(args);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(stderr.starts_with(expected), "{args:?}: {stderr}");
    }
}

#[test]
fn more_metrics_than_allowed_are_refused_with_the_price_unless_that_is_raised() {
    let folder = Folder::of(&[("agent.yaml", CHECKS)]);
    let path = folder.path("agent.yaml");
    let capped = ["--dry-run", "--period=1", "--config", &path, "--max-metrics=3"];
    let (code, _, stderr) = run(&capped);
    let expected = "the checks would publish 4 metrics, about $1.20 a month (list price of us-east-1, \
        September 2026), and --max-metrics allows 3: list fewer metrics under publish: in the checks, or raise \
        --max-metrics\n";
    assert_eq!((code, stderr.as_str()), (Some(2), expected));
    let (code, stdout, stderr) = run(&[&capped[..], &["--", "sleep", "1.2"]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("no check runs") && !stdout.contains("Check="), "{stdout}{stderr}");
    let (code, _, stderr) =
        run(&["--dry-run", "--once", "--period=1", "--config", &path, "--max-metrics=4"]);
    assert_eq!(code, Some(0), "{stderr}");
    // With two sets of dimensions each metric is two.
    let sets = ["--dimension=A=1", "--dimension-set=A", "--dimension-set=ServiceName"];
    let names = ["--namespace=a", "--service=b", "--dry-run", "--config", &path, "--max-metrics=7"];
    assert_eq!(run(&[&names[..], &sets].concat()).0, Some(2));
}

#[test]
fn the_cost_counts_checks_before_they_ever_ran() {
    let folder =
        Folder::of(&[("load.yaml", "type: agent.load_average\nperiod: 1800\npublish: all\n")]);
    let cloudwatch = FakeCloudWatch::start();
    let mut publishing = publishing_to(&cloudwatch.url());
    publishing
        .args(["--config", &folder.whole()])
        .env("RUST_LOG", "cloudwatch_metrics_agent::cost=info");
    let agent = Agent::start(&mut publishing);
    agent.wait_for_log("cost: about");
    let ended = agent.terminate().expect_code(0);
    assert!(ended.stderr.contains(" a month: 8 metrics, "), "{ended:#?}");
}

#[test]
fn types_and_targets_are_listed() {
    let (code, stdout, _) = run(&["check", "--list"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("agent.load_average: ") && stdout.contains("1m_per_core"), "{stdout}");
    let (code, stdout, _) = run(&["check", "--list", "--output=json"]);
    assert_eq!(code, Some(0));
    let types: Value = serde_json::from_str(&stdout).expect("JSON");
    assert!(
        types.as_array().is_some_and(|types| types.iter().any(|of| of["type"] == "agent.memory"))
    );
    let (code, stdout, _) = run(&["check", "agent.filesystem", "--targets", "--output=json"]);
    assert_eq!(code, Some(0));
    let targets: Value = serde_json::from_str(&stdout).expect("JSON");
    let values = targets["values"].as_array().expect("values");
    assert!(values.iter().any(|target| target["id"] == "/"), "{targets}");
    let (code, stdout, _) = run(&["check", "agent.memory", "--targets"]);
    assert_eq!((code, stdout.as_str()), (Some(1), "agent.memory has no targets\n"));
}

#[test]
fn a_signal_ends_an_answer_that_nobody_reads() {
    let (reader, writer) = support::full_pipe();
    for args in [&["check", "--list"][..], &["explain", "--dry-run"]] {
        let mut asked = command();
        asked.args(args);
        let agent = Agent::start_with_stdout(&mut asked, writer.try_clone().expect("a descriptor"));
        // The second thread is the one that waits for the pipe.
        let status = format!("/proc/{}/status", agent.id());
        let has_two = || fs::read_to_string(&status).is_ok_and(|text| text.contains("Threads:\t2"));
        while !has_two() {
            std::thread::yield_now();
        }
        agent.signal(rustix::process::Signal::TERM);
        agent.wait().expect_code(1);
    }
    drop(reader);
}
