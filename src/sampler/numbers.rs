//! The numbers beside CPU and memory.

use std::rc::Rc;
use std::sync::Arc;

use tokio::time::Instant;

use super::watch::FailureWatch;
use crate::collector::series::MIN_INTERVAL;
use crate::model::{
    Metric, Number, Raw, ReadError, Report, Series, Unavailable, Unit, WindowReading,
};

/// One that has a value at each sample.
pub struct Other {
    pub number: Number,
    pub series: Series,
    /// The total, and when it stood like this.
    before: Option<(Instant, f64)>,
    pub failures: FailureWatch,
}

impl Other {
    pub fn new(number: Number, series: Series, label: String) -> Self {
        Self { number, series, before: None, failures: FailureWatch::of(label) }
    }

    /// The value that a reading gives. The first total gives none, and neither does one that went back:
    /// it was started again, and the difference says nothing.
    pub fn value(&mut self, at: Instant, raw: Result<Raw, ReadError>) -> Option<f64> {
        let value = raw.map(|raw| match raw {
            Raw::Level(value) => Some(value),
            Raw::Total(total) => self.growth_a_second(at, total),
        });
        let value = self.failures.watch(Some(value)).flatten()?;
        // The kernel rounds its totals, and reads the clock at another instant than this process.
        Some(if self.number.unit() == Unit::Percent { value.clamp(0.0, 100.0) } else { value })
    }

    fn growth_a_second(&mut self, at: Instant, total: f64) -> Option<f64> {
        let (then, before) = *self.before.get_or_insert((at, total));
        let elapsed = at.duration_since(then);
        if elapsed < MIN_INTERVAL {
            // It is left to the next reading, which covers its time.
            return None;
        }
        self.before = Some((at, total));
        (total >= before).then(|| (total - before) / elapsed.as_secs_f64())
    }
}

/// Those that are read once a window.
#[derive(Default)]
pub struct WindowWatch(Vec<Watched>);

struct Watched {
    number: Number,
    container: Option<Arc<str>>,
    failures: FailureWatch,
}

impl WindowWatch {
    /// The report of those that have a value. Says which of them can no longer be read.
    pub fn report(&mut self, readings: Vec<WindowReading>) -> Report {
        let mut values = Vec::new();
        for WindowReading { number, container, value } in readings {
            let value = self.failures(number, container.as_ref()).watch(value);
            let metric = metric(number, container.as_ref());
            values.extend(value.map(|value| (metric, value)));
        }
        Report::of_window(values)
    }

    /// Whether the source gives a number of the whole.
    pub fn offers(&self, number: Number) -> bool {
        self.of_whole(number).is_some()
    }

    /// Why a number of the whole could not be read the last time.
    pub fn failure(&self, number: Number) -> Option<&ReadError> {
        self.of_whole(number)?.failures.failure()
    }

    /// Whether a failure is another than the last time that was asked.
    pub fn take_change(&mut self) -> bool {
        self.0.iter_mut().fold(false, |has_changed, of| of.failures.take_change() | has_changed)
    }

    /// What has no value, and why: of the whole, and of these containers.
    pub fn unavailable(&self, containers: &[Arc<str>]) -> impl Iterator<Item = Unavailable> {
        let is_there =
            |of: &&Watched| of.container.as_ref().is_none_or(|name| containers.contains(name));
        self.0.iter().filter(is_there).filter_map(|of| {
            of.failures.unavailable(|| metric(of.number, of.container.as_ref()).full_name())
        })
    }

    /// The numbers that there are none of, if that was not said yet.
    pub fn unsaid(&mut self) -> impl Iterator<Item = (String, String)> {
        self.0.iter_mut().filter_map(|of| of.failures.take_unsaid())
    }

    fn of_whole(&self, number: Number) -> Option<&Watched> {
        self.0.iter().find(|of| of.number == number && of.container.is_none())
    }

    fn failures(&mut self, number: Number, container: Option<&Arc<str>>) -> &mut FailureWatch {
        let is_it = |of: &Watched| of.number == number && of.container.as_ref() == container;
        let place = self.0.iter().position(is_it).unwrap_or_else(|| {
            let failures = FailureWatch::of(label(number, container));
            self.0.push(Watched { number, container: container.cloned(), failures });
            self.0.len() - 1
        });
        &mut self.0[place].failures
    }
}

/// The metric of a number of the whole or of a container.
pub fn metric(number: Number, container: Option<&Arc<str>>) -> Metric {
    number.of(container.map(|name| Rc::from(&**name)).as_ref())
}

/// The same in a sentence.
pub fn label(number: Number, container: Option<&Arc<str>>) -> String {
    let of = container.map(|name| format!(" of {name}")).unwrap_or_default();
    format!("{}{of}", number.label())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The values of readings of a number, each so many seconds after the first.
    fn values(number: Number, readings: &[(f64, Raw)]) -> Vec<Option<f64>> {
        let mut other = Other::new(number, Series(0), "it".to_owned());
        let start = Instant::now();
        let value = |(seconds, raw): &(f64, Raw)| {
            other.value(start + Duration::from_secs_f64(*seconds), Ok(*raw))
        };
        readings.iter().map(value).collect()
    }

    #[test]
    fn a_total_gives_how_much_it_grows_in_a_second() {
        let totals = [(0.0, 100.0), (2.0, 100.0), (2.5, 130.0), (4.0, 160.0)];
        let readings = totals.map(|(seconds, total)| (seconds, Raw::Total(total)));
        let expected = [None, Some(0.0), Some(60.0), Some(20.0)];
        assert_eq!(values(Number::OomKills, &readings), expected);
    }

    #[test]
    fn readings_that_are_too_close_are_left_to_the_next() {
        let totals = [(0.0, 0.0), (0.01, 10.0), (1.0, 10.0)];
        let readings = totals.map(|(seconds, total)| (seconds, Raw::Total(total)));
        assert_eq!(values(Number::OomKills, &readings), [None, None, Some(10.0)]);
    }

    #[test]
    fn a_total_that_was_started_again_gives_nothing_once() {
        let totals = [(0.0, 50.0), (1.0, 10.0), (2.0, 15.0)];
        let readings = totals.map(|(seconds, total)| (seconds, Raw::Total(total)));
        assert_eq!(values(Number::OomKills, &readings), [None, None, Some(5.0)]);
    }

    #[test]
    fn after_a_failure_a_total_covers_the_time_of_the_failure() {
        let mut other = Other::new(Number::OomKills, Series(0), "it".to_owned());
        let start = Instant::now();
        let mut at = |seconds, raw| other.value(start + Duration::from_secs(seconds), raw);
        at(0, Ok(Raw::Total(0.0)));
        assert_eq!(at(1, Err(ReadError::unusable("gone"))), None);
        assert_eq!(at(4, Ok(Raw::Total(8.0))), Some(2.0));
    }

    #[test]
    fn a_percent_is_no_more_than_all() {
        let totals = [(0.0, Raw::Total(0.0)), (1.0, Raw::Total(101.0))];
        assert_eq!(values(Number::Throttling, &totals), [None, Some(100.0)]);
        assert_eq!(values(Number::Throttling, &[(0.0, Raw::Level(12.5))]), [Some(12.5)]);
    }
}
