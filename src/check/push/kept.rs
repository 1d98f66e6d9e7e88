//! What was handed in since the last run, by name and dimensions.

use std::collections::HashMap;
use std::fmt::Write;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::check::plugin::unit;
use crate::model::{
    Dimensions, Discovered, Distribution, Finding, Kind, PUSHED, Pushed, Quantity, TARGET, Unit,
    growth,
};
use crate::sorted::sort_by;

/// All series, each with its values since the last run.
pub struct Kept {
    series: HashMap<String, Series>,
    most: usize,
    /// How many of them are to be published, and no run has reported so far.
    unreported: usize,
}

struct Series {
    name: String,
    dimensions: Dimensions,
    unit: (Unit, Option<Rc<str>>),
    values: Values,
    /// When it had a value last.
    used: Instant,
}

enum Values {
    /// Those since the last run.
    Gauge(Distribution),
    Counter(Counter),
}

struct Counter {
    /// What was handed in last, and for when.
    newest: f64,
    time: SystemTime,
    /// How much was counted, also before what counts was started again.
    total: f64,
    is_new: bool,
}

impl Kept {
    pub fn new(most: usize) -> Self {
        Self { series: HashMap::new(), most, unreported: 0 }
    }

    pub fn unreported(&self) -> usize {
        self.unreported
    }

    /// Takes a value, and says what it is of.
    pub fn put(
        &mut self,
        value: &Pushed,
        new: Result<bool, &'static str>,
    ) -> Result<Discovered, String> {
        let mut key = value.name.clone();
        let mut dimensions = value.dimensions.clone();
        // In any order they are the same.
        dimensions.sort_unstable();
        for (name, of) in &dimensions {
            // Writing to a String cannot fail.
            let _ = write!(key, "\0{name}\0{of}");
        }
        if let Some(known) = self.series.get_mut(&key) {
            known.take(value)?;
            return Ok(known.discovered());
        }
        if let Some(name) = self.named_alike(value) {
            return Err(format!(
                "metric {name} is there already, of another target: give one of them another name"
            ));
        }
        let is_published = new?;
        if self.series.len() >= self.most {
            self.forget_idle();
        }
        if self.series.len() >= self.most {
            let most = self.most;
            return Err(format!(
                "the check keeps {most} series: raise series, or send fewer names and dimensions"
            ));
        }
        self.unreported += usize::from(is_published);
        let series = Series::of(value, dimensions);
        let discovered = series.discovered();
        self.series.insert(key, series);
        Ok(discovered)
    }

    /// The whole name of a new metric, if there is another one whose target and name make the same.
    fn named_alike(&self, value: &Pushed) -> Option<String> {
        let whole = match &value.dimensions[..] {
            [] => value.name.clone(),
            [(name, target)] if *name == TARGET => format!("{target}.{}", value.name),
            _ => return None,
        };
        let mut splits = whole.match_indices('.');
        let is_there = self.series.contains_key(&whole)
            || splits.any(|(at, _)| {
                let (target, name) = (&whole[..at], &whole[at + 1..]);
                self.series.contains_key(&format!("{name}\0{TARGET}\0{target}"))
            });
        is_there.then_some(whole)
    }

    /// What was handed in since the last call.
    pub fn findings(&mut self) -> Vec<Finding> {
        self.unreported = 0;
        let mut found: Vec<_> = self.series.values_mut().filter_map(Series::finding).collect();
        self.forget_idle();
        sort_by(&mut found, |one, other| {
            (&one.name, &one.dimensions).cmp(&(&other.name, &other.dimensions))
        });
        found
    }

    fn forget_idle(&mut self) {
        self.series.retain(|_, of| !of.is_empty() || of.used.elapsed() < FORGOTTEN);
    }
}

impl Series {
    fn of(first: &Pushed, dimensions: Dimensions) -> Self {
        let value = first.value;
        let values = match first.kind {
            Some(Kind::Counter) => Values::Counter(Counter {
                newest: value,
                time: first.time,
                total: value,
                is_new: true,
            }),
            _ => {
                let mut many = Distribution::default();
                many.add(value, 1);
                Values::Gauge(many)
            }
        };
        Self {
            name: first.name.clone(),
            dimensions,
            unit: unit::named(first.unit.as_deref().unwrap_or_default()),
            values,
            used: Instant::now(),
        }
    }

    fn take(&mut self, value: &Pushed) -> Result<(), String> {
        let kind = self.kind();
        if let Some(other) = value.kind.filter(|other| *other != kind) {
            let (name, kind, other) = (&self.name, kind.name(), other.name());
            return Err(format!(
                "metric {name} is a {kind} since its first value, not a {other}: give one of them another name"
            ));
        }
        if let Some(word) = value.unit.as_deref().filter(|word| unit::named(word) != self.unit) {
            let name = &self.name;
            return Err(format!(
                "metric {name} has another unit than {word:?} since its first value: give one of them another name"
            ));
        }
        match &mut self.values {
            Values::Gauge(many) => many.add(value.value, 1),
            Values::Counter(counter) => {
                if value.time < counter.time {
                    let name = &self.name;
                    return Err(format!(
                        "metric {name} has a newer value: hand in a counter in the order of time"
                    ));
                }
                let total = counter.total + growth(counter.newest, value.value);
                let total = total.clamp(f64::MIN, f64::MAX);
                *counter = Counter { newest: value.value, time: value.time, total, is_new: true };
            }
        }
        self.used = Instant::now();
        Ok(())
    }

    fn kind(&self) -> Kind {
        Kind::of_total(matches!(self.values, Values::Counter(_)))
    }

    fn is_empty(&self) -> bool {
        match &self.values {
            Values::Gauge(many) => many.is_empty(),
            Values::Counter(counter) => !counter.is_new,
        }
    }

    /// What its metric is for who hands something in.
    fn discovered(&self) -> Discovered {
        let (unit, unit_word) = self.unit.clone();
        Discovered { unit, unit_word, kind: self.kind(), form: PUSHED }
    }

    fn finding(&mut self) -> Option<Finding> {
        if self.is_empty() {
            return None;
        }
        let (kind, quantity) = match &mut self.values {
            // Smallest, largest and number of the values stay exact.
            Values::Gauge(many) => (Kind::Distribution, Quantity::Many(std::mem::take(many))),
            Values::Counter(counter) => {
                counter.is_new = false;
                (Kind::Counter, Quantity::Number(counter.total))
            }
        };
        let (name, dimensions) = (self.name.clone().into(), self.dimensions.clone());
        let discovered = Some(Discovered { kind, ..self.discovered() });
        Some(Finding { name, dimensions, discovered, quantity })
    }
}

/// After so long without a value a series makes room for another, as in the windows.
const FORGOTTEN: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(name: &str, kind: Option<Kind>, value: f64, seconds: u64) -> Pushed {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Pushed { name: name.to_owned(), dimensions: vec![], unit: None, kind, value, time }
    }

    fn put(kept: &mut Kept, name: &str, value: f64) -> Result<Kind, String> {
        kept.put(&pushed(name, None, value, 0), Ok(true)).map(|of| of.kind)
    }

    #[tokio::test(start_paused = true)]
    async fn many_values_of_a_gauge_are_counted_exactly() {
        let mut kept = Kept::new(10);
        for value in [5.0, -1.0, 7.5] {
            assert_eq!(put(&mut kept, "g", value), Ok(Kind::Gauge));
        }
        assert_eq!(kept.unreported(), 1);
        let found = kept.findings();
        let Quantity::Many(many) = &found[0].quantity else { panic!("a distribution") };
        assert_eq!((many.count(), many.min(), many.max()), (3, -1.0, 7.5));
        assert_eq!((kept.unreported(), kept.findings().len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn no_two_series_have_one_whole_name() {
        let of_target = |target: &str, name: &str| Pushed {
            dimensions: vec![(TARGET.into(), target.to_owned().into())],
            ..pushed(name, None, 1.0, 0)
        };
        for (first, second) in [
            (pushed("b.c", None, 1.0, 0), of_target("b", "c")),
            (of_target("b", "c"), pushed("b.c", None, 1.0, 0)),
            (of_target("a", "b.c"), of_target("a.b", "c")),
        ] {
            let mut kept = Kept::new(10);
            assert!(kept.put(&first, Ok(true)).is_ok());
            let refused = kept.put(&second, Ok(true)).map(drop);
            let refused = refused.expect_err("it is named alike");
            assert!(
                refused.ends_with(
                    "is there already, of another target: give one of them another name"
                )
            );
            assert!(kept.put(&of_target("x", "c"), Ok(true)).is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_counter_that_starts_again_between_two_runs_loses_nothing() {
        let mut kept = Kept::new(10);
        let mut put = |value, seconds| {
            kept.put(&pushed("c", Some(Kind::Counter), value, seconds), Ok(true)).map(|of| of.kind)
        };
        for (value, seconds) in [(40.0, 1), (100.0, 2), (5.0, 3), (50.0, 3)] {
            assert_eq!(put(value, seconds), Ok(Kind::Counter));
        }
        let late = put(60.0, 2).expect_err("there is a newer one");
        assert_eq!(late, "metric c has a newer value: hand in a counter in the order of time");
        // 40, 60 more, then 5 and 45 more.
        assert_eq!(kept.findings()[0].quantity, Quantity::Number(150.0));
        assert!(kept.findings().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_metric_stays_what_its_first_value_was() {
        let mut kept = Kept::new(10);
        let of = |unit: Option<&str>, kind| Pushed {
            unit: unit.map(str::to_owned),
            ..pushed("size", kind, 1.0, 0)
        };
        assert!(kept.put(&of(Some("B"), None), Ok(true)).is_ok_and(|of| of.unit == Unit::Bytes));
        for (unit, kind) in [(None, None), (Some("bytes"), Some(Kind::Gauge))] {
            assert!(kept.put(&of(unit, kind), Err("full")).is_ok());
        }
        let other = kept.put(&of(Some("ms"), None), Ok(true)).expect_err("another unit");
        assert!(other.starts_with("metric size has another unit than \"ms\" since its"), "{other}");
        let other = kept.put(&of(None, Some(Kind::Counter)), Ok(true)).expect_err("another kind");
        assert!(other.starts_with("metric size is a gauge since its first value, not a counter"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_new_is_refused_where_there_is_no_room_and_what_is_known_goes_on() {
        let mut kept = Kept::new(2);
        assert!(put(&mut kept, "a", 1.0).is_ok() && put(&mut kept, "b", 1.0).is_ok());
        let full = put(&mut kept, "c", 1.0).expect_err("there are two");
        assert!(full.starts_with("the check keeps 2 series: raise series"), "{full}");
        assert_eq!(kept.put(&pushed("d", None, 1.0, 0), Err("full")), Err("full".to_owned()));
        assert!(put(&mut kept, "a", 2.0).is_ok());
        kept.findings();
        tokio::time::advance(FORGOTTEN).await;
        // What was idle for long makes room, and what waits for a run does not.
        assert!(put(&mut kept, "b", 1.0).is_ok() && put(&mut kept, "c", 1.0).is_ok());
        assert!(put(&mut kept, "d", 1.0).is_err());
        assert_eq!(kept.findings().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn dimensions_in_any_order_are_the_same_series() {
        let mut kept = Kept::new(10);
        for dimensions in
            [[("A", "1"), ("B", "2")], [("B", "2"), ("A", "1")], [("A", "2"), ("B", "1")]]
        {
            let dimensions = dimensions.map(|(name, value)| (name.into(), value.into())).into();
            let value = Pushed { dimensions, ..pushed("g", None, 1.0, 0) };
            assert!(kept.put(&value, Ok(false)).is_ok());
        }
        assert_eq!((kept.series.len(), kept.unreported(), kept.findings().len()), (2, 0, 2));
    }
}
