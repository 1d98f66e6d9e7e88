//! The encoding, compared with whole values.

use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::builders::MetricDatumBuilder;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};

use super::super::describe;
use super::super::encoding::Encoding;
use super::settings;
use crate::config::ValueForm;
use crate::model::{ContainerSummary, Statistics, Summary, ValueCount};

fn statistics(median: f64, max: f64) -> Option<Statistics> {
    let distribution = (0..400).map(|n| ValueCount { hundredths: n, count: 1 + u32::from(n) });
    let distribution = distribution.collect();
    Some(Statistics { count: 67, median, max, min: 0.0, mean: 1.0, distribution })
}

/// A datum of the whole without its value.
fn datum(name: &str) -> MetricDatumBuilder {
    MetricDatum::builder()
        .metric_name(name)
        .dimensions(Dimension::builder().name("ServiceName").value("FooService").build())
        .dimensions(Dimension::builder().name("Stage").value("prod").build())
        .timestamp(DateTime::from_secs(1_795_000_020))
        .unit(StandardUnit::Percent)
}

fn with(name: &str, value: f64) -> MetricDatum {
    datum(name).value(value).build()
}

fn summary() -> Summary {
    Summary {
        cpu: statistics(12.5, 99.25),
        memory: statistics(40.0, 41.5),
        ..Summary::empty(UNIX_EPOCH + Duration::from_secs(1_795_000_020))
    }
}

#[test]
fn a_summary_is_four_data() {
    let encoding = Encoding::new(&settings(60, &[("Stage", "prod")]));
    let expected = [
        with("CPUUtilization", 12.5),
        with("MaxCPUUtilization", 99.25),
        with("MemoryUtilization", 40.0),
        with("MaxMemoryUtilization", 41.5),
    ];
    assert_eq!(encoding.data(&summary()), expected);
}

#[test]
fn each_container_has_its_name_as_one_more_dimension() {
    let encoding = Encoding::new(&settings(60, &[("Stage", "prod")]));
    let app = ContainerSummary { name: "app".into(), cpu: statistics(2.5, 9.0), memory: None };
    let summary = Summary { containers: vec![app], ..summary() };
    let of_app = |name, value| {
        let mut datum = with(name, value);
        let container = Dimension::builder().name("ContainerName").value("app").build();
        datum.dimensions.get_or_insert_default().push(container);
        datum
    };
    let data = encoding.data(&summary);
    assert_eq!(data[4..], [of_app("CPUUtilization", 2.5), of_app("MaxCPUUtilization", 9.0)]);
    let described: Vec<_> = data.iter().map(describe).collect();
    assert_eq!(described[3..5], ["MaxMemoryUtilization", "CPUUtilization of app"]);
}

#[test]
fn events_have_their_own_units() {
    let mut settings = settings(60, &[("Stage", "prod")]);
    (settings.measuring.metrics.throttling, settings.measuring.metrics.oom_kills) = (true, true);
    let summary = Summary { throttling: Some(7.0), oom_kills: Some(1), ..summary() };
    let data = Encoding::new(&settings).data(&summary).split_off(4);
    let kills = datum("OOMKills").value(1.0).unit(StandardUnit::Count).build();
    assert_eq!(data, [with("CPUThrottling", 7.0), kills]);
}

#[test]
fn a_distribution_is_values_and_counts_in_as_many_data_as_they_need() {
    let mut settings = settings(60, &[("Stage", "prod")]);
    settings.publishing.form = ValueForm::Distribution;
    let data = Encoding::new(&settings).data(&summary());
    let of = |name, first: u16, last: u16| {
        let numbers = || (first..=last).map(f64::from);
        let values = numbers().map(|n| n / 100.0).collect();
        let counts = numbers().map(|n| n + 1.0).collect();
        datum(name).set_values(Some(values)).set_counts(Some(counts)).build()
    };
    let expected = [("CPUUtilization", 0), ("MemoryUtilization", 3)];
    assert_eq!(data.len(), 6, "400 values each, of which 150 fit into a datum");
    for (name, place) in expected {
        let parts = [of(name, 0, 149), of(name, 150, 299), of(name, 300, 399)];
        assert_eq!(data[place..place + 3], parts);
    }
}

#[test]
fn each_datum_is_sent_once_for_each_set_of_dimensions() {
    let mut settings = settings(60, &[("Stage", "prod")]);
    settings.identity.sets = vec![
        vec!["ServiceName".into()],
        vec!["ServiceName".into(), "Stage".into()],
        vec!["NotFoundOut".into()],
    ];
    let data = Encoding::new(&settings).data(&summary());
    let dimensions = |datum: &MetricDatum| {
        let names = datum.dimensions().iter().filter_map(|d| d.name().map(str::to_owned));
        (datum.metric_name().map(str::to_owned), names.collect::<Vec<_>>().join("+"))
    };
    let expected = [
        (Some("CPUUtilization".to_owned()), "ServiceName".to_owned()),
        (Some("CPUUtilization".to_owned()), "ServiceName+Stage".to_owned()),
    ];
    assert_eq!(data.len(), 8);
    assert_eq!(data[..2].iter().map(dimensions).collect::<Vec<_>>(), expected);
}

#[test]
fn periods_under_a_minute_have_high_resolution() {
    let encoding = Encoding::new(&settings(59, &[("Stage", "prod")]));
    let expected = datum("CPUUtilization").value(12.5).storage_resolution(1).build();
    assert_eq!(encoding.data(&summary())[0], expected);
}

#[test]
fn a_request_holds_as_many_summaries_as_the_service_takes() {
    let backlog = vec![summary(); 1000];
    let encoding = Encoding::new(&settings(60, &[]));
    assert_eq!((encoding.batch(&backlog), encoding.batch(&backlog[..7])), (250, 7));
    let (name, value) = ("n".repeat(255), "v".repeat(1024));
    let long = vec![(name.as_str(), value.as_str()); 29];
    let batch = Encoding::new(&settings(60, &long)).batch(&backlog);
    assert!((5..=6).contains(&batch), "{batch}: four data of 38 kB each fit six times into 1 MB");
    let mut distribution = settings(60, &[]);
    distribution.publishing.form = ValueForm::Distribution;
    let batch = Encoding::new(&distribution).batch(&backlog);
    assert!((40..=100).contains(&batch), "{batch}: each has 800 values and as many counts");
    let app = ContainerSummary { name: "app".into(), cpu: statistics(0.0, 0.0), memory: None };
    let many = Summary { containers: vec![app; 600], ..summary() };
    assert_eq!(encoding.batch(&[summary(), many.clone()]), 1);
    assert_eq!(encoding.batch(std::slice::from_ref(&many)), 0, "1204 data are too many for one");
    let parts = [0, 1000, 1203].map(|from| encoding.part(&many, from));
    assert_eq!(parts, [1000, 204, 1]);
}
