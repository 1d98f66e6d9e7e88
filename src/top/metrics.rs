//! A check with all of its metrics, or a container with its own.

use super::cursor::{Cursor, Id, Line, cell};
use super::list::{METRICS_BY, below, duration, first_column, last_run, reason, sorted};
use super::snapshot::{Alarm, Snapshot, State, Unavailable, Value};
use crate::model::UTILIZATION;
use crate::terminal::outage::wrap;
use crate::terminal::row::{BOLD, DIM, NONE, Piece, RED, plain, row};

/// What is shown.
#[derive(Debug)]
pub struct Metrics {
    pub check: String,
    /// Of the built-in check, only the metrics of this container.
    pub container: Option<String>,
    pub cursor: Cursor,
}

impl Metrics {
    pub fn of_check(check: String) -> Self {
        Self { check, container: None, cursor: Cursor::default() }
    }

    pub fn of_container(name: String) -> Self {
        let check = UTILIZATION.to_owned();
        Self { check, container: Some(name), cursor: Cursor::default() }
    }

    /// What there is to say of the check itself, and of its alarms.
    pub fn head(&self, of: &Snapshot, width: usize, colour: bool) -> Vec<String> {
        if let Some(name) = &self.container {
            let text = format!("container {}", plain(name));
            return vec![row(&[Piece::new(text, BOLD)], width, colour)];
        }
        let name = format!("check {}", plain(&self.check));
        let Some(check) = of.check(&self.check) else {
            let gone = Piece::new("  is no longer there", RED);
            return vec![row(&[Piece::new(name, BOLD), gone], width, colour)];
        };
        let (state, bad) = (check.state.name(), check.state == State::Unavailable);
        let since = check.since_ms.filter(|_| bad);
        let since = since.map(|ms| format!(" for {}", duration(of.ago(ms)))).unwrap_or_default();
        let mut pieces = vec![
            Piece::new(name, BOLD),
            Piece::new(format!("  {state}{since}"), if bad { RED } else { NONE }),
            Piece::new(format!("  {}", plain(&check.kind)), NONE),
            Piece::new(format!("  every {} s", (check.period * 10.0).round() / 10.0), NONE),
            Piece::new(format!("  last run {}", last_run(of, check)), NONE),
        ];
        if let Some(took) = check.took {
            pieces.push(Piece::new(format!(", took {:.1} ms", took * 1000.0), NONE));
        }
        let mut rows = vec![row(&pieces, width, colour)];
        let mut texts = Vec::new();
        if !check.status.is_empty() {
            texts.push((check.status.clone(), if bad { RED } else { DIM }));
        }
        let alarms = of.alarms.iter().filter(|alarm| alarm.check == self.check);
        texts.extend(alarms.map(|alarm| {
            let Alarm { id, state, since_ms, .. } = alarm;
            let since = since_ms.map(|ms| format!(" for {}", duration(of.ago(ms))));
            (format!("alarm {id} is {state}{}: {}", since.unwrap_or_default(), alarm.said()), RED)
        }));
        for (text, colour_of_text) in texts {
            let wrapped = wrap(&plain(&text), width).into_iter().take(MOST_ROWS);
            rows.extend(
                wrapped.map(|text| row(&[Piece::new(text, colour_of_text)], width, colour)),
            );
        }
        rows
    }

    pub fn lines(&self, of: &Snapshot, by: usize, width: usize) -> Vec<Line> {
        let width = width.saturating_sub(2);
        let values = self.values(of);
        let all = sorted(&values, |of| match METRICS_BY[by] {
            "name" => (0, of.metric.name.clone()),
            "age" => ((of.age * 1000.0) as i64, of.metric.name.clone()),
            _ => (of.rank(), of.metric.name.clone()),
        });
        let heading = format!("metrics ({}) by {}", all.len(), METRICS_BY[by]);
        let names = all.iter().map(|of| plain(&of.metric.name));
        let names = names.chain(self.unavailable(of).map(|of| plain(&of.metric)));
        // A name may need more than in the other lists, which have more columns.
        let first = first_column(&heading, names, width * 3 / 2);
        let lines = all.iter().map(|value| {
            let kind = match &value.metric {
                of if of.is_text() => "text",
                of if of.is_counter => "counter, a second",
                _ => "gauge",
            };
            let age = if value.is_stale { "stale, " } else { "" };
            let age = format!("{age}{} ago", duration((value.age + of.passed) as u64));
            let pieces = vec![
                Piece::new(cell(&plain(&value.metric.name), first), BOLD),
                Piece::new(format!("  {}", cell(&plain(&value.text), VALUE)), NONE),
                Piece::new(
                    format!("  {}", cell(&age, AGE)),
                    if value.is_stale { RED } else { NONE },
                ),
                Piece::new(format!("  {kind}"), DIM),
            ];
            Line::of(Id::Metric(value.metric.name.clone()), pieces)
        });
        // What is missing is looked for first.
        let unavailable = self.unavailable(of).map(|one| {
            let name = Piece::new(cell(&plain(&one.metric), first), BOLD);
            let said = Piece::new(format!("  {}", plain(&reason(of, one))), RED);
            Line::of(Id::Metric(one.metric.clone()), vec![name, said])
        });
        let lines = unavailable.chain(lines);
        below(&heading, first, &[("newest value", VALUE), ("age", AGE), ("kind", 4)], lines)
    }

    /// The metric that is chosen.
    pub fn chosen<'s>(&mut self, of: &'s Snapshot, lines: &[Line]) -> Option<&'s Value> {
        let Some(Id::Metric(name)) = self.cursor.chosen(lines) else { return None };
        self.values(of).into_iter().find(|value| value.metric.name == name)
    }

    /// What has no value.
    fn unavailable<'s>(&'s self, of: &'s Snapshot) -> impl Iterator<Item = &'s Unavailable> {
        let all = of.check(&self.check).map(|check| &*check.unavailable).unwrap_or_default();
        all.iter().filter(|one| self.is_of(&one.metric))
    }

    /// Whether a metric is one of what is shown.
    fn is_of(&self, metric: &str) -> bool {
        let name = metric.rsplit_once('.').map(|(name, _)| name);
        self.container.as_ref().is_none_or(|of| name == Some(of))
    }

    fn values<'s>(&self, of: &'s Snapshot) -> Vec<&'s Value> {
        let values = of.check(&self.check).map(|check| &*check.values).unwrap_or_default();
        values.iter().filter(|value| self.is_of(&value.metric.name)).collect()
    }
}

/// `99999 milliseconds` is as wide.
const VALUE: usize = 18;
/// `stale, 59m 59s ago` is as wide.
const AGE: usize = 18;

/// Rows of a text about a check: a status has 256 bytes at most.
const MOST_ROWS: usize = 6;
