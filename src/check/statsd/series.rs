//! What applications have sent since the last run, by name and tags.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};

use super::line::{self, Kind, Line};
use crate::model::{self, Dimensions, Discovered, Distribution, Finding, Quantity, Unit};
use crate::sorted::sort_by;

/// All series, each with its values since the last run.
pub struct All {
    series: HashMap<String, Series>,
    most: usize,
    hasher: RandomState,
    /// How many members all sets have together.
    members: usize,
    /// The key of the line that is being taken; kept so that a line needs no memory of its own.
    key: String,
    pub counts: Counts,
}

/// How many lines there were, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub datagrams: u64,
    pub lines: u64,
    /// Not understood.
    pub bad: u64,
    /// Of series above the limit.
    pub dropped: u64,
    /// Of sets, whose members are above the limit of all sets.
    pub dropped_members: u64,
}

struct Series {
    kind: Kind,
    name: String,
    dimensions: Dimensions,
    values: Values,
    /// How many runs have found nothing.
    idle_runs: u32,
}

enum Values {
    /// The sum since the last run.
    Count(f64),
    /// The newest, and whether it is of after the last run.
    Gauge(f64, bool),
    Many(Distribution),
    /// The members by their hashes.
    Set(HashSet<u64>),
}

impl All {
    pub fn new(most: usize) -> Self {
        let (series, hasher, counts) = (HashMap::new(), RandomState::new(), Counts::default());
        Self { series, most, hasher, members: 0, key: String::new(), counts }
    }

    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Takes all lines of a datagram. The error is what was expected of the first bad one, with its text.
    pub fn take(&mut self, datagram: &[u8]) -> Result<(), String> {
        self.counts.datagrams += 1;
        let mut result = Ok(());
        for line in datagram.split(|byte| *byte == b'\n') {
            let text = str::from_utf8(line).map(|line| line.trim_matches(['\r', ' ', '\0']));
            let taken = match text {
                Ok("") => continue,
                Ok(text) if line::is_foreign(text) => continue,
                Ok(text) => self.take_line(text),
                Err(_) => Err("text in UTF-8"),
            };
            self.counts.lines += 1;
            if let Err(expected) = taken {
                self.counts.bad += 1;
                if result.is_ok() {
                    let shown: String = String::from_utf8_lossy(line).chars().take(SHOWN).collect();
                    result = Err(format!("{shown:?}: expected {expected}"));
                }
            }
        }
        result
    }

    fn take_line(&mut self, text: &str) -> Result<(), &'static str> {
        let line = line::parse(text)?;
        if super::TYPE.metric(line.name).is_some() {
            return Err("another name: this one is reserved");
        }
        self.key.clear();
        self.key.push_str(line.name);
        for (name, value) in &line.tags {
            // Writing to a String cannot fail.
            let _ = write!(self.key, "\0{name}\0{value}");
        }
        let is_full = self.series.len() >= self.most;
        let series = match self.series.get_mut(&self.key) {
            Some(known) => known,
            None if is_full => {
                self.counts.dropped += 1;
                return Ok(());
            }
            None => self.series.entry(self.key.clone()).or_insert_with(|| Series::of(&line)),
        };
        if series.kind != line.kind {
            return Err("the type that this name with these tags had before");
        }
        series.idle_runs = 0;
        if let Values::Set(members) = &mut series.values {
            let member = self.hasher.hash_one(line.values);
            if self.members < MOST_MEMBERS {
                self.members += usize::from(members.insert(member));
            } else if !members.contains(&member) {
                self.counts.dropped_members += 1;
            }
            return Ok(());
        }
        series.take(&line);
        Ok(())
    }

    /// What was sent since the last call. A counter of which nothing was sent is 0.
    pub fn findings(&mut self) -> Vec<Finding> {
        self.members = 0;
        let mut found: Vec<_> = self.series.values_mut().filter_map(Series::finding).collect();
        self.series.retain(|_, series| series.idle_runs <= MOST_IDLE_RUNS);
        sort_by(&mut found, |one, other| {
            (&one.name, &one.dimensions).cmp(&(&other.name, &other.dimensions))
        });
        found
    }
}

impl Series {
    fn of(line: &Line<'_>) -> Self {
        let tags =
            line.tags.iter().map(|(name, value)| ((*name).to_owned().into(), (*value).into()));
        let values = match line.kind {
            Kind::Counter => Values::Count(0.0),
            Kind::Gauge => Values::Gauge(0.0, false),
            Kind::Timer | Kind::Histogram => Values::Many(Distribution::default()),
            Kind::Set => Values::Set(HashSet::new()),
        };
        let (kind, name, dimensions) = (line.kind, line.name.to_owned(), tags.collect());
        Self { kind, name, dimensions, values, idle_runs: 0 }
    }

    fn take(&mut self, line: &Line<'_>) {
        for text in line.values.split(':') {
            let Ok(value) = text.parse::<f64>() else { continue };
            // A sign means a change.
            let is_change = text.starts_with(['+', '-']);
            match &mut self.values {
                Values::Count(sum) => *sum = finite(*sum + value * line.weight),
                Values::Gauge(newest, is_new) => {
                    *newest = if is_change { finite(*newest + value) } else { value };
                    *is_new = true;
                }
                Values::Many(many) => many.add(value, line.weight.round() as u64),
                Values::Set(_) => {}
            }
        }
    }

    fn finding(&mut self) -> Option<Finding> {
        let (quantity, is_idle) = match &mut self.values {
            Values::Count(sum) => {
                let count = std::mem::take(sum);
                (Some(Quantity::Number(count)), count == 0.0)
            }
            Values::Gauge(newest, is_new) => {
                let is_new = std::mem::take(is_new);
                (is_new.then_some(Quantity::Number(*newest)), !is_new)
            }
            Values::Many(many) => {
                let many = std::mem::take(many);
                let is_empty = many.is_empty();
                ((!is_empty).then_some(Quantity::Many(many)), is_empty)
            }
            Values::Set(members) => {
                let members = std::mem::take(members);
                (Some(Quantity::Number(members.len() as f64)), members.is_empty())
            }
        };
        self.idle_runs = if is_idle { self.idle_runs + 1 } else { 0 };
        let unit = match self.kind {
            Kind::Counter | Kind::Set => Unit::Count,
            Kind::Timer => Unit::Milliseconds,
            Kind::Gauge | Kind::Histogram => Unit::None,
        };
        let (kind, form) = match self.kind {
            Kind::Timer | Kind::Histogram => (model::Kind::Distribution, "distribution"),
            Kind::Counter => (model::Kind::Count, "double"),
            // Who was counted in one run may be counted in the next.
            Kind::Gauge | Kind::Set => (model::Kind::Gauge, "double"),
        };
        let discovered = Some(Discovered { unit, kind, form, ..Discovered::NUMBER });
        let (name, dimensions) = (self.name.clone().into(), self.dimensions.clone());
        Some(Finding { name, dimensions, discovered, quantity: quantity? })
    }
}

/// The largest number instead of an infinite one, which would never become a number again.
fn finite(number: f64) -> f64 {
    number.clamp(f64::MIN, f64::MAX)
}

/// Runs without a value after which a series is forgotten: an hour at the default period.
const MOST_IDLE_RUNS: u32 = 60;

/// Members of all sets that are told apart between two runs: some 2 MB.
pub const MOST_MEMBERS: usize = 100_000;

/// Characters of a bad line in the log.
const SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, dimensions and value of all.
    fn found(all: &mut All) -> Vec<(String, String, f64)> {
        let brief = |of: Finding| {
            let own = of.dimensions.iter().map(|(name, value)| format!("{name}={value}"));
            let value = of.quantity.number().expect("a number");
            (of.name.to_string(), own.collect::<Vec<_>>().join(","), value)
        };
        all.findings().into_iter().map(brief).collect()
    }

    fn expect(expected: &[(&str, &str, f64)]) -> Vec<(String, String, f64)> {
        expected.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), *c)).collect()
    }

    #[test]
    fn counters_are_the_sum_since_the_last_run_and_gauges_the_newest() {
        let mut all = All::new(10);
        all.take(b"c:1|c\nc:2|c|@0.5\nc:-1|c\ng:5|g\ng:+2|g\ng:-3|g\r\n\nu:a|s\nu:b|s\nu:a|s")
            .expect("valid");
        assert_eq!(found(&mut all), expect(&[("c", "", 4.0), ("g", "", 4.0), ("u", "", 2.0)]));
        // Of a gauge that was not sent nothing is known; of a counter it is known that nothing happened.
        assert_eq!(found(&mut all), expect(&[("c", "", 0.0), ("u", "", 0.0)]));
        all.take(b"g:-1|g").expect("valid");
        assert_eq!(found(&mut all)[1], ("g".to_owned(), String::new(), 3.0));
    }

    #[test]
    fn timers_are_distributions_and_a_rate_counts_for_more() {
        let mut all = All::new(10);
        all.take(b"t:10:20|ms\nt:100|ms|@0.1").expect("valid");
        let found = all.findings();
        let Quantity::Many(many) = &found[0].quantity else { panic!("a distribution") };
        assert_eq!((many.count(), many.min(), many.max()), (12, 10.0, 100.0));
        assert_eq!(found[0].discovered.as_ref().map(|of| of.unit), Some(Unit::Milliseconds));
        assert!(all.findings().is_empty());
    }

    #[test]
    fn what_is_too_large_stays_a_number() {
        let mut all = All::new(10);
        let lines = b"c:1e308|c|@0.01\nc:1e308|c\ng:1e308|g\ng:+1e308|g\ng:-1e308|g";
        all.take(lines).expect("valid");
        let small = f64::MAX - 1e308;
        assert_eq!(found(&mut all), expect(&[("c", "", f64::MAX), ("g", "", small)]));
    }

    #[test]
    fn tags_in_any_order_are_the_same_series() {
        let mut all = All::new(10);
        all.take("a:1|c|#x:1,y\na:1|c|#y:,x:1\na:1|c|#y:true,x:1\na:1|c|#x:é,x:2".as_bytes())
            .expect("valid");
        assert_eq!(found(&mut all), expect(&[("a", "x=1,y=true", 3.0), ("a", "x=2", 1.0)]));
    }

    #[test]
    fn above_the_limit_lines_are_counted_and_known_series_go_on() {
        let mut all = All::new(2);
        all.take(b"a:1|c\nb:1|c\nc:1|c\nd:1|c\na:1|c").expect("valid");
        assert_eq!((all.counts.lines, all.counts.dropped, all.len()), (5, 2, 2));
        assert_eq!(found(&mut all), expect(&[("a", "", 2.0), ("b", "", 1.0)]));
        // What was idle for long makes room.
        for _ in 0..=MOST_IDLE_RUNS {
            all.findings();
        }
        all.take(b"c:1|c").expect("valid");
        assert_eq!(found(&mut all), expect(&[("c", "", 1.0)]));
    }

    #[test]
    fn all_sets_share_one_limit_and_what_is_above_it_is_counted() {
        let mut all = All::new(10);
        for number in 0..MOST_MEMBERS {
            all.take(format!("u{}:{number}|s", number % 2).as_bytes()).expect("valid");
        }
        all.take(b"u0:0|s\nu0:new|s\nu2:new|s").expect("valid");
        assert_eq!((all.counts.dropped, all.counts.dropped_members), (0, 2));
        let half = MOST_MEMBERS as f64 / 2.0;
        assert_eq!(found(&mut all), expect(&[("u0", "", half), ("u1", "", half), ("u2", "", 0.0)]));
        all.take(b"u0:new|s").expect("valid");
        assert_eq!(found(&mut all)[0].2, 1.0, "the next run begins anew");
    }

    #[test]
    fn bad_lines_are_counted_and_the_first_is_told() {
        let mut all = All::new(10);
        let error = all
            .take(b"a:1|c\nhello\na:1|g\nbad_lines:1|c\n\xff:1|c\n_sc|x|0")
            .expect_err("bad lines");
        assert_eq!(error, "\"hello\": expected name:value|type, such as jobs:1|c");
        assert_eq!(all.counts, Counts { datagrams: 1, lines: 5, bad: 4, ..Counts::default() });
        assert_eq!(found(&mut all), expect(&[("a", "", 1.0)]));
    }
}
