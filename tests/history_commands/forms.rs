//! Each form of each answer.

use std::fs;
use std::process::Command;

use serde_json::Value;
use support::terminal::{Log, Terminal};
use support::{command, run};

use crate::{history, on, query};

#[test]
fn every_format_of_an_export_has_the_same_points() {
    let folder = history();
    let export = |arguments: &[&str]| {
        on(&folder, &[&["store", "export", "--format"], arguments].concat()).expect_code(0).stdout
    };
    let csv = export(&["csv"]);
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("check,metric,unit,timestamp_ms,value"));
    let points: Vec<Vec<_>> = lines.map(|line| line.split(',').collect()).collect();
    assert!(points.len() > 20 && points.iter().all(|point| point.len() == 5), "{csv}");
    let json = export(&["json"]);
    let objects = json.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let same =
        objects.map(|of| format!("{},{}", of["metric"].as_str().expect("text"), of["timestamp"]));
    let expected = points.iter().map(|point| format!("{},{}", point[1], point[3]));
    assert_eq!(same.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let text = export(&["openmetrics"]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "# TYPE history gauge");
    assert_eq!(lines.last(), Some(&"# EOF"));
    assert_eq!(lines.len(), points.len() + 2);
    let labels = r#"history{check="utilization",metric="cpu",unit="percent"} "#;
    assert!(lines[1].starts_with(labels), "{}", lines[1]);
    let rollups = export(&["csv", "--resolution", "min1440", "--from", "-3d"]);
    let lines: Vec<_> = rollups.lines().collect();
    assert_eq!(lines[0], "check,metric,unit,timestamp_ms,count,average,min,max,variance");
    // Unless midnight was between the points.
    assert!((3..=5).contains(&lines.len()), "{rollups}");
    assert_eq!(export(&["csv", "--to", "-1d"]), "check,metric,unit,timestamp_ms,value\n");
    let path = folder.whole();
    let twice = ["store", "export", "--format", "csv", &path, "cpu", "utilization/cpu"];
    let twice = run(command().args(twice)).expect_code(0).stdout;
    assert!(twice.lines().skip(1).all(|line| line.starts_with("utilization,cpu,percent,")));
    assert_eq!(twice.lines().skip(1).count(), points.iter().filter(|of| of[1] == "cpu").count());
}

#[test]
fn prometheus_takes_an_export() {
    let folder = history();
    let Ok(version) = Command::new("promtool").arg("--version").output() else {
        let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!strict, "CI is true, so this must run");
        eprintln!("SKIPPED: there is no promtool, which is in Debian's package prometheus");
        return;
    };
    assert!(version.status.success());
    for (resolution, expected) in [("FULL", "history{check="), ("MIN5", "statistic=\"variance\"")] {
        let ended = on(
            &folder,
            &["store", "export", "--format", "openmetrics", "--resolution", resolution],
        );
        let text = ended.expect_code(0).stdout;
        assert!(text.contains(expected));
        let (file, blocks) = (folder.write("export.txt", &text), folder.path(resolution));
        let made = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([file.as_os_str(), blocks.as_ref()])
            .output()
            .expect("it is there");
        assert!(made.status.success(), "{made:?}");
        let listed = fs::read_dir(&blocks).expect("a folder of blocks").count();
        assert!(listed > 0, "{made:?}");
        // It wants one, also where all is in blocks.
        fs::create_dir(format!("{blocks}/wal")).expect("a folder");
        let dumped = Command::new("promtool").args(["tsdb", "dump", &blocks]).output();
        let dumped = String::from_utf8(dumped.expect("it is there").stdout).expect("text");
        let points = text.lines().filter(|line| line.starts_with("history{")).count();
        assert_eq!(dumped.lines().filter(|line| line.starts_with('{')).count(), points);
    }
}

#[test]
fn a_query_has_a_form_for_people_and_two_for_programs() {
    let folder = history();
    let text = query(&folder, &["cpu", "--resolution", "MIN5"]).expect_code(0).stdout;
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("utilization/cpu, percent, MIN5, "), "{text}");
    let words: Vec<_> = lines[2].split_whitespace().collect();
    assert_eq!(words, ["time", "points", "average", "min", "max"]);
    let row: Vec<_> = lines[3].split_whitespace().collect();
    assert!(row[0].ends_with(":00Z") && row[2].ends_with('%'), "{text}");
    let full =
        query(&folder, &["utilization/cpu", "--points", "100000", "--select", "max,variance"]);
    let full = full.expect_code(0).stdout;
    assert!(full.starts_with("utilization/cpu, percent, FULL, "), "{full}");
    let csv =
        query(&folder, &["cpu", "--resolution", "full", "--output", "csv", "--select", "max"]);
    let csv = csv.expect_code(0).stdout;
    assert!(csv.starts_with("timestamp_ms,count,max\n"), "{csv}");
    let json = query(&folder, &["memory", "--resolution", "MIN60", "--output", "json"]);
    let json: Value = serde_json::from_str(&json.expect_code(0).stdout).expect("JSON");
    assert_eq!([&json["metric"], &json["resolution"]], ["memory", "MIN60"]);
    let value = json["values"][0].as_object().expect("there is a bucket");
    let keys: Vec<_> = value.keys().map(String::as_str).collect();
    assert_eq!(keys, ["average", "max", "min", "numPoints", "timestamp"]);
    let none = query(&folder, &["cpu", "--to", "-1d", "--from", "-2d", "--resolution", "FULL"]);
    let none = none.expect_code(0).stdout;
    let begins =
        "utilization/cpu, percent, FULL: no points in this range, and its newest is of about ";
    assert!(none.starts_with(begins), "{none}");
}

#[test]
fn the_metrics_of_a_history_are_listed() {
    let folder = history();
    let text = query(&folder, &["--list"]).expect_code(0).stdout;
    let names: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["metric", "utilization/cpu", "utilization/memory"]);
    let json = query(&folder, &["--list", "--output", "json"]).expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["values"][1]["name"], "memory");
    let csv = query(&folder, &["--list", "--output", "csv"]).expect_code(0).stdout;
    assert!(
        csv.starts_with("check,metric,unit,kind,newest_ms\nutilization,cpu,percent,gauge,"),
        "{csv}"
    );
}

#[test]
fn a_terminal_has_a_chart_and_the_time_of_the_place() {
    let folder = history();
    let mut command = command();
    command
        .args(["query", "cpu", "--resolution", "FULL", "--store"])
        .arg(folder.whole())
        .env("TERM", "xterm")
        .env("TZ", "<+1345>-13:45");
    let ended = Terminal::start(&command, (50, 60), Log::Elsewhere).finish();
    let lines = ended.all(60);
    let text = lines.join("\n");
    assert!(ended.status.success(), "{text}");
    let is_drawn = |line: &String| line.contains('█') || line.contains('▁');
    assert_eq!(lines.iter().rposition(is_drawn), Some(lines.len() - 2), "{text}");
    let header = lines.iter().position(|line| line.starts_with("local time")).expect("a table");
    assert!(lines[header + 1].contains(':'), "{text}");
    let utc = query(&folder, &["cpu", "--resolution", "FULL"]).expect_code(0).stdout;
    let first = utc.lines().nth(3).expect("a row").split_whitespace().next().expect("a time");
    // A quarter of an hour that no other zone has.
    let [there, here] =
        [&lines[header + 1], first].map(|text| text[14..16].parse::<u32>().expect("minutes"));
    assert_eq!(there, (here + 45) % 60, "{text}");
    let plain = Terminal::start(command.env("TERM", "dumb"), (50, 60), Log::Elsewhere).finish();
    assert!(!plain.all(60).iter().any(is_drawn), "no chart");
}
