//! What stands above the lists: what is measured, whether the agent answers, CPU and memory, and how it goes.

use super::list::{duration, reason_of, summary};
use super::snapshot::{Publisher, Snapshot};
use crate::terminal::gauge::{Gauge, MOST_LEVELS, axis, columns};
use crate::terminal::history::History;
use crate::terminal::outage::wrap;
use crate::terminal::row::{BOLD, DIM, NONE, Piece, RED, cut_off, plain, row};

/// Rows and columns.
pub type Size = (usize, usize);

/// What is measured, by which agent. A low terminal has no room for it.
pub fn title(of: &Snapshot, address: &str, (height, width): Size, colour: bool) -> Vec<String> {
    if height < LOW {
        return Vec::new();
    }
    let agent = &of.agent;
    let mut pieces: Vec<_> = agent
        .names
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let gap = if place == 0 { "" } else { "  " };
            Piece::new(format!("{gap}{}", plain(name)), BOLD)
        })
        .collect();
    let up = duration(agent.uptime as u64);
    pieces.push(Piece::new(format!("  up {up}"), NONE));
    pieces.push(Piece::new(format!("  version {}", plain(&agent.version)), DIM));
    pieces.push(Piece::new(format!("  {}", plain(address)), DIM));
    vec![row(&pieces, width, colour)]
}

/// What is wrong with the connection, in a few rows.
pub fn trouble(text: &str, (height, width): Size, colour: bool) -> Vec<String> {
    let rows = wrap(&plain(text), width).into_iter().take((height / 3).max(1));
    rows.map(|text| row(&[Piece::new(text, RED)], width, colour)).collect()
}

/// CPU and memory, and below them how it goes.
pub fn gauges(
    of: &Snapshot,
    history: &History,
    newest_ms: i64,
    (height, width): Size,
    colour: bool,
) -> Vec<String> {
    let both = [Gauge::cpu(of.agent.cpu.clone()), Gauge::memory(of.agent.memory.clone())];
    let levels = (height.saturating_sub(LOW) / 4).clamp(1, MOST_LEVELS);
    let rows = both.iter().zip(PARTS).flat_map(|(gauge, part)| {
        let mut rows = match height < LOW {
            true => vec![gauge.small(history, width, colour)],
            false => gauge.large(history, width, levels, colour),
        };
        if let Some(why) = reason_of(of, part) {
            rows[0] = gauge.without(&why, width, colour);
        }
        rows
    });
    let times = (height >= LOW).then(|| times(of, history, newest_ms, width, colour));
    rows.chain(times).chain([row(&cut_off(summary(of), width), width, colour)]).collect()
}

/// When the charts begin and end.
fn times(of: &Snapshot, history: &History, newest_ms: i64, width: usize, colour: bool) -> String {
    let age = of.ago(newest_ms);
    let span = history.span(columns(width, false)).as_secs();
    let end = if age <= FRESH { "now".to_owned() } else { format!("{} ago", duration(age)) };
    axis(&format!("{} ago", duration(span + age)), &end, width, colour)
}

const PARTS: [&str; 2] = ["cpu", "memory"];

/// Seconds. An endpoint that is asked every few seconds has nothing newer in between.
const FRESH: u64 = 15;

/// The same without charts and colours.
pub fn figures(of: &Snapshot, history: &History, width: usize) -> Vec<String> {
    let both = [Gauge::cpu(of.agent.cpu.clone()), Gauge::memory(of.agent.memory.clone())];
    let rows = both.iter().zip(PARTS).flat_map(|(gauge, part)| match reason_of(of, part) {
        Some(why) => vec![gauge.without(&why, width, false)],
        None => gauge.large(history, width, 0, false),
    });
    rows.chain([row(&summary(of), width, false)]).collect()
}

/// A publisher, with all that it says.
pub fn publisher(
    of: &Snapshot,
    publisher: &Publisher,
    (height, width): Size,
    colour: bool,
) -> Vec<String> {
    let Publisher {
        name,
        waiting,
        limit,
        delivered,
        dropped,
        oldest_ms,
        failing_since_ms,
        failure,
    } = publisher;
    let state = match failing_since_ms {
        Some(ms) => (format!("failing for {}", duration(of.ago(*ms))), RED),
        None => ("works".to_owned(), NONE),
    };
    let oldest = oldest_ms.map(|ms| format!(", the oldest for {}", duration(of.ago(ms))));
    let mut texts = vec![
        (format!("publisher {}", plain(name)), BOLD),
        state,
        (format!("windows waiting: {waiting} of {limit}{}", oldest.unwrap_or_default()), NONE),
        (format!("windows delivered: {delivered}, dropped: {dropped}"), NONE),
    ];
    if !failure.is_empty() {
        texts.push((plain(failure), RED));
    }
    let rows = texts.into_iter().flat_map(|(text, of_text)| {
        let rows = wrap(&text, width).into_iter();
        rows.map(move |text| row(&[Piece::new(text, of_text)], width, colour))
    });
    rows.take(height).collect()
}

/// A terminal with fewer rows has CPU and memory in a row each, and no title.
const LOW: usize = 16;
