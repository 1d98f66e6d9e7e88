//! What is shown of an agent, what the keys do to it, and its rows.

use std::time::Duration;

use tokio::time::Instant;

use super::cursor::{Cursor, Id, Line, plain_rows};
use super::head::{self, Size};
use super::help;
use super::list::{self, ALARMS_BY, CHECKS_BY, CONTAINERS_BY, METRICS_BY, Sorted, duration};
use super::metrics::Metrics;
use super::page::Page;
use super::plotted::Plotted;
use super::reader::News;
use super::snapshot::{PAUSE, Publisher, Snapshot};
use crate::model::{Sample, UTILIZATION};
use crate::terminal::history::History;
use crate::terminal::keys::Key;

/// All that is shown.
pub struct State {
    pub address: String,
    pub of: Snapshot,
    pub history: History,
    sampled_ms: i64,
    /// When the agent has answered last, and when it has said what is shown.
    heard: Instant,
    read: Instant,
    /// Why it does not, since it does not.
    lost: Option<String>,
    cursor: Cursor,
    sorted: Sorted,
    /// What was opened, the last of them on top.
    pub pages: Vec<Page>,
    pub colour: bool,
}

impl State {
    pub fn new(address: String, of: Snapshot, colour: bool) -> Self {
        let interval = Duration::from_secs_f64(of.agent.sample_interval);
        let history = History::new(interval);
        let (cursor, sorted, pages) = (Cursor::default(), Sorted::default(), Vec::new());
        let (sampled_ms, heard, read, lost) = (0, Instant::now(), Instant::now(), None);
        let mut state = Self {
            address,
            of,
            history,
            sampled_ms,
            heard,
            read,
            lost,
            cursor,
            sorted,
            pages,
            colour,
        };
        state.take_newest();
        state
    }

    pub fn take(&mut self, news: News) {
        match news {
            News::Lost(why) => {
                self.lost = Some(why);
                return;
            }
            News::Whole(whole) => {
                if whole.agent.sample_interval != self.of.agent.sample_interval {
                    self.forget(whole.agent.sample_interval);
                }
                (self.of, self.read) = (*whole, Instant::now());
                self.take_newest();
            }
            News::Past(samples) => {
                self.forget(self.of.agent.sample_interval);
                samples.into_iter().for_each(|(at, sample)| self.add(at, sample));
                self.take_newest();
            }
            News::Sample(at, sample) => self.add(at, sample),
        }
        (self.heard, self.lost) = (Instant::now(), None);
    }

    /// Begins a new chart.
    fn forget(&mut self, interval: f64) {
        self.history = History::new(Duration::from_secs_f64(interval));
        self.sampled_ms = 0;
    }

    /// Adds the newest sample, where it has not come as it was made.
    fn take_newest(&mut self) {
        let Some(check) = self.of.check(UTILIZATION) else { return };
        let value = |name: &str| check.values.iter().find(|value| value.metric.name == name);
        let of = [value("cpu"), value("memory")];
        let at = of.iter().flatten().filter_map(|value| value.metric.newest_ms).max();
        let [cpu, memory] = of.map(|value| value?.number.map(|number| number as f32));
        if let Some(at) = at {
            self.add(at, Sample { cpu, memory });
        }
    }

    /// Adds a sample, and for each that is missing before it an empty place. An endpoint that is asked every few seconds
    /// gives what was used since it was asked before: that is no gap.
    fn add(&mut self, at_ms: i64, sample: Sample) {
        let interval_ms = self.of.agent.sample_interval * 1000.0;
        let passed = (at_ms - self.sampled_ms) as f64 / interval_ms;
        if self.sampled_ms > 0 {
            // It is known already.
            if passed <= 0.0 {
                return;
            }
            let missing = (passed.round() as usize).saturating_sub(1).min(MOST_MISSING);
            let is_of_endpoint = self.of.agent.scope == "task" && passed * interval_ms <= ASKED_MS;
            let none = Sample { cpu: None, memory: None };
            let before = if is_of_endpoint { sample } else { none };
            (0..missing).for_each(|_| self.history.add(before));
        }
        self.history.add(sample);
        self.sampled_ms = at_ms;
    }

    /// What a key does; false where it ends the view.
    pub fn press(&mut self, key: Key, size: Size) -> bool {
        let (room, lines) = (self.room(size), self.lines(size.1));
        match (key, self.pages.last_mut()) {
            (Key::Interrupt | Key::Character('q'), _) => return false,
            (_, Some(Page::Help)) => drop(self.pages.pop()),
            (Key::Character('?'), _) => self.pages.push(Page::Help),
            (Key::Left | Key::Character('-'), Some(Page::Chart(plotted))) => plotted.wider(false),
            (Key::Right | Key::Character('+'), Some(Page::Chart(plotted))) => plotted.wider(true),
            (Key::Escape | Key::Backspace, _) => drop(self.pages.pop()),
            (Key::Character('s'), _) => self.sort(&lines),
            (Key::Enter, _) => self.open(&lines),
            (key, None) => drop(self.cursor.press(key, &lines, room)),
            (key, Some(Page::Metrics(page))) => drop(page.cursor.press(key, &lines, room)),
            (_, Some(Page::Chart(_) | Page::Publisher(_))) => {}
        }
        true
    }

    /// Sorts the list that is looked at by the next thing there is.
    fn sort(&mut self, lines: &[Line]) {
        let next = |by: &mut usize, all: &[&str]| *by = (*by + 1) % all.len();
        let sorted = &mut self.sorted;
        match self.pages.last() {
            Some(Page::Metrics(_)) => next(&mut sorted.metrics, METRICS_BY),
            Some(_) => {}
            None => match self.cursor.chosen(lines) {
                Some(Id::Alarm { .. }) => next(&mut sorted.alarms, ALARMS_BY),
                Some(Id::Container(_)) => next(&mut sorted.containers, CONTAINERS_BY),
                Some(Id::Check(_)) => next(&mut sorted.checks, CHECKS_BY),
                _ => {}
            },
        }
    }

    fn open(&mut self, lines: &[Line]) {
        let page = match self.pages.last_mut() {
            None => match self.cursor.chosen(lines) {
                Some(Id::Alarm { check: id, .. } | Id::Check(id)) => {
                    Page::Metrics(Metrics::of_check(id))
                }
                Some(Id::Container(name)) => Page::Metrics(Metrics::of_container(name)),
                Some(Id::Publisher(name)) => Page::Publisher(name),
                Some(Id::Metric(_)) | None => return,
            },
            Some(Page::Metrics(page)) => match page.chosen(&self.of, lines) {
                Some(value) => {
                    let check = self.of.check(&value.metric.check);
                    let period = check.map_or(1.0, |check| check.period);
                    Page::Chart(Plotted::new(value.metric.clone(), period))
                }
                None => return,
            },
            Some(_) => return,
        };
        self.pages.push(page);
    }

    /// The list of what is open.
    fn lines(&self, width: usize) -> Vec<Line> {
        let width = width.saturating_sub(1);
        match self.pages.last() {
            None => list::lines(&self.of, self.sorted, width),
            Some(Page::Metrics(page)) => page.lines(&self.of, self.sorted.metrics, width),
            Some(_) => Vec::new(),
        }
    }

    /// The rows that the list of what is open has.
    fn room(&self, (height, width): Size) -> usize {
        height.saturating_sub(self.head((height, width)).len() + 1)
    }

    /// What stands above the list of what is open. None of the rows is as wide as the terminal, which might wrap them.
    fn head(&self, (height, width): Size) -> Vec<String> {
        let (width, colour) = (width.saturating_sub(1), self.colour);
        let mut rows = head::title(&self.of, &self.address, (height, width), colour);
        // What is wrong has at most a third of a low terminal.
        let trouble = self.trouble();
        let trouble = trouble.iter().flat_map(|text| head::trouble(text, (height, width), colour));
        rows.extend(trouble);
        match self.pages.last() {
            None => {
                let (of, history, newest_ms) = (&self.of, &self.history, self.sampled_ms);
                rows.extend(head::gauges(of, history, newest_ms, (height, width), colour));
            }
            Some(Page::Metrics(page)) => rows.extend(page.head(&self.of, width, colour)),
            Some(_) => {}
        }
        rows
    }

    /// What is wrong with the connection.
    fn trouble(&self) -> Option<String> {
        let silent = self.heard.elapsed();
        match &self.lost {
            Some(why) => {
                let since = duration(silent.as_secs());
                Some(format!("NOT CONNECTED for {since}, tried again each {PAUSE:?}: {why}"))
            }
            None if silent > SLOW + self.of.pause() => {
                Some(format!("NO ANSWER for {}: still waiting", duration(silent.as_secs())))
            }
            None => None,
        }
    }

    /// Everything, in its place.
    pub fn rows(&mut self, size: Size) -> Vec<String> {
        let (height, columns) = size;
        let (width, colour) = (columns.saturating_sub(1), self.colour);
        self.of.passed = self.read.elapsed().as_secs_f64();
        let mut rows = self.head(size);
        let room = height.saturating_sub(rows.len() + 1);
        let lines = with_space(self.lines(columns), room);
        let mut position = String::new();
        match self.pages.last_mut() {
            None => {
                rows.extend(self.cursor.rows(&lines, room, width, colour));
                position = self.cursor.position(&lines, room);
            }
            Some(Page::Metrics(page)) => {
                rows.extend(page.cursor.rows(&lines, room, width, colour));
                position = page.cursor.position(&lines, room);
            }
            Some(Page::Chart(plotted)) => rows.extend(plotted.rows((room, width), colour)),
            Some(Page::Publisher(name)) => {
                let found = self.of.publishers.iter().find(|of| of.name == *name);
                rows.extend(
                    found
                        .map(|of: &Publisher| head::publisher(&self.of, of, (room, width), colour))
                        .unwrap_or_default(),
                );
            }
            Some(Page::Help) => rows.extend(help::rows(width, colour)),
        }
        rows.truncate(height.saturating_sub(1));
        rows.resize(height.saturating_sub(1), String::new());
        rows.push(help::footer(self.pages.last(), &position, width, colour));
        rows
    }

    /// All of it as text, without a chart of what is of this instant alone.
    pub fn plain(&self) -> String {
        let size = (PLAIN_HEIGHT, PLAIN_WIDTH);
        let mut rows = head::title(&self.of, &self.address, size, false);
        rows.extend(head::figures(&self.of, &self.history, PLAIN_WIDTH));
        rows.extend(plain_rows(&self.lines(PLAIN_WIDTH)));
        rows.join("\n")
    }

    /// The chart that is open.
    pub fn chart(&mut self) -> Option<&mut Plotted> {
        match self.pages.last_mut() {
            Some(Page::Chart(plotted)) => Some(plotted),
            _ => None,
        }
    }
}

/// The lists apart from each other, where there is room for that.
fn with_space(lines: Vec<Line>, room: usize) -> Vec<Line> {
    let headings = lines.iter().filter(|line| line.id.is_none()).count();
    if lines.len() + headings > room {
        return lines;
    }
    let spaced = lines.into_iter().flat_map(|line| {
        let above = line.id.is_none().then(|| Line::heading(Vec::new()));
        above.into_iter().chain([line])
    });
    spaced.collect()
}

/// Where there is no terminal, nothing is cut off.
const PLAIN_HEIGHT: usize = 1000;
const PLAIN_WIDTH: usize = 100_000;

/// An endpoint is asked more often.
const ASKED_MS: f64 = 10_000.0;

/// Where the agent was away for longer, the chart begins anew.
const MOST_MISSING: usize = 2048;

/// An agent that is well answers long before, when it is asked.
const SLOW: Duration = Duration::from_secs(4);
