//! The lines, compared with whole values.

use super::*;
use crate::config::ValueForm;
use crate::delivery::choice::Choice;
use crate::model::tests::{checked, entry, reported, sampled, summary, with_values};
use crate::model::{Distribution, Entry, Kind, Number, Numbers, Statistics, Unit};
use crate::publisher::cloudwatch::tests::settings;

fn cpu(values: &[(u16, u32)]) -> Entry {
    entry(Number::Cpu, None, with_values(sampled(67, 12.5, 50.0), values))
}

fn window() -> Summary {
    summary(vec![cpu(&[(0, 2), (1250, 1)]), entry(Number::OomKills, None, reported(1.0, 3.0))])
}

fn lines(settings: &Settings, summary: &Summary) -> Vec<Json> {
    let data = Choice::of(settings).data(summary, 1);
    let lines = Emf::new(settings).lines(&Parcel { summary, data: &data });
    lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_window_is_one_line_with_its_start_as_timestamp() {
    let mut settings = settings(60, &[("Stage", "prod")]);
    settings.measuring.metrics = Numbers::of(&[Number::Cpu, Number::OomKills]);
    let expected = json!({
        "_aws": {
            "Timestamp": 1_795_000_020_000_u64,
            "CloudWatchMetrics": [{
                "Namespace": "TestNamespace",
                "Dimensions": [["ServiceName", "Stage"]],
                "Metrics": [
                    { "Name": "CPUUtilization", "Unit": "Percent" },
                    { "Name": "MaxCPUUtilization", "Unit": "Percent" },
                    { "Name": "OOMKills", "Unit": "Count" },
                ],
            }],
        },
        "ServiceName": "FooService",
        "Stage": "prod",
        "CPUUtilization": 12.5,
        "MaxCPUUtilization": 50.0,
        "OOMKills": 2.0,
    });
    assert_eq!(lines(&settings, &window()), [expected]);
}

#[test]
fn a_distribution_is_an_array_in_which_a_value_stands_as_often_as_it_was_there() {
    let mut settings = settings(10, &[]);
    settings.publishing.form = ValueForm::Distribution;
    let lines = lines(&settings, &window());
    assert_eq!(lines[0]["CPUUtilization"], json!([0.0, 0.0, 12.5]));
    let metrics = &lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"];
    let metric = json!({ "Name": "CPUUtilization", "Unit": "Percent", "StorageResolution": 1 });
    assert_eq!(*metrics, json!([metric]));
}

#[test]
fn more_than_a_hundred_values_are_several_lines_that_lose_none() {
    let mut settings = settings(300, &[]);
    settings.publishing.form = ValueForm::Distribution;
    let cpu: Vec<_> = (0..150).map(|n| (n, 2)).collect();
    let memory = with_values(sampled(67, 40.0, 40.0), &[(4000, 120)]);
    let window = summary(vec![self::cpu(&cpu), entry(Number::Memory, None, memory)]);
    let lines = lines(&settings, &window);
    let counts = |name: &str| -> Vec<_> {
        lines.iter().map(|line| line[name].as_array().map(Vec::len)).collect()
    };
    assert_eq!(counts("CPUUtilization"), [Some(100), Some(100), Some(100)]);
    assert_eq!(counts("MemoryUtilization"), [Some(100), Some(20), None]);
    let named = |line: &Json| {
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().map(Vec::len);
        metrics.expect("a list")
    };
    assert_eq!(lines.iter().map(named).collect::<Vec<_>>(), [2, 2, 1]);
}

#[test]
fn each_container_has_its_line_and_one_more_dimension() {
    let app = entry(Number::Cpu, Some("app"), sampled(6, 2.5, 9.0));
    let lines = lines(&settings(60, &[]), &summary(vec![cpu(&[]), app]));
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["ContainerName"], "app");
    assert_eq!(lines[1]["CPUUtilization"], 2.5);
    let dimensions = &lines[1]["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
    assert_eq!(*dimensions, json!([["ServiceName", "ContainerName"]]));
}

#[test]
fn each_set_of_dimensions_is_a_list_of_names() {
    let mut settings = settings(60, &[("Stage", "prod")]);
    settings.identity.sets =
        vec![vec!["ServiceName".into()], vec!["ServiceName".into(), "Stage".into()]];
    let line = &lines(&settings, &window())[0];
    let dimensions = &line["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
    assert_eq!(*dimensions, json!([["ServiceName"], ["ServiceName", "Stage"]]));
    assert_eq!((&line["ServiceName"], &line["Stage"]), (&json!("FooService"), &json!("prod")));
}

#[test]
fn a_metric_that_is_called_as_a_dimension_of_all_is_another_member() {
    let window = summary(vec![checked("web", None, "ServiceName", Unit::None, &[1.0])]);
    let lines = lines(&settings(60, &[]), &window);
    assert_eq!(
        (&lines[0]["ServiceName"], &lines[0]["ServiceName_"]),
        (&json!("FooService"), &json!([1.0]))
    );
    assert_eq!(lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"], "ServiceName_");
}

/// What a check found of these values, each so many times.
fn timed(values: &[(f64, u64)]) -> Entry {
    let mut many = Distribution::default();
    values.iter().for_each(|(value, count)| many.add(*value, *count));
    let entry = checked("web", None, "Took", Unit::Milliseconds, &[]);
    let metric = Metric { kind: Kind::Distribution, ..Metric::clone(&entry.metric) };
    Entry { metric: Rc::new(metric), statistics: Statistics::of_many(&many) }
}

#[test]
fn sum_and_count_of_a_distribution_are_exact_however_many_values_it_has() {
    let settings = settings(60, &[]);
    for each in [1, 4, 5, 1_000, 1_000_000] {
        let values: Vec<_> = (0..250).map(|n| (1.03_f64.powi(n), each)).collect();
        let window = summary(vec![timed(&values)]);
        let (mut count, mut sum) = (0.0, 0.0);
        for line in lines(&settings, &window) {
            let numbers = |list: &Json| -> Vec<f64> {
                list.as_array().into_iter().flatten().filter_map(Json::as_f64).collect()
            };
            let took = &line["Took"];
            if took.is_array() {
                let values = numbers(took);
                assert!(values.len() <= MOST_VALUES);
                (count, sum) = (count + values.len() as f64, sum + values.iter().sum::<f64>());
                continue;
            }
            let (values, counts) = (numbers(&took["Values"]), numbers(&took["Counts"]));
            assert!(values.len() <= MOST_VALUES && values.len() == counts.len());
            assert_eq!(
                (took["Min"].as_f64(), took["Max"].as_f64()),
                (values.first().copied(), values.last().copied())
            );
            assert_eq!(took["Count"].as_f64(), Some(counts.iter().sum()));
            count += counts.iter().sum::<f64>();
            sum += took["Sum"].as_f64().expect("a number");
        }
        let expected: f64 = values.iter().map(|(value, count)| value * *count as f64).sum();
        assert_eq!(count, 250.0 * each as f64);
        assert!((sum / expected - 1.0).abs() < 1e-9, "{sum} {expected}");
        let (bytes, said) = log_bytes_of(&settings, &window);
        assert!(said > bytes / 4 && said < bytes * 4, "{said} of {bytes}");
        assert!(bytes < 30_000, "{bytes}");
    }
}

#[test]
fn a_dimension_has_one_name_in_all_lines_also_where_a_metric_is_called_so() {
    let many: Vec<_> = (0..150).map(f64::from).collect();
    let window = summary(vec![
        checked("web", Some("a"), "Target", Unit::None, &[1.0]),
        checked("web", Some("a"), "Hits", Unit::None, &many),
    ]);
    let lines = lines(&settings(60, &[]), &window);
    let sets = lines.iter().map(|line| &line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]);
    let expected = json!([["ServiceName", "Check", "Target_"]]);
    assert_eq!(sets.collect::<Vec<_>>(), [&expected, &expected]);
}

#[test]
fn a_window_without_a_chosen_value_is_no_line() {
    let empty = summary(vec![entry(Number::OomKills, None, reported(1.0, 3.0))]);
    assert_eq!(lines(&settings(60, &[]), &empty), [] as [Json; 0]);
}

/// What is taken in for the lines of a window, and about how much that is said to be.
fn log_bytes_of(settings: &Settings, summary: &Summary) -> (usize, usize) {
    let data = Choice::of(settings).data(summary, 1);
    let lines = Emf::new(settings).lines(&Parcel { summary, data: &data });
    let bytes = lines.iter().map(|line| line.len() + EVENT_BYTES).sum();
    (bytes, log_bytes(settings, summary, &data))
}

#[test]
fn the_lines_of_all_containers_are_counted() {
    let mut settings = settings(60, &[("Stage", "prod")]);
    settings.measuring.metrics = Numbers::of(Number::ALL);
    settings.identity.sets = vec![vec!["ServiceName".into()], vec!["Stage".into()]];
    let container = |name| entry(Number::Cpu, Some(name), sampled(6, 2.5, 9.123_456_789));
    let none = summary(Vec::new());
    let all = summary(vec![cpu(&[]), container("app"), container("a-much-longer-name")]);
    for window in [&none, &window(), &all] {
        let (bytes, said) = log_bytes_of(&settings, window);
        assert_eq!(said, bytes);
    }
    let (one, three) = (log_bytes_of(&settings, &window()).1, log_bytes_of(&settings, &all).1);
    assert!(three > 2 * one, "{three} {one}");
}

#[test]
fn the_lines_of_a_distribution_are_counted_with_all_of_their_values() {
    let mut settings = settings(300, &[]);
    settings.publishing.form = ValueForm::Distribution;
    let many: Vec<_> = (1001..1151).map(|n| (n, 2)).collect();
    let app = with_values(sampled(300, 12.5, 50.0), &many);
    let app = entry(Number::Cpu, Some("app"), app);
    for window in [summary(vec![cpu(&many)]), summary(vec![cpu(&many), app])] {
        let (bytes, said) = log_bytes_of(&settings, &window);
        assert!(bytes.abs_diff(said) < bytes / 20, "{said} of {bytes}");
    }
}

#[test]
fn a_check_has_lines_of_its_own_with_its_values_in_arrays() {
    let many: Vec<_> = (0..150).map(f64::from).collect();
    let window = summary(vec![
        cpu(&[]),
        checked("root", None, "Used", Unit::Percent, &[40.0, 42.5]),
        checked("web", Some("a"), "Hits", Unit::None, &many),
    ]);
    let lines = lines(&settings(60, &[]), &window);
    assert_eq!(lines.len(), 4);
    assert_eq!(
        lines[1],
        json!({
            "_aws": {
                "Timestamp": 1_795_000_020_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "TestNamespace",
                    "Dimensions": [["ServiceName", "Check"]],
                    "Metrics": [{ "Name": "Used", "Unit": "Percent" }],
                }],
            },
            "ServiceName": "FooService",
            "Check": "root",
            "Used": [40.0, 42.5],
        })
    );
    let lengths = [2, 3].map(|line| lines[line]["Hits"].as_array().map(Vec::len));
    assert_eq!(lengths, [Some(100), Some(50)], "an array has at most a hundred");
    assert_eq!(lines[3]["Target"], "a");
}
