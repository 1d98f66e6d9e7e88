//! Each limit at its last good and its first bad value.

use std::time::SystemTime;

use super::*;

#[test]
fn a_plain_request_is_within_the_limits() {
    assert_eq!(check(&plain()), Ok(()));
}

#[test]
fn one_megabyte() {
    let with = |bytes| PutMetricData { bytes, ..plain() };
    assert_eq!(check(&with(1_000_000)), Ok(()));
    let fault =
        Fault::new(413, "RequestEntityTooLarge", "1000001 bytes are more than the limit of 1 MB");
    assert_eq!(check(&with(1_000_001)), Err(fault));
}

#[test]
fn namespace_is_required_and_not_reserved() {
    let with = |namespace: Option<&str>| PutMetricData {
        namespace: namespace.map(str::to_owned),
        ..plain()
    };
    assert_eq!(check(&with(None)), missing("Namespace"));
    assert_eq!(check(&with(Some(&"n".repeat(255)))), Ok(()));
    assert_eq!(check(&with(Some(&"n".repeat(256)))), length("Namespace", 255, 256));
    assert_eq!(check(&with(Some(""))), length("Namespace", 255, 0));
    assert_eq!(check(&with(Some("a:b"))), Ok(()));
    assert_eq!(check(&with(Some("AWS"))), Ok(()));
    assert_eq!(check(&with(Some("My/AWS/"))), Ok(()));
    for bad in [":a", "AWS/ECS", "tab\tbed", "del\u{7f}", "größe"] {
        assert_eq!(check(&with(Some(bad))), invalid_value("Namespace", bad));
    }
}

#[test]
fn one_to_a_thousand_data() {
    let with = |count| PutMetricData { data: vec![datum(); count], ..plain() };
    assert_eq!(check(&with(0)), missing("MetricData"));
    assert_eq!(check(&with(1000)), Ok(()));
    assert_eq!(check(&with(1001)), too_many("MetricData", 1000));
}

#[test]
fn the_place_of_a_bad_datum_counts_from_one() {
    let mut put = plain();
    put.data.push(SentDatum { name: None, ..datum() });
    assert_eq!(check(&put), missing("MetricData.member.2.MetricName"));
}

#[test]
fn metric_name_is_one_to_255_characters() {
    let with = |name: String| SentDatum { name: Some(name), ..datum() };
    let place = "MetricData.member.1.MetricName";
    assert_eq!(check_datum(with(String::new())), length(place, 255, 0));
    assert_eq!(check_datum(with("m".to_owned())), Ok(()));
    assert_eq!(check_datum(with("m".repeat(255))), Ok(()));
    assert_eq!(check_datum(with("m".repeat(256))), length(place, 255, 256));
}

#[test]
fn thirty_dimensions() {
    let with = |count: usize| SentDatum {
        dimensions: (0..count).map(|n| dimension(&n.to_string(), "v")).collect(),
        ..datum()
    };
    assert_eq!(check_datum(with(0)), Ok(()));
    assert_eq!(check_datum(with(30)), Ok(()));
    assert_eq!(check_datum(with(31)), too_many("MetricData.member.1.Dimensions", 30));
}

#[test]
fn dimension_name_is_255_ascii_characters_and_not_blank() {
    let place = "MetricData.member.1.Dimensions.member.1.Name";
    let with = |name: &str| with_dimensions(vec![dimension(name, "v")]);
    assert_eq!(check_datum(with(&"n".repeat(255))), Ok(()));
    assert_eq!(check_datum(with(&"n".repeat(256))), length(place, 255, 256));
    assert_eq!(check_datum(with("")), length(place, 255, 0));
    for bad in [" ", ":n", "new\nline", "é"] {
        assert_eq!(check_datum(with(bad)), invalid_value(place, bad));
    }
    let nameless = SentDimension { name: None, value: Some("v".to_owned()) };
    assert_eq!(check_datum(with_dimensions(vec![nameless])), missing(place));
}

#[test]
fn dimension_value_is_1024_ascii_characters_and_not_blank() {
    let place = "MetricData.member.1.Dimensions.member.1.Value";
    let with = |value: &str| with_dimensions(vec![dimension("n", value)]);
    assert_eq!(check_datum(with(&"v".repeat(1024))), Ok(()));
    assert_eq!(check_datum(with(&"v".repeat(1025))), length(place, 1024, 1025));
    assert_eq!(check_datum(with("")), length(place, 1024, 0));
    assert_eq!(check_datum(with(":v")), Ok(()));
    for bad in ["  ", "new\nline", "é"] {
        assert_eq!(check_datum(with(bad)), invalid_value(place, bad));
    }
    let valueless = SentDimension { name: Some("n".to_owned()), value: None };
    assert_eq!(check_datum(with_dimensions(vec![valueless])), missing(place));
}

#[test]
fn a_dimension_comes_once() {
    let twice = with_dimensions(vec![dimension("n", "1"), dimension("n", "2")]);
    let place = "MetricData.member.1.Dimensions.member.2.Name";
    let message = format!("The parameter {place} repeats the dimension n.");
    assert_eq!(check_datum(twice), Err(Fault::invalid_value(message)));
}

#[test]
fn value_is_finite_and_within_two_to_the_360() {
    let max = 2_f64.powi(360);
    for good in [0.0, -1.5, max, -max] {
        assert_eq!(check_datum(with_value(good)), Ok(()));
        assert_eq!(check_datum(with_values(vec![1.0, good], None)), Ok(()));
    }
    let bad = [max.next_up(), -max.next_up(), f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for bad in bad {
        let number = bad.to_string();
        assert_eq!(
            check_datum(with_value(bad)),
            invalid_value("MetricData.member.1.Value", &number)
        );
        assert_eq!(
            check_datum(with_values(vec![1.0, bad], None)),
            invalid_value("MetricData.member.1.Values", &number)
        );
    }
}

#[test]
fn a_value_is_required() {
    let without = SentDatum { value: None, ..datum() };
    assert_eq!(check_datum(without), missing("MetricData.member.1.Value"));
    let empty = with_values(Vec::new(), None);
    assert_eq!(check_datum(empty), missing("MetricData.member.1.Value"));
}

#[test]
fn value_excludes_values_and_counts() {
    let place = "MetricData.member.1";
    let both = format!("{place}.Value and {place}.Values or {place}.Counts");
    let fault = Fault::new(
        400,
        "InvalidParameterCombination",
        format!("The parameters {both} are mutually exclusive."),
    );
    let values = SentDatum { values: Some(vec![1.0]), ..datum() };
    assert_eq!(check_datum(values), Err(fault.clone()));
    let counts = SentDatum { counts: Some(vec![1.0]), ..datum() };
    assert_eq!(check_datum(counts), Err(fault));
}

#[test]
fn a_statistic_set_is_complete_possible_and_alone() {
    let with = |set| SentDatum { value: None, set: Some(set), ..datum() };
    let good = [Some(2.0), Some(3.0), Some(1.0), Some(2.0)];
    assert_eq!(check_datum(with(good)), Ok(()));
    let missing = Fault::missing("MetricData.member.1.StatisticValues.Sum");
    assert_eq!(check_datum(with([Some(2.0), None, Some(1.0), Some(2.0)])), Err(missing));
    for bad in
        [[0.0, 0.0, 0.0, 0.0], [2.0, 3.0, 2.0, 1.0], [2.0, 5.0, 1.0, 2.0], [2.0, 1.0, 1.0, 2.0]]
    {
        assert!(check_datum(with(bad.map(Some))).is_err(), "{bad:?}");
    }
    assert!(check_datum(SentDatum { value: Some(1.0), ..with(good) }).is_err());
}

#[test]
fn a_hundred_and_fifty_values() {
    assert_eq!(check_datum(with_values(vec![1.0; 150], None)), Ok(()));
    let place = "MetricData.member.1.Values";
    assert_eq!(check_datum(with_values(vec![1.0; 151], None)), too_many(place, 150));
}

#[test]
fn as_many_counts_as_values_and_all_positive() {
    let with = |counts: &[f64]| with_values(vec![1.0, 2.0], Some(counts.to_vec()));
    assert_eq!(check_datum(with(&[1.0, 3.0])), Ok(()));
    let message = "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must \
                   be of the same length.";
    for uneven in [&[1.0][..], &[1.0, 2.0, 3.0]] {
        assert_eq!(check_datum(with(uneven)), Err(Fault::invalid_value(message)));
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(
            check_datum(with(&[1.0, bad])),
            invalid_value("MetricData.member.1.Counts", &bad.to_string())
        );
    }
}

#[test]
fn units_are_the_documented_ones() {
    let with = |unit: &str| SentDatum { unit: Some(unit.to_owned()), ..datum() };
    for good in ["Percent", "Bytes", "Count/Second", "None"] {
        assert_eq!(check_datum(with(good)), Ok(()));
    }
    for bad in ["percent", "Gibibytes", ""] {
        assert_eq!(check_datum(with(bad)), invalid_value("MetricData.member.1.Unit", bad));
    }
}

#[test]
fn storage_resolution_is_1_or_60() {
    let with = |seconds| SentDatum { storage_resolution: Some(seconds), ..datum() };
    assert_eq!(check_datum(with(1)), Ok(()));
    assert_eq!(check_datum(with(60)), Ok(()));
    for bad in [0, 2, 59, 61] {
        let place = "MetricData.member.1.StorageResolution";
        assert_eq!(check_datum(with(bad)), invalid_value(place, &bad.to_string()));
    }
}

#[test]
fn timestamp_is_two_weeks_old_at_most_and_two_hours_ahead_at_most() {
    let with = |timestamp| SentDatum { timestamp: Some(timestamp), ..datum() };
    let oldest = received() - Duration::from_secs(1_209_600);
    let newest = received() + Duration::from_secs(7_200);
    let step = Duration::from_millis(1);
    assert_eq!(check_datum(with(oldest)), Ok(()));
    assert_eq!(check_datum(with(newest)), Ok(()));
    let message = "The parameter MetricData.member.1.Timestamp must be no more than two weeks in \
                   the past and no more than two hours in the future.";
    assert_eq!(check_datum(with(oldest - step)), Err(Fault::invalid_value(message)));
    assert_eq!(check_datum(with(newest + step)), Err(Fault::invalid_value(message)));
}

fn check_datum(datum: SentDatum) -> Result<(), Fault> {
    check(&PutMetricData { data: vec![datum], ..plain() })
}

fn plain() -> PutMetricData {
    PutMetricData {
        received: received(),
        bytes: 100,
        namespace: Some("Test".to_owned()),
        data: vec![datum()],
    }
}

fn datum() -> SentDatum {
    SentDatum { name: Some("CPU".to_owned()), ..with_value(1.0) }
}

fn with_value(value: f64) -> SentDatum {
    SentDatum { name: Some("CPU".to_owned()), value: Some(value), ..SentDatum::default() }
}

fn with_values(values: Vec<f64>, counts: Option<Vec<f64>>) -> SentDatum {
    SentDatum { value: None, values: Some(values), counts, ..datum() }
}

fn with_dimensions(dimensions: Vec<SentDimension>) -> SentDatum {
    SentDatum { dimensions, ..datum() }
}

fn dimension(name: &str, value: &str) -> SentDimension {
    SentDimension { name: Some(name.to_owned()), value: Some(value.to_owned()) }
}

fn received() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn missing(parameter: &str) -> Result<(), Fault> {
    let message = format!("The parameter {parameter} is required.");
    Err(Fault::new(400, "MissingParameter", message))
}

fn invalid_value(place: &str, value: &str) -> Result<(), Fault> {
    let message = format!("The value {value} for parameter {place} is invalid.");
    Err(Fault::new(400, "InvalidParameterValue", message))
}

fn too_many(place: &str, max: usize) -> Result<(), Fault> {
    let message = format!("The collection {place} must not have a size greater than {max}.");
    Err(Fault::new(400, "InvalidParameterValue", message))
}

fn length(place: &str, max: usize, length: usize) -> Result<(), Fault> {
    let message = format!("The parameter {place} must be 1 to {max} characters, not {length}.");
    Err(Fault::new(400, "InvalidParameterValue", message))
}
