//! The publisher as a whole, without a network.

use std::time::{Duration, SystemTime};

use super::wire::{Field, Reader};
use super::*;
use crate::config::ValueForm;
use crate::delivery::choice::Choice;
use crate::model::tests::{checked, entry, reported, sampled, summary, with_values};
use crate::model::{Kind, Number, Numbers, Unit};
use crate::publisher::cloudwatch::tests::settings;

/// Settings with two numbers and a dimension.
fn otlp_settings() -> Settings {
    let mut settings = settings(60, &[("Stage", "beta")]);
    settings.measuring.metrics = Numbers::of(&[Number::Cpu, Number::OomKills]);
    settings
}

fn window() -> Rc<Summary> {
    let cpu = with_values(sampled(2, 12.5, 99.25), &[(1250, 1), (9925, 1)]);
    let kills = entry(Number::OomKills, None, reported(1.0, 3.0));
    let mut disk = checked("root", Some("sda"), "DiskReads", Unit::Bytes, &[7.0]);
    let metric = Rc::make_mut(&mut disk.metric);
    (metric.kind, metric.check_type, metric.name) = (Kind::Counter, "agent.disk", "reads".into());
    disk.statistics.grown = 4096.0;
    Rc::new(summary(vec![entry(Number::Cpu, None, cpu), kills, disk]))
}

fn data(otlp: &Otlp, settings: &Settings, summary: &Summary) -> Vec<Datum> {
    Choice::of(settings).under(&otlp.terms()).data(summary, 1)
}

fn inner(message: &[u8], field: u64) -> Vec<&[u8]> {
    let of = Reader(message).filter(|(number, _)| *number == field);
    let bytes = of.filter_map(|(_, value)| match value {
        Field::Bytes(bytes) => Some(bytes),
        Field::Number(_) => None,
    });
    bytes.collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Name, unit, kind and number of points of each metric of a request.
fn metrics(request: &[u8]) -> Vec<(String, String, u64, usize)> {
    let of_resource = inner(request, 1)[0];
    let of_scope = inner(of_resource, 2)[0];
    let metrics = inner(of_scope, 2).into_iter().map(|metric| {
        let kind = [5, 7, 10].into_iter().find(|kind| !inner(metric, *kind).is_empty());
        let kind = kind.expect("one of these kinds");
        let points = inner(inner(metric, kind)[0], 1).len();
        let name = text(inner(metric, 1)[0]);
        let name = name.strip_prefix("cloudwatch_metrics_agent.").expect("its prefix");
        (name.to_owned(), text(inner(metric, 3)[0]), kind, points)
    });
    metrics.collect()
}

#[test]
fn windows_together_are_a_metric_of_each_name_with_a_point_of_each() {
    let settings = otlp_settings();
    let mut otlp = Otlp::new(&settings, Retries::default());
    let (one, two) = (window(), window());
    otlp.sees(&one);
    otlp.sees(&two);
    let chosen = data(&otlp, &settings, &one);
    let parcels =
        [Parcel { summary: &one, data: &chosen }, Parcel { summary: &two, data: &chosen }];
    let request = otlp.encoding.request(&otlp.resource, &otlp.totals, &parcels);
    let of = |name: &str, unit: &str, kind| (name.to_owned(), unit.to_owned(), kind, 2);
    assert_eq!(
        metrics(&request),
        [
            of("cpu.utilization.median", "1", 5),
            of("cpu.utilization.max", "1", 5),
            of("cpu.utilization", "1", 10),
            of("memory.oom_kills", "{count}", 7),
            of("disk.reads", "By", 7),
        ]
    );
    let mut bound = encode::resource_size(&otlp.resource);
    for datum in &chosen {
        bound += otlp.size(&one, *datum).bytes + otlp.size(&two, *datum).bytes;
    }
    assert!(request.len() <= bound, "{} of {bound}", request.len());
    assert!(bound < 3 * request.len(), "{} of {bound}", request.len());
}

#[test]
fn a_distribution_is_the_histogram_alone_and_each_sample_may_be_a_point() {
    let mut settings = otlp_settings();
    settings.measuring.metrics = Numbers::of(&[Number::Cpu]);
    settings.publishing.form = ValueForm::Distribution;
    settings.publishing.otlp.sample_points = true;
    let otlp = Otlp::new(&settings, Retries::default());
    let mut window = Summary::clone(&window());
    window.entries.truncate(1);
    let at = |second| window.start + Duration::from_secs(second);
    window.entries[0].statistics.samples = vec![(at(1), 12.5), (at(2), 99.25)];
    let chosen = data(&otlp, &settings, &window);
    let parcels = [Parcel { summary: &window, data: &chosen }];
    let request = otlp.encoding.request(&otlp.resource, &otlp.totals, &parcels);
    let of = |name: &str, kind, points| (name.to_owned(), "1".to_owned(), kind, points);
    let expected = [of("cpu.utilization", 10, 1), of("cpu.utilization.sample", 5, 2)];
    assert_eq!(metrics(&request), expected);
}

/// The most that one request may have is met, however much there is.
#[test]
fn a_plan_is_within_the_limits_with_as_many_labels_as_there_may_be() {
    let mut settings = otlp_settings();
    let attributes = (0..80).map(|number| (format!("a{number}"), "x".repeat(90)));
    settings.publishing.otlp.attributes = attributes.collect();
    let otlp = Otlp::new(&settings, Retries::default());
    let Terms { most, .. } = otlp.terms();
    assert_eq!(most.data, 1000);
    assert!(most.bytes < 1_000_000 - 80 * 90, "{most:?}");
    assert!(most.bytes > 900_000, "{most:?}");
}

#[test]
fn a_window_waits_where_it_lies_ahead_of_the_endpoint() {
    let settings = otlp_settings();
    let mut otlp = Otlp::new(&settings, Retries::default());
    let mut window = Summary::clone(&window());
    window.end = SystemTime::now();
    assert!(!otlp.waits(&window), "nothing is known of the clock");
    let now = now_ms();
    let clock = |behind: i64| {
        let there = now - behind * 1000;
        Exchange { sent: now, received: there, answered: there, back: now }
    };
    for (behind, waits) in [(0, false), (50, false), (70, true), (-70, false)] {
        otlp.sender.set_clock(clock(behind));
        assert_eq!(otlp.waits(&window), waits, "{behind}");
    }
}
