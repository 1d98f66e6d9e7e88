//! Other checks, all at once.

use std::cell::Cell;

use super::*;
use crate::overlay::{Difference, Origin, Reloading};
use crate::schedule::{Reload, To};

fn reload(to: To, reply: Reply<Difference>) -> Request {
    Request::Reload(Reload { to, then: Box::new(|_| ()) }, reply)
}

fn files(checks: Vec<Configured>) -> To {
    To::Files { checks, how: Reloading::Files }
}

fn difference(added: &[&str], changed: &[&str], removed: &[&str], unchanged: usize) -> Difference {
    let texts = |of: &[&str]| of.iter().map(|id| (*id).to_owned()).collect();
    let overridden = Vec::new();
    let (added, changed, removed) = (texts(added), texts(changed), texts(removed));
    Difference { added, changed, removed, unchanged, overridden }
}

#[tokio::test(start_paused = true)]
async fn what_did_not_change_keeps_its_pace_and_what_is_gone_runs_no_more() {
    let before = || [counting("a", 10, Some(1.0)), counting("b", 10, Some(1.0))];
    beside(before().into(), &[0.5], 9, |beside| async move {
        let start = Instant::now();
        sleep(Duration::from_secs(22)).await;
        let mut longer = counting("b", 10, Some(1.0));
        longer.timeout = Duration::from_secs(6);
        let next = vec![counting("a", 10, Some(1.0)), longer, counting("c", 20, Some(0.0))];
        let done = beside.ask(|reply| reload(files(next), reply)).await;
        assert_eq!(done, Ok(difference(&["c"], &["b"], &[], 1)));
        sleep(Duration::from_secs(20)).await;
        let starts = |name: &str| -> Vec<_> {
            runs(name).iter().map(|run| (run.start - start).as_secs()).collect()
        };
        assert_eq!(starts("a"), [5, 15, 25, 35]);
        assert_eq!(starts("b"), [5, 15, 25, 35]);
        assert_eq!(starts("c"), [35], "32, at the next moment that checks share");
        let report = beside.ask(|reply| Request::RunNow("a".into(), reply)).await;
        let value = report.expect("it runs").values[0].1.clone();
        assert_eq!(value, Quantity::Number(5.0), "it is the same instance");
        let done = beside.ask(|reply| reload(files(Vec::new()), reply)).await;
        assert_eq!(done, Ok(difference(&[], &[], &["a", "b", "c"], 0)));
        let before = RUNS.with_borrow(Vec::len);
        sleep(Duration::from_secs(100)).await;
        assert_eq!(RUNS.with_borrow(Vec::len), before);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_is_refused_changes_nothing() {
    beside(vec![counting("a", 10, Some(1.0))], &[0.5], 2, |beside| async move {
        let done = Rc::new(Cell::new(false));
        let then = done.clone();
        let many = (0..3).map(|n| counting(&format!("c{n}"), 10, Some(0.0))).collect();
        let to = Reload { to: files(many), then: Box::new(move |_| then.set(true)) };
        let refused = beside.ask(|reply| Request::Reload(to, reply)).await;
        assert_eq!(refused, Err(Refused::TooManyMetrics { metrics: 3, most: 2 }));
        assert!(!done.get());
        let back = beside.ask(|reply| reload(To::Before, reply)).await;
        assert_eq!(back, Err(Refused::NothingBefore));
        assert_eq!(beside.ask(Request::List).await.len(), 1);
        sleep(Duration::from_secs(20)).await;
        assert_eq!(runs("a").len(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_change_beside_the_files_wins_and_undo_goes_back() {
    beside(vec![counting("a", 10, Some(0.0))], &[0.5], 9, |beside| async move {
        let own = counting("a", 30, Some(0.0));
        let change = |_: &Configured| Ok(own);
        let change = |reply| Request::Change("a".into(), Box::new(change), reply);
        assert_eq!(beside.order(change).await, Ok(()));
        let next = vec![counting("a", 20, Some(0.0)), counting("b", 20, Some(0.0))];
        let done = beside.ask(|reply| reload(files(next.clone()), reply)).await;
        let overridden = vec!["a".to_owned()];
        assert_eq!(done, Ok(difference(&["b"], &[], &[], 1).with_overridden(overridden)));
        let listed = beside.ask(Request::List).await;
        assert_eq!((listed[0].configured.period.as_secs(), listed[0].origin), (30, Origin::Api));
        assert_eq!(listed[1].origin, Origin::File);
        let to = To::Files { checks: next, how: Reloading::FilesAlone };
        let done = beside.ask(|reply| reload(to, reply)).await;
        assert_eq!(done, Ok(difference(&[], &["a"], &[], 1)));
        let done = beside.ask(|reply| reload(To::Before, reply)).await;
        assert_eq!(done, Ok(difference(&[], &["a"], &[], 1)));
        assert_eq!(beside.ask(Request::List).await[0].configured.period.as_secs(), 30);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_order_of_somebody_who_is_gone_is_not_carried_out() {
    beside(vec![counting("a", 10, Some(0.0))], &[0.5], 9, |beside| async move {
        let (reply, answer) = oneshot::channel();
        drop(answer);
        assert!(beside.requests.send(reload(files(Vec::new()), reply)).await.is_ok());
        assert_eq!(beside.ask(Request::List).await.len(), 1);
    })
    .await;
}
