//! The live view as rows of text: a pure function of the data, the size and whether there are
//! colours.

use std::time::{Duration, SystemTime};

use super::checks::{self, Results};
use crate::model::{Health, Measured, Number, Numbers, Origin, PublisherState};
use crate::sorted::sort_by_key;
use crate::terminal::gauge::{self, Gauge, LEAST_WIDTH, Limit, MOST_LEVELS};
use crate::terminal::history::History;
use crate::terminal::outage;
use crate::terminal::row::{BOLD, DIM, GREEN, NONE, Piece, RED, fits, plain, row};

/// All that is shown.
pub struct Picture<'a> {
    pub history: &'a History,
    pub chosen: Numbers,
    /// Service, namespace and dimensions.
    pub names: &'a [String],
    pub measured: Measured,
    /// The last result of each check.
    pub checks: Results,
    pub now: SystemTime,
    /// The time that is left of the window.
    pub to_publish: Duration,
    pub publishers: Vec<Health>,
}

impl Picture<'_> {
    /// As many rows as there is room for, none of them as wide as the terminal, because a terminal
    /// that wraps its rows might begin another. Rows without room are left out; what to do about an
    /// outage is the last that is.
    pub fn rows(&self, (height, width): (usize, usize), colour: bool) -> Vec<String> {
        let width = width.saturating_sub(1);
        // Without the row of the cursor. A larger terminal keeps two more for lines of the console.
        let room = height.saturating_sub(if height < SMALL { 1 } else { 3 });
        if width < LEAST_WIDTH {
            return Vec::new();
        }
        let charts = self.charts();
        // Each chart keeps two rows, and so do the title and the rows below, as far as the advice lets them.
        let room_of_errors = room.saturating_sub(2 * charts.len() + 3);
        let errors = outage::rows(&self.publishers, width, room_of_errors, colour);
        let room_of_rest = room.saturating_sub(errors.len());
        let is_small = room_of_rest < 2 * charts.len() + 1;
        let columns = gauge::columns(width, is_small);
        // Where rows are few, each chart keeps its one or two.
        let most = room_of_rest.saturating_sub(charts.len() * if is_small { 1 } else { 2 });
        let mut states = self.states(columns, width, most, colour);
        states.truncate(most);
        // Each chart keeps three rows and the title its own; checks that have no room are counted.
        let room_of_checks = room_of_rest.saturating_sub(3 * charts.len() + 1 + states.len());
        let checks = checks::rows(&self.checks, width, room_of_checks, colour);
        let room_of_charts = room_of_rest.saturating_sub(states.len() + checks.len());
        let has_title = !is_small && room_of_charts > 2 * charts.len();
        let levels = room_of_charts.saturating_sub(charts.len() + usize::from(has_title))
            / charts.len().max(1);
        let title = has_title.then(|| self.title(width, colour));
        let drawn = charts.iter().flat_map(|chart| match is_small {
            true => vec![chart.small(self.history, width, colour)],
            false => chart.large(self.history, width, levels.min(MOST_LEVELS), colour),
        });
        let mut rows: Vec<_> = title.into_iter().chain(drawn.take(room_of_charts)).collect();
        rows.extend(checks);
        // The time is last, below what fails.
        if !errors.is_empty() {
            rows.extend(states.drain(1.min(states.len())..));
        }
        rows.extend(errors);
        rows.extend(states);
        rows.truncate(room);
        rows
    }

    fn charts(&self) -> Vec<Gauge> {
        let limits = &self.measured.limits;
        let of = |amount, origin: &Origin| Limit { amount, origin: origin.to_string() };
        let cpu = Gauge::cpu(limits.cpu.as_ref().map(|limit| of(limit.amount.0, &limit.origin)));
        let memory = limits.memory.as_ref();
        let memory = memory.map(|limit| of(limit.amount.0 as f64, &limit.origin));
        let all = [(Number::Cpu, cpu), (Number::Memory, Gauge::memory(memory))].into_iter();
        all.filter_map(|(number, chart)| self.chosen.contains(number).then_some(chart)).collect()
    }

    /// What is measured under which names.
    fn title(&self, width: usize, colour: bool) -> String {
        let parts = self.measured.title(self.names);
        let parts = parts.iter().enumerate();
        let parts = parts.map(|(place, part)| {
            let gap = if place == 0 { "" } else { "  " };
            Piece::new(format!("{gap}{}", plain(part)), BOLD)
        });
        let version = Piece::new(concat!("  version ", env!("CARGO_PKG_VERSION")), DIM);
        row(&parts.chain([version]).collect::<Vec<_>>(), width, colour)
    }

    /// The time to the next send, and the state of each publisher, failing ones first: one row where both
    /// fit into it and nothing fails. So many rows are shown, the first ones.
    fn states(&self, columns: usize, width: usize, most: usize, colour: bool) -> Vec<String> {
        let seconds = self.to_publish.as_secs_f64().ceil() as u64;
        let length = self.history.length(self.history.shown(columns, |_| None).samples);
        let publish = [Piece::new(format!("publish in {}", outage::duration(seconds)), NONE)];
        let length =
            [Piece::new(format!("  last {} shown", outage::duration(length.as_secs())), NONE)];
        let end = [Piece::new("  Ctrl-C ends", DIM)];
        let is_failing = |health: &&Health| matches!(health.state, PublisherState::Failing { .. });
        let mut publishers: Vec<_> = self.publishers.iter().collect();
        sort_by_key(&mut publishers, |health| !is_failing(health));
        let is_well = !publishers.iter().any(is_failing);
        let states: Vec<_> = publishers.iter().map(|health| state(health, self.now)).collect();
        let beside: &[Piece] = if is_well { &states } else { &[] };
        // How to end it is worth more than how much is shown.
        let whole = [&publish, &length, beside, &end].concat();
        let short = [&publish, beside, &end].concat();
        let in_one_row = [whole, short].into_iter().find(|parts| fits(parts, width));
        let rows = match in_one_row {
            Some(time) if is_well => vec![time],
            // The time is the last row where something fails.
            Some(time) => vec![time, states],
            None if most < 2 => vec![[publish, end].concat()],
            None => vec![[publish, length].concat(), [&*states, &end].concat()],
        };
        let rows = rows.into_iter().map(|mut parts| {
            // Each part begins with the blanks that separate it from the part before.
            parts[0].text = parts[0].text.trim_start().to_owned();
            row(&parts, width, colour)
        });
        rows.collect()
    }
}

fn state(health: &Health, now: SystemTime) -> Piece {
    let name = health.publisher;
    match &health.state {
        PublisherState::Untried => Piece::new(format!("  {name} waiting"), NONE),
        PublisherState::Works => Piece::new(format!("  {name} works"), GREEN),
        PublisherState::Failing { since, .. } => {
            let seconds = now.duration_since(*since).unwrap_or_default().as_secs();
            Piece::new(format!("  {name} failing for {}", outage::duration(seconds)), RED)
        }
    }
}

/// A terminal with fewer rows than this shows the view alone.
const SMALL: usize = 8;

#[cfg(test)]
mod tests;
