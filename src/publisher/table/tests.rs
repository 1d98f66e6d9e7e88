//! Whole tables in several widths.

use std::path::Path;

use super::*;
use crate::model::tests::{checked, entry, reported, sampled, summary};
use crate::model::{Bytes, Cores, Entry, Limit, Limits, Unit};

fn table(chosen: &[Number]) -> Table {
    let names = ["service web", "namespace MyApp", "Stage=prod"].map(str::to_owned).into();
    Table { names, chosen: Numbers::of(chosen), heading: None }
}

const BOTH: &[Number] = &[Number::Cpu, Number::Memory];

fn measured() -> Rc<Measured> {
    let limits = Limits {
        cpu: Some(Limit::in_file(Cores(1.0), Path::new("/cpu.max"))),
        memory: Some(Limit::in_file(Bytes(512 << 20), Path::new("/memory.max"))),
    };
    Rc::new(Measured { scope: "container", limits })
}

fn window(others: Vec<Entry>) -> Summary {
    let cpu = entry(Number::Cpu, None, sampled(67, 12.345, 100.0));
    let memory = entry(Number::Memory, None, sampled(68, 0.004, 50.0));
    Summary { measured: measured(), ..summary([vec![cpu, memory], others].concat()) }
}

/// The lines, with the time of day of a test that may run anywhere as at UTC.
fn lines(table: &mut Table, summary: &Summary, width: usize) -> Vec<String> {
    let here = time_of_day(summary.start);
    table.lines(summary, width).iter().map(|line| line.replace(&here, "11:07:00")).collect()
}

#[track_caller]
fn assert_lines(actual: &[String], expected: &[&str]) {
    assert_eq!(actual, expected, "\n{}", actual.join("\n"));
}

#[test]
fn below_a_heading_each_window_is_one_line() {
    let mut table = table(BOTH);
    assert_lines(
        &lines(&mut table, &window(vec![]), 100),
        &[
            "service web  namespace MyApp  Stage=prod  scope container  CPU of 1 core  memory of 512 MiB",
            "time         CPU     max  memory     max",
            "11:07:00  12.35% 100.00%   0.00%  50.00%",
        ],
    );
    assert_lines(
        &lines(&mut table, &window(vec![]), 100),
        &["11:07:00  12.35% 100.00%   0.00%  50.00%"],
    );
}

#[test]
fn a_narrow_terminal_wraps_the_heading_and_no_line() {
    assert_lines(
        &lines(&mut table(BOTH), &window(vec![]), 40),
        &[
            "service web  namespace MyApp",
            "  Stage=prod  scope container",
            "  CPU of 1 core  memory of 512 MiB",
            "time         CPU     max  memory     max",
            "11:07:00  12.35% 100.00%   0.00%  50.00%",
        ],
    );
}

#[test]
fn what_has_no_column_stands_below_with_its_name() {
    let chosen = [BOTH, &[Number::OomKills, Number::DiskReadBytes, Number::NetworkSentBytes]];
    let others = vec![
        entry(Number::OomKills, None, reported(1.0, 3.0)),
        entry(Number::DiskReadBytes, None, sampled(66, 1536.0, 20e6)),
    ];
    assert_lines(
        &lines(&mut table(&chosen.concat()), &window(others), 70)[2..],
        &[
            "time         CPU     max  memory     max OOM kills",
            "11:07:00  12.35% 100.00%   0.00%  50.00%         2",
            "  disk read bytes 1.5 KiB/s, max 19.1 MiB/s, network sent bytes -,",
            "  max -",
        ],
    );
}

#[test]
fn each_unit_has_its_own_form_and_what_is_absent_is_not_zero() {
    let chosen = [
        Number::Cpu,
        Number::DiskReadOperations,
        Number::NetworkSentBytes,
        Number::Processes,
        Number::Fullest,
    ];
    let others = vec![
        entry(Number::DiskReadOperations, None, sampled(66, 0.5, 1234.567)),
        entry(Number::Processes, None, reported(31.0, 31.0)),
        entry(Number::Fullest, None, sampled(66, 30.0, 99.5)),
    ];
    let absent = Summary { measured: measured(), ..summary(others) };
    assert_lines(
        &lines(&mut table(&chosen), &absent, 160)[1..],
        &[
            "time         CPU     max disk read operations     max network sent bytes        max processes fullest container",
            "11:07:00       -       -                0.5/s  1235/s                  -          -        31            99.50%",
        ],
    );
}

#[test]
fn a_container_has_a_line_with_its_name() {
    let of = |name| entry(Number::Cpu, Some(name), sampled(6, 5.0, 7.125));
    let others = vec![
        of("app"),
        of("a\n\u{1b}[2J"),
        of("a-name-that-is-too-long-for-the-row"),
        entry(Number::Throttling, None, reported(1.0, 1.0)),
    ];
    let chosen = [Number::Cpu, Number::Throttling, Number::Memory];
    assert_lines(
        &lines(&mut table(&chosen), &window(others), 60)[2..],
        &[
            "time         CPU     max  memory     max throttling",
            "11:07:00  12.35% 100.00%   0.00%  50.00%      1.00%",
            "11:07:00   5.00%   7.12%       -       -             app",
            "11:07:00   5.00%   7.12%       -       -           ",
            r"  container a\n\u{1b}[2J",
            "11:07:00   5.00%   7.12%       -       -           ",
            "  container a-name-that-is-too-long-for-the-row",
        ],
    );
}

#[test]
fn the_heading_comes_again_where_it_is_another_and_after_a_screen_of_lines() {
    let mut table = table(BOTH);
    let is_headed = |lines: &[String]| lines.iter().any(|line| line.starts_with("time"));
    let mut headed = |summary: &Summary, width| is_headed(&table.lines(summary, width));
    let same = window(vec![]);
    assert!(headed(&same, 80) && !headed(&same, 80));
    assert!(headed(&same, 81), "the width is another");
    let of_host = Measured { scope: "host", ..Measured::default() };
    let other = Summary { measured: Rc::new(of_host), ..same.clone() };
    assert!(headed(&other, 81), "something else is measured");
    let again = (0..100).map(|_| headed(&other, 81)).collect::<Vec<_>>();
    assert_eq!(again.iter().position(|is_headed| *is_headed), Some(19), "{again:?}");
}

#[test]
fn without_names_and_limits_the_heading_is_the_columns() {
    let mut table = Table { names: vec![], chosen: Numbers::of(BOTH), heading: None };
    let unknown = Summary { measured: Rc::default(), ..window(vec![]) };
    assert_eq!(lines(&mut table, &unknown, 80).len(), 2);
}

#[test]
fn checks_stand_below_with_the_names_of_their_metrics() {
    let window = window(vec![
        checked("root", None, "FilesystemUsedPercent", Unit::Percent, &[40.0, 42.5]),
        checked("root", None, "FilesystemFree", Unit::Kilobytes, &[2048.0]),
        checked("web\u{1b}[2J", Some("a"), "Hits", Unit::None, &[7.0]),
    ]);
    let lines = lines(&mut table(BOTH), &window, 60);
    assert_lines(
        &lines[lines.len() - 3..],
        &[
            "11:07:00 check root: FilesystemUsedPercent 41.25%,",
            "  FilesystemFree 2 MiB",
            "11:07:00 check web\\u{1b}[2J of a: Hits 7",
        ],
    );
}
