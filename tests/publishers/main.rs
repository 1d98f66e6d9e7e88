//! Several publishers at once, what each is given, and the forms in which they tell the same.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use fake_cloudwatch::{Answer, Datum, FakeCloudWatch};
use serde_json::Value as Json;
use support::{
    Agent, Ended, assert_nothing_is_lost, command, full_pipe, lines_of, publishing_to, run,
    windows_of,
};

const ALL: [&str; 2] = ["--publish", "cloudwatch,emf,console"];

/// The line that tells how it ended for a publisher.
fn last_line<'a>(ended: &'a Ended, publisher: &str) -> &'a str {
    let name = format!(" publisher={publisher}");
    let of_publisher = |line: &&str| {
        line.contains("stopped; ") && line.split(": ").any(|part| part.ends_with(&name))
    };
    let lines: Vec<_> = ended.stderr.lines().filter(of_publisher).collect();
    assert_eq!(lines.len(), 1, "{publisher}: {ended:#?}");
    lines[0]
}

/// What a last line counts.
fn count(line: &str, name: &str) -> usize {
    let (_, count) = line.split_once(&format!(" {name}=")).expect("a count");
    count.split(' ').next().and_then(|count| count.parse().ok()).expect("a number")
}

/// The lines of Embedded Metric Format, and the others.
fn emf_and_console(stdout: &str) -> (Vec<Json>, Vec<&str>) {
    let (emf, console): (Vec<_>, Vec<_>) = stdout.lines().partition(|line| line.contains("_aws"));
    (emf.into_iter().map(|line| serde_json::from_str(line).expect("JSON")).collect(), console)
}

fn milliseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).expect("after the epoch").as_millis()
}

/// A number as far as reading it from JSON leaves it as it was.
fn figure(number: f64) -> String {
    format!("{number:.12}")
}

#[test]
fn three_publishers_get_every_window_with_equal_figures() {
    let cloudwatch = FakeCloudWatch::start();
    let agent = Agent::start(publishing_to(&cloudwatch.url()).args(ALL).env("RUST_LOG", "info"));
    cloudwatch.wait_until("three windows", |seen| windows_of(&seen.data).len() >= 3);
    let ended = agent.terminate().expect_code(0);
    let data = cloudwatch.data();
    let (emf, console) = emf_and_console(&ended.stdout);

    let windows = assert_nothing_is_lost(&ended, &data);
    let metrics = console.iter().map(|line| line.split_once(" samples=").expect("samples").0);
    assert_eq!(metrics.collect::<Vec<_>>(), lines_of(&data));
    let taken = data
        .iter()
        .map(|datum| (milliseconds(datum.timestamp), datum.name.clone(), figure(datum.values[0])));
    let printed = emf.iter().flat_map(|line| {
        let metadata = &line["_aws"];
        let names = metadata["CloudWatchMetrics"][0]["Metrics"].as_array().expect("a list");
        names.iter().map(|metric| {
            let name = metric["Name"].as_str().expect("a name");
            let start = metadata["Timestamp"].as_u64().expect("a time");
            (u128::from(start), name.to_owned(), figure(line[name].as_f64().expect("a number")))
        })
    });
    assert_eq!(printed.collect::<Vec<_>>(), taken.collect::<Vec<_>>());
    for publisher in ["cloudwatch", "emf", "console"] {
        let line = last_line(&ended, publisher);
        let all = format!("windows={0} delivered={0} dropped=0 undelivered=0 ", windows.len());
        assert!(line.contains(&all) && line.contains(" INFO "), "{all}: {line}");
    }
}

#[test]
fn an_outage_of_cloudwatch_holds_up_no_other_publisher() {
    for answer in [Answer::Hang, Answer::access_denied()] {
        let cloudwatch = FakeCloudWatch::start();
        cloudwatch.answer_always(answer);
        let agent = Agent::start(
            publishing_to(&cloudwatch.url())
                .args(ALL)
                .args(["--shutdown-timeout", "0.5"])
                .env("RUST_LOG", "info"),
        );
        cloudwatch.wait_until("a request", |seen| !seen.requests.is_empty());
        agent.wait_for_stdout_lines(" MaxCPUUtilization=", 3);
        agent.wait_for_stdout_lines("\"_aws\"", 3);
        let ended = agent.terminate().expect_code(1);
        let (emf, console) = emf_and_console(&ended.stdout);
        for (publisher, printed) in [("emf", emf.len()), ("console", console.len())] {
            let line = last_line(&ended, publisher);
            let all = format!("windows={printed} delivered={printed} dropped=0 undelivered=0 ");
            assert!(line.contains(&all) && line.contains(" INFO "), "{all}: {line}");
        }
        let line = last_line(&ended, "cloudwatch");
        assert!(line.contains(" ERROR "), "{line}");
        assert_eq!(count(line, "delivered"), 0, "{line}");
        assert_eq!(count(line, "undelivered"), console.len(), "{line}");
    }
}

#[test]
fn a_closed_standard_output_holds_up_no_window_of_cloudwatch() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let cloudwatch = FakeCloudWatch::start();
    let mut command = publishing_to(&cloudwatch.url());
    let agent = Agent::start_with_stdout(command.args(ALL).env("RUST_LOG", "info"), writer);
    cloudwatch.wait_until("three windows", |seen| windows_of(&seen.data).len() >= 3);
    let ended = agent.terminate().expect_code(1);
    let windows = windows_of(&cloudwatch.data()).len();
    let line = last_line(&ended, "cloudwatch");
    assert_eq!((count(line, "delivered"), count(line, "undelivered")), (windows, 0), "{line}");
    for publisher in ["emf", "console"] {
        let line = last_line(&ended, publisher);
        assert!(line.contains(" ERROR ") && line.contains("(standard output: "), "{line}");
        assert_eq!((count(line, "delivered"), count(line, "undelivered")), (0, windows), "{line}");
    }
}

#[test]
fn publishers_that_share_a_pipe_tear_no_line_of_the_other() {
    let (mut reader, writer) = full_pipe();
    // Lines that are longer than what a pipe takes at once, and room for a part of one.
    let long = |n| format!("--dimension=D{n}={}", "v".repeat(1024));
    let mut command = command();
    command
        .args(["-n", "Test", "-s", "Foo", "-p", "1", "--publish", "emf,console"])
        .args((1..=20).map(long))
        .env("RUST_LOG", "info");
    let agent = Agent::start_with_stdout(&mut command, writer);
    // The writer's other end, or the reader would never see the end.
    drop(command);
    reader.read_exact(&mut [0; 8192]).expect("the pipe is full");
    agent.wait_for_log_lines("publishing failed", 2);
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    agent.wait_for_log_lines("publishing works again", 2);
    let ended = agent.terminate().expect_code(0);
    let text = reading.join().expect("no reader panics").expect("text");
    let (emf, console) = emf_and_console(text.trim_start_matches('x'));
    let whole =
        |line: &&str| line.contains("Z CPUUtilization=") && line.ends_with(&"v".repeat(1024));
    assert!(console.iter().all(whole), "{console:#?}");
    for (publisher, printed) in [("emf", emf.len()), ("console", console.len())] {
        let line = last_line(&ended, publisher);
        assert_eq!(
            (count(line, "windows"), count(line, "delivered")),
            (printed, printed),
            "{line}"
        );
    }
}

/// The statistics that a line shows, as it shows them.
fn shown(line: &str) -> BTreeMap<&str, &str> {
    let fields = line.split(' ').filter_map(|field| field.split_once('='));
    fields.map(|(name, value)| (name, value.trim_end_matches('%'))).collect()
}

#[test]
fn json_tells_of_each_window_what_the_text_tells_and_more() {
    let cloudwatch = FakeCloudWatch::start();
    // The log shows the windows as text.
    let agent = Agent::start(
        publishing_to(&cloudwatch.url())
            .args(["--publish", "cloudwatch,console", "--output", "json"])
            .args(["--dimension", "Stage=test"])
            .env("RUST_LOG", "cloudwatch_metrics_agent::publisher=info"),
    );
    agent.wait_for_log_lines(" MaxCPUUtilization=", 3);
    let ended = agent.terminate().expect_code(0);
    let text = |line| str::split_once(line, "] ").map_or(line, |(_, line)| line);
    let texts: Vec<_> = ended.stderr.lines().map(text).collect();
    let objects = ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let objects: Vec<Json> = objects.collect();
    assert_eq!(objects.len(), texts.len(), "{ended:#?}");
    for (object, text) in objects.iter().zip(texts) {
        let shown = shown(text);
        assert!(text.starts_with(object["start"].as_str().expect("a time")), "{object} {text}");
        assert_eq!(
            (&object["namespace"], shown["namespace"]),
            (&"TestNamespace".into(), "TestNamespace")
        );
        assert_eq!(
            object["dimensions"],
            serde_json::json!({ "ServiceName": "FooService", "Stage": "test" })
        );
        for (part, name) in [("cpu", "CPUUtilization"), ("memory", "MemoryUtilization")] {
            let part = &object[part];
            if part.is_null() {
                assert_eq!(shown[name], "-", "{object} {text}");
                continue;
            }
            let of = |statistic: &str| part[statistic].as_f64().expect("a number");
            let max = format!("Max{name}");
            assert_eq!(format!("{:.2}", of("median")), shown[name], "{object} {text}");
            assert_eq!(format!("{:.2}", of("max")), shown[max.as_str()], "{object} {text}");
            assert!(of("min") <= of("median") && of("median") <= of("max"), "{object}");
            assert!(of("min") <= of("mean") && of("mean") <= of("max"), "{object}");
            assert_eq!(part.get("distribution"), None, "{object}");
        }
        let samples = ["cpu", "memory"].map(|part| object[part]["count"].as_u64());
        assert_eq!(
            samples.into_iter().max().flatten().map(|n| n.to_string()).as_deref(),
            Some(shown["samples"])
        );
        for event in ["throttling", "oom_kills"] {
            assert_eq!(object[event], Json::Null, "not chosen, and not unsaid: {object}");
        }
    }
}

#[test]
fn the_distribution_in_json_gives_the_other_statistics() {
    let agent =
        Agent::start(
            command()
                .args(["-n", "Test", "-s", "Foo", "-p", "1", "--sample-interval", "0.1"])
                .args(["--dry-run", "--output", "json", "--statistics", "distribution"]),
        );
    agent.wait_for_stdout_lines("\"distribution\"", 3);
    let ended = agent.terminate().expect_code(0);
    for line in ended.stdout.lines() {
        let object: Json = serde_json::from_str(line).expect("JSON");
        for part in ["cpu", "memory"].map(|part| &object[part]).iter().filter(|p| !p.is_null()) {
            let pairs: Vec<[f64; 2]> =
                serde_json::from_value(part["distribution"].clone()).expect("pairs");
            let values: Vec<_> = pairs
                .iter()
                .flat_map(|[value, count]| std::iter::repeat_n(*value, *count as usize))
                .collect();
            let count = values.len();
            let of = |statistic: &str| part[statistic].as_f64().expect("a number");
            assert_eq!(count as f64, of("count"), "{line}");
            let middle = f64::midpoint(values[(count - 1) / 2], values[count / 2]);
            let mean = values.iter().sum::<f64>() / count as f64;
            for (value, statistic) in
                [(values[0], "min"), (values[count - 1], "max"), (middle, "median"), (mean, "mean")]
            {
                assert!((value - of(statistic)).abs() <= 0.005 + 1e-5, "{statistic}: {line}");
            }
        }
    }
}

#[test]
fn each_set_of_dimensions_arrives_with_the_same_values() {
    let cloudwatch = FakeCloudWatch::start();
    let agent = Agent::start(
        publishing_to(&cloudwatch.url())
            .args(["--dimension", "Stage=test", "--dimension", "Team=x"])
            .env("CLOUDWATCH_METRICS_AGENT_DIMENSION_SET", "ServiceName,ServiceName + Stage"),
    );
    cloudwatch.wait_until("three windows", |seen| windows_of(&seen.data).len() >= 3);
    agent.terminate().expect_code(0);
    let with = |dimensions: &[(&str, &str)]| {
        let expected: Vec<_> =
            dimensions.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let data = cloudwatch.data().into_iter().filter(move |d| d.dimensions == expected);
        let plain = |datum: Datum| Datum { dimensions: Vec::new(), ..datum };
        data.map(plain).collect::<Vec<_>>()
    };
    let fleet = with(&[("ServiceName", "FooService")]);
    let stage = with(&[("ServiceName", "FooService"), ("Stage", "test")]);
    assert!(fleet.len() >= 12, "{fleet:#?}");
    assert_eq!(fleet, stage);
    assert_eq!(cloudwatch.data().len(), fleet.len() + stage.len(), "and no other set");
    for request in cloudwatch.requests() {
        assert_eq!(request.data.len() % 2, 0, "a window goes with both of its sets");
    }
}

/// What is said of settings that are refused.
fn problem(own: &[&str]) -> String {
    let settings = ["-n", "Test", "-s", "Foo", "--dimension", "Stage=test"];
    run(command().args(settings).args(own)).expect_code(2).stderr
}

#[test]
fn sets_that_make_no_sense_are_refused() {
    let expected = "expected any of ServiceName, Stage, each once, joined by +\n";
    for set in ["", "Team", "ServiceName+Team", "Stage+Stage", "ServiceName+", "stage"] {
        let told = problem(&["--dimension-set", set]);
        assert_eq!(told, format!("--dimension-set {set:?}: {expected}"));
    }
    let twice = ["--dimension-set", "ServiceName+Stage", "--dimension-set", "Stage+ServiceName"];
    let told = problem(&twice);
    assert_eq!(told, "--dimension-set \"Stage+ServiceName\": expected each set once\n");
}

#[test]
fn a_preview_takes_no_other_publisher() {
    for publish in ["emf", "cloudwatch", "console,emf"] {
        assert_eq!(
            problem(&["--dry-run", "--publish", publish]),
            "--dry-run \"true\": expected no other publisher: --dry-run means --publish console\n"
        );
    }
    let unknown =
        "expected any of cloudwatch, otlp, emf and console, with commas, not \"stdout\"\n";
    assert_eq!(problem(&["--publish", "stdout"]), format!("--publish \"stdout\": {unknown}"));
    let form = "--statistics \"median\": expected median-max or distribution\n";
    assert_eq!(problem(&["--statistics", "median"]), form);
}
