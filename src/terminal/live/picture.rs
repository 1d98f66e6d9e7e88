//! The live view as rows of text: a pure function of the data, the size and whether there are
//! colours.

use std::time::{Duration, SystemTime};

use super::chart;
use super::history::{History, Shown};
use super::row::{BOLD, CYAN, DIM, GREEN, MAGENTA, NONE, Piece, RED, fits, plain, row};
use crate::collector::aggregate;
use crate::model::{Bytes, Cores, Health, Limits, Number, Numbers, Origin, PublisherState, Sample};
use crate::shown::shown;

/// All that is shown.
pub struct Picture<'a> {
    pub history: &'a History,
    pub chosen: Numbers,
    pub limits: Limits,
    /// The time that is left of the window.
    pub to_publish: Duration,
    pub publishers: Vec<Health>,
}

/// One of the charts.
struct Chart {
    name: &'static str,
    colour: &'static str,
    part: fn(&Sample) -> Option<f32>,
    /// The amount and its origin.
    limit: Option<(String, String)>,
}

impl Picture<'_> {
    /// As many rows as there is room for, none of them as wide as the terminal, because a terminal
    /// that wraps its rows might begin another. Rows without room are left out.
    pub fn rows(&self, (height, width): (usize, usize), colour: bool) -> Vec<String> {
        let width = width.saturating_sub(1);
        // Without the row of the cursor. A larger terminal keeps two more for lines of the console.
        let room = height.saturating_sub(if height < SMALL { 1 } else { 3 });
        if width < LEAST_WIDTH {
            return Vec::new();
        }
        let charts = self.charts();
        let is_small = room < 2 * charts.len() + 1;
        let columns = match is_small {
            true => width - LEAST_WIDTH,
            false if width < WIDTH_WITH_SCALE => width,
            false => width - SCALE[0].len(),
        };
        let mut below = self.below(columns, width, colour);
        // Where rows are few, each chart keeps its one or two, and the rows below are cut.
        below.truncate(room.saturating_sub(charts.len() * if is_small { 1 } else { 2 }));
        let levels = room.saturating_sub(charts.len() + below.len()) / charts.len().max(1);
        let drawn = charts.iter().flat_map(|chart| match is_small {
            true => vec![self.small(chart, columns, colour)],
            false => self.large(chart, columns, width, levels.min(MOST_LEVELS), colour),
        });
        let mut rows: Vec<_> = drawn.chain(below).collect();
        rows.truncate(room);
        rows
    }

    fn charts(&self) -> Vec<Chart> {
        let of = |amount, origin: &Origin| (amount, format!(" ({})", plain(&origin.to_string())));
        let Limits { cpu: cpu_limit, memory: memory_limit } = &self.limits;
        let cpu = Chart {
            name: "CPU",
            colour: CYAN,
            part: |sample| sample.cpu,
            limit: cpu_limit.as_ref().map(|limit| of(cores(limit.amount), &limit.origin)),
        };
        let memory = Chart {
            name: "Memory",
            colour: MAGENTA,
            part: |sample| sample.memory,
            limit: memory_limit.as_ref().map(|limit| of(size(limit.amount), &limit.origin)),
        };
        let all = [(Number::Cpu, cpu), (Number::Memory, memory)].into_iter();
        all.filter_map(|(number, chart)| self.chosen.contains(number).then_some(chart)).collect()
    }

    /// A chart in one row, with the current figure.
    fn small(&self, chart: &Chart, columns: usize, colour: bool) -> String {
        let shown = self.history.shown(columns, chart.part);
        let figure = format!("{:<6} {:>7} ", chart.name, percent(shown.current.map(f64::from)));
        let drawn = drawn(&shown, columns, 1).concat();
        let parts = [Piece::new(figure, BOLD), Piece::new(drawn, chart.colour)];
        row(&parts, LEAST_WIDTH + columns, colour)
    }

    /// The figures of a chart, and the chart in so many rows below.
    fn large(
        &self,
        chart: &Chart,
        columns: usize,
        width: usize,
        levels: usize,
        colour: bool,
    ) -> Vec<String> {
        let shown = self.history.shown(columns, chart.part);
        let statistics = aggregate::statistics(&mut shown.columns.concat());
        let median = statistics.as_ref().map(|statistics| statistics.median);
        let max = statistics.as_ref().map(|statistics| statistics.max);
        let now = shown.current.map(f64::from);
        let mut figures = vec![Piece::new(format!("{:<6}", chart.name), BOLD)];
        for (name, figure) in [("now", now), ("median", median), ("max", max)] {
            figures.push(Piece::new(format!("  {name} {:>7}", percent(figure)), NONE));
        }
        if let Some((amount, origin)) = &chart.limit {
            figures.push(Piece::new(format!("  of {amount}"), NONE));
            figures.push(Piece::new(origin, DIM));
        }
        let mut rows = vec![row(&figures, width, colour)];
        for (level, drawn) in drawn(&shown, columns, levels).into_iter().enumerate() {
            let scale = match level {
                _ if columns == width => "",
                _ if levels == 1 => SCALE[1],
                0 => SCALE[0],
                level if level + 1 == levels => SCALE[2],
                _ => SCALE[1],
            };
            rows.push(row(
                &[Piece::new(scale, DIM), Piece::new(drawn, chart.colour)],
                width,
                colour,
            ));
        }
        rows
    }

    /// The time to the next send, and the state of each publisher, failing ones first.
    fn below(&self, columns: usize, width: usize, colour: bool) -> Vec<String> {
        let seconds = self.to_publish.as_secs_f64().ceil() as u64;
        let length = self.history.length(self.history.shown(columns, |_| None).samples);
        let time = vec![
            Piece::new(format!("publish in {}", duration(seconds)), NONE),
            Piece::new(format!("  last {} shown", duration(length.as_secs())), NONE),
        ];
        let mut publishers: Vec<_> = self.publishers.iter().collect();
        publishers.sort_by_key(|health| !matches!(health.state, PublisherState::Failing { .. }));
        let states: Vec<_> = publishers.iter().flat_map(|health| state(health)).collect();
        let causes = publishers.iter().filter_map(|health| match &health.state {
            PublisherState::Failing { error, .. } => {
                let text = format!("{}: {}", health.publisher, plain(&shown(error)));
                Some(vec![Piece::new(text, RED)])
            }
            PublisherState::Untried | PublisherState::Works => None,
        });
        let causes: Vec<_> = causes.collect();
        let together = [&*time, &*states].concat();
        let mut below = match causes.is_empty() {
            true if fits(&together, width) => vec![together],
            true => vec![time, states],
            false => vec![states, time],
        };
        below.extend(causes);
        let rows = below.iter_mut().filter(|parts| !parts.is_empty()).map(|parts| {
            // Each part begins with the blanks that separate it from the part before.
            let first = &mut parts[0].text;
            *first = first.trim_start().to_owned();
            row(parts, width, colour)
        });
        rows.collect()
    }
}

fn state(health: &Health) -> Vec<Piece> {
    let name = health.publisher;
    match &health.state {
        PublisherState::Untried => vec![Piece::new(format!("  {name} waiting"), NONE)],
        PublisherState::Works => vec![Piece::new(format!("  {name} works"), GREEN)],
        PublisherState::Failing { since, .. } => vec![
            Piece::new(format!("  {name} failing"), RED),
            Piece::new(format!(" since {}", time(*since)), RED),
        ],
    }
}

/// The rows of a chart, the newest column on the right, each column as high as its highest value.
fn drawn(shown: &Shown, columns: usize, height: usize) -> Vec<String> {
    let highest = |values: &Vec<f32>| values.iter().copied().reduce(f32::max);
    let mut values = vec![None; columns.saturating_sub(shown.columns.len())];
    values.extend(shown.columns.iter().map(highest));
    chart::rows(&values, height)
}

fn percent(figure: Option<f64>) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{figure:.2}%"))
}

fn cores(cores: Cores) -> String {
    format!("{} cores", round(cores.0))
}

fn size(Bytes(bytes): Bytes) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("bytes", 1)];
    let (name, unit) = units.into_iter().find(|(_, unit)| bytes >= *unit).unwrap_or(units[3]);
    format!("{} {name}", round(bytes as f64 / unit as f64))
}

fn round(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}

fn duration(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// A terminal with fewer rows than this shows the view alone.
const SMALL: usize = 8;

/// `Memory 100.00% ` is as wide. A terminal that is not wider shows the lines alone.
const LEAST_WIDTH: usize = 15;

/// A higher chart would show no more, and take room from the lines.
const MOST_LEVELS: usize = 4;

/// The labels left of the highest row of a chart, of the rows in between, and of the lowest.
const SCALE: [&str; 3] = ["100% ", "     ", "  0% "];
const WIDTH_WITH_SCALE: usize = 40;

#[cfg(test)]
mod tests;
