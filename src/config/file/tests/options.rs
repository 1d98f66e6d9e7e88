//! Options in a file.

use std::time::Duration;

use super::*;
use crate::config::{Dimension, Publish};
use crate::model::{Number, Numbers};

const ALL: &str = "\
# A comment
namespace: MyApp
service: web
period: 5m
sample-interval: 2
metrics: [cpu, oom-kills]
publish: cloudwatch, emf
dimension: {Stage: prod, Team: 'a, b'}
tags: {Owner: \"us, them\"}
dimension-set: [ServiceName, ServiceName+Stage]
per-container: no
once: off
buffer: 0
max-metrics: 7
";

#[test]
fn each_option_means_what_it_means_on_the_command_line() {
    let settings = settings(&[], main_file(ALL)).expect("valid");
    assert_eq!(settings.identity.namespace.as_deref(), Some("MyApp"));
    let dimensions =
        [("ServiceName", "web"), ("Stage", "prod"), ("Team", "a, b"), ("Owner", "us, them")];
    let dimensions =
        dimensions.map(|(name, value)| Dimension { name: name.into(), value: value.into() });
    assert_eq!(settings.identity.dimensions, dimensions);
    assert_eq!(settings.identity.sets.len(), 2);
    assert_eq!(settings.measuring.period, Duration::from_secs(300));
    assert_eq!(settings.measuring.sample_interval, Duration::from_secs(2));
    assert_eq!(settings.measuring.metrics, Numbers::of(&[Number::Cpu, Number::OomKills]));
    assert_eq!(settings.publishing.publishers, [Publish::CloudWatch, Publish::Emf]);
    assert_eq!((settings.publishing.buffer, settings.checks.max_metrics), (0, 7));
    assert!(!settings.measuring.per_container && !settings.measuring.once);
}

#[test]
fn the_command_line_wins_over_the_file() {
    let text = ALL.replace("ServiceName+Stage", "A");
    let settings = settings(&["--period=10", "--dimension=A=1"], main_file(&text)).expect("valid");
    assert_eq!(settings.measuring.period, Duration::from_secs(10));
    let names: Vec<_> = settings.identity.dimensions.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["ServiceName", "A", "Owner"], "an option as a whole");
}

#[test]
fn problems_are_those_of_the_command_line_with_their_place_and_all_at_once() {
    let text = "namespace: AWS/x\nservice: web\nperiod: 1.5\nmetrics: cpu,memroy\nlive: maybe\nperoid: 5\n\
        profile: [a]\nregion: ${NO_SUCH_VARIABLE_HERE}\nbuffer:\n";
    let error = settings(&[], main_file(text)).expect_err("it is wrong");
    let expected = [
        "agent.yaml:5:7: live \"maybe\": expected true or false, yes or no, on or off, 1 or 0",
        "agent.yaml:1:12: namespace \"AWS/x\": expected a namespace that does not begin with AWS/ (reserved \
         for AWS services)",
        "agent.yaml:3:9: period \"1.5\": expected a whole number of seconds from 1 to 86400, such as 90, 90s, \
         5m or 1h",
        "agent.yaml:4:10: metrics \"cpu,memroy\": expected any of cpu, memory, throttling, oom-kills, \
         pressure, pressure-full, io, network, processes, swap, memory-peak, ephemeral-storage and fullest, \
         with commas, not \"memroy\"; did you mean memory?",
        "agent.yaml:6:1: unknown key \"peroid\": expected an option such as period, checks or thresholds; did you mean \
         period?",
        "agent.yaml:7:10: profile: expected one value, and this is a list",
        "agent.yaml:8:9: region: variable NO_SUCH_VARIABLE_HERE is not set: set it, or give a default by \
         ${NO_SUCH_VARIABLE_HERE:-default}",
    ];
    assert_eq!(error.iter().collect::<Vec<_>>(), expected);
    assert!(error.are_of_files());
}

#[test]
fn a_file_that_is_empty_sets_nothing_and_one_without_a_map_is_refused() {
    for text in ["", "# nothing\n", "---\n", "null\n"] {
        assert!(problems(&main_file(text)).is_empty(), "{text:?}");
    }
    let expected =
        "agent.yaml:1:1: the file: expected keys with values, such as period: 60, not \"period\"";
    assert_eq!(problems(&main_file("period\n")), [expected]);
    let list = "agent.yaml:1:1: the file: expected keys with values, and this is a list";
    assert_eq!(problems(&main_file("- period: 60\n")), [list]);
}

#[test]
fn what_two_files_set_would_depend_on_their_order() {
    let both = [("a.yaml", Form::Main, "period: 60\n"), ("b.yaml", Form::Main, "\nperiod: 60\n")];
    let expected = "b.yaml:2:1: period is set in a.yaml:1:1, too: keep one of them";
    assert_eq!(problems(&files(both.into())), [expected]);
}

#[test]
fn beside_a_command_a_broken_file_is_told_from_what_was_typed() {
    let error = settings(&["--", "true"], main_file("period: x\n")).expect_err("it is wrong");
    assert!(error.are_of_files(), "the names may stand in the file that is wrong: {error}");
    let error =
        settings(&["--buffer=x", "--", "true"], main_file("period: x\n")).expect_err("wrong");
    assert!(!error.are_of_files(), "{error}");
    let error = settings(&["--", "true"], main_file("period: 5\n")).expect_err("no names");
    assert!(!error.are_of_files(), "{error}");
}

#[test]
fn the_example_is_valid_with_and_without_its_marks() {
    let example = crate::config::example::file(TABLE);
    assert!(problems(&main_file(&example)).is_empty() && main_file(&example).checks.is_empty());
    let is_prose = |line: &str| line.trim_start().starts_with("# ") || line.trim_start() == "#";
    let lines = example.lines().filter(|line| !is_prose(line));
    let keys: Vec<_> = lines.map(|line| line.replacen('#', "", 1)).collect();
    // Variables for passwords are not set here.
    let all = main_file(&keys.join("\n").replace("${", "$${"));
    assert_eq!(problems(&all), [""; 0], "{}", keys.join("\n"));
    assert_eq!(all.checks.len(), TABLE.len());
    for option in super::super::options_of_file() {
        assert!(!all.values(&option).is_empty(), "{option}");
    }
    // Some of them exclude each other; so each by itself beside the names.
    assert!(settings(&["--namespace=a", "--service=b"], main_file(&example)).is_ok());
}

#[test]
fn the_value_of_a_variable_is_not_shown_and_a_long_value_is_cut() {
    // PATH is set wherever tests run, and is no number of seconds.
    let path = std::env::var("PATH").expect("it is set");
    let long = "x".repeat(5000);
    let text = format!("period: ${{PATH}}\nbuffer: {long}\n");
    let problems =
        settings(&["--dry-run"], main_file(&text)).expect_err("both are wrong").to_string();
    assert!(
        !problems.contains(&path) && problems.contains("period \"${PATH}\": expected"),
        "{problems}"
    );
    assert!(problems.contains("xx\"… (5000 bytes): expected"), "{problems}");
    assert!(problems.len() < 1000, "{problems}");
}

#[test]
fn an_item_that_is_empty_is_a_mistake_and_drops_nothing_in_silence() {
    for (text, expected) in [
        (
            "dimension:\n  Stage:\n  Team: web\n",
            "agent.yaml:2:8: dimension: expected a value, and there is none",
        ),
        (
            "dimension: [Team=web, ~]",
            "agent.yaml:1:23: dimension: expected a value, and there is none",
        ),
        ("metrics: [memory, ~]", "agent.yaml:1:19: metrics: expected a value, and there is none"),
        ("metrics: []", "agent.yaml:1:10: metrics: expected at least one word in the list"),
        (
            "dimension: {\"A=B\": c}",
            "agent.yaml:1:13: dimension: expected a name without =, not \"A=B\"",
        ),
    ] {
        assert_eq!(problems(&main_file(text)), [expected], "{text}");
    }
}
