//! The encoding, compared with whole values.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::model::Statistics;
use crate::settings::{self, Aws, Publish};

fn settings(period: u64, own: &[(&str, &str)]) -> Settings {
    let dimension = |(name, value): (&str, &str)| settings::Dimension {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let dimensions = std::iter::once(("ServiceName", "FooService")).chain(own.iter().copied());
    Settings {
        namespace: "TestNamespace".into(),
        dimensions: dimensions.map(dimension).collect(),
        period: Duration::from_secs(period),
        sample_interval: Duration::from_millis(900),
        publish: Publish::CloudWatch,
        buffer: 60,
        shutdown_timeout: Duration::from_secs(8),
        aws: Aws::default(),
    }
}

fn statistics(median: f64, max: f64) -> Option<Statistics> {
    Some(Statistics { count: 67, median, max, min: 0.0, mean: 1.0 })
}

fn datum(name: &str, value: f64, resolution: Option<i32>) -> MetricDatum {
    MetricDatum::builder()
        .metric_name(name)
        .dimensions(Dimension::builder().name("ServiceName").value("FooService").build())
        .dimensions(Dimension::builder().name("Stage").value("prod").build())
        .timestamp(DateTime::from_secs(1_795_000_020))
        .value(value)
        .unit(StandardUnit::Percent)
        .set_storage_resolution(resolution)
        .build()
}

fn summary() -> Summary {
    Summary {
        start: UNIX_EPOCH + Duration::from_secs(1_795_000_020),
        cpu: statistics(12.5, 99.25),
        memory: statistics(40.0, 41.5),
    }
}

#[test]
fn a_summary_is_four_data() {
    let encoding = Encoding::new(&settings(60, &[("Stage", "prod")]));
    let expected = [
        datum("CPUUtilization", 12.5, None),
        datum("MaxCPUUtilization", 99.25, None),
        datum("MemoryUtilization", 40.0, None),
        datum("MaxMemoryUtilization", 41.5, None),
    ];
    assert_eq!(encoding.data(&summary()).collect::<Vec<_>>(), expected);
}

#[test]
fn periods_under_a_minute_have_high_resolution() {
    let encoding = Encoding::new(&settings(59, &[("Stage", "prod")]));
    let first = encoding.data(&summary()).next();
    assert_eq!(first, Some(datum("CPUUtilization", 12.5, Some(1))));
}

#[test]
fn what_is_absent_or_not_finite_is_never_sent() {
    let encoding = Encoding::new(&settings(60, &[("Stage", "prod")]));
    let broken = Summary { cpu: statistics(f64::NAN, f64::INFINITY), ..summary() };
    let absent = Summary { cpu: None, ..summary() };
    let expected =
        [datum("MemoryUtilization", 40.0, None), datum("MaxMemoryUtilization", 41.5, None)];
    assert_eq!(encoding.data(&broken).collect::<Vec<_>>(), expected);
    assert_eq!(encoding.data(&absent).collect::<Vec<_>>(), expected);
}

#[test]
fn a_request_holds_as_many_summaries_as_the_service_takes() {
    assert_eq!(Encoding::new(&settings(60, &[])).batch_limit(), 250);
    let (name, value) = ("n".repeat(255), "v".repeat(1024));
    let long = vec![(name.as_str(), value.as_str()); 29];
    let limit = Encoding::new(&settings(60, &long)).batch_limit();
    assert!((5..=6).contains(&limit), "{limit}: four data of 38 kB each fit six times into 1 MB");
}
