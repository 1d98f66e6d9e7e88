//! Values that are handed to checks.

use std::time::SystemTime;

use super::*;
use crate::check::push;
use crate::model::{Kind, Metric, Pushed};

/// Hands a number of each name to a check.
async fn hand(
    beside: &Beside,
    id: &str,
    names: &[&str],
) -> Result<Vec<Result<Rc<Metric>, String>>, Refused> {
    let value = |name: &&str| Pushed {
        name: (*name).to_owned(),
        dimensions: Vec::new(),
        unit: None,
        kind: None,
        value: 5.0,
        time: SystemTime::now(),
    };
    let values = Rc::new(names.iter().map(value).collect());
    beside.ask(|reply| Request::Push(id.to_owned(), values, reply)).await
}

/// A check that takes values.
fn taking(id: &str) -> Configured {
    Configured { id: id.to_owned(), period: Duration::from_secs(10), ..push::by_default() }
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_in_is_reported_by_the_next_run_and_once() {
    beside(vec![taking("push")], &[0.5], 9, |beside| async move {
        let taken = hand(&beside, "push", &["a", "a", "b"]).await.expect("it takes values");
        let metric = taken[0].as_ref().expect("it is taken");
        assert_eq!((metric.kind, metric.published.as_deref()), (Kind::Gauge, Some("a")));
        sleep(Duration::from_secs(20)).await;
        let reports = beside.reports.borrow();
        let brief = |report: &Rc<Report>| {
            let values = report.values.iter().map(|(metric, value)| match value {
                Quantity::Many(many) => (metric.name.to_string(), many.count()),
                other => panic!("{other:?}"),
            });
            values.collect::<Vec<_>>()
        };
        let expected = [vec![("a".to_owned(), 2), ("b".to_owned(), 1)], vec![]];
        assert_eq!(reports.iter().map(brief).collect::<Vec<_>>(), expected);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_came_since_the_last_run_is_reported_as_the_agent_ends() {
    let reports = Rc::new(RefCell::new(None));
    let kept = reports.clone();
    beside(vec![taking("push")], &[0.5], 9, |beside| async move {
        hand(&beside, "push", &["a"]).await.expect("it takes values");
        kept.replace(Some(beside.reports));
    })
    .await;
    let reports = reports.take().expect("they were kept");
    assert_eq!(reports.borrow()[0].values.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_cannot_take_values_says_why() {
    let disabled = Configured { is_disabled: true, ..taking("off") };
    beside(vec![counting("a", 60, None), disabled], &[0.5], 9, |beside| async move {
        let nothing = Refused::TakesNothing("a".into(), "agent.counting");
        assert_eq!(hand(&beside, "a", &["x"]).await, Err(nothing));
        assert_eq!(hand(&beside, "off", &["x"]).await, Err(Refused::Disabled("off".into())));
        assert_eq!(hand(&beside, "b", &["x"]).await, Err(Refused::NotFound("b".into())));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn there_are_no_more_metrics_than_are_allowed_also_before_they_are_reported() {
    let unpublished = Configured { publish: Publication::Some(BTreeMap::new()), ..taking("kept") };
    let checks = vec![taking("one"), taking("two"), unpublished];
    beside(checks, &[0.5], 3, |beside| async move {
        let is_taken = |taken: Vec<Result<Rc<Metric>, String>>| {
            taken.iter().map(|taken| taken.is_ok()).collect::<Vec<_>>()
        };
        let names = ["a", "b", "a"];
        let taken = hand(&beside, "one", &names).await.expect("it takes values");
        assert_eq!(is_taken(taken), [true; 3]);
        let taken = hand(&beside, "two", &["a", "b", "a"]).await.expect("it takes values");
        let full = "--max-metrics allows no more: raise it, or publish fewer metrics";
        assert_eq!(taken[1], Err(full.to_owned()));
        assert_eq!(is_taken(taken), [true, false, true]);
        // What is not published is not counted.
        let taken = hand(&beside, "kept", &["a", "b"]).await.expect("it takes values");
        assert_eq!(is_taken(taken), [true; 2]);
        assert_eq!(is_taken(hand(&beside, "one", &names).await.expect("known")), [true; 3]);
    })
    .await;
}
