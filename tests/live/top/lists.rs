//! What is shown, and what the keys do to it.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use fake_cloudwatch::{Answer, FakeCloudWatch};
use support::endpoint::{self, Endpoint};
use support::folder::Folder;
use support::terminal::{Log, Terminal};
use support::{Agent, publishing_to};

use super::{
    BACKSPACE, CONFIG, DOWN, END, ENTER, ESCAPE, HOME, LEFT, PAGE_DOWN, PAGE_UP, RIGHT, SIZE, UP,
    Watched, below, chosen, previewing, top, whole,
};

#[test]
fn the_first_screen_has_what_is_measured_and_how_it_goes() {
    let watched = Watched::start(CONFIG);
    let mut terminal = watched.shown(SIZE);
    let text = whole(&mut terminal, "all", |text| {
        let has_run =
            below(text, "checks (4) by state").len() == 4 && !text.contains("not run yet");
        has_run && text.contains("median") && text.contains("console works")
    });
    let rows: Vec<_> = text.lines().collect();
    assert!(rows[0].starts_with("service web  scope ") && rows[0].contains("  up "), "{text}");
    for (row, begin) in [(1, "CPU "), (2, "  5% "), (3, "  0% "), (4, "Memory "), (6, "  0% ")] {
        let begins = rows[row].starts_with(begin) || row == 2 && rows[row].contains("% ");
        assert!(begins, "{begin} in row {row} of\n{text}");
    }
    assert!(rows[1].contains(" core") && rows[4].contains("iB of "), "of what:\n{text}");
    let summary = "alarms: 1 not OK  checks: 1 of 4 unavailable  publishers: console works";
    assert!(rows[7].starts_with("     3m ") && rows[7].ends_with(" now"), "when it was:\n{text}");
    assert_eq!(rows[8], summary, "{text}");
    assert_eq!(below(&text, "alarms (1) by state"), ["web-up"]);
    assert!(
        chosen(&text).starts_with("web-up of web") && chosen(&text).contains("CRITICAL"),
        "{text}"
    );
    assert_eq!(below(&text, "checks (4) by state"), ["web", "load", "root", "utilization"]);
    let web = rows.iter().find(|row| row.starts_with("  web ")).expect("it is listed");
    assert!(
        web.contains("unavailable") && web.contains(" ago") && web.contains("127.0.0.1:1 refused"),
        "{text}"
    );
    let root = rows.iter().find(|row| row.starts_with("  root ")).expect("it is listed");
    assert!(root.contains("  used_percent ") && root.contains('%'), "{text}");
    assert_eq!(rows[23], "q quit  ? help  ↑↓ move  enter open  s sort");
}

#[test]
fn two_hundred_checks_are_moved_through_by_every_key() {
    let checks =
        (0..200).map(|number| format!("  c{number:03}: {{type: agent.memory, period: 60}}\n"));
    let watched = Watched::start(&format!("checks:\n{}", checks.collect::<String>()));
    let mut terminal = watched.shown(SIZE);
    // 24 rows without title, two charts of three rows with their times, summary and footer; without the heading.
    let page = 24 - 1 - 6 - 1 - 1 - 1 - 2;
    whole(&mut terminal, "all", |text| {
        text.contains("checks (201) by state") && text.contains("1/201")
    });
    terminal.type_in("s");
    whole(&mut terminal, "by name", |text| text.contains("checks (201) by name"));
    for (key, place) in [
        (HOME, 0),
        (DOWN, 1),
        ("j", 2),
        (UP, 1),
        ("k", 0),
        (UP, 0),
        (PAGE_DOWN, page),
        (PAGE_DOWN, 2 * page),
        (PAGE_UP, page),
        (END, 200),
        (DOWN, 200),
        (PAGE_UP, 200 - page),
        ("\x1b[1~", 0),
        ("\x1b[4~", 200),
        ("\x1bOA", 199),
    ] {
        terminal.type_in(key);
        let name = if place == 200 { "utilization".to_owned() } else { format!("c{place:03}") };
        let position = format!("{}/201", place + 1);
        let text = whole(&mut terminal, &position, |text| {
            chosen(text).starts_with(&name)
                && text.lines().last().is_some_and(|row| row.starts_with(&position))
        });
        assert!(text.contains("checks (201) by name"), "the heading stays:\n{text}");
        assert_eq!(text.lines().count(), 24, "{text}");
    }
    for by in ["last run", "type", "state"] {
        terminal.type_in("s");
        let heading = format!("checks (201) by {by}");
        // The choice stays where it was.
        whole(&mut terminal, by, |text| {
            text.contains(&heading) && chosen(text).starts_with("c199")
        });
    }
    terminal.type_in("q");
    assert_eq!(terminal.finish().status.code(), Some(0));
}

#[test]
fn a_check_opens_to_its_metrics_and_a_metric_to_its_chart() {
    let watched = Watched::start(CONFIG);
    let mut terminal = watched.shown(SIZE);
    let has_run = |text: &str| text.contains("  utilization") && text.contains("cpu ");
    whole(&mut terminal, "a sample", |text| has_run(text));
    // The alarm opens its check.
    terminal.type_in(ENTER);
    let text = whole(&mut terminal, "the check of the alarm", |text| text.contains("check web"));
    assert!(text.contains("remote.tcp  every 1 s  last run "), "{text}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("nothing listens there; start the server, or correct host and port"),
        "{text}"
    );
    assert!(words.contains("alarm web-up is CRITICAL for "), "{text}");
    terminal.type_in(ESCAPE);
    whole(&mut terminal, "the lists", |text| text.contains("checks (4) by state"));
    terminal.type_in(END);
    whole(&mut terminal, "the last", |text| chosen(text).starts_with("utilization"));
    terminal.type_in(ENTER);
    let text = whole(&mut terminal, "its metrics", |text| text.contains("metrics (2) by unit"));
    assert!(chosen(&text).starts_with("cpu ") && chosen(&text).ends_with("gauge"), "{text}");
    terminal.type_in("s");
    whole(&mut terminal, "by name", |text| text.contains("metrics (2) by name"));
    terminal.type_in(DOWN);
    whole(&mut terminal, "memory", |text| chosen(text).starts_with("memory "));
    terminal.type_in(ENTER);
    let is_drawn = |text: &str| {
        let is_figures = |row: &str| {
            row.starts_with("newest ") && row.contains("%  min ") && row.contains("  max ")
        };
        text.lines().nth(2).is_some_and(is_figures)
            && text.contains("█")
            && text.contains("each value")
    };
    let text = whole(&mut terminal, "the chart", |text| is_drawn(text));
    assert!(text.contains("utilization/memory  last hour"), "{text}");
    let rows: Vec<_> = text.lines().collect();
    assert!(
        rows[21].trim_start().starts_with("0.00% ") && rows[22].trim_start().starts_with("20"),
        "scale and times:\n{text}"
    );
    assert_eq!(rows[23], "esc back  ←→ range  ? help  q quit");
    for (key, range) in
        [(LEFT, "15 minutes"), (LEFT, "15 minutes"), (RIGHT, "hour"), ("+", "6 hours")]
    {
        terminal.type_in(key);
        let title = format!("utilization/memory  last {range}");
        whole(&mut terminal, range, |text| text.contains(&title));
    }
    // Five minutes are one value so far, or two.
    whole(&mut terminal, "rollups", |text| text.contains("averages of 5m"));
    terminal.type_in(BACKSPACE);
    whole(&mut terminal, "the metrics", |text| text.contains("metrics (2) by name"));
    terminal.type_in("?");
    let help = whole(&mut terminal, "the help", |text| text.contains("any key back"));
    for key in
        ["up, down", "page up", "home, end", "enter", "esc, backspace", "left, right", "Ctrl-C"]
    {
        assert!(help.contains(key), "{key} in\n{help}");
    }
    terminal.type_in("x");
    whole(&mut terminal, "the metrics", |text| text.contains("metrics (2) by name"));
    terminal.type_in("\x1b\x1b");
    whole(&mut terminal, "the lists", |text| text.contains("checks (4) by state"));
    // There is nothing behind it.
    terminal.type_in("\x7f\x7f?");
    whole(&mut terminal, "the help", |text| text.contains("any key back"));
    terminal.type_in("q");
    assert_eq!(terminal.finish().status.code(), Some(0));
}

#[test]
fn a_larger_and_a_smaller_terminal_are_filled() {
    let watched = Watched::start(CONFIG);
    let mut terminal = watched.shown(SIZE);
    whole(&mut terminal, "all", |text| {
        text.contains("checks (4)") && !text.contains("not run yet")
    });
    for (height, width) in [(50, 160), (10, 40), (3, 20), (24, 80), (1, 1), (50, 160)] {
        terminal.resize((height, width));
        if height < 10 {
            // It is enough that it goes on.
            let is_there =
                |text: &str| height == 1 || text.lines().count() == 3 && text.contains("q quit");
            whole(&mut terminal, "the last row", |text| is_there(text));
            continue;
        }
        let text = whole(&mut terminal, "all of it", |text| {
            let rows: Vec<_> = text.lines().collect();
            rows.len() == usize::from(height)
                && rows.last().is_some_and(|row| row.contains("q quit  ? help"))
                && text.contains("checks (4)")
                && text.contains("CPU ")
        });
        let wrapped = terminal.wrapped_rows();
        assert!(wrapped.is_empty(), "rows {wrapped:?} are wrapped:\n{text}");
        assert_eq!(text.contains("service web"), height > 10, "{text}");
        assert_eq!(text.contains("checks (4) by state"), height > 10, "{text}");
        assert!(!chosen(&text).is_empty(), "{text}");
        let levels = text.lines().filter(|row| row.starts_with("  0% ")).count();
        assert_eq!(levels, if height > 10 { 2 } else { 0 }, "{text}");
    }
    terminal.type_in("q");
    assert_eq!(terminal.finish().status.code(), Some(0));
}

/// Statistics of a task of two containers, a thousand seconds apart from request to request: worker uses more CPU, and
/// metrics more of its memory.
fn statistics(step: u64) -> String {
    statistics_of(step, 224)
}

/// The same, of which worker uses so many mebibytes.
fn statistics_of(step: u64, mebibytes: u64) -> String {
    let worker = "a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192";
    let metrics = "c7d8e9f00112233445566778899aabbccddeeff00112233445566778899aabbc";
    let read = UNIX_EPOCH + Duration::from_secs(1_795_000_000 + 1000 * step);
    let read = humantime::format_rfc3339_nanos(read);
    let of = |(id, seconds, mebibytes): (&str, u64, u64)| {
        let (used, memory) = (step * seconds * 1_000_000_000, mebibytes << 20);
        format!(
            r#""{id}":{{"read":"{read}","cpu_stats":{{"cpu_usage":{{"total_usage":{used}}}}},
            "memory_stats":{{"usage":{memory},"stats":{{"inactive_file":0,"active_file":0}}}}}}"#
        )
    };
    format!("{{{},{}}}", of((worker, 1500, mebibytes)), of((metrics, 100, 48)))
}

#[test]
fn containers_of_a_task_are_listed_by_what_they_use() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ecs");
    let task = std::fs::read_to_string(root.join("task-ec2.json")).expect("the fixture is there");
    let endpoint = Endpoint::start(move |path, before| match path {
        "/task" => endpoint::Answer::Ok(task.clone()),
        _ => endpoint::Answer::Ok(statistics(before as u64)),
    });
    for options in [&[][..], &["--per-container"]] {
        let folder = Folder::of(&[("agent.yaml", "")]);
        let mut command = previewing(&folder);
        command.args(options).env("ECS_CONTAINER_METADATA_URI_V4", endpoint.url());
        let watched = Watched { agent: Agent::start(&mut command), folder }.answering();
        let mut terminal = watched.shown(SIZE);
        if options.is_empty() {
            let hint = "containers: start the agent with --per-container to see each";
            whole(&mut terminal, "a hint", |text| {
                text.contains("scope task") && text.contains(hint)
            });
            continue;
        }
        let text = whole(&mut terminal, "both", |text| {
            let row = chosen(text).split_whitespace().collect::<Vec<_>>();
            text.contains("containers (2) by CPU") && row == ["worker", "75.00%", "25.00%"]
        });
        assert_eq!(below(&text, "containers (2)"), ["worker", "metrics"], "{text}");
        terminal.type_in("s");
        let by_memory = |text: &str| text.contains("containers (2) by memory");
        let text = whole(&mut terminal, "memory", |text| by_memory(text));
        assert_eq!(below(&text, "containers (2)"), ["metrics", "worker"], "{text}");
        assert!(chosen(&text).starts_with("metrics "), "the first, until it is moved:\n{text}");
        terminal.type_in(&format!("{DOWN}s"));
        whole(&mut terminal, "by name", |text| {
            text.contains("containers (2) by name") && chosen(text).starts_with("worker ")
        });
        terminal.type_in(ENTER);
        let text = whole(&mut terminal, "one", |text| text.contains("metrics (2) by unit"));
        assert!(
            text.contains("container worker") && chosen(&text).starts_with("worker.cpu "),
            "{text}"
        );
    }
}

#[test]
fn a_publisher_with_a_backlog_says_why_and_opens_to_the_whole_cure() {
    let cloudwatch = FakeCloudWatch::start();
    let cause = "User: arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0 is not authorized to \
                 perform: cloudwatch:PutMetricData because no identity-based policy allows the action";
    cloudwatch.answer_always(Answer::error(403, "AccessDenied", cause));
    let folder = Folder::of(&[]);
    let mut command = publishing_to(&cloudwatch.url());
    let address = format!("unix:{}", folder.path("api.sock"));
    command.args(["--api", &address]).env("RUST_LOG", "info");
    let watched = Watched { agent: Agent::start(&mut command), folder }.answering();
    let mut terminal = Terminal::start(&top(&watched.address()), SIZE, Log::Terminal);
    let text = whole(&mut terminal, "the backlog", |text| {
        text.contains("publishers (1)") && chosen(text).contains("failing for ")
    });
    assert!(text.contains("publishers: cloudwatch failing"), "{text}");
    assert!(chosen(&text).starts_with("cloudwatch ") && chosen(&text).contains(" of 60"), "{text}");
    terminal.type_in(ENTER);
    let text = whole(&mut terminal, "all of it", |text| text.contains("windows waiting: "));
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("cloudwatch:PutMetricData because no identity-based policy"), "{text}");
    terminal.type_in("q");
    assert_eq!(terminal.finish().status.code(), Some(0));
}
