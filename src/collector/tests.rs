//! Windows, series by series.

mod checks;

use std::time::UNIX_EPOCH;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::Instant;

use super::*;
use crate::model::{Kind, Number, Statistics, Unit};

fn at(seconds: f64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs_f64(seconds)
}

/// A collector whose windows should hold so many samples, and what it hands out.
struct Windows {
    collector: Collector,
    summaries: Receiver<Rc<Summary>>,
    cpu: Series,
    memory: Series,
}

impl Windows {
    fn of(samples: usize, with_values: bool) -> Self {
        let (sender, summaries) = channel(100);
        let table = Table::new(samples, with_values);
        let period = Duration::from_secs(60);
        let mut collector = Collector::new(period, table, HandOut::to(vec![sender]));
        let [cpu, memory] = [Number::Cpu, Number::Memory].map(|of| collector.sampled(&of.of(None)));
        Self { collector, summaries, cpu, memory }
    }

    fn minute() -> Self {
        Self::of(67, false)
    }

    /// The summary of the window that a sample closes, if it closes one.
    fn add(&mut self, seconds: f64, cpu: f32) -> Option<Rc<Summary>> {
        let values = [(self.cpu, cpu.into()), (self.memory, 50.0)];
        self.collector.sample(at(seconds), &values);
        self.summaries.try_recv().ok()
    }

    /// A report of a number, or of nothing.
    fn report(&mut self, number: Number, value: Option<f64>) {
        let values = value.map(|value| (number.of(None), value)).into_iter().collect();
        self.collector.report(&Report::of_window(values));
    }

    fn close(&mut self) -> Option<Rc<Summary>> {
        self.collector.close();
        self.summaries.try_recv().ok()
    }
}

fn cpu(summary: &Summary) -> &Statistics {
    summary.of(Number::Cpu, None).expect("these windows hold CPU samples")
}

/// Start, number of CPU samples and their maximum: enough to tell windows apart.
fn brief(summary: Option<Rc<Summary>>) -> Option<(SystemTime, usize, f64)> {
    summary.map(|summary| (summary.start, cpu(&summary).count, cpu(&summary).max))
}

#[test]
fn a_sample_on_the_boundary_opens_the_next_window() {
    let mut windows = Windows::minute();
    assert_eq!(windows.add(119.9, 1.0), None);
    assert_eq!(brief(windows.add(120.0, 2.0)), Some((at(60.0), 1, 1.0)));
    assert_eq!(brief(windows.close()), Some((at(120.0), 1, 2.0)));
    assert_eq!(windows.close(), None);
}

#[test]
fn a_step_forward_closes_the_window_and_opens_the_one_it_lands_in() {
    let mut windows = Windows::minute();
    assert_eq!(windows.add(100.0, 1.0), None);
    assert_eq!(brief(windows.add(100.0 + 3600.0, 2.0)), Some((at(60.0), 1, 1.0)));
    assert_eq!(brief(windows.close()), Some((at(3660.0), 1, 2.0)));
}

#[test]
fn a_step_back_closes_the_window_and_opens_the_one_it_lands_in() {
    let mut windows = Windows::minute();
    assert_eq!(windows.add(7300.0, 1.0), None);
    assert_eq!(brief(windows.add(3700.0, 2.0)), Some((at(7260.0), 1, 1.0)));
    assert_eq!(brief(windows.close()), Some((at(3660.0), 1, 2.0)));
}

#[test]
fn a_step_inside_the_window_leaves_it_open() {
    let mut windows = Windows::minute();
    assert_eq!(windows.add(100.0, 1.0), None);
    assert_eq!(windows.add(70.0, 2.0), None);
    assert_eq!(brief(windows.close()), Some((at(60.0), 2, 2.0)));
}

#[test]
fn a_clock_that_stands_still_does_not_make_a_window_grow_without_bound() {
    let mut windows = Windows::of(2, false);
    let closed: Vec<_> = (0..9).filter_map(|n| brief(windows.add(60.0, n as f32))).collect();
    assert_eq!(closed, [(at(60.0), 4, 3.0), (at(60.0), 4, 7.0)]);
}

#[test]
fn what_has_no_value_is_absent_from_the_summary() {
    let mut windows = Windows::minute();
    let memory = windows.memory;
    windows.collector.sample(at(60.0), &[(memory, 25.0)]);
    let summary = windows.close().expect("one memory value");
    assert_eq!(summary.of(Number::Cpu, None), None);
    let memory = summary.of(Number::Memory, None);
    assert_eq!(memory.map(|memory| (memory.count, memory.median)), Some((1, 25.0)));
}

#[test]
fn a_window_without_a_sampled_value_yields_no_summary() {
    let mut windows = Windows::minute();
    windows.collector.sample(at(60.0), &[]);
    windows.report(Number::OomKills, Some(1.0));
    windows.report(Number::OomKills, Some(2.0));
    assert_eq!(windows.close(), None);
}

#[test]
fn containers_are_entries_by_their_names_after_those_of_the_whole() {
    let mut windows = Windows::minute();
    let mut series = |number: Number, container: &str| {
        windows.collector.sampled(&number.of(Some(&container.into())))
    };
    let (web, silent) = (series(Number::Cpu, "web"), series(Number::Cpu, "silent"));
    let (app, app_memory) = (series(Number::Cpu, "app"), series(Number::Memory, "app"));
    assert_eq!(series(Number::Cpu, "web"), web, "each metric has one series");
    let cpu = windows.cpu;
    windows.collector.sample(at(60.0), &[(cpu, 1.0), (web, 9.0), (app, 2.0)]);
    windows.collector.sample(at(61.0), &[(app_memory, 3.0), (app, 4.0)]);
    windows.report(Number::Throttling, Some(12.5));
    let summary = windows.close().expect("it has values");
    fn brief(entry: &crate::model::Entry) -> (&str, String, usize, f64) {
        let container = entry.metric.container().map_or("-", |name| name).to_owned();
        (&entry.metric.name, container, entry.statistics.count, entry.statistics.max)
    }
    let expected = [
        ("cpu", "-".to_owned(), 1, 1.0),
        ("throttling", "-".to_owned(), 1, 12.5),
        ("cpu", "app".to_owned(), 2, 4.0),
        ("memory", "app".to_owned(), 1, 3.0),
        ("cpu", "web".to_owned(), 1, 9.0),
    ];
    assert_eq!(summary.entries.iter().map(brief).collect::<Vec<_>>(), expected);
    assert_eq!(summary.containers(), ["app", "web"]);
    windows.collector.sample(at(120.0), &[(silent, 5.0)]);
    let summary = windows.close().expect("a container alone is worth a summary");
    assert_eq!(summary.containers(), ["silent"]);
    assert_eq!(summary.entries.len(), 1);
}

#[test]
fn the_values_are_there_where_they_are_wanted() {
    let mut windows = Windows::of(67, true);
    windows.add(60.0, 1.5);
    windows.add(61.0, 1.5);
    let summary = windows.close().expect("it has values");
    let values = &cpu(&summary).values;
    assert_eq!(
        values.iter().map(|value| (value.hundredths, value.count)).collect::<Vec<_>>(),
        [(150, 2)]
    );
}

/// A metric that no source gives, such as one that a plugin names while the agent runs.
fn found(name: &str, unit: Unit, kind: Kind) -> Metric {
    let (check, name) = ("backup".to_owned().into(), name.to_owned().into());
    let dimensions = vec![("Disk".into(), "sda".into())];
    Metric { check, name, unit, kind, dimensions, ..Number::Cpu.of(None) }
}

#[test]
fn any_metric_has_a_series_of_its_own() {
    let mut windows = Windows::minute();
    let (size, runs) = (found("size", Unit::Count, Kind::Gauge), "runs");
    let sampled = windows.collector.sampled(&size);
    // Odd, and more than four bytes can tell from its neighbours.
    let large = 9_007_199_254_740_991.0;
    let cpu = windows.cpu;
    windows.collector.sample(at(60.0), &[(cpu, 1.0), (sampled, large)]);
    for total in [10.0, 14.0] {
        let values = vec![(found(runs, Unit::Count, Kind::Counter), total)];
        windows.collector.report(&Report::of_window(values));
    }
    let summary = windows.close().expect("it has values");
    let of = |name: &str| {
        let mut entries = summary.entries.iter().filter(|entry| entry.metric.name == name);
        (entries.next().expect("it has a value").statistics.clone(), entries.count())
    };
    let (of_size, of_runs) = (of("size"), of(runs));
    assert_eq!((of_size.0.max, of_size.1), (large, 0));
    assert_eq!((of_runs.0.growth(), of_runs.1), (Some(4.0), 0));
}

#[test]
fn percents_that_are_no_samples_keep_all_of_their_digits() {
    let mut windows = Windows::minute();
    windows.add(60.0, 1.0);
    windows.report(Number::Throttling, Some(100.0 / 7.0));
    let summary = windows.close().expect("it has values");
    let throttling = summary.of(Number::Throttling, None).map(|values| values.last);
    assert_eq!(throttling, Some(100.0 / 7.0));
}

/// The growth of a counter in each of the windows whose reports are given, one after the other.
fn growths(reports: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut windows = Windows::minute();
    let report =
        |windows: &mut Windows, total: Option<f64>| windows.report(Number::OomKills, total);
    let (first, others) = reports.split_first().expect("reports");
    report(&mut windows, *first);
    let window = |total: &Option<f64>| {
        windows.add(60.0, 1.0);
        report(&mut windows, *total);
        let summary = windows.close().expect("it has samples");
        summary.of(Number::OomKills, None).and_then(Statistics::growth)
    };
    others.iter().map(window).collect()
}

#[test]
fn each_window_counts_what_it_added_to_a_counter() {
    assert_eq!(
        growths(&[Some(5.0), Some(5.0), Some(7.0), Some(7.0)]),
        [Some(0.0), Some(2.0), Some(0.0)]
    );
}

#[test]
fn a_counter_that_went_back_is_absent_once() {
    assert_eq!(growths(&[Some(5.0), Some(1.0), Some(1.0)]), [None, Some(0.0)]);
}

#[test]
fn a_counter_that_could_not_be_read_counts_again_from_where_it_can() {
    assert_eq!(growths(&[None, None, Some(5.0), Some(6.0)]), [None, None, Some(1.0)]);
    assert_eq!(growths(&[Some(5.0), None, Some(8.0), Some(9.0)]), [None, None, Some(1.0)]);
}

#[test]
fn what_a_counter_counts_in_a_window_without_a_sample_is_left_to_the_next() {
    let mut windows = Windows::minute();
    windows.report(Number::OomKills, Some(3.0));
    windows.add(60.0, 1.0);
    windows.report(Number::OomKills, Some(3.0));
    assert!(windows.close().is_some());
    windows.collector.sample(at(120.0), &[]);
    windows.report(Number::OomKills, Some(9.0));
    assert_eq!(windows.close(), None);
    windows.add(180.0, 1.0);
    windows.report(Number::OomKills, Some(10.0));
    let summary = windows.close().expect("it has samples");
    assert_eq!(summary.of(Number::OomKills, None).and_then(Statistics::growth), Some(7.0));
}

/// Notes what it gets.
#[derive(Clone, Default)]
struct Notes(Rc<std::cell::RefCell<Vec<String>>>);

impl Sink for Notes {
    fn sample(&mut self, at: SystemTime, values: &[(Series, f64)], table: &Table) {
        let names: Vec<_> = values.iter().map(|(of, _)| &*table.metric(*of).name).collect();
        let at = at.duration_since(UNIX_EPOCH).expect("after the epoch").as_secs();
        self.0.borrow_mut().push(format!("sample at {at} of {names:?}"));
    }

    fn report(&mut self, report: &Report) {
        self.0.borrow_mut().push(format!("report of {}", report.values.len()));
    }

    fn summary(&mut self, summary: &Rc<Summary>) {
        self.0.borrow_mut().push(format!("summary of {}", summary.entries.len()));
    }
}

#[test]
fn a_sink_gets_each_sample_each_report_and_each_summary() {
    let mut windows = Windows::minute();
    let notes = Notes::default();
    windows.collector.add_sink(Box::new(notes.clone()));
    windows.add(60.0, 1.0);
    windows.collector.report(&Report::of_window(Vec::new()));
    windows.add(120.0, 1.0);
    let sample = |at| format!(r#"sample at {at} of ["cpu", "memory"]"#);
    let expected = [sample(60), "report of 0".into(), "summary of 2".into(), sample(120)];
    assert_eq!(*notes.0.borrow(), expected);
}

#[test]
fn what_a_delivery_cannot_take_is_counted() {
    let (sender, _summaries) = channel(1);
    let table = Table::new(67, false);
    let mut collector = Collector::new(Duration::from_secs(60), table, HandOut::to(vec![sender]));
    let cpu = collector.sampled(&Number::Cpu.of(None));
    for minute in 1..=3 {
        collector.sample(at(60.0 * f64::from(minute)), &[(cpu, 1.0)]);
    }
    assert_eq!(collector.finish(), HandedOut { windows: 3, dropped: vec![2], dropped_values: 0 });
}
