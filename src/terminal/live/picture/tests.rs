//! Whole pictures in several sizes.

use std::path::Path;
use std::time::UNIX_EPOCH;

use super::*;
use crate::model::Limit;

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

fn failing(error: &str) -> PublisherState {
    let error = error.to_owned();
    PublisherState::Failing { since: UNIX_EPOCH + Duration::from_secs(1_795_000_020), error }
}

fn pictured(
    history: &History,
    publishers: Vec<Health>,
    size: (usize, usize),
    colour: bool,
) -> Vec<String> {
    let picture = Picture {
        history,
        chosen: Numbers::of(&[Number::Cpu, Number::Memory]),
        limits: limits(),
        to_publish: Duration::from_millis(41_200),
        publishers,
    };
    picture.rows(size, colour)
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
            "CPU     now 100.00%  median  47.92%  max 100.00%  of 0.25 cores (/sys/fs/cgroup/cpu.max)",
            "100%                                                                                         ▁ ▄▅▇█",
            "                                                                                       ▁▃▄▅▇██ ████",
            "                                                                                 ▁▃▄▅▇████████ ████",
            "  0%                                                                      ▁▁▃▄▅▇██████████████ ████",
            "Memory  now  50.00%  median  50.00%  max  50.00%  of 512 MiB (/sys/fs/cgroup/memory.max)",
            "100%                                                                                               ",
            "                                                                                                   ",
            "                                                                          █████████████████████████",
            "  0%                                                                      █████████████████████████",
            "publish in 42s  last 1m 15s shown  console works",
        ],
    );
}

#[test]
fn fewer_rows_show_lower_charts() {
    assert_pictured(
        (9, 60),
        works(),
        &[
            "CPU     now 100.00%  median  47.92%  max 100.00%",
            "                                              ▁▁▂▂▃▄▄▅▆▆▇██",
            "Memory  now  50.00%  median  50.00%  max  50.00%",
            "                                              ▄▄▄▄▄▄▄▄▄▄▄▄▄",
            "publish in 42s  last 1m 15s shown  console works",
        ],
    );
}

#[test]
fn a_small_terminal_shows_the_current_figures() {
    assert_pictured(
        (5, 20),
        works(),
        &["CPU    100.00%   ▅█", "Memory  50.00%   ▄▄", "publish in 42s", "console works"],
    );
    assert_pictured((3, 24), works(), &["CPU    100.00%     ▂▅██", "Memory  50.00%     ▄▄▄▄"]);
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
        health("cloudwatch", failing("connection refused\n\u{1b}[31m")),
    ];
    assert_pictured(
        (12, 90),
        publishers.clone(),
        &[
            "CPU     now 100.00%  median  47.92%  max 100.00%  of 0.25 cores (/sys/fs/cgroup/cpu.max)",
            "100%                                                                         ▁▁▂▃▃▄▅ ▆▇▇█",
            "  0%                                                            ▁▁▁▂▃▃▄▅▅▆▇▇████████ ████",
            "Memory  now  50.00%  median  50.00%  max  50.00%  of 512 MiB (/sys/fs/cgroup/memory.max)",
            "100%                                                                                     ",
            "  0%                                                            █████████████████████████",
            "cloudwatch failing since 2026-11-18T11:07:00Z  console works  emf waiting",
            "publish in 42s  last 1m 15s shown",
            "cloudwatch: connection refused\\n\\u{1b}[31m",
        ],
    );
    assert_pictured(
        (5, 30),
        publishers,
        &[
            "CPU    100.00%          ▁▃▅▆█",
            "Memory  50.00%          ▄▄▄▄▄",
            "cloudwatch failing",
            "publish in 42s",
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
            "CPU     now       -  median       -  max       -",
            "                                                           ",
            "Memory  now       -  median       -  max       -",
            "                                                           ",
            "publish in 42s  last 0s shown",
        ],
        "\n{}",
        rows.join("\n")
    );
    history.add(Sample { cpu: None, memory: Some(0.0) });
    let rows = pictured(&history, vec![], (8, 60), false);
    assert_eq!(
        rows,
        [
            "CPU     now       -  median       -  max       -",
            "                                                           ",
            "Memory  now   0.00%  median   0.00%  max   0.00%",
            "                                                          ▁",
            "publish in 42s  last 1s shown",
        ],
        "\n{}",
        rows.join("\n")
    );
}

#[test]
fn only_what_is_measured_is_shown() {
    let history = history();
    let chosen = Numbers::of(&[Number::Cpu]);
    let to_publish = Duration::from_secs(86_399);
    let mut picture = Picture {
        history: &history,
        chosen,
        limits: Limits::default(),
        to_publish,
        publishers: works(),
    };
    let rows = picture.rows((6, 60), false);
    assert_eq!(
        rows,
        [
            "CPU     now 100.00%  median  47.92%  max 100.00%",
            "100%                                                  ▁▃▅▇█",
            "                                                  ▁▃▅▇█████",
            "  0%                                          ▁▃▅▇█████████",
            "publish in 23h 59m 59s  last 1m 15s shown  console works",
        ],
        "\n{}",
        rows.join("\n")
    );
    picture.chosen = Numbers::of(&[]);
    assert_eq!(
        picture.rows((24, 80), false),
        ["publish in 23h 59m 59s  last 1m 15s shown  console works"]
    );
}

#[test]
fn colours_end_in_their_row() {
    let rows = pictured(&history(), works(), (6, 60), true);
    assert_eq!(
        rows,
        [
            "\u{1b}[1mCPU   \u{1b}[m  now 100.00%  median  47.92%  max 100.00%",
            "\u{1b}[2m     \u{1b}[m\u{1b}[36m                                         ▁▁▂▂▃▄▄▅▆▆▇██\u{1b}[m",
            "\u{1b}[1mMemory\u{1b}[m  now  50.00%  median  50.00%  max  50.00%",
            "\u{1b}[2m     \u{1b}[m\u{1b}[35m                                         ▄▄▄▄▄▄▄▄▄▄▄▄▄\u{1b}[m",
            "publish in 42s  last 1m 15s shown\u{1b}[32m  console works\u{1b}[m",
        ]
    );
}

#[test]
fn no_size_gives_a_row_that_is_too_wide_or_one_too_many() {
    let long = "x".repeat(500);
    let publishers = [
        works(),
        vec![health("emf", failing(&long)), health("cloudwatch", failing("y")), works().remove(0)],
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
fn amounts_are_short() {
    let gib = 1 << 30;
    let sizes = [0, 1, 1536, 512 << 20, gib, gib * 31 / 2 + 1].map(|bytes| size(Bytes(bytes)));
    assert_eq!(sizes, ["0 bytes", "1 bytes", "1.5 KiB", "512 MiB", "1 GiB", "15.5 GiB"]);
    assert_eq!(
        [0.25, 1.0, 4.0 / 3.0].map(|amount| cores(Cores(amount))),
        ["0.25 cores", "1 cores", "1.33 cores"]
    );
}
