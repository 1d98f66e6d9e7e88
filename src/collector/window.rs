//! Collects the samples of one period.
//!
//! Windows are aligned to the wall clock, so that each CloudWatch period holds one datapoint.
//! A sample belongs to the window that its own instant falls into, and so a wall-clock step
//! needs no case of its own: the next sample falls into another window, which closes the open
//! one. A step that stays inside the open window leaves it open, because closing it would give
//! two datapoints to one period.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::collector::aggregate;
use crate::model::{ContainerSummary, Sample, Statistics, Summary};

/// A window that holds this many times the samples it should is closed, whatever the wall clock
/// says, so that a clock that stands still or is set back again and again cannot make it grow
/// without bound. Nothing is lost: the period then has two datapoints.
const OVERFULL: usize = 2;

/// The open window, if there is one, and what is needed to open the next.
#[derive(Debug)]
pub struct Windows {
    period: Duration,
    samples: usize,
    /// Whether a summary has the distribution of its values.
    distribution: bool,
    open: Option<Window>,
}

#[derive(Debug)]
struct Window {
    start: SystemTime,
    count: usize,
    values: Values,
    containers: BTreeMap<Arc<str>, Values>,
}

/// In percent.
#[derive(Debug, Default)]
struct Values {
    cpu: Vec<f32>,
    memory: Vec<f32>,
}

impl Windows {
    /// `samples` is the number of samples that one period is expected to hold.
    pub fn new(period: Duration, samples: usize) -> Self {
        Self { period, samples, distribution: false, open: None }
    }

    /// The same windows, whose summaries have the distribution of their values.
    pub fn with_distribution(self, distribution: bool) -> Self {
        Self { distribution, ..self }
    }

    /// Puts a sample into the window that `now` falls into. Returns the summary of the window
    /// that this closes, if it closes one.
    pub fn add(&mut self, now: SystemTime, sample: Sample) -> Option<Summary> {
        let start = window_start(now, self.period);
        let closed = match &self.open {
            Some(open) if open.start == start && open.count < self.samples * OVERFULL => None,
            _ => self.close(),
        };
        let window = self.open.get_or_insert_with(|| Window {
            start,
            count: 0,
            values: Values {
                cpu: Vec::with_capacity(self.samples),
                memory: Vec::with_capacity(self.samples),
            },
            containers: BTreeMap::new(),
        });
        window.count += 1;
        window.values.add(sample);
        closed
    }

    /// Puts the sample of a container into the window that the last sample was put into.
    pub fn add_container(&mut self, name: Arc<str>, sample: Sample) {
        if let Some(window) = &mut self.open {
            window.containers.entry(name).or_default().add(sample);
        }
    }

    /// Closes the open window. A window without a value yields no summary.
    pub fn close(&mut self) -> Option<Summary> {
        let window = self.open.take()?;
        let distribution = self.distribution;
        let (cpu, memory) = window.values.reduce(distribution);
        let containers = window.containers.into_iter().map(|(name, values)| {
            let (cpu, memory) = values.reduce(distribution);
            ContainerSummary { name, cpu, memory }
        });
        let containers: Vec<_> =
            containers.filter(|part| part.cpu.is_some() || part.memory.is_some()).collect();
        let has_value = cpu.is_some() || memory.is_some() || !containers.is_empty();
        let summary = Summary { cpu, memory, containers, ..Summary::empty(window.start) };
        has_value.then_some(summary)
    }
}

impl Values {
    fn add(&mut self, sample: Sample) {
        self.cpu.extend(sample.cpu);
        self.memory.extend(sample.memory);
    }

    fn reduce(self, distribution: bool) -> (Option<Statistics>, Option<Statistics>) {
        let statistics = |mut values: Vec<f32>| {
            let mut statistics = aggregate::statistics(&mut values)?;
            if distribution {
                statistics.distribution = aggregate::distribution(&values);
            }
            Some(statistics)
        };
        (statistics(self.cpu), statistics(self.memory))
    }
}

/// The start of the window that `now` falls into: the last multiple of `period` since the epoch.
/// A clock that stands before the epoch is as good as one that stands on it.
pub fn window_start(now: SystemTime, period: Duration) -> SystemTime {
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let period = period.as_secs().max(1);
    UNIX_EPOCH + Duration::from_secs(since_epoch - since_epoch % period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs_f64(seconds)
    }

    fn sample(cpu: f32) -> Sample {
        Sample { cpu: Some(cpu), memory: Some(50.0) }
    }

    fn minute() -> Windows {
        Windows::new(Duration::from_secs(60), 67)
    }

    /// Start, number of CPU samples and their maximum: enough to tell windows apart.
    fn brief(summary: Option<Summary>) -> Option<(SystemTime, usize, f64)> {
        summary.map(|s| {
            let cpu = s.cpu.expect("these windows hold CPU samples");
            (s.start, cpu.count, cpu.max)
        })
    }

    #[test]
    fn a_sample_on_the_boundary_opens_the_next_window() {
        let mut windows = minute();
        assert_eq!(windows.add(at(119.9), sample(1.0)), None);
        assert_eq!(brief(windows.add(at(120.0), sample(2.0))), Some((at(60.0), 1, 1.0)));
        assert_eq!(brief(windows.close()), Some((at(120.0), 1, 2.0)));
        assert_eq!(windows.close(), None);
    }

    #[test]
    fn a_step_forward_closes_the_window_and_opens_the_one_it_lands_in() {
        let mut windows = minute();
        assert_eq!(windows.add(at(100.0), sample(1.0)), None);
        let closed = windows.add(at(100.0 + 3600.0), sample(2.0));
        assert_eq!(brief(closed), Some((at(60.0), 1, 1.0)));
        assert_eq!(brief(windows.close()), Some((at(3660.0), 1, 2.0)));
    }

    #[test]
    fn a_step_back_closes_the_window_and_opens_the_one_it_lands_in() {
        let mut windows = minute();
        assert_eq!(windows.add(at(7300.0), sample(1.0)), None);
        assert_eq!(brief(windows.add(at(3700.0), sample(2.0))), Some((at(7260.0), 1, 1.0)));
        assert_eq!(brief(windows.close()), Some((at(3660.0), 1, 2.0)));
    }

    #[test]
    fn a_step_inside_the_window_leaves_it_open() {
        let mut windows = minute();
        assert_eq!(windows.add(at(100.0), sample(1.0)), None);
        assert_eq!(windows.add(at(70.0), sample(2.0)), None);
        assert_eq!(brief(windows.close()), Some((at(60.0), 2, 2.0)));
    }

    #[test]
    fn a_clock_that_stands_still_does_not_make_a_window_grow_without_bound() {
        let mut windows = Windows::new(Duration::from_secs(60), 2);
        let closed: Vec<_> =
            (0..9).filter_map(|n| brief(windows.add(at(60.0), sample(n as f32)))).collect();
        assert_eq!(closed, [(at(60.0), 4, 3.0), (at(60.0), 4, 7.0)]);
    }

    #[test]
    fn an_absent_part_is_absent_from_the_summary() {
        let mut windows = minute();
        windows.add(at(60.0), Sample { cpu: None, memory: Some(25.0) });
        let summary = windows.close().expect("one memory value");
        assert_eq!(summary.cpu, None);
        assert_eq!(summary.memory.map(|memory| (memory.count, memory.median)), Some((1, 25.0)));
    }

    #[test]
    fn containers_are_in_the_window_of_the_sample_before() {
        let mut windows = minute();
        windows.add_container("early".into(), sample(9.0));
        windows.add(at(60.0), sample(1.0));
        windows.add_container("app".into(), sample(2.0));
        windows.add(at(61.0), sample(1.0));
        windows.add_container("app".into(), sample(4.0));
        windows.add_container("silent".into(), Sample { cpu: None, memory: None });
        let summary = windows.add(at(120.0), sample(1.0)).expect("the window of second 60");
        assert_eq!(summary.containers.len(), 1, "{summary:?}");
        let app = &summary.containers[0];
        assert_eq!(&*app.name, "app");
        assert_eq!(
            app.cpu.as_ref().map(|cpu| (cpu.count, cpu.median, cpu.max)),
            Some((2, 3.0, 4.0))
        );
        assert_eq!(app.memory.as_ref().map(|memory| memory.count), Some(2));
        assert_eq!(windows.close().map(|summary| summary.containers), Some(Vec::new()));
    }

    #[test]
    fn a_container_alone_is_worth_a_summary() {
        let mut windows = minute();
        windows.add(at(60.0), Sample { cpu: None, memory: None });
        windows.add_container("app".into(), Sample { cpu: None, memory: Some(1.0) });
        let summary = windows.close().expect("it has a value");
        assert_eq!((summary.cpu, summary.memory, summary.containers.len()), (None, None, 1));
    }

    #[test]
    fn a_window_without_a_value_yields_no_summary() {
        let mut windows = minute();
        windows.add(at(60.0), Sample { cpu: None, memory: None });
        assert_eq!(windows.close(), None);
    }

    #[test]
    fn windows_start_on_multiples_of_the_period_since_the_epoch() {
        let day = Duration::from_secs(86_400);
        assert_eq!(window_start(at(86_400.0 * 20_000.5), day), at(86_400.0 * 20_000.0));
        assert_eq!(window_start(at(14.9), Duration::from_secs(7)), at(14.0));
        assert_eq!(window_start(UNIX_EPOCH - Duration::from_secs(5), day), UNIX_EPOCH);
    }
}
