//! What has come together since the start: sums and histograms that are cumulative.
//!
//! The figures of a window are made once, when it is seen first, and stay the same however often it is sent: a
//! receiver that has it already takes it for the same point. Windows that are dropped are in those of later
//! ones, so the next point that arrives makes good for them.

use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::time::SystemTime;

use super::histogram::Histogram;
use super::wire::Writer;
use crate::config::Deltas;
use crate::model::{Entry, Kind, Metric, Numbers, Summary};

/// The totals of all series, and the figures of each window that may still be sent.
#[derive(Debug)]
pub struct Totals {
    deltas: Deltas,
    /// The numbers that are published.
    numbers: Numbers,
    series: HashMap<Rc<Metric>, Series>,
    windows: Vec<(Weak<Summary>, Vec<Option<Figure>>)>,
    /// How many windows were seen.
    seen: u64,
}

/// What has come together of one series.
#[derive(Debug)]
struct Series {
    start: SystemTime,
    total: Total,
    /// The number of the window in which it had a value last.
    seen: u64,
}

#[derive(Debug)]
enum Total {
    Sum(f64),
    Histogram(Histogram),
}

/// What a window says of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Since when.
    pub start: SystemTime,
    pub amount: Amount,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    Sum(f64),
    /// Its fields, as they are sent.
    Histogram(Rc<[u8]>),
}

/// What kind of figure an entry has.
enum Form {
    Sum,
    Histogram,
}

impl Totals {
    pub fn new(deltas: Deltas, numbers: Numbers) -> Self {
        let (series, windows) = (HashMap::new(), Vec::new());
        Self { deltas, numbers, series, windows, seen: 0 }
    }

    /// Adds a window. It has to be called once for each, in their order.
    pub fn add(&mut self, summary: &Rc<Summary>) {
        // Nobody can send those any more.
        self.windows.retain(|(window, _)| window.strong_count() > 0);
        self.seen += 1;
        let figures = summary.entries.iter().map(|entry| self.figure(summary, entry));
        let figures: Vec<_> = figures.collect();
        if figures.iter().any(Option::is_some) {
            self.windows.push((Rc::downgrade(summary), figures));
        }
        let seen = self.seen;
        self.series.retain(|_, series| seen - series.seen < FORGOTTEN);
    }

    /// The figure of an entry of a window. Of a window that was not added it is of that alone.
    pub fn of(&self, summary: &Summary, place: usize) -> Option<Figure> {
        let is_it = |window: &Weak<Summary>| std::ptr::eq(window.as_ptr(), summary);
        let added = self.windows.iter().rev().find(|(window, _)| is_it(window));
        match added {
            Some((_, figures)) => figures.get(place)?.clone(),
            None => {
                let entry = summary.entries.get(place)?;
                Some(alone(summary, entry, &self.form(entry)?))
            }
        }
    }

    fn figure(&mut self, summary: &Summary, entry: &Entry) -> Option<Figure> {
        let form = self.form(entry)?;
        let is_delta = match form {
            Form::Sum => self.deltas.sums,
            Form::Histogram => self.deltas.histograms,
        };
        if is_delta {
            return Some(alone(summary, entry, &form));
        }
        let start = summary.start;
        let new = || Series {
            start,
            total: match form {
                Form::Sum => Total::Sum(0.0),
                Form::Histogram => Total::Histogram(Histogram::default()),
            },
            seen: 0,
        };
        let series = self.series.entry(entry.metric.clone()).or_insert_with(new);
        if start < series.start {
            // The clock was set back: no time may lie before the start, so it begins anew.
            *series = new();
        }
        series.seen = self.seen;
        let amount = match &mut series.total {
            Total::Sum(sum) => {
                *sum += growth(entry);
                Amount::Sum(*sum)
            }
            Total::Histogram(histogram) => {
                fill(histogram, entry);
                written(histogram, false)
            }
        };
        Some(Figure { start: series.start, amount })
    }

    fn form(&self, entry: &Entry) -> Option<Form> {
        let metric = &entry.metric;
        match (metric.number(), metric.kind) {
            (Some(number), _) if !self.numbers.contains(number) => None,
            (Some(_), Kind::Counter) => Some(Form::Sum),
            (Some(number), _) if number.has_distribution() => Some(Form::Histogram),
            (Some(_), _) => None,
            (None, _) if metric.published.is_none() => None,
            (None, Kind::Counter | Kind::Count) => Some(Form::Sum),
            (None, Kind::Distribution) => Some(Form::Histogram),
            (None, Kind::Gauge) => None,
        }
    }
}

/// What a window by itself says.
fn alone(summary: &Summary, entry: &Entry, form: &Form) -> Figure {
    let amount = match form {
        Form::Sum => Amount::Sum(growth(entry)),
        Form::Histogram => {
            let mut histogram = Histogram::default();
            fill(&mut histogram, entry);
            written(&histogram, true)
        }
    };
    Figure { start: summary.start, amount }
}

fn written(histogram: &Histogram, has_range: bool) -> Amount {
    let mut writer = Writer::default();
    histogram.write(&mut writer, has_range);
    Amount::Histogram(writer.into_bytes().into())
}

/// By how much a counter grew. One that went back says nothing.
fn growth(entry: &Entry) -> f64 {
    let Entry { metric, statistics } = entry;
    let growth = match metric.number() {
        Some(_) => statistics.growth().unwrap_or_default(),
        // Some applications count down, and a sum never does.
        None if metric.kind == Kind::Count => (statistics.mean * statistics.count as f64).max(0.0),
        None => statistics.grown,
    };
    if growth.is_finite() { growth } else { 0.0 }
}

/// Adds all values of a window.
fn fill(histogram: &mut Histogram, entry: &Entry) {
    let statistics = &entry.statistics;
    for value in &statistics.values {
        // A division, so that the numbers are those of the decimal fractions.
        histogram.add(f64::from(value.hundredths) / 10_000.0, u64::from(value.count));
    }
    for counted in &statistics.spread {
        histogram.add(counted.value, counted.count);
    }
}

/// A series that had no value in so many windows begins anew, so that what comes and goes, such as containers,
/// does not stay in memory.
const FORGOTTEN: u64 = 1440;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::tests::{checked, entry, reported, sampled, summary, with_values};
    use crate::model::{Number, Unit};

    const CUMULATIVE: Deltas = Deltas { sums: false, histograms: false };

    fn totals(deltas: Deltas) -> Totals {
        Totals::new(deltas, Numbers::of(&[Number::Cpu, Number::OomKills]))
    }

    /// The window of a minute with a growth of OOM kills and one value of CPU, in hundredths of a percent.
    fn window(minute: u32, kills: f64, hundredths: u16) -> Rc<Summary> {
        let cpu = with_values(sampled(1, 1.0, 2.0), &[(hundredths, 1)]);
        let kills = entry(Number::OomKills, None, reported(5.0, 5.0 + kills));
        let mut window = summary(vec![entry(Number::Cpu, None, cpu), kills]);
        let by = Duration::from_secs(60) * minute;
        (window.start, window.end) = (window.start + by, window.end + by);
        Rc::new(window)
    }

    fn kills(totals: &Totals, window: &Rc<Summary>) -> (SystemTime, f64) {
        match totals.of(window, 1) {
            Some(Figure { start, amount: Amount::Sum(sum) }) => (start, sum),
            other => panic!("a sum: {other:?}"),
        }
    }

    fn histogram(values: &[f64]) -> Amount {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.add(*value, 1));
        written(&histogram, false)
    }

    #[test]
    fn a_window_keeps_its_figures_and_those_that_were_dropped_are_in_the_next() {
        let mut totals = totals(CUMULATIVE);
        let windows = [window(0, 1.0, 1000), window(1, 2.0, 0), window(2, 4.0, 9000)];
        let start = windows[0].start;
        let [first, dropped, last] = windows;
        totals.add(&first);
        assert_eq!(kills(&totals, &first), (start, 1.0));
        totals.add(&dropped);
        drop(dropped);
        totals.add(&last);
        assert_eq!(totals.windows.len(), 2, "that which was dropped is forgotten");
        for _ in 0..2 {
            assert_eq!(kills(&totals, &first), (start, 1.0));
            assert_eq!(kills(&totals, &last), (start, 7.0));
        }
        let all = totals.of(&last, 0).expect("a histogram");
        assert_eq!(all, Figure { start, amount: histogram(&[0.1, 0.0, 0.9]) });
    }

    #[test]
    fn a_delta_is_of_its_window_alone() {
        let mut totals = totals(Deltas { sums: true, histograms: true });
        let windows = [window(0, 1.0, 1000), window(1, 2.0, 0)];
        windows.iter().for_each(|window| totals.add(window));
        assert_eq!(kills(&totals, &windows[1]), (windows[1].start, 2.0));
        assert!(totals.series.is_empty());
    }

    #[test]
    fn counts_of_several_runs_in_a_window_add_up_and_are_never_taken_back() {
        let mut totals = totals(CUMULATIVE);
        let window = |numbers: &[f64]| {
            let mut jobs = checked("app", None, "Jobs", Unit::Count, numbers);
            Rc::make_mut(&mut jobs.metric).kind = Kind::Count;
            Rc::new(summary(vec![jobs]))
        };
        let windows = [window(&[2.0, 0.0, 5.0]), window(&[-3.0]), window(&[1.0])];
        windows.iter().for_each(|window| totals.add(window));
        let sums = windows.each_ref().map(|window| totals.of(window, 0).expect("a sum").amount);
        assert_eq!(sums, [7.0, 7.0, 8.0].map(Amount::Sum));
    }

    #[test]
    fn after_a_clock_that_was_set_back_it_begins_anew() {
        let mut totals = totals(CUMULATIVE);
        let windows = [window(5, 1.0, 1), window(0, 2.0, 1), window(1, 3.0, 1)];
        windows.iter().for_each(|window| totals.add(window));
        assert_eq!(kills(&totals, &windows[0]), (windows[0].start, 1.0));
        assert_eq!(kills(&totals, &windows[2]), (windows[1].start, 5.0));
    }

    #[test]
    fn what_has_no_value_for_long_is_forgotten() {
        let mut totals = totals(CUMULATIVE);
        totals.add(&window(0, 1.0, 1));
        let empty = Rc::new(summary(Vec::new()));
        (1..FORGOTTEN).for_each(|_| totals.add(&empty));
        assert_eq!(totals.series.len(), 2);
        totals.add(&empty);
        assert_eq!(totals.series.len(), 0);
        assert!(totals.windows.is_empty());
    }

    #[test]
    fn what_is_not_published_is_not_kept() {
        let mut totals = Totals::new(CUMULATIVE, Numbers::of(&[Number::Memory]));
        let window = window(0, 1.0, 1);
        totals.add(&window);
        assert_eq!((totals.series.len(), totals.of(&window, 0)), (0, None));
    }
}
