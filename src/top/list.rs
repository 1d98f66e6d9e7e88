//! The lists of the first screen: alarms that are not OK, publishers, containers and checks.

use super::cursor::{Id, Line, cell, cut};
use super::snapshot::{Alarm, Check, Container, Publisher, Snapshot, State, Unavailable, Value};
use crate::model::UTILIZATION;
use crate::sorted::sort_by_key;
use crate::terminal::gauge::percent;
use crate::terminal::outage;
use crate::terminal::row::{BOLD, DIM, GREEN, NONE, Piece, RED, plain};

/// By what each list is sorted: places in the lists below.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sorted {
    pub alarms: usize,
    pub containers: usize,
    pub checks: usize,
    pub metrics: usize,
}

pub const ALARMS_BY: &[&str] = &["state", "name", "time"];
pub const CONTAINERS_BY: &[&str] = &["CPU", "memory", "name"];
pub const CHECKS_BY: &[&str] = &["state", "name", "last run", "type"];
pub const METRICS_BY: &[&str] = &["unit", "name", "age"];

/// The lists, as wide as there is room.
pub fn lines(of: &Snapshot, sorted: Sorted, width: usize) -> Vec<Line> {
    // Each row has a mark in front.
    let width = width.saturating_sub(2);
    let mut lines = alarms(of, sorted.alarms, width);
    lines.extend(publishers(of, width));
    lines.extend(containers(of, sorted.containers, width));
    lines.extend(checks(of, sorted.checks, width));
    lines
}

/// How it goes, in one row: what is not as it should be stands in red and with its number.
pub fn summary(of: &Snapshot) -> Vec<Piece> {
    let mut pieces = vec![match (of.alarms.len(), of.all_alarms) {
        (0, 0) => Piece::new("no alarms", NONE),
        (0, all) => match all.saturating_sub(of.unknown_alarms) {
            ok if ok == all => Piece::new(format!("alarms: {all} OK"), GREEN),
            // Nobody knows whether these are as they should be.
            ok => Piece::new(format!("alarms: {ok} OK, {} unknown", all - ok), NONE),
        },
        (bad, _) => Piece::new(format!("alarms: {bad} not OK"), RED),
    }];
    let bad = of.checks.iter().filter(|check| check.state == State::Unavailable).count();
    pieces.push(match bad {
        0 => Piece::new(format!("  checks: {}", of.checks.len()), NONE),
        bad => Piece::new(format!("  checks: {bad} of {} unavailable", of.checks.len()), RED),
    });
    pieces.push(Piece::new("  publishers: ", NONE));
    // Those that fail are not the ones that are cut off.
    let ordered = sorted(&of.publishers, |of| (i64::from(!of.is_failing()), String::new()));
    for (place, publisher) in ordered.into_iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let (state, colour) = match publisher {
            of if of.is_failing() => ("failing", RED),
            of if of.delivered == 0 => ("waiting", NONE),
            _ => ("works", GREEN),
        };
        pieces.push(Piece::new(format!("{comma}{} {state}", plain(&publisher.name)), colour));
    }
    if of.publishers.is_empty() {
        pieces.push(Piece::new("none", NONE));
    }
    pieces
}

fn alarms(of: &Snapshot, by: usize, width: usize) -> Vec<Line> {
    let all = sorted(&of.alarms, |of| match ALARMS_BY[by] {
        "name" => (0, of.id.clone()),
        "time" => (-of.since_ms.unwrap_or_default(), of.id.clone()),
        // CRITICAL and FAILURE before WARNING.
        _ => (0, format!("{} {}", of.state, of.id)),
    });
    let name = |of: &Alarm| plain(&format!("{} of {}", of.id, of.check));
    let heading = format!("alarms ({}) by {}", all.len(), ALARMS_BY[by]);
    let first = first_column(&heading, all.iter().map(|of| name(of)), width);
    let lines = all.iter().map(|alarm| {
        let since = alarm.since_ms.map(|ms| duration(of.ago(ms))).unwrap_or_default();
        let id = Id::Alarm { id: alarm.id.clone(), check: alarm.check.clone() };
        let begin = vec![
            Piece::new(cell(&name(alarm), first), BOLD),
            Piece::new(format!("  {}", cell(&alarm.state, STATE)), RED),
            Piece::new(format!("  {since:<8}"), NONE),
        ];
        Line::of(id, with_text(begin, &alarm.said(), NONE, width))
    });
    below(&heading, first, &[("state", STATE), ("for", 8), ("status", 6)], lines)
}

/// Those that fail or have something waiting.
fn publishers(of: &Snapshot, width: usize) -> Vec<Line> {
    let all = of.publishers.iter().filter(|of| of.is_failing() || of.waiting > 0);
    let all: Vec<&Publisher> = all.collect();
    let heading = format!("publishers ({})", all.len());
    let first = first_column(&heading, all.iter().map(|of| plain(&of.name)), width);
    let lines = all.iter().map(|publisher| {
        let (state, colour) = match publisher.failing_since_ms {
            Some(ms) => (format!("failing for {}", duration(of.ago(ms))), RED),
            None => ("works".to_owned(), GREEN),
        };
        let waiting = format!("{} of {}", publisher.waiting, publisher.limit);
        let begin = vec![
            Piece::new(cell(&plain(&publisher.name), first), BOLD),
            Piece::new(format!("  {}", cell(&state, FAILING)), colour),
            Piece::new(format!("  {waiting:<10}"), NONE),
        ];
        let id = Id::Publisher(publisher.name.clone());
        Line::of(id, with_text(begin, &publisher.failure, NONE, width))
    });
    below(&heading, first, &[("state", FAILING), ("waiting", 10), ("why", 3)], lines)
}

fn containers(of: &Snapshot, by: usize, width: usize) -> Vec<Line> {
    let most = |part: Option<f64>| part.map_or(i64::MAX, |percent| (-percent * 1000.0) as i64);
    let all = sorted(&of.containers, |of| match CONTAINERS_BY[by] {
        "name" => (0, of.name.clone()),
        "memory" => (most(of.memory), of.name.clone()),
        _ => (most(of.cpu), of.name.clone()),
    });
    if all.is_empty() && ["task", "pod"].contains(&&*of.agent.scope) {
        let hint = "containers: start the agent with --per-container to see each";
        return vec![Line::heading(vec![Piece::new(hint, DIM)])];
    }
    let heading = format!("containers ({}) by {}", all.len(), CONTAINERS_BY[by]);
    let first = first_column(&heading, all.iter().map(|of| plain(&of.name)), width);
    let lines = all.iter().map(|Container { name, cpu, memory }| {
        let pieces = vec![
            Piece::new(cell(&plain(name), first), BOLD),
            Piece::new(format!("  {:>7}", percent(*cpu)), NONE),
            Piece::new(format!("  {:>7}", percent(*memory)), NONE),
        ];
        Line::of(Id::Container(name.clone()), pieces)
    });
    below(
        &heading,
        first,
        &[("    CPU", 7), (" memory", 7), ("in percent of its own limits", 28)],
        lines,
    )
}

fn checks(of: &Snapshot, by: usize, width: usize) -> Vec<Line> {
    let all = sorted(&of.checks, |of| match CHECKS_BY[by] {
        "name" => (0, of.id.clone()),
        "last run" => (-of.last_ms.unwrap_or_default(), of.id.clone()),
        "type" => (0, format!("{} {}", of.kind, of.id)),
        _ => (of.state as i64, of.id.clone()),
    });
    let heading = format!("checks ({}) by {}", all.len(), CHECKS_BY[by]);
    let first = first_column(&heading, all.iter().map(|of| plain(&of.id)), width);
    let lines = all.iter().map(|check| {
        let mut begin = vec![Piece::new(cell(&plain(&check.id), first), BOLD), state(check)];
        if width >= NARROW {
            begin.push(Piece::new(format!("  {}", cell(&last_run(of, check), LAST_RUN)), NONE));
        }
        let pieces = match check.state {
            State::Unavailable => with_text(begin, &check.status, RED, width),
            _ => {
                let by_unit = |of: &Value| {
                    let rank = if of.is_headline { -1 } else { of.rank() };
                    (rank, of.metric.name.clone())
                };
                if !check.unavailable.is_empty() {
                    let names: Vec<_> =
                        check.unavailable.iter().map(|of| plain(&of.metric)).collect();
                    begin.push(Piece::new(format!("  unavailable: {}", names.join(", ")), RED));
                }
                begin.extend(sorted(&check.values, by_unit).into_iter().map(|value| {
                    let name = plain(&value.metric.name);
                    let colour = if value.is_stale { DIM } else { NONE };
                    Piece::new(format!("  {name} {}", plain(&value.text)), colour)
                }));
                begin
            }
        };
        Line::of(Id::Check(check.id.clone()), pieces)
    });
    let narrow: &[_] = &[("state", STATE), ("newest values", 13)];
    let wide: &[_] = &[("state", STATE), ("last run", LAST_RUN), ("newest values", 13)];
    below(&heading, first, if width < NARROW { narrow } else { wide }, lines)
}

/// All of them, in the order of their keys.
pub fn sorted<T>(all: &[T], key: impl Fn(&T) -> (i64, String)) -> Vec<&T> {
    let mut all: Vec<_> = all.iter().collect();
    sort_by_key(&mut all, |item| key(item));
    all
}

/// The state of a check, in a column of its own.
pub fn state(check: &Check) -> Piece {
    let colour = match check.state {
        State::Unavailable => RED,
        State::Available => GREEN,
        State::NotRun | State::Disabled => DIM,
    };
    Piece::new(format!("  {}", cell(check.state.name(), STATE)), colour)
}

/// Since when a metric has no value, and why.
pub fn reason(of: &Snapshot, one: &Unavailable) -> String {
    let since = one.since_ms.map(|ms| format!(" for {}", duration(of.ago(ms))));
    format!("unavailable{}: {}", since.unwrap_or_default(), one.reason)
}

/// The same of a number of the whole, where it has none.
pub fn reason_of(of: &Snapshot, metric: &str) -> Option<String> {
    let one = of.check(UTILIZATION)?.unavailable.iter().find(|one| one.metric == metric)?;
    Some(reason(of, one))
}

/// How long ago a check has run.
pub fn last_run(of: &Snapshot, check: &Check) -> String {
    check.last_ms.map_or("-".to_owned(), |ms| format!("{} ago", duration(of.ago(ms))))
}

/// The largest two parts of a length of time, such as `3m 12s`.
pub fn duration(seconds: u64) -> String {
    outage::duration(seconds).split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// The rows below their heading; none where there are none.
pub fn below(
    heading: &str,
    first: usize,
    columns: &[(&str, usize)],
    lines: impl Iterator<Item = Line>,
) -> Vec<Line> {
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        return lines;
    }
    // By what it is sorted is left out where there is no room for it.
    let short = heading.split(" by ").next().unwrap_or_default();
    let heading = if heading.chars().count() > first { short } else { heading };
    let mut pieces = vec![Piece::new(cell(heading, first), BOLD)];
    let columns = columns.iter().map(|(name, width)| Piece::new(format!("  {name:<width$}"), DIM));
    pieces.extend(columns);
    [Line::heading(pieces)].into_iter().chain(lines).collect()
}

/// As wide as the widest name, but no more than a third of all, and wide enough for the heading where there is room.
pub fn first_column(heading: &str, names: impl Iterator<Item = String>, width: usize) -> usize {
    let length = |text: &str| text.chars().count();
    let widest = names.map(|name| length(&name)).max().unwrap_or(0);
    widest.max(length(heading)).min((width / 3).max(LEAST_FIRST))
}

/// With a text behind, as far as there is room for it.
fn with_text(mut begin: Vec<Piece>, text: &str, colour: &'static str, width: usize) -> Vec<Piece> {
    let used: usize = begin.iter().map(|piece| piece.text.chars().count()).sum();
    let room = width.saturating_sub(used + 2);
    if room > 0 {
        begin.push(Piece::new(format!("  {}", cut(&plain(text), room)), colour));
    }
    begin
}

/// As wide as the widest state.
const STATE: usize = 11;
/// `failing for 59m 59s` is as wide.
const FAILING: usize = 19;
/// `59m 59s ago` is as wide.
const LAST_RUN: usize = 11;

/// A terminal that is not as wide has no room for when a check has run.
const NARROW: usize = 60;

/// The least that a name has.
const LEAST_FIRST: usize = 12;
