//! Whole pictures in several sizes.

use std::path::Path;
use std::time::UNIX_EPOCH;

use super::*;
use crate::model::{Bytes, Cores, Limit, Limits, Sample};

/// CPU climbs from 0 to 100 %, with a gap; memory stands at 50 %.
fn history() -> History {
    let mut history = History::new(Duration::from_secs(3));
    for step in 0..=24 {
        let cpu = Some(step as f32 / 24.0 * 100.0).filter(|_| step != 20);
        history.add(Sample { cpu, memory: Some(50.0) });
    }
    history
}

fn limits() -> Limits {
    Limits {
        cpu: Some(Limit::in_file(Cores(0.25), Path::new("/sys/fs/cgroup/cpu.max"))),
        memory: Some(Limit::in_file(Bytes(512 << 20), Path::new("/sys/fs/cgroup/memory.max"))),
    }
}

fn health(publisher: &'static str, state: PublisherState) -> Health {
    Health { publisher, state }
}

fn failing(causes: &str, advice: Option<&'static str>) -> PublisherState {
    let since = UNIX_EPOCH + Duration::from_secs(1_795_000_020);
    PublisherState::Failing { since, what: causes.to_owned(), advice }
}

fn names() -> Vec<String> {
    vec!["service web".to_owned(), "namespace MyApp".to_owned()]
}

fn picture<'a>(history: &'a History, names: &'a [String], publishers: Vec<Health>) -> Picture<'a> {
    Picture {
        history,
        chosen: Numbers::of(&[Number::Cpu, Number::Memory]),
        names,
        measured: Measured { scope: "container", limits: limits() },
        checks: Results::new(),
        now: UNIX_EPOCH + Duration::from_secs(1_795_000_212),
        to_publish: Duration::from_millis(41_200),
        publishers,
    }
}

fn pictured(
    history: &History,
    publishers: Vec<Health>,
    size: (usize, usize),
    colour: bool,
) -> Vec<String> {
    picture(history, &names(), publishers).rows(size, colour)
}

fn works() -> Vec<Health> {
    vec![health("console", PublisherState::Works)]
}

#[track_caller]
fn assert_pictured(size: (usize, usize), publishers: Vec<Health>, expected: &[&str]) {
    let rows = pictured(&history(), publishers, size, false);
    assert_eq!(rows, expected, "\n{}", rows.join("\n"));
}

#[test]
fn a_wide_terminal_shows_everything() {
    assert_pictured(
        (24, 100),
        works(),
        &[
            concat!(
                "service web  namespace MyApp  scope container  version ",
                env!("CARGO_PKG_VERSION")
            ),
            "CPU     100.00%  0.25 of 0.25 cores  median 47.92%  max 100.00%  (/sys/fs/cgroup/cpu.max)",
            "100%                                                                                         ▁ ▄▅▇█",
            "                                                                                       ▁▃▄▅▇██ ████",
            "                                                                                 ▁▃▄▅▇████████ ████",
            "  0%                                                                      ▁▁▃▄▅▇██████████████ ████",
            "Memory   50.00%  256 MiB of 512 MiB  median 50.00%  max 50.00%  (/sys/fs/cgroup/memory.max)",
            " 50%                                                                      █████████████████████████",
            "                                                                          █████████████████████████",
            "                                                                          █████████████████████████",
            "  0%                                                                      █████████████████████████",
            "publish in 42s  last 1m 15s shown  console works  Ctrl-C ends",
        ],
    );
}

#[test]
fn fewer_rows_show_lower_charts() {
    assert_pictured(
        (9, 60),
        works(),
        &[
            "service web  namespace MyApp  scope container",
            "CPU     100.00%  0.25 of 0.25 cores  median 47.92%",
            "100%                                          ▁▁▂▂▃▄▄▅▆▆▇██",
            "Memory   50.00%  256 MiB of 512 MiB  median 50.00%",
            " 50%                                          █████████████",
            "publish in 42s  console works  Ctrl-C ends",
        ],
    );
}

#[test]
fn a_small_terminal_shows_the_current_figures() {
    assert_pictured(
        (5, 20),
        works(),
        &["CPU    100.00%   ▅█", "Memory  50.00%   ██", "publish in 42s", "console works"],
    );
    assert_pictured((3, 24), works(), &["CPU    100.00%     ▂▅██", "Memory  50.00%     ████"]);
    assert_pictured((2, 24), works(), &["CPU    100.00%     ▂▅██"]);
}

#[test]
fn what_is_too_small_shows_nothing() {
    for size in [(1, 80), (0, 0), (24, 15), (24, 0)] {
        assert_pictured(size, works(), &[]);
    }
}

#[test]
fn what_fails_comes_first_with_its_cause() {
    let publishers = vec![
        health("console", PublisherState::Works),
        health("emf", PublisherState::Untried),
        health(
            "cloudwatch",
            failing(
                "connection refused\n\u{1b}[31m",
                Some("check routes, security groups and proxies"),
            ),
        ),
    ];
    assert_pictured(
        (12, 90),
        publishers.clone(),
        &[
            concat!(
                "service web  namespace MyApp  scope container  version ",
                env!("CARGO_PKG_VERSION")
            ),
            "CPU     100.00%  0.25 of 0.25 cores  median 47.92%  max 100.00%  (/sys/fs/cgroup/cpu.max)",
            "100%                                                            ▁▁▁▁▁▂▂▂▃▃▃▄▄▄▅▅▅▆▆▆ ▇▇██",
            "Memory   50.00%  256 MiB of 512 MiB  median 50.00%  max 50.00%",
            " 50%                                                            █████████████████████████",
            "cloudwatch failing for 3m 12s  console works  emf waiting",
            "cloudwatch: check routes, security groups and proxies (connection refused\\n\\u{1b}[31m)",
            "publish in 42s  last 1m 15s shown  Ctrl-C ends",
        ],
    );
    assert_pictured(
        (5, 30),
        publishers,
        &[
            "CPU    100.00%          ▁▃▅▆█",
            "cloudwatch: check routes,",
            "security groups and proxies",
            "(connection…)",
        ],
    );
}

#[test]
fn no_values_are_no_zeros() {
    let mut history = History::new(Duration::from_secs(1));
    let rows = pictured(&history, vec![], (8, 60), false);
    assert_eq!(
        rows,
        [
            "CPU           -  of 0.25 cores  median -  max -",
            "  5%                                                       ",
            "Memory        -  of 512 MiB  median -  max -",
            "  5%                                                       ",
            "publish in 42s  last 0s shown  Ctrl-C ends",
        ],
        "\n{}",
        rows.join("\n")
    );
    history.add(Sample { cpu: None, memory: Some(0.0) });
    let rows = pictured(&history, vec![], (8, 60), false);
    assert_eq!(
        rows,
        [
            "CPU           -  of 0.25 cores  median -  max -",
            "  5%                                                       ",
            "Memory    0.00%  0 B of 512 MiB  median 0.00%  max 0.00%",
            "  5%                                                      ▁",
            "publish in 42s  last 1s shown  Ctrl-C ends",
        ],
        "\n{}",
        rows.join("\n")
    );
}

#[test]
fn only_what_is_measured_is_shown() {
    let history = history();
    let chosen = Numbers::of(&[Number::Cpu]);
    let (names, to_publish) = (names(), Duration::from_secs(86_399));
    let picture = picture(&history, &names, works());
    let mut picture = Picture { chosen, to_publish, ..picture };
    let rows = picture.rows((6, 60), false);
    assert_eq!(
        rows,
        [
            "service web  namespace MyApp  scope container",
            "CPU     100.00%  0.25 of 0.25 cores  median 47.92%",
            "100%                                                ▁▂▃▅▆▇█",
            "  0%                                          ▁▂▃▅▆▇███████",
            "publish in 23h 59m 59s  console works  Ctrl-C ends",
        ],
        "\n{}",
        rows.join("\n")
    );
    picture.chosen = Numbers::of(&[]);
    assert_eq!(
        picture.rows((24, 80), false),
        [
            concat!(
                "service web  namespace MyApp  scope container  version ",
                env!("CARGO_PKG_VERSION")
            ),
            "publish in 23h 59m 59s  last 1m 15s shown  console works  Ctrl-C ends"
        ]
    );
}

#[test]
fn colours_end_in_their_row() {
    let rows = pictured(&history(), works(), (6, 60), true);
    assert_eq!(
        rows,
        [
            "\u{1b}[1mCPU   \u{1b}[m\u{1b}[1m  100.00%\u{1b}[m  0.25 of 0.25 cores  median 47.92%",
            "\u{1b}[2m100% \u{1b}[m\u{1b}[36m                                         ▁▁▂▂▃▄▄▅▆▆▇██\u{1b}[m",
            "\u{1b}[1mMemory\u{1b}[m\u{1b}[1m   50.00%\u{1b}[m  256 MiB of 512 MiB  median 50.00%",
            "\u{1b}[2m 50% \u{1b}[m\u{1b}[35m                                         █████████████\u{1b}[m",
            "publish in 42s\u{1b}[32m  console works\u{1b}[m\u{1b}[2m  Ctrl-C ends\u{1b}[m",
        ]
    );
}

#[test]
fn no_size_gives_a_row_that_is_too_wide_or_one_too_many() {
    let long = "x".repeat(500);
    let publishers = [
        works(),
        vec![
            health("emf", failing(&long, Some("make room"))),
            health("cloudwatch", failing("y", None)),
            works().remove(0),
        ],
    ];
    for (height, width) in (0..40).flat_map(|height| (0..130).map(move |width| (height, width))) {
        for publishers in &publishers {
            let rows = pictured(&history(), publishers.clone(), (height, width), false);
            assert!(rows.len() < height.max(1), "{height}×{width}: {rows:#?}");
            let widest = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0);
            assert!(widest < width.max(1), "{height}×{width}: {rows:#?}");
        }
    }
}

#[test]
fn the_advice_is_whole_however_small_the_terminal() {
    let advice = "allow cloudwatch:PutMetricData for namespace MyApp in the policy of the role";
    let causes = "service error: AccessDenied: User is not authorized to perform it ".repeat(5);
    for size in [(24, 80), (10, 40), (6, 40), (12, 30)] {
        let failing = vec![health("cloudwatch", failing(&causes, Some(advice))), works().remove(0)];
        let rows = pictured(&history(), failing, size, false);
        let words: Vec<_> = rows.iter().flat_map(|row| row.split_whitespace()).collect();
        assert!(words.join(" ").contains(advice), "{size:?}:\n{}", rows.join("\n"));
        assert!(rows.concat().contains("cloudwatch: allow"), "{}", rows.join("\n"));
    }
}

#[test]
fn a_scale_is_the_smallest_that_holds_what_is_shown() {
    for (highest, top) in
        [(0.0, "  5%"), (5.0, "  5%"), (9.0, " 10%"), (10.1, " 25%"), (99.0, "100%")]
    {
        let mut history = History::new(Duration::from_secs(1));
        history.add(Sample { cpu: Some(highest), memory: None });
        let rows = pictured(&history, works(), (24, 80), false);
        assert!(rows[2].starts_with(top), "{highest}: {}", rows[2]);
    }
}

#[test]
fn checks_stand_below_the_charts_as_far_as_there_is_room() {
    let (history, names) = (History::new(Duration::from_secs(1)), names());
    let mut picture = picture(&history, &names, vec![]);
    let results = ["load", "root"].map(|id| (id.into(), Err("timed out".to_owned())));
    picture.checks = results.into_iter().collect();
    let has = |height| {
        let rows = picture.rows((height, 60), false);
        assert!(rows.len() <= height, "{rows:#?}");
        rows.iter().filter(|row| row.ends_with("unavailable: timed out")).count()
    };
    assert_eq!([8, 10, 24].map(has), [0, 0, 2]);
    let rows = picture.rows((24, 60), false);
    let (last, load) = (rows.len() - 1, "load  unavailable: timed out");
    assert_eq!(rows[last - 2], load, "{rows:#?}");
}
