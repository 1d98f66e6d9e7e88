//! The encoding, compared with whole values.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::builders::MetricDatumBuilder;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit, StatisticSet};

use super::super::encoding::{Encoding, MOST};
use super::settings;
use crate::config::{Settings, ValueForm};
use crate::delivery::choice::Choice;
use crate::model::tests::{checked, entry, reported, sampled, summary, with_values};
use crate::model::{Entry, Number, Numbers, Statistics, Summary, Unit};
use crate::publisher::{Parcel, Size};

fn statistics(median: f64, max: f64) -> Statistics {
    let values: Vec<_> = (0..400).map(|n| (n, 1 + u32::from(n))).collect();
    with_values(sampled(67, median, max), &values)
}

/// CPU and memory of the whole, and whatever else.
fn window(others: Vec<Entry>) -> Summary {
    let cpu = entry(Number::Cpu, None, statistics(12.5, 99.25));
    let memory = entry(Number::Memory, None, statistics(40.0, 41.5));
    summary([vec![cpu, memory], others].concat())
}

/// The data that a window is sent as.
fn data(settings: &Settings, summary: &Summary) -> Vec<MetricDatum> {
    let encoding = Encoding::new(settings);
    let data = Choice::of(settings).data(summary, encoding.sets());
    encoding.request(&[Parcel { summary, data: &data }])
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

#[test]
fn a_summary_is_four_data() {
    let expected = [
        with("CPUUtilization", 12.5),
        with("MaxCPUUtilization", 99.25),
        with("MemoryUtilization", 40.0),
        with("MaxMemoryUtilization", 41.5),
    ];
    assert_eq!(data(&settings(60, &[("Stage", "prod")]), &window(vec![])), expected);
}

#[test]
fn each_container_has_its_name_as_one_more_dimension() {
    let app = entry(Number::Cpu, Some("app"), statistics(2.5, 9.0));
    let of_app = |name, value| {
        let mut datum = with(name, value);
        let container = Dimension::builder().name("ContainerName").value("app").build();
        datum.dimensions.get_or_insert_default().push(container);
        datum
    };
    let data = data(&settings(60, &[("Stage", "prod")]), &window(vec![app]));
    assert_eq!(data[4..], [of_app("CPUUtilization", 2.5), of_app("MaxCPUUtilization", 9.0)]);
}

#[test]
fn what_is_reported_once_a_window_has_its_own_unit() {
    let mut settings = settings(60, &[("Stage", "prod")]);
    settings.measuring.metrics = Numbers::of(Number::ALL);
    let throttling = entry(Number::Throttling, None, reported(7.0, 7.0));
    let kills = entry(Number::OomKills, None, reported(3.0, 4.0));
    let data = data(&settings, &window(vec![throttling, kills])).split_off(4);
    let kills = datum("OOMKills").value(1.0).unit(StandardUnit::Count).build();
    assert_eq!(data, [with("CPUThrottling", 7.0), kills]);
}

#[test]
fn rates_have_their_units() {
    let mut settings = settings(60, &[("Stage", "prod")]);
    let numbers = [Number::DiskReadBytes, Number::DiskReadOperations];
    settings.measuring.metrics = Numbers::of(&numbers);
    let entries = numbers.map(|number| entry(number, None, sampled(67, 0.5, 4096.0)));
    let of = |name, unit: StandardUnit, value| datum(name).value(value).unit(unit).build();
    let expected = [
        of("DiskReadBytes", StandardUnit::BytesSecond, 0.5),
        of("MaxDiskReadBytes", StandardUnit::BytesSecond, 4096.0),
        of("DiskReadOperations", StandardUnit::CountSecond, 0.5),
        of("MaxDiskReadOperations", StandardUnit::CountSecond, 4096.0),
    ];
    assert_eq!(data(&settings, &window(entries.into())), expected);
}

#[test]
fn a_distribution_is_values_and_counts_in_as_many_data_as_they_need() {
    let mut settings = settings(60, &[("Stage", "prod")]);
    settings.publishing.form = ValueForm::Distribution;
    let data = data(&settings, &window(vec![]));
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
    let data = data(&settings, &window(vec![]));
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
    let expected = datum("CPUUtilization").value(12.5).storage_resolution(1).build();
    assert_eq!(data(&settings(59, &[("Stage", "prod")]), &window(vec![]))[0], expected);
}

/// What the whole window takes of a request.
fn size(settings: &Settings, summary: &Summary) -> Size {
    let encoding = Encoding::new(settings);
    let mut size = Size::default();
    for datum in Choice::of(settings).data(summary, encoding.sets()) {
        size.add(encoding.size(summary, datum));
    }
    size
}

#[test]
fn a_request_holds_as_many_summaries_as_the_service_takes() {
    let window = window(vec![]);
    let fits = |settings: &Settings| {
        let Size { data, bytes } = size(settings, &window);
        (MOST.data / data).min(MOST.bytes / bytes)
    };
    assert_eq!(fits(&settings(60, &[])), 250);
    let (name, value) = ("n".repeat(255), "v".repeat(1024));
    let long = vec![(name.as_str(), value.as_str()); 29];
    let batch = fits(&settings(60, &long));
    assert!((5..=6).contains(&batch), "{batch}: four data of 38 kB each fit six times into 1 MB");
    let mut distribution = settings(60, &[]);
    distribution.publishing.form = ValueForm::Distribution;
    let batch = fits(&distribution);
    assert!((40..=100).contains(&batch), "{batch}: each has 800 values and as many counts");
    assert_eq!(
        size(&distribution, &window).data,
        6,
        "400 values each, of which 150 fit into a datum"
    );
}

/// The JSON of a datum is longer than its CBOR but for the numbers, which are nine bytes there.
#[test]
fn the_size_of_a_datum_is_a_bound_on_its_encoding() {
    let app = entry(Number::Cpu, Some("app"), statistics(2.5, 9.0));
    let mut settings = settings(60, &[("Stage", "prod")]);
    for form in [ValueForm::MedianMax, ValueForm::Distribution] {
        settings.publishing.form = form;
        let window = window(vec![app.clone()]);
        let data = data(&settings, &window);
        let dimensions = |datum: &MetricDatum| {
            let text = |text: Option<&str>| text.map_or(0, str::len);
            let of = |d: &Dimension| text(d.name()) + text(d.value()) + 20;
            datum.dimensions().iter().map(of).sum::<usize>()
        };
        let numbers = |datum: &MetricDatum| 9 * (datum.values().len() + datum.counts().len());
        let least: usize = data.iter().map(|datum| 130 + dimensions(datum) + numbers(datum)).sum();
        let bound = size(&settings, &window);
        assert!(bound.bytes >= least, "{bound:?} {least}");
        assert_eq!(bound.data, data.len());
    }
}

#[test]
fn what_a_check_found_is_a_statistic_set_with_its_dimensions() {
    let settings = settings(60, &[("Stage", "prod")]);
    let others = vec![
        checked("root", None, "Used", Unit::Percent, &[40.0, 42.5]),
        checked("web", Some("a"), "Hits", Unit::None, &[7.0]),
    ];
    let dimension = |name, value| Dimension::builder().name(name).value(value).build();
    let set = |min, max, sum, count| {
        let set = StatisticSet::builder().minimum(min).maximum(max).sum(sum);
        set.sample_count(count).build()
    };
    let expected = [
        datum("Used")
            .dimensions(dimension("Check", "root"))
            .statistic_values(set(40.0, 42.5, 82.5, 2.0))
            .build(),
        datum("Hits")
            .dimensions(dimension("Check", "web"))
            .dimensions(dimension("Target", "a"))
            .unit(StandardUnit::None)
            .statistic_values(set(7.0, 7.0, 7.0, 1.0))
            .build(),
    ];
    assert_eq!(data(&settings, &window(others))[4..], expected);
}
