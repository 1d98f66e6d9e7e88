//! The table of all series, each with its values in the open window.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::aggregate;
use crate::model::{Distribution, Entry, Kind, Metric, Quantity, Series, Statistics, Unit, growth};

/// Every metric of which there was ever a value, in the order in which they appeared.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Collected>,
    /// The place of each that is not free: checks may have thousands, and a report has a value of each.
    places: HashMap<Rc<Metric>, usize>,
    /// The places that are free.
    free: Vec<usize>,
    /// All other places. In the order of a summary, unless there are new ones: those of the whole first, then
    /// those of each container by its name.
    order: Vec<usize>,
    has_new: bool,
    /// How many samples one window is expected to hold.
    samples: usize,
    /// Whether the statistics of sampled percents have all of the values.
    with_values: bool,
    /// Whether the statistics of checks have all of the values.
    with_numbers: bool,
    /// How many series checks have, and how many they may have.
    checked: Rc<Cell<usize>>,
    most_checked: usize,
    /// When room was last looked for in vain: the other values of the same report need not look again.
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Collected {
    metric: Rc<Metric>,
    taken: Taken,
    values: Values,
    /// By how much a counter of a check grew in the open window.
    grown: f64,
    /// Each sample of the open window, where they are kept.
    samples: Vec<(SystemTime, f64)>,
    /// When it had a value last. Nothing of what checks declare and never gave.
    seen: Option<Instant>,
}

/// How the values of a series come.
#[derive(Debug)]
enum Taken {
    /// At each sample.
    Sampled,
    /// Of the source, a few a window; with the last total of a counter in the window before, from which
    /// this one counts.
    Reported(Option<f64>),
    /// By a check: of a counter that of its last value.
    Checked(Option<Total>),
    /// No more: the place is free for another series.
    Free,
}

/// What a counter of a check stood at.
#[derive(Debug)]
struct Total {
    /// Each check that is opened has metrics of its own.
    metric: Rc<Metric>,
    at: Instant,
    value: f64,
}

/// The values of a series in the open window, in the order of time.
#[derive(Debug)]
enum Values {
    /// Percent at each sample: four bytes each, since a day of them stays in memory, and 0 to 100
    /// needs no more.
    Percents(Vec<f32>),
    /// Of any size: a count of bytes does not fit into four bytes.
    Numbers(Vec<f64>),
    /// Of a check whose values are sent as a whole: what they are so far.
    Whole(Option<Statistics>),
    /// Of a check that gives many at once.
    Many(Distribution),
}

impl Table {
    /// A table for windows of so many samples.
    pub fn new(samples: usize, with_values: bool) -> Self {
        Self {
            rows: Vec::new(),
            places: HashMap::new(),
            free: Vec::new(),
            order: Vec::new(),
            has_new: false,
            samples,
            with_values,
            with_numbers: false,
            checked: Rc::default(),
            most_checked: usize::MAX,
            looked: None,
        }
    }

    /// The same table, which may keep each value of a check.
    pub fn keeping_numbers(self, with_numbers: bool) -> Self {
        Self { with_numbers, ..self }
    }

    /// The same table, which has at most so many series of checks.
    pub fn with_most_checked(self, most_checked: usize) -> Self {
        Self { most_checked, ..self }
    }

    /// Keeps the place of a metric that a check declares: what others discover does not take it.
    pub fn reserve(&mut self, metric: &Metric) {
        self.series(metric, Taken::Checked(None));
    }

    /// How many series checks have, from now on.
    pub fn checked(&self) -> Rc<Cell<usize>> {
        self.checked.clone()
    }

    /// How many samples one window is expected to hold.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The metric of a series of this table.
    pub fn metric(&self, series: Series) -> &Rc<Metric> {
        &self.rows[series.0].metric
    }

    /// The series of a metric with a value at each sample.
    pub fn sampled(&mut self, metric: &Metric) -> Series {
        self.series(metric, Taken::Sampled)
    }

    /// The series of a metric with a value for each report.
    pub fn reported(&mut self, metric: &Metric) -> Series {
        self.series(metric, Taken::Reported(None))
    }

    /// Adds what a check has found to the open window. A counter gives how much it grew in a second since
    /// the run before. The first value of a check that was opened anew is not compared with those of the one
    /// before: it may count something else.
    ///
    /// False where there are as many series as checks may have.
    pub fn check(&mut self, metric: &Rc<Metric>, at: Instant, value: &Quantity) -> bool {
        // What is not finite is no number of which a minimum or a sum could be made.
        let Some(number) = value.number().filter(|number| number.is_finite()) else { return true };
        let series = match self.places.get(metric).copied() {
            Some(place) => Series(place),
            None if self.has_room(at) => self.open(metric.clone(), Taken::Checked(None)),
            None => return false,
        };
        let row = &mut self.rows[series.0];
        row.seen = Some(at);
        if let (Values::Many(all), Quantity::Many(more)) = (&mut row.values, value) {
            all.merge(more);
            return true;
        }
        let value = match &mut row.taken {
            Taken::Checked(before) if metric.kind == Kind::Counter => {
                let total = before.take().filter(|of| Rc::ptr_eq(&of.metric, metric));
                let mut before_it = total.map(|of| (of.at, of.value));
                let growth = grown(&mut before_it, at, number);
                let metric = metric.clone();
                *before = before_it.map(|(at, value)| Total { metric, at, value });
                growth.map(|(grown, seconds)| {
                    row.grown += grown;
                    grown / seconds
                })
            }
            _ => Some(number),
        };
        if let Some(value) = value {
            self.add(series, value);
        }
        true
    }

    /// Whether checks may have one series more. Those that had no value for long make room for others.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.checked.get() < self.most_checked {
            return true;
        }
        if self.looked.replace(now) == Some(now) {
            return false;
        }
        self.forget_old(now);
        self.checked.get() < self.most_checked
    }

    /// Frees the places of the series of checks that had no value for long.
    fn forget_old(&mut self, now: Instant) {
        let is_old = |row: &Collected| {
            let is_unseen = row.seen.is_some_and(|seen| now.duration_since(seen) > OLD);
            matches!(row.taken, Taken::Checked(_)) && is_unseen && row.values.is_empty()
        };
        // A place stays what it is, because the others are known by theirs.
        let (old, others): (Vec<_>, Vec<_>) =
            self.order.iter().partition(|place| is_old(&self.rows[**place]));
        self.order = others;
        for place in &old {
            let row = &mut self.rows[*place];
            row.taken = Taken::Free;
            self.places.remove(&row.metric);
        }
        self.checked.set(self.checked.get() - old.len());
        self.free.extend(old);
    }

    fn series(&mut self, metric: &Metric, taken: Taken) -> Series {
        match self.places.get(metric) {
            Some(place) => Series(*place),
            None => self.open(Rc::new(metric.clone()), taken),
        }
    }

    fn open(&mut self, metric: Rc<Metric>, taken: Taken) -> Series {
        let place = self.free.pop().unwrap_or(self.rows.len());
        self.places.insert(metric.clone(), place);
        self.order.push(place);
        self.has_new = true;
        let is_checked = matches!(taken, Taken::Checked(_));
        self.checked.set(self.checked.get() + usize::from(is_checked));
        let values = match metric.unit {
            Unit::Percent if matches!(taken, Taken::Sampled) => Values::Percents(Vec::new()),
            _ if metric.kind == Kind::Distribution => Values::Many(Distribution::default()),
            _ if matches!(taken, Taken::Checked(_)) && !self.with_numbers => Values::Whole(None),
            _ => Values::Numbers(Vec::new()),
        };
        let (grown, samples) = (0.0, Vec::new());
        let row = Collected { metric, taken, values, grown, samples, seen: None };
        match self.rows.get_mut(place) {
            Some(old) => *old = row,
            None => self.rows.push(row),
        }
        Series(place)
    }

    /// Adds a value to the open window.
    pub fn add(&mut self, series: Series, value: f64) {
        let row = &mut self.rows[series.0];
        match &mut row.values {
            Values::Percents(values) => {
                // A container has fewer values, as many as the endpoint gives.
                if values.capacity() == 0 && row.metric.dimensions.is_empty() {
                    // At once, so that no sample has to move the ones before it.
                    values.reserve_exact(self.samples);
                }
                values.push(value as f32);
            }
            Values::Numbers(values) => values.push(value),
            Values::Whole(whole) => whole.get_or_insert_with(Statistics::of_none).add(value),
            Values::Many(many) => many.add(value, 1),
        }
    }

    /// Keeps a sample of the open window with its time.
    pub fn keep(&mut self, series: Series, at: SystemTime, value: f64) {
        self.rows[series.0].samples.push((at, value));
    }

    /// Notes the total of a counter before the first window, from which that one counts.
    pub fn begin(&mut self, series: Series, total: f64) {
        self.rows[series.0].taken = Taken::Reported(Some(total));
    }

    /// Whether a sample of the open window, or a check, had a value.
    pub fn has_value(&self) -> bool {
        let is_measured = |row: &Collected| !matches!(row.taken, Taken::Reported(_));
        self.rows.iter().any(|row| is_measured(row) && !row.values.is_empty())
    }

    /// What the values of the window that ends have become. `None` where there is none. The table is then
    /// ready for the next window.
    pub fn reduce(&mut self) -> Option<Vec<Entry>> {
        if !self.has_value() {
            // What a counter counts in such a window is left to the next one.
            self.rows.iter_mut().for_each(|row| row.values.clear());
            return None;
        }
        if std::mem::take(&mut self.has_new) {
            // In a window in which a number has its first value it is not the last one for that.
            let rank = |of: &Metric| of.number().map_or(usize::MAX, |number| number as usize);
            let rank = |place: &usize| {
                let Collected { metric, taken, .. } = &self.rows[*place];
                (matches!(taken, Taken::Checked(_)), &metric.dimensions, rank(metric))
            };
            // Those that are equal stay in the order in which they appeared.
            self.order.sort_by_cached_key(rank);
        }
        let mut entries = Vec::new();
        for place in &self.order {
            let row = &mut self.rows[*place];
            let statistics = row.reduce(self.with_values, self.with_numbers);
            let metric = row.metric.clone();
            entries.extend(statistics.map(|statistics| Entry { metric, statistics }));
        }
        if self.checked.get() >= self.most_checked {
            // Who hands values to a check is told that there is no room before anything comes here that would look
            // for some.
            self.forget_old(Instant::now());
        }
        Some(entries)
    }
}

impl Values {
    fn is_empty(&self) -> bool {
        match self {
            Self::Percents(values) => values.is_empty(),
            Self::Numbers(values) => values.is_empty(),
            Self::Whole(whole) => whole.is_none(),
            Self::Many(many) => many.is_empty(),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::Percents(values) => values.clear(),
            Self::Numbers(values) => values.clear(),
            Self::Whole(whole) => *whole = None,
            Self::Many(many) => *many = Distribution::default(),
        }
    }
}

impl Collected {
    fn reduce(&mut self, with_values: bool, with_numbers: bool) -> Option<Statistics> {
        let statistics = match &mut self.values {
            Values::Percents(values) => {
                let statistics = aggregate::statistics(values);
                let counts = if with_values { aggregate::counts(values) } else { Vec::new() };
                statistics.map(|statistics| Statistics { values: counts, ..statistics })
            }
            Values::Numbers(values) => {
                match &mut self.taken {
                    Taken::Reported(carried) if self.metric.kind == Kind::Counter => {
                        count_from(carried, values);
                    }
                    _ => {}
                }
                let statistics = aggregate::statistics(values);
                let has_all = with_numbers && matches!(self.taken, Taken::Checked(_));
                let numbers = if has_all { aggregate::sorted(values) } else { Vec::new() };
                statistics.map(|statistics| Statistics { numbers, ..statistics })
            }
            Values::Whole(whole) => whole.take(),
            Values::Many(many) => (!many.is_empty()).then(|| Statistics::of_many(many)),
        };
        self.values.clear();
        let (grown, samples) = (std::mem::take(&mut self.grown), std::mem::take(&mut self.samples));
        statistics.map(|statistics| Statistics { grown, samples, ..statistics })
    }
}

/// Puts the last total of the window before in front of the totals of a counter, and keeps the last
/// of these for the next window.
fn count_from(carried: &mut Option<f64>, totals: &mut Vec<f64>) {
    let newest = totals.last().copied();
    totals.splice(..0, carried.take());
    *carried = newest;
    // One total alone says nothing: what it counted may be of long ago.
    if totals.len() < 2 || newest.is_none() {
        totals.clear();
    }
}

/// How much a counter grew in a second since it stood at `before`, which becomes what it is now.
pub fn a_second(before: &mut Option<(Instant, f64)>, at: Instant, total: f64) -> Option<f64> {
    grown(before, at, total).map(|(grown, seconds)| grown / seconds)
}

/// How much it grew, and in how many seconds.
fn grown(before: &mut Option<(Instant, f64)>, at: Instant, total: f64) -> Option<(f64, f64)> {
    let (then, earlier) = *before.get_or_insert((at, total));
    let elapsed = at.saturating_duration_since(then);
    if elapsed < MIN_INTERVAL {
        // It is left to the next run, which covers its time.
        return None;
    }
    *before = Some((at, total));
    Some((growth(earlier, total), elapsed.as_secs_f64()))
}

/// After so long without a value a series of a check makes room for another: twice the longest period of
/// checks, and CloudWatch charges for the hours in which a metric has a value.
const OLD: Duration = Duration::from_secs(3600);

/// Over less than this a rate would be made of the kernel's own rounding: CPU time is counted in ticks of
/// 10 ms, a fifth of this.
pub const MIN_INTERVAL: Duration = Duration::from_millis(50);
