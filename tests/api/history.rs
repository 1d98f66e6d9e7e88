//! The history of an agent that runs, asked page by page.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use cloudwatch_metrics_agent::{Described, Store};
use rustix::process::Signal;
use serde_json::{Value, json};
use support::folder::Folder;
use support::namespace::{is_inside, path_in_folder};
use support::server::wait_until;

use crate::Served;

fn keeping() -> Served {
    let served = Served::at_port(&["--store", "memory"], &[]);
    served.wait_for_value("utilization/cpu");
    served
}

fn values(page: &Value) -> &Vec<Value> {
    page["values"].as_array().expect("an array")
}

/// The points of CPU over all that there is, with these further parameters.
fn plot(served: &Served, parameters: &str) -> Value {
    // A whole number of milliseconds after now: what is newest is in it.
    let time = served.json("/time");
    let now = time["timestamp"].as_i64().expect("a time");
    let (from, to) = (now - 3_600_000, now + 60_000);
    let path = "/v1.0/self/entities/self/checks/utilization/metrics/cpu/plot";
    served.json(&format!("{path}?from={from}&to={to}&{parameters}"))
}

/// The time of the first and the last point of CPU, and how many there are.
pub fn oldest_and_newest(served: &Served) -> (i64, i64, usize) {
    let path = "/v1.0/self/entities/self/checks/utilization/metrics/cpu/plot";
    let time = served.json("/time")["timestamp"].as_i64().expect("a time");
    let answer = served.get(&format!("{path}?from=0&to={}&resolution=FULL", time + 60_000));
    // Nothing was sampled yet, or the file is not open.
    let page = if answer.status == 200 { answer.json() } else { json!({ "values": [] }) };
    let of = |point: Option<&Value>| point.map_or(0, |of| of["timestamp"].as_i64().expect("one"));
    let values = values(&page);
    (of(values.first()), of(values.last()), values.len())
}

#[test]
fn pages_give_each_point_once_while_points_arrive() {
    let served = keeping();
    wait_until("40 points", || values(&plot(&served, "resolution=FULL")).len() >= 40);
    let mut page = plot(&served, "resolution=FULL&limit=7&select=average,min,max,variance");
    let mut times = Vec::new();
    loop {
        for point in values(&page) {
            let (value, time) = (&point["average"], point["timestamp"].as_i64());
            times.push(time.expect("a time"));
            assert_eq!((&point["min"], &point["max"]), (value, value));
            assert_eq!((&point["numPoints"], &point["variance"]), (&json!(1), &json!(0.0)));
        }
        let Some(next) = page["metadata"]["next_href"].as_str() else { break };
        let path = next.find("/v1.0/").map(|at| &next[at..]).expect("a URL");
        page = served.json(path);
    }
    assert!(times.len() >= 40, "{}", times.len());
    assert!(times.is_sorted_by(|before, after| before < after), "{times:?}");
    // All that were there when the pages ended, and none that was not.
    let all: Vec<_> = values(&plot(&served, "resolution=full"))
        .iter()
        .filter_map(|point| point["timestamp"].as_i64())
        .collect();
    let last = times.last().expect("some");
    assert_eq!(times, all.into_iter().filter(|time| time <= last).collect::<Vec<_>>());
}

/// Each line of the cases: parameters, and the status that they have.
#[test]
fn each_known_mistake_of_a_plot_has_its_status() {
    let served = keeping();
    let path = "/v1.0/self/entities/self/checks/utilization/metrics/cpu/plot";
    let status = |query: &str| served.get(&format!("{path}{query}"));
    let mut seen = [0; 3];
    for line in include_str!("../fixtures/plot/plot_errors.tsv").lines() {
        let [parameters, expected, _] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        match (expected, parameters) {
            ("400", parameters) => {
                let query = match parameters {
                    "(none)" => String::new(),
                    parameters => format!("?{parameters}"),
                };
                assert_eq!(status(&query).error(), (400, "badRequest".to_owned()), "{line}");
                seen[0] += 1;
            }
            ("405", "POST instead of GET") => {
                let request =
                    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
                let answer = served.ask(&request);
                assert_eq!(answer.error(), (405, "methodNotAllowed".to_owned()));
                assert_eq!(answer.header("allow"), Some("GET, HEAD"));
                seen[1] += 1;
            }
            ("200", parameters) => {
                let same = match parameters.split_once(" and ") {
                    Some((one, other)) => vec![one, other],
                    None => vec![parameters.strip_prefix("from=..&to=..&").unwrap_or(parameters)],
                };
                let keys = same.iter().map(|parameters| {
                    let page = plot(
                        &served,
                        &match parameters.contains("resolution") {
                            true => (*parameters).to_owned(),
                            false => format!("points=1&{parameters}"),
                        },
                    );
                    let point = values(&page)[0].as_object().expect("an object");
                    point.keys().cloned().collect::<Vec<_>>()
                });
                let keys: Vec<_> = keys.collect();
                assert!(keys.iter().all(|of| *of == keys[0]), "{keys:?}");
                assert!(keys[0].iter().any(|key| key == "numPoints"), "{line}: {keys:?}");
                seen[2] += 1;
            }
            _ => {}
        }
    }
    assert_eq!(seen, [12, 1, 3]);
}

#[test]
fn pages_of_two_days_give_each_of_5760_points_once_while_points_arrive() {
    let (folder, step_ms, count) = (Folder::of(&[]), 30_000, 5760);
    // As many as there are in two days at 30 s, the last one now.
    let first_ms = filled(&folder, "utilization", step_ms, count);
    let served = Served::at_port(&["--store", &folder.path("history")], &[]);
    let path = "/v1.0/self/entities/self/checks/utilization/metrics/cpu/plot";
    let end = "to=99999999999999&resolution=FULL";
    wait_until("the file is open", || {
        served.get(&format!("{path}?from={first_ms}&{end}&limit=1")).status == 200
    });
    let last_ms = first_ms + (count - 1) * step_ms;
    let arrived = || values(&served.json(&format!("{path}?from={}&{end}", last_ms + 1))).len();
    let (mut times, mut pages) = (Vec::new(), 0);
    let mut next = format!("{path}?from={first_ms}&{end}");
    loop {
        let page = served.json(&next);
        times
            .extend(values(&page).iter().map(|point| point["timestamp"].as_i64().expect("a time")));
        pages += 1;
        let Some(href) = page["metadata"]["next_href"].as_str() else { break };
        next = href.find("/v1.0/").map(|at| href[at..].to_owned()).expect("a URL");
        let before = arrived();
        wait_until("a point arrives", || arrived() > before);
    }
    let (kept, since) = times.split_at(count as usize);
    assert!(kept.iter().copied().eq((0..count).map(|nth| first_ms + nth * step_ms)));
    assert!(since.len() >= 3 && since[0] > last_ms, "{since:?}");
    assert!(since.is_sorted_by(|before, after| before < after), "{since:?}");
    assert_eq!(pages, 5);
}

/// The page is written point by point, from a part of the file.
#[test]
fn two_days_of_samples_are_read_in_a_megabyte() {
    let folder = Folder::of(&[]);
    let first_ms = filled(&folder, "utilization", 900, 192_000);
    let served = Served::at_port(&["--store", &folder.path("history")], &[]);
    let path = "/v1.0/self/entities/self/checks/utilization/metrics/cpu/plot";
    let begin = format!("{path}?from={first_ms}&to=99999999999999&resolution=FULL");
    wait_until("the file is open", || served.get(&begin).status == 200);
    let process = format!("/proc/{}", served.agent.id());
    let kilobytes = |name: &str| {
        let status = std::fs::read_to_string(format!("{process}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim_end_matches("kB").trim().parse::<u64>().expect("a number")
    };
    // What was the most until now is forgotten.
    std::fs::write(format!("{process}/clear_refs"), "5").expect("it is ours");
    let before = kilobytes("VmRSS:");
    let (mut next, mut count) = (begin, 0);
    loop {
        let page = served.json(&next);
        count += values(&page).len();
        let Some(href) = page["metadata"]["next_href"].as_str() else { break };
        next = href.find("/v1.0/").map(|at| href[at..].to_owned()).expect("a URL");
    }
    let most = kilobytes("VmHWM:") - before;
    assert!(count >= 192_000 && most < 1000, "{count} points, {most} kB");
}

#[test]
fn what_is_not_kept_is_counted_by_its_reason() {
    let served = keeping();
    let page = served.get("/metrics");
    for reason in ["time", "value", "series", "room"] {
        let sample = format!(
            "cloudwatch_metrics_agent_history_rejected_points_total{{reason=\"{reason}\"}} 0\n"
        );
        assert!(page.text().contains(&sample), "{}", page.text());
    }
}

#[test]
fn the_rollup_that_is_still_open_has_all_points_of_it() {
    let served = keeping();
    wait_until("20 points", || values(&plot(&served, "resolution=FULL")).len() >= 20);
    let before = plot(&served, "resolution=FULL");
    let rolled_up = plot(&served, "resolution=MIN1440");
    let full = plot(&served, "resolution=FULL");
    let count = |page: &Value| values(page).iter().filter_map(|of| of["numPoints"].as_u64()).sum();
    let (before, rolled_up, full): (u64, u64, u64) =
        (count(&before), count(&rolled_up), count(&full));
    // Samples may have come between the requests.
    assert!((before..=full).contains(&rolled_up), "{before} {rolled_up} {full}");
    let page = plot(&served, "points=1");
    assert_eq!(page["metadata"]["resolution"], "MIN60");
    let average = values(&page)[0]["average"].as_f64();
    assert!(average.is_some_and(|average| (0.0..=100.0).contains(&average)), "{page}");
}

#[test]
fn checks_are_kept_too_and_what_is_wrong_is_said() {
    let served = keeping();
    let metric = "/entities/self/checks/load/metrics/1m";
    let path = format!("{metric}/plot?from=1&to=99999999999999&points=5");
    wait_until("a run", || served.get(&path).status == 200);
    assert!(!values(&served.json(&path)).is_empty());
    let metrics = served.json("/entities/self/checks/load/metrics");
    let one = values(&metrics).iter().find(|of| of["name"] == "1m").expect("it has a value");
    assert_eq!((&one["type"], &one["kind"]), (&json!("D"), &json!("gauge")));
    let error = |path: &str| served.get(path).error();
    let kind = |status, kind: &str| (status, kind.to_owned());
    assert_eq!(
        error(&metric.replace("1m", "2m/plot?from=1&to=2&points=5")),
        kind(404, "notFoundError")
    );
    assert_eq!(error(&path.replace("points=5", "resolution=MIN7")), kind(400, "badRequest"));
    let capabilities = served.json("/capabilities");
    assert_eq!(capabilities["history"], json!({ "enabled": true, "message": null }));
}

/// Lets writes to a file system go on when a test ends, also one that failed: else it could never be unmounted.
struct Frozen(String);

impl Frozen {
    fn at(mount: String) -> Self {
        freeze("--freeze", &mount);
        Self(mount)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        freeze("--unfreeze", &self.0);
    }
}

fn freeze(how: &str, mount: &str) {
    let status = Command::new("fsfreeze").args([how, mount]).status();
    assert!(status.is_ok_and(|status| status.success()), "fsfreeze {how}");
}

/// A history of five hours of one metric in a folder.
fn five_hours(folder: &Folder, check: &str) {
    filled(folder, check, 900, 20_000);
}

/// A history of one metric in a folder, of so many points, the last one now. The time of the first one.
fn filled(folder: &Folder, check: &str, step_ms: i64, count: i64) -> i64 {
    let mut store = Store::in_folder(Path::new(&folder.path("history")), u64::MAX);
    assert_eq!(store.open(), Ok(0));
    let described = Described {
        check: check.into(),
        name: "cpu".into(),
        unit: "percent".into(),
        letter: 'D',
        is_counter: false,
    };
    let series = store.series(described).expect("there is room");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let now_ms = now.as_millis() as i64;
    for nth in (0..count).rev() {
        let at_ms = now_ms - nth * step_ms;
        store.put(series, at_ms, (nth * 7919 % 1_000_003) as f64 / 1e4, now_ms);
    }
    assert_eq!(store.commit(now_ms, false), Ok(()));
    store.end();
    now_ms - (count - 1) * step_ms
}

#[test]
fn a_check_that_is_no_more_has_its_history() {
    let folder = Folder::of(&[]);
    five_hours(&folder, "gone");
    let served = Served::at_port(&["--store", &folder.path("history")], &[]);
    wait_until("the file is open", || {
        served.json("/metrics_list").to_string().contains(r#""check":"gone","history":true"#)
    });
    let metrics = served.json("/entities/self/checks/gone/metrics");
    assert_eq!(metrics["values"][0]["name"], "cpu");
    let path = "/entities/self/checks/gone/metrics/cpu/plot?from=0&to=1e14&resolution=MIN60";
    let points = served.json(path);
    assert!([5, 6].contains(&values(&points).len()), "{points}");
    let none = served.get("/entities/self/checks/never/metrics");
    assert_eq!(none.status, 404);
}

#[test]
fn a_file_that_is_damaged_while_it_is_open_ends_neither_agent_nor_command() {
    for command in [&[][..], &["--", "sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"]]
    {
        let folder = Folder::of(&[]);
        five_hours(&folder, "utilization");
        let store = folder.path("history");
        let options = ["--store", &store, "--store-sync", "3600"];
        let served = Served::at_port(&[&options, command].concat(), &[]);
        let plot = |points: &str| {
            let path = "/entities/self/checks/utilization/metrics/cpu/plot?from=0";
            served.get(&format!("{path}&to=1e14&{points}")).status
        };
        wait_until("the file is open", || plot("points=1") == 200);
        // In place, as a disk does it: all but the head of the file.
        let file = OpenOptions::new().write(true).open(format!("{store}/history.redb"));
        let file = file.expect("it is there");
        let length = file.metadata().expect("it is open").len() as usize;
        file.write_all_at(&vec![0xa5; length - 4096], 4096).expect("it is writable");
        let status = plot("resolution=FULL");
        assert!([500, 503].contains(&status), "{status}");
        let samples = || {
            let page = served.get("/metrics");
            let name = "cloudwatch_metrics_agent_samples_total ";
            let line = page.text().lines().find(|of| of.starts_with(name));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).expect("a number")
        };
        let before = samples();
        wait_until("samples are taken", || samples() >= before + 20);
        served.agent.terminate().expect_code(if command.is_empty() { 0 } else { 7 });
    }
}

#[test]
fn a_disk_that_takes_nothing_any_more_holds_neither_samples_nor_answers() {
    let script = "truncate -s 16M \"$folder/image\"; mkdir \"$folder/disk\"
        mkfs.ext4 -q \"$folder/image\"; mount -o loop \"$folder/image\" \"$folder/disk\"";
    let test = "history::a_disk_that_takes_nothing_any_more_holds_neither_samples_nor_answers";
    if !is_inside(test, &[], script) {
        return;
    }
    let store = path_in_folder("disk/history");
    let served = Served::at_port(&["--store", &store, "--store-sync", "1"], &[]);
    let count = || values(&plot(&served, "resolution=FULL")).len();
    let path = "/entities/self/checks/utilization/metrics/cpu/plot?from=0&to=1&points=1";
    wait_until("the file is open", || served.get(path).status == 200);
    let frozen = Frozen::at(path_in_folder("disk"));
    served.agent.wait_for_log("its disk has not answered for 10s");
    let before = count();
    wait_until("samples are taken and shown", || count() >= before + 20);
    drop(frozen);
    served.agent.wait_for_log("is written again; points dropped meanwhile: 0");
    let frozen = Frozen::at(path_in_folder("disk"));
    let before = count();
    wait_until("a commit hangs", || count() >= before + 20);
    served.agent.signal(Signal::TERM);
    // The kernel keeps a process until its last call to the disk returns.
    let status = format!("/proc/{}/status", served.agent.id());
    wait_until("all but that call ends", || {
        std::fs::read_to_string(&status).is_ok_and(|text| text.contains("State:\tZ"))
    });
    drop(frozen);
    served.agent.wait().expect_code(0);
}
