//! What comes of a collector, and where its metrics stand then.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::watch::Watch;
use super::*;
use crate::collector::sink::Sink;
use crate::model::{
    Entry, Kind, Number, Quantity, Report, Series, Statistics, Summary, TARGET, UTILIZATION,
};
use crate::threshold::{Bounds, Matches, Missing, Of, State};

/// Thresholds of the check `c`, and what they are told.
struct Agent {
    all: Shared,
    watch: Watch,
    start: Instant,
}

impl Agent {
    fn of(thresholds: &[Threshold]) -> Self {
        let all = Rc::new(RefCell::new(Thresholds::of(thresholds, Rc::default())));
        all.borrow_mut().begin(&["c".to_owned()].into(), None);
        Self { watch: Watch(all.clone()), all, start: Instant::now() }
    }

    /// A result of the check after so many seconds, without those that are no numbers.
    fn report(&mut self, seconds: u64, values: &[(&Rc<Metric>, f64)]) -> &mut Self {
        let at = self.start + Duration::from_secs(seconds);
        let value = |(of, value): &(&Rc<Metric>, f64)| (Rc::clone(of), Quantity::Number(*value));
        let (check, values) = ("c".into(), values.iter().map(value).collect());
        self.watch.report(&Report { check, at, values, ..Report::of_window(Vec::new()) });
        self
    }

    fn window(&mut self, values: &[(&Rc<Metric>, f64, f64)]) -> &mut Self {
        let entry = |(metric, median, max): &(&Rc<Metric>, f64, f64)| {
            let statistics = Statistics { median: *median, max: *max, ..Statistics::of_none() };
            Entry { metric: Rc::clone(metric), statistics }
        };
        let entries = values.iter().map(entry).collect();
        let (start, end) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
        let measured = Rc::default();
        self.watch.summary(&Rc::new(Summary { start, end, entries, measured }));
        self
    }

    /// The names of the metrics with their states, and why they are not known.
    fn states(&self) -> String {
        let all = self.all.borrow();
        let all = all.states().iter().map(|(key, of)| {
            let state = of.standing.state.map_or("-", State::name);
            let unknown = of.unknown.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            format!("{} {state}{unknown}", key.name)
        });
        all.collect::<Vec<_>>().join("; ")
    }

    fn status(&self, name: &str) -> String {
        let key = Key { check: "c".into(), name: name.into() };
        self.all.borrow().states()[&key].status.clone()
    }
}

fn metric(name: &'static str, target: Option<&str>, kind: Kind) -> Rc<Metric> {
    let target = target.map(|target| (TARGET.into(), target.into()));
    let dimensions = target.into_iter().collect();
    Rc::new(Metric {
        check: "c".into(),
        name: name.into(),
        dimensions,
        kind,
        ..Number::Cpu.of(None)
    })
}

fn gauge(name: &'static str) -> Rc<Metric> {
    metric(name, None, Kind::Gauge)
}

/// A failure above 90.
fn above(id: &str, check: &str, metric: &str) -> Threshold {
    let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Threshold {
        matches: Matches { check: set(check), metric: set(metric), target: None },
        failure: Bounds { min: None, max: Some(90.0) },
        ..Threshold::of(id)
    }
}

#[tokio::test]
async fn a_percentage_is_of_the_metric_of_the_same_target_or_of_the_check() {
    let percentage = Some("total".to_owned());
    let mut agent = Agent::of(&[Threshold { percentage, ..above("t", "c", "used") }]);
    let of = |name, target| metric(name, target, Kind::Gauge);
    let [root, data] = ["/", "/data"].map(|target| of("used", Some(target)));
    let [of_root, of_all] = [Some("/"), None].map(|target| of("total", target));
    agent.report(0, &[(&root, 95.0), (&data, 95.0), (&of_root, 100.0), (&of_all, 1000.0)]);
    assert_eq!(agent.states(), "/.used FAILURE; /data.used OK");
    assert_eq!(agent.status("/.used"), "95 % of total is above failure_max 90");
    assert_eq!(agent.status("/data.used"), "9.5 % of total");
    agent.report(1, &[(&root, 1.0), (&data, 95.0), (&of_root, 0.0)]);
    let expected = "/.used FAILURE (it is to be in percent of 0); \
                    /data.used OK (the metric \"total\" of its check is missing)";
    assert_eq!(agent.states(), expected);
}

#[tokio::test]
async fn a_rate_is_the_growth_in_a_second_and_a_counter_that_fell_has_none() {
    let mut agent = Agent::of(&[Threshold { of: Of::Rate, ..above("t", "c", "") }]);
    let (bytes, level) = (metric("bytes", None, Kind::Counter), gauge("level"));
    agent.report(0, &[(&bytes, 1000.0), (&level, 500.0)]);
    let none = "(there is no value before it that it has a rate to)";
    assert_eq!(agent.states(), format!("bytes - {none}; level - {none}"));
    agent.report(10, &[(&bytes, 2000.0), (&level, 0.0)]);
    assert_eq!(agent.states(), "bytes FAILURE; level OK");
    assert_eq!(agent.status("bytes"), "a rate of 100 is above failure_max 90");
    assert_eq!(agent.status("level"), "a rate of -50");
    agent.report(20, &[(&bytes, 0.0), (&level, 0.0)]);
    assert_eq!(agent.states(), "bytes FAILURE (the counter fell, so it began again); level OK");
    agent.report(20, &[(&bytes, 0.0), (&level, 0.0)]);
    assert!(agent.states().starts_with("bytes FAILURE (no time has passed"), "{}", agent.states());
    agent.report(30, &[(&bytes, 100.0), (&level, 0.0)]);
    assert_eq!(agent.states(), "bytes OK; level OK");
    // A check that was opened anew has metrics of its own, and may count something else.
    let again = metric("bytes", None, Kind::Counter);
    agent.report(40, &[(&again, 1e9), (&level, 0.0)]);
    assert_eq!(agent.states(), format!("bytes OK {none}; level OK"));
}

#[tokio::test]
async fn what_is_missing_or_no_number_is_unknown_unless_it_is_to_be_known() {
    let missing = Threshold { missing: Missing::Warning, ..above("m", "c", "b") };
    let mut agent = Agent::of(&[above("t", "c", ""), missing]);
    let (a, b) = (gauge("a"), gauge("b"));
    agent.report(0, &[(&a, 1.0), (&b, 1.0)]).report(1, &[(&a, f64::NAN)]);
    let expected = "a OK (the value is not a finite number); b OK (there was no value)";
    assert_eq!(agent.states(), expected);
    agent.report(2, &[(&a, 99.0)]);
    assert_eq!(agent.states(), "a FAILURE; b WARNING (there was no value)");
    assert_eq!(agent.status("b"), "there was no value, 2 times in a row");
    // What is well and gone for long is forgotten, and what is not stays.
    agent.report(3, &[(&a, 1.0), (&b, 1.0)]);
    let c = gauge("c");
    agent.report(4, &[(&c, 99.0)]);
    for seconds in 5..155 {
        agent.report(seconds, &[]);
    }
    assert_eq!(agent.states(), "b WARNING (there was no value); c FAILURE (there was no value)");
    agent.report(200, &[(&a, 1.0), (&b, 1.0), (&c, 1.0)]);
    assert_eq!(agent.states(), "a OK; b OK; c OK");
}

#[tokio::test]
async fn a_metric_that_is_wanted_and_never_comes_is_missing() {
    let missing = Missing::Failure;
    let mut agent = Agent::of(&[
        Threshold { missing, ..above("t", "c", "used") },
        // Those of other checks, and of any check, are of none in particular.
        Threshold { missing, ..above("u", "d", "free") },
        Threshold { missing, ..above("v", "", "open") },
    ]);
    agent.report(0, &[]);
    assert_eq!(agent.states(), "used - (there was no value)");
    agent.report(1, &[]);
    assert_eq!(agent.states(), "used FAILURE (there was no value)");
    // It comes with a target: then it was not that one.
    let used = metric("used", Some("/"), Kind::Gauge);
    let mut agent = Agent::of(&[Threshold { missing, ..above("t", "c", "used") }]);
    agent.report(0, &[]).report(1, &[(&used, 1.0)]).report(2, &[(&used, 1.0)]);
    assert_eq!(agent.states(), "/.used OK");
    // That it was missing is not forgotten by that: it is told that it is not any more, or it goes on.
    let hits = 2;
    let mut agent = Agent::of(&[Threshold { missing, hits, ..above("t", "c", "used") }]);
    agent.report(0, &[]).report(1, &[]).report(2, &[(&used, 99.0)]);
    assert_eq!(agent.states(), "/.used FAILURE");
}

#[tokio::test]
async fn whether_a_check_is_available_is_a_metric_that_a_threshold_may_name() {
    let low = Bounds { min: Some(1.0), max: None };
    let named = Threshold { failure: low, ..above("t", "", "available") };
    let mut agent = Agent::of(&[named.clone(), above("u", "c", "")]);
    agent.report(0, &[]);
    assert_eq!(agent.states(), "available OK");
    let (check, at) = ("c".into(), agent.start);
    let report = Report { check, at, is_available: false, ..Report::of_window(Vec::new()) };
    agent.watch.report(&report);
    assert_eq!(agent.states(), "available FAILURE");
    assert_eq!(agent.status("available"), "0 is below failure_min 1");
    // One of the check itself is that of the check.
    let mut agent = Agent::of(&[named]);
    agent.report(0, &[(&gauge("available"), 5.0)]);
    assert_eq!(agent.status("available"), "5");
}

#[tokio::test]
async fn the_median_or_maximum_is_that_of_each_window() {
    let of = |id, metric, of| Threshold { of, ..above(id, "c", metric) };
    let mut agent = Agent::of(&[of("t", "a", Of::Median), of("u", "b", Of::Max)]);
    let (a, b) = (gauge("a"), gauge("b"));
    agent.report(0, &[(&a, 99.0), (&b, 99.0)]);
    let none = "(there was no window with it: only what is published has windows)";
    assert_eq!(agent.states(), format!("a - {none}; b - {none}"));
    agent.window(&[(&a, 50.0, 99.0), (&b, 50.0, 99.0)]);
    assert_eq!(agent.states(), "a OK; b FAILURE");
    assert_eq!(agent.status("b"), "a maximum of 99 is above failure_max 90");
    assert_eq!(agent.status("a"), "a median of 50");
    // Between two runs there may be windows, and that is no matter.
    agent.window(&[]);
    assert_eq!(agent.states(), "a OK; b FAILURE");
    agent.report(60, &[(&a, 1.0)]).window(&[(&a, 1.0, 1.0)]);
    assert_eq!(agent.states(), "a OK; b FAILURE (there was no value)");
}

#[tokio::test]
async fn the_most_specific_wins_and_the_state_goes_from_one_to_the_other() {
    let mut agent = Agent::of(&[above("any", "", "a")]);
    let a = gauge("a");
    agent.report(0, &[(&a, 95.0)]);
    let mut own = above("own", "c", "a");
    (own.failure.max, own.hits) = (Some(100.0), 3);
    agent.all.borrow_mut().set(own.clone());
    // Nothing was compared with it so far.
    assert_eq!(agent.states(), "a FAILURE");
    agent.report(1, &[(&a, 95.0)]);
    assert_eq!((agent.states(), agent.status("a")), ("a OK".to_owned(), "95".to_owned()));
    agent.report(2, &[(&a, 101.0)]).report(3, &[(&a, 101.0)]);
    assert_eq!(agent.states(), "a OK");
    // What is said of it is no other question, and the count goes on; with other bounds it begins again.
    agent.all.borrow_mut().set(Threshold { label: "x".to_owned(), ..own.clone() });
    agent.report(4, &[(&a, 101.0)]);
    assert_eq!(agent.states(), "a FAILURE");
    // A disabled one is as if it were not there.
    agent.all.borrow_mut().set(Threshold { is_disabled: true, ..own });
    agent.report(5, &[(&a, 89.0)]);
    assert_eq!(agent.states(), "a OK");
    agent.all.borrow_mut().remove("any");
    assert_eq!(agent.states(), "");
    agent.report(6, &[(&a, 99.0)]);
    assert_eq!(agent.states(), "");
}

#[tokio::test]
async fn a_sample_of_cpu_is_compared_at_once() {
    let window = Duration::from_secs(60);
    let hand_out = crate::collector::sink::HandOut::to(Vec::new());
    let table = crate::collector::series::Table::new(10, false);
    let mut collector = Collector::new(window, table, hand_out);
    let all = Rc::new(RefCell::new(Thresholds::of(&[above("t", UTILIZATION, "")], Rc::default())));
    collector.add_sink(Box::new(Watch(all.clone())));
    let cpu = collector.sampled(&Number::Cpu.of(None));
    let mut sample = |values: &[(Series, f64)]| {
        collector.sample(SystemTime::UNIX_EPOCH, values);
        let all = all.borrow();
        let states = all.states().iter().map(|(key, of)| {
            let is_known = of.unknown.is_none();
            (key.shown(), of.standing.state.map(State::name), is_known)
        });
        states.collect::<Vec<_>>()
    };
    // Until it is known where they stood before a restart, nothing is told anew.
    assert_eq!(sample(&[(cpu, 99.0)]), []);
    all.borrow_mut().begin(&BTreeSet::new(), None);
    let name = "utilization/cpu".to_owned();
    assert_eq!(sample(&[(cpu, 1.0)]), [(name.clone(), Some("OK"), true)]);
    assert_eq!(sample(&[(cpu, 99.0)]), [(name.clone(), Some("FAILURE"), true)]);
    assert_eq!(sample(&[]), [(name, Some("FAILURE"), false)]);
}

#[tokio::test]
async fn what_is_not_ok_stands_where_it_stood_after_a_restart() {
    let thresholds = [above("t", "c", ""), above("u", "gone", "")];
    let mut agent = Agent::of(&thresholds);
    let (a, b) = (metric("a", Some("x.y"), Kind::Gauge), gauge("b"));
    agent.report(0, &[(&a, 99.0), (&b, 1.0)]);
    let kept = agent.all.borrow().standings();
    assert_eq!(kept["c/x.y.a"]["state"], "FAILURE");
    assert_eq!(kept.as_object().map(Map::len), Some(1), "{kept}");
    let mut kept = kept.as_object().cloned().expect("an object");
    let other =
        |check: &str, state: &str| json!({ "check_id": check, "metric": "z", "state": state });
    kept.insert("gone/z".to_owned(), other("gone", "FAILURE"));
    kept.insert("c/z".to_owned(), other("c", "FATAL"));
    kept.insert("d/z".to_owned(), other("c", "FAILURE"));
    kept.insert("c".to_owned(), json!(5));
    let again = Agent::of(&thresholds);
    again.all.borrow_mut().restore(&["c".to_owned()].into(), &kept);
    assert_eq!(again.states(), "x.y.a FAILURE");
    assert_eq!(again.all.borrow().standings()["c/x.y.a"], kept["c/x.y.a"]);
    // Of a check that is no more nothing stays.
    again.all.borrow_mut().forget_check("c");
    assert_eq!(again.states(), "");
}

#[tokio::test]
async fn states_have_a_bound_and_what_is_beyond_it_is_counted() {
    let mut agent = Agent::of(&[above("t", "c", "")]);
    let many: Vec<_> = (0..MOST_STATES + 3)
        .map(|number| {
            let name = format!("m{number:06}").into();
            Rc::new(Metric { check: "c".into(), name, ..Number::Cpu.of(None) })
        })
        .collect();
    let values: Vec<_> = many.iter().map(|metric| (metric, 99.0)).collect();
    agent.report(0, &values).report(1, &values);
    let all = agent.all.borrow();
    assert_eq!((all.states().len(), all.dropped()), (MOST_STATES, 3));
}
