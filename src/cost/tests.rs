//! What some windows cost.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::config::AutoDimension;
use crate::model::tests::{entry, sampled, summary};
use crate::model::{CheckType, Configured, Declared, Details, Discovers, Publication, Unit};
use crate::publisher::cloudwatch::tests::settings;

static TWO: CheckType = CheckType {
    name: "agent.two",
    about: "",
    settings: &[],
    one_of: &[],
    metrics: &[
        Declared::gauge("a", Unit::Count, "").headline(),
        Declared::counter("b", Unit::Count, "").headline(),
    ],
    discovers: Discovers::Nothing,
    targets: None,
    open: |_| unreachable!("it is never run"),
};

/// A check with two metrics.
fn configured(id: &str) -> Configured {
    Configured {
        id: id.to_owned(),
        kind: &TWO,
        label: String::new(),
        details: Details::default(),
        is_disabled: false,
        metadata: BTreeMap::new(),
        period: Duration::from_secs(60),
        timeout: Duration::from_secs(30),
        publish: Publication::by_default(&TWO),
    }
}

/// What CPU and memory of the whole cost.
fn of(settings: &Settings) -> Cost {
    Cost::of(settings, &window())
}

fn window() -> Summary {
    let of = |number| entry(number, None, sampled(67, 1.0, 2.0));
    summary([Number::Cpu, Number::Memory].map(of).into())
}

fn cents(dollars: f64) -> i64 {
    (dollars * 100.0).round() as i64
}

#[test]
fn four_metrics_a_minute_are_metrics_and_calls() {
    let cost = of(&settings(60, &[]));
    assert_eq!((cost.metrics, cost.calls, cost.log_bytes), (4, 43_800.0, 0.0));
    assert_eq!(cents(cost.dollars(1.0)), 120 + 44);
}

#[test]
fn a_distribution_is_half_of_the_metrics() {
    let mut settings = settings(60, &[]);
    settings.publishing.form = ValueForm::Distribution;
    assert_eq!(cents(of(&settings).dollars(1.0)), 60 + 44);
}

#[test]
fn logs_cost_by_their_size_and_metrics_that_go_both_ways_are_there_once() {
    let mut emf = settings(60, &[]);
    emf.publishing.publishers = vec![Publish::Emf];
    let cost = of(&emf);
    assert_eq!((cost.metrics, cost.calls), (4, 0.0));
    assert!((20e6..30e6).contains(&cost.log_bytes), "{cost:?}");
    assert_eq!(cents(cost.dollars(1.0)), 120 + 1);
    let mut both = emf;
    both.publishing.publishers.push(Publish::CloudWatch);
    assert_eq!(of(&both).metrics, 4);
}

#[test]
fn the_lines_of_each_container_are_paid_for() {
    let of = |container| entry(Number::Cpu, container, sampled(67, 1.0, 2.0));
    for form in [ValueForm::MedianMax, ValueForm::Distribution] {
        let mut emf = settings(60, &[]);
        emf.publishing.publishers = vec![Publish::Emf];
        emf.publishing.form = form;
        let bytes = |entries: Vec<_>| Cost::of(&emf, &summary(entries)).log_bytes / 43_800.0;
        let one = bytes(vec![of(None)]);
        let three = bytes(vec![of(None), of(Some("app")), of(Some("web"))]);
        // A line of a container names one dimension more, twice and with its value.
        let dimension = 2.0 * "\"ContainerName\",".len() as f64 + "\"app\",".len() as f64;
        assert_eq!(three, 3.0 * one + 2.0 * dimension, "{form:?}");
    }
}

#[test]
fn points_by_otlp_cost_by_their_bytes_and_no_metric_has_a_price() {
    let mut otlp = settings(60, &[]);
    otlp.publishing.publishers = vec![Publish::Otlp];
    let cost = of(&otlp);
    // Median, maximum and histogram of CPU and memory.
    assert_eq!((cost.metrics, cost.points, cost.calls, cost.log_bytes), (0, 6, 0.0, 0.0));
    let a_point = cost.otlp_bytes / 43_800.0 / 6.0;
    assert!((150.0..400.0).contains(&a_point), "{a_point} bytes");
    assert_eq!(cost.dollars(1.0), 0.5 * cost.otlp_bytes / 1e9);
    let found = [("aws.ecs.task.family", "web"), ("aws.ecs.task.id", SUPPOSED)];
    let pairs = found.map(|(name, value)| (name.to_owned(), value.to_owned()));
    otlp.publishing.otlp.found = pairs.to_vec();
    let with_task = of(&otlp).otlp_bytes / 43_800.0 / 6.0;
    let bytes: usize = found.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(with_task > a_point + bytes as f64, "{with_task} of {a_point}");
    let compared = Comparison::of(&otlp, &window());
    assert_eq!((compared.metrics, compared.otlp_points_a_window), (0, 6));
    let said = compared.to_string();
    assert!(said.contains(" a month: 6 points a window, "), "{said}");
    assert!(said.contains(" MB of points by OTLP (list price"), "{said}");
}

#[test]
fn another_receiver_of_otlp_has_no_price_of_aws() {
    let mut otlp = settings(60, &[]);
    otlp.publishing.publishers = vec![Publish::Otlp];
    otlp.publishing.otlp.endpoint = Some("http://127.0.0.1:4318/v1/metrics".into());
    assert_eq!(of(&otlp), Cost::default());
    let said = Comparison::of(&otlp, &window()).to_string();
    let begin =
        "about $0.00 a month at AWS, and what the receiver of OTLP charges: 0 metrics (list price";
    assert!(said.starts_with(begin), "{said}");
    assert!(said.contains("$1.64 with --publish cloudwatch, "), "{said}");
    assert!(said.ends_with("$0.03 with --publish otlp to CloudWatch"), "{said}");
    let aws = "https://monitoring.eu-west-1.amazonaws.com/v1/metrics".to_owned();
    otlp.publishing.otlp.endpoint = Some(aws);
    assert!(of(&otlp).otlp_bytes > 0.0);
}

#[test]
fn the_console_costs_nothing() {
    let mut console = settings(60, &[]);
    console.publishing.publishers = vec![Publish::Console];
    assert_eq!(of(&console).dollars(1.0), 0.0);
}

#[test]
fn each_set_of_dimensions_makes_metrics_of_its_own() {
    let mut settings = settings(60, &[("Stage", "prod")]);
    settings.identity.sets = vec![vec!["ServiceName".into()], vec!["Stage".into()]];
    assert_eq!(of(&settings).metrics, 8);
}

#[test]
fn what_is_measured_of_containers_is_paid_for_and_what_has_no_value_is_not() {
    let of = |container| entry(Number::Cpu, container, sampled(67, 1.0, 2.0));
    let window = summary(vec![of(None), of(Some("app")), of(Some("web"))]);
    let mut settings = settings(60, &[]);
    settings.measuring.metrics = crate::model::Numbers::of(Number::ALL);
    settings.identity.sets = vec![vec!["ServiceName".into()]; 2];
    assert_eq!(Cost::of(&settings, &window).metrics, 12);
}

/// How many calls a window takes that has so many containers.
fn calls(settings: &Settings, containers: usize) -> f64 {
    let names: Vec<_> = (0..containers).map(|n| format!("c{n:03}")).collect();
    let all = std::iter::once(None).chain(names.iter().map(|name| Some(&**name)));
    let of = |container| entry(Number::Cpu, container, sampled(67, 1.0, 2.0));
    let windows = MONTH_SECONDS / settings.measuring.period.as_secs_f64();
    Cost::of(settings, &summary(all.map(of).collect())).calls / windows
}

#[test]
fn a_window_that_takes_several_requests_is_as_many_calls() {
    let plain = settings(60, &[]);
    // A median and a maximum each: 1,000 data fit, 1,002 do not.
    assert_eq!([499, 500, 999, 1000].map(|n| calls(&plain, n)), [1.0, 2.0, 2.0, 3.0]);
    // The value of a dimension makes a datum some 5 kB, of which a megabyte holds fewer.
    let long = "x".repeat(250);
    let dimensions: Vec<_> = (0..20).map(|n| (format!("Dimension{n}"), &*long)).collect();
    let dimensions: Vec<_> = dimensions.iter().map(|(name, value)| (&**name, *value)).collect();
    assert_eq!([50, 100, 200].map(|n| calls(&settings(60, &dimensions), n)), [1.0, 2.0, 3.0]);
    // 4,001 samples of an hour are up to 27 data of 150 values each: 11 such metrics are a megabyte.
    let mut hour = settings(3600, &[]);
    hour.publishing.form = ValueForm::Distribution;
    assert_eq!([9, 11, 36].map(|n| calls(&hour, n)), [1.0, 2.0, 4.0]);
}

#[test]
fn dimensions_that_are_still_to_be_found_out_are_counted() {
    let mut settings = settings(60, &[]);
    settings.identity.auto_dimensions = vec![AutoDimension::TaskId];
    settings.identity.sets = vec![vec!["ServiceName".into()], vec!["TaskId".into()]];
    assert_eq!(of(&SayCost::of(&settings).settings).metrics, 8);
}

#[test]
fn many_metrics_are_cheaper() {
    let cost = Cost { metrics: 4, ..Cost::default() };
    assert_eq!(cents(cost.dollars(100.0)), 100 * 120);
    // 10,000 at 0.30 and 30,000 at 0.10.
    assert_eq!(cents(cost.dollars(10_000.0)), 300_000 + 300_000);
}

#[test]
fn it_is_said_beside_the_alternatives() {
    let text = Comparison::of(&settings(60, &[]), &window()).to_string();
    assert_eq!(
        text,
        "about $1.64 a month: 4 metrics, 43800 PutMetricData calls (list price of us-east-1, \
         September 2026); it would be $1.04 with --statistics distribution, $1.21 with \
         --publish emf, $0.62 with --publish emf --statistics distribution, $0.03 with --publish otlp"
    );
}

#[test]
fn states_of_alarms_are_paid_for_as_metrics_of_checks_are() {
    let mut with = settings(60, &[]);
    (with.checks.all, with.checks.max_metrics) = (vec![configured("x")], 3);
    let alarm = |id: &str, publishes| {
        let body = serde_json::json!({ "publish": publishes });
        crate::config::alarm_of_body("x", id, &body).expect("it is valid").configured
    };
    with.checks.alarms = vec![alarm("a", true), alarm("b", false)];
    assert_eq!((of(&with).metrics, check_cap(&with)), (7, Ok(())));
    // A window that has it already has it once.
    let mut window = window();
    let metric = Rc::new(with.checks.published_alarms().remove(0));
    window.entries.push(Entry { metric, statistics: Statistics::of_none() });
    assert_eq!(Cost::of(&with, &window).metrics, 7);
    with.checks.alarms.push(alarm("c", true));
    let refused = check_cap(&with).expect_err("four of three");
    assert!(refused.starts_with("the checks would publish 4 metrics"), "{refused}");
    with.checks.all[0].is_disabled = true;
    assert_eq!((of(&with).metrics, check_cap(&with)), (4, Ok(())));
}

#[test]
fn checks_are_paid_for_before_they_ever_ran_and_once() {
    let mut with = settings(60, &[]);
    with.checks.max_metrics = 2;
    let check = |id: &str| configured(id);
    with.checks.all = vec![check("x")];
    assert_eq!(of(&with).metrics, 6);
    assert_eq!(check_cap(&with), Ok(()));
    // The window has one of the two already.
    let mut window = window();
    window.entries.push(Entry {
        metric: Rc::new(check("x").declared().remove(0)),
        statistics: Statistics::of_none(),
    });
    assert_eq!(Cost::of(&with, &window).metrics, 6);
    with.checks.all.push(check("y"));
    assert_eq!(of(&with).metrics, 8);
    let refused = check_cap(&with).expect_err("four of two");
    assert!(refused.starts_with("the checks would publish 4 metrics, about $1.20 a month"));
    with.checks.all.iter_mut().for_each(|check| check.is_disabled = true);
    assert_eq!((of(&with).metrics, check_cap(&with)), (4, Ok(())));
}
