//! What checks find, in windows.

use super::*;
use crate::model::{Distribution, Quantity};

/// A published metric of the check `disk`.
fn metric(name: &str, kind: Kind) -> Rc<Metric> {
    let dimensions = vec![("Check".into(), "disk".into())];
    let (check, published) = ("disk".into(), Some(format!("Disk{name}").into()));
    let name = name.to_owned().into();
    let unit = Unit::Bytes;
    Rc::new(Metric { check, name, unit, kind, dimensions, published, ..Number::Cpu.of(None) })
}

/// The result of a run that began so many seconds after the first.
fn report(start: Instant, seconds: f64, values: &[(&Rc<Metric>, f64)]) -> Report {
    let value =
        |(metric, value): &(&Rc<Metric>, f64)| (Rc::clone(metric), Quantity::Number(*value));
    let at = start + Duration::from_secs_f64(seconds);
    let values = values.iter().map(value).collect();
    Report { check: "disk".into(), at, values, ..Report::of_window(Vec::new()) }
}

/// Count, minimum, maximum and sum of a metric.
fn set(summary: &Summary, metric: &Metric) -> Option<(usize, f64, f64, f64)> {
    let entry = summary.entries.iter().find(|entry| *entry.metric == *metric)?;
    let Statistics { count, min, max, mean, .. } = entry.statistics;
    Some((count, min, max, mean * count as f64))
}

#[test]
fn a_counter_gives_its_growth_in_a_second_and_one_that_began_again_counted_from_zero() {
    let (mut windows, start) = (Windows::minute(), Instant::now());
    let (bytes, free) = (metric("Bytes", Kind::Counter), metric("Free", Kind::Gauge));
    let totals = [(0.0, 100.0), (10.0, 150.0), (30.0, 150.0), (40.0, 20.0)];
    for (seconds, total) in totals {
        let report = report(start, seconds, &[(&bytes, total), (&free, seconds)]);
        windows.collector.check(at(60.0 + seconds), &report);
    }
    let summary = windows.close().expect("checks alone make a window");
    assert_eq!(summary.start, at(60.0));
    assert_eq!(set(&summary, &bytes), Some((3, 0.0, 5.0, 7.0)), "5, 0 and 2 a second");
    assert_eq!(set(&summary, &free), Some((4, 0.0, 40.0, 80.0)));
    // The next window counts from the last total.
    let next = report(start, 60.0, &[(&bytes, 60.0)]);
    windows.collector.check(at(120.0), &next);
    let summary = windows.close().expect("it has a rate");
    assert_eq!(set(&summary, &bytes), Some((1, 2.0, 2.0, 2.0)));
}

#[test]
fn a_result_belongs_to_the_window_of_its_time_and_closes_the_one_before() {
    let (mut windows, start) = (Windows::minute(), Instant::now());
    let free = metric("Free", Kind::Gauge);
    windows.add(60.0, 1.0);
    windows.collector.check(at(119.0), &report(start, 0.0, &[(&free, 1.0)]));
    windows.collector.check(at(120.0), &report(start, 1.0, &[(&free, 2.0)]));
    let first = windows.summaries.try_recv().expect("it was closed");
    assert_eq!((first.start, set(&first, &free)), (at(60.0), Some((1, 1.0, 1.0, 1.0))));
    let second = windows.close().expect("it has a value");
    assert_eq!((second.start, set(&second, &free)), (at(120.0), Some((1, 2.0, 2.0, 2.0))));
    assert_eq!(windows.close(), None, "nothing was measured since");
}

#[test]
fn two_runs_that_are_too_close_are_one_interval_and_what_is_no_number_is_left_out() {
    let (mut windows, start) = (Windows::minute(), Instant::now());
    let (bytes, free) = (metric("Bytes", Kind::Counter), metric("Free", Kind::Gauge));
    for (seconds, total) in [(0.0, 0.0), (0.01, 100.0), (2.0, 10.0), (4.0, f64::NAN), (6.0, 18.0)] {
        windows
            .collector
            .check(at(60.0), &report(start, seconds, &[(&bytes, total), (&free, total)]));
    }
    let summary = windows.close().expect("it has values");
    assert_eq!(set(&summary, &free), Some((4, 0.0, 100.0, 128.0)));
    assert_eq!(
        set(&summary, &bytes),
        Some((2, 2.0, 5.0, 7.0)),
        "5 a second, and 2 over what was no number"
    );
}

#[test]
fn values_are_kept_one_by_one_only_where_they_are_sent_so() {
    for (is_kept, expected) in [(false, vec![]), (true, vec![1.0, 3.0, 3.0])] {
        let (sender, mut summaries) = channel(1);
        let table = Table::new(67, false).keeping_numbers(is_kept);
        let mut collector =
            Collector::new(Duration::from_secs(60), table, HandOut::to(vec![sender]));
        let (free, start) = (metric("Free", Kind::Gauge), Instant::now());
        for value in [3.0, 1.0, 3.0] {
            collector.check(at(60.0), &report(start, 0.0, &[(&free, value)]));
        }
        collector.close();
        let summary = summaries.try_recv().expect("a window");
        assert_eq!(summary.entries[0].statistics.numbers, expected);
    }
}

#[test]
fn what_is_not_published_is_in_no_window_and_checks_come_after_all_else() {
    let (mut windows, start) = (Windows::minute(), Instant::now());
    let mut hidden = (*metric("Hidden", Kind::Gauge)).clone();
    hidden.published = None;
    let (hidden, free) = (Rc::new(hidden), metric("Free", Kind::Gauge));
    windows.collector.check(at(60.0), &report(start, 0.0, &[(&hidden, 1.0), (&free, 1.0)]));
    windows.add(60.0, 1.0);
    let summary = windows.close().expect("it has values");
    let names: Vec<_> = summary.entries.iter().map(|entry| &*entry.metric.name).collect();
    assert_eq!(names, ["cpu", "memory", "Free"]);
    let checks: Vec<_> = summary.checks().map(<[_]>::len).collect();
    assert_eq!(checks, [1]);
}

#[test]
fn a_check_that_was_opened_anew_is_not_compared_with_the_one_before() {
    let (mut windows, start) = (Windows::minute(), Instant::now());
    let bytes = metric("Bytes", Kind::Counter);
    // Another device under the same id.
    let anew = Rc::new((*bytes).clone());
    for (seconds, metric, total) in
        [(0.0, &bytes, 100.0), (10.0, &bytes, 200.0), (20.0, &anew, 900.0), (30.0, &anew, 920.0)]
    {
        windows.collector.check(at(60.0 + seconds), &report(start, seconds, &[(metric, total)]));
    }
    let summary = windows.close().expect("it has rates");
    assert_eq!(set(&summary, &bytes), Some((2, 2.0, 10.0, 12.0)), "10 and 2 a second");
}

#[test]
fn what_checks_discover_has_so_much_room_as_is_left_by_what_they_declare() {
    let (sender, mut summaries) = channel(4);
    let declared = metric("Declared", Kind::Gauge);
    let mut table = Table::new(67, false).with_most_checked(3);
    table.reserve(&declared);
    let mut collector = Collector::new(Duration::from_secs(60), table, HandOut::to(vec![sender]));
    let (start, found) = (Instant::now(), ["A", "B", "C"].map(|name| metric(name, Kind::Gauge)));
    let all: Vec<_> = found.iter().map(|metric| (metric, 1.0)).collect();
    collector.check(at(60.0), &report(start, 0.0, &all));
    collector.check(at(60.0), &report(start, 0.0, &[(&declared, 1.0)]));
    collector.close();
    let names = |summary: Rc<Summary>| {
        let names = summary.entries.iter().map(|entry| entry.metric.name.to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(summaries.try_recv().expect("a window")), ["Declared", "A", "B"]);
    // After an hour without a value one makes room, and what is declared does not.
    let later = [(&found[1], 1.0), (&found[2], 1.0)];
    collector.check(at(3600.0), &report(start, 3599.0, &later));
    collector.close();
    assert_eq!(names(summaries.try_recv().expect("a window")), ["B"]);
    collector.check(at(3720.0), &report(start, 3700.0, &later));
    collector.close();
    assert_eq!(names(summaries.try_recv().expect("a window")), ["B", "C"]);
    assert_eq!(collector.finish().dropped_values, 2, "C, twice");
}

#[test]
fn what_has_too_many_dimensions_is_counted_and_is_in_no_window() {
    let (mut windows, start) = (Windows::minute(), Instant::now());
    let mut wide = (*metric("Wide", Kind::Gauge)).clone();
    let more = (0..30).map(|number| (format!("d{number}").into(), "v".into()));
    wide.dimensions.extend(more);
    let (wide, free) = (Rc::new(wide), metric("Free", Kind::Gauge));
    for seconds in [0.0, 1.0] {
        let report = report(start, seconds, &[(&wide, 1.0), (&free, 1.0)]);
        windows.collector.check(at(60.0 + seconds), &report);
    }
    let summary = windows.close().expect("it has a value");
    assert_eq!((set(&summary, &wide), summary.entries.len()), (None, 1));
    assert_eq!(windows.collector.finish().dropped_values, 2);
}

#[test]
fn many_values_of_several_runs_are_one_distribution() {
    let (mut windows, start) = (Windows::minute(), Instant::now());
    let times = metric("Times", Kind::Distribution);
    for values in [&[1.0, 3.0][..], &[3.0, 100.0]] {
        let mut many = Distribution::default();
        values.iter().for_each(|value| many.add(*value, 1));
        let mut report = report(start, 0.0, &[]);
        report.values.push((times.clone(), Quantity::Many(many)));
        windows.collector.check(at(60.0), &report);
    }
    let summary = windows.close().expect("a window");
    assert_eq!(set(&summary, &times), Some((4, 1.0, 100.0, 107.0)));
    let statistics = &summary.entries[0].statistics;
    let pairs: Vec<_> = statistics.spread.iter().map(|of| (of.value, of.count)).collect();
    assert_eq!((pairs, statistics.median), (vec![(1.0, 1), (3.0, 2), (100.0, 1)], 3.0));
    assert!(windows.close().is_none(), "the next window has none of them");
}

#[test]
fn what_cloudwatch_does_not_take_is_counted_and_is_in_no_window() {
    let (mut windows, start) = (Windows::minute(), Instant::now());
    let mut refused = (*metric("Refused", Kind::Gauge)).clone();
    (refused.published, refused.refused) = (None, Some("rename it"));
    let (refused, large) = (Rc::new(refused), metric("Large", Kind::Gauge));
    let largest = 2.0_f64.powi(360);
    for value in [largest, -largest * 1.001] {
        let report = report(start, 0.0, &[(&refused, 1.0), (&large, value)]);
        windows.collector.check(at(60.0), &report);
    }
    let summary = windows.close().expect("it has a value");
    assert_eq!(set(&summary, &large), Some((1, largest, largest, largest)));
    assert_eq!(summary.entries.len(), 1);
    assert_eq!(windows.collector.finish().dropped_values, 3);
}

#[test]
fn twenty_thousand_metrics_are_no_more_work_each_than_a_few() {
    let (sender, mut summaries) = channel(4);
    let table = Table::new(67, false).with_most_checked(10_000);
    let mut collector = Collector::new(Duration::from_secs(60), table, HandOut::to(vec![sender]));
    let all: Vec<_> =
        (0..20_000).map(|number| metric(&format!("{number:05}"), Kind::Gauge)).collect();
    let start = Instant::now();
    // In the first hour there is no room for the second half, and then there is.
    for (seconds, expected) in [(0.0, "00000"), (60.0, "00000"), (3700.0, "10000")] {
        let half = if seconds > 3600.0 { &all[10_000..] } else { &all[..] };
        let values: Vec<_> = half.iter().map(|metric| (metric, seconds)).collect();
        collector.check(at(60.0 + seconds), &report(start, seconds, &values));
        collector.close();
        let summary = summaries.try_recv().expect("a window");
        let first = &summary.entries[0];
        assert_eq!(summary.entries.len(), 10_000);
        assert_eq!((&*first.metric.name, first.statistics.last), (expected, seconds));
    }
    // It takes a tenth of a second. Looking for each among all of the others took twenty.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
