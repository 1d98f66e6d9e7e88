//! What can be asked of the registry while checks run.

use super::*;
use crate::model::{AVAILABLE, Quantity};

/// An order to give a check these settings.
fn changed(next: Configured, reply: Reply<()>) -> Request {
    Request::Change(next.id.clone(), Box::new(|_| Ok(next)), reply)
}

fn set_disabled(id: &str, is_disabled: bool, reply: Reply<()>) -> Request {
    let change = move |before: &Configured| Ok(Configured { is_disabled, ..before.clone() });
    Request::Change(id.into(), Box::new(change), reply)
}

#[tokio::test(start_paused = true)]
async fn a_check_is_added_listed_run_and_removed() {
    beside(vec![], &[0.5], 9, |beside| async move {
        assert!(beside.ask(Request::List).await.is_empty());
        let (a, start) = (counting("a", 60, Some(1.0)), Instant::now());
        assert_eq!(beside.order(|reply| Request::Add(a.clone(), reply)).await, Ok(()));
        let again = beside.order(|reply| Request::Add(a.clone(), reply)).await;
        assert_eq!(again, Err(Refused::Exists("a".into())));
        let listed = beside.ask(Request::List).await;
        assert_eq!(*listed[0].configured, a);
        assert_eq!(listed[0].next, Some(start + Duration::from_secs(30)));
        assert!(listed[0].last.is_none());
        let report = beside.ask(|reply| Request::RunNow("a".into(), reply)).await;
        let report = report.expect("it runs");
        let (metric, value) = &report.values[0];
        assert_eq!((&*metric.name, value), ("runs", &Quantity::Number(1.0)));
        assert_eq!(metric.published.as_deref(), Some("CountingRuns"));
        assert_eq!((&*metric.dimensions[0].0, &*metric.dimensions[0].1), ("Check", "a"));
        let last = beside.ask(Request::List).await[0].last.clone().expect("it has run");
        assert!(Rc::ptr_eq(&last, &report), "the last result is that one");
        let remove =
            || beside.order(|reply| Request::Remove("a".into(), Box::new(|_| Ok(())), reply));
        assert_eq!(remove().await, Ok(()));
        assert_eq!(remove().await, Err(Refused::NotFound("a".into())));
        sleep(Duration::from_secs(600)).await;
        assert_eq!(runs("a").len(), 1, "it runs no more");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_disabled_check_runs_only_when_it_is_asked_to() {
    beside(vec![counting("a", 10, Some(0.0))], &[0.5], 9, |beside| async move {
        assert_eq!(beside.order(|reply| set_disabled("a", true, reply)).await, Ok(()));
        sleep(Duration::from_secs(100)).await;
        assert_eq!(runs("a").len(), 0);
        assert_eq!(beside.ask(Request::List).await[0].next, None);
        let report = beside.ask(|reply| Request::RunNow("a".into(), reply)).await;
        assert!(report.is_ok_and(|report| report.is_available));
        assert_eq!(beside.order(|reply| set_disabled("a", false, reply)).await, Ok(()));
        sleep(Duration::from_secs(100)).await;
        assert_eq!(runs("a").len(), 11);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_changed_keeps_the_phase_and_what_was_read_before() {
    let (a, start) = (counting("a", 10, Some(0.0)), Instant::now());
    beside(vec![a.clone()], &[0.5, 0.0], 9, |beside| async move {
        sleep(Duration::from_secs(12)).await;
        let mut next = a.clone();
        next.label = "another".into();
        next.publish = Publication::Some([("runs".into(), "MyRuns".into())].into());
        let change = |next: Configured| beside.order(|reply| changed(next, reply));
        assert_eq!(change(next.clone()).await, Ok(()));
        sleep(Duration::from_secs(10)).await;
        {
            let reports = beside.reports.borrow();
            let (metric, value) = &reports[1].values[0];
            assert_eq!(metric.published.as_deref(), Some("MyRuns"));
            assert_eq!(value, &Quantity::Number(2.0), "it is the same check");
        }
        // Other details are another check in the same phase, another period is another phase.
        next.details.0.insert("name".into(), Detail::Text("b".into()));
        assert_eq!(change(next.clone()).await, Ok(()));
        next.period = Duration::from_secs(20);
        sleep(Duration::from_secs(10)).await;
        assert_eq!(change(next.clone()).await, Ok(()));
        sleep(Duration::from_secs(15)).await;
        let starts =
            |name| runs(name).iter().map(|run| (run.start - start).as_secs()).collect::<Vec<_>>();
        assert_eq!((starts("a"), starts("b")), (vec![5, 15], vec![25, 35]));
        let unknown = counting("x", 10, None);
        assert_eq!(change(unknown).await, Err(Refused::NotFound("x".into())));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn more_metrics_than_allowed_are_refused_and_change_nothing() {
    beside(vec![counting("a", 10, Some(0.0))], &[0.5], 2, |beside| async move {
        let add = |id| beside.order(move |reply| Request::Add(counting(id, 10, None), reply));
        assert_eq!(add("b").await, Ok(()));
        let most = Err(Refused::TooManyMetrics { metrics: 3, most: 2 });
        assert_eq!(add("c").await, most);
        let mut more = counting("a", 10, Some(0.0));
        more.publish =
            Publication::Some([("runs".into(), "A".into()), (AVAILABLE.into(), "B".into())].into());
        assert_eq!(beside.order(|reply| changed(more, reply)).await, most);
        assert_eq!(beside.order(|reply| set_disabled("b", true, reply)).await, Ok(()));
        assert_eq!(add("c").await, Ok(()), "what is disabled publishes nothing");
        assert_eq!(beside.order(|reply| set_disabled("b", false, reply)).await, most);
        let ids: Vec<_> = beside.ask(Request::List).await.into_iter().collect();
        let ids: Vec<_> = ids.iter().map(|listed| &*listed.configured.id).collect();
        assert_eq!(ids, ["a", "b", "c"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn removing_ends_a_run_at_once_and_orders_beyond_a_few_are_refused() {
    let mut hangs = counting("hangs", 1800, None);
    hangs.timeout = Duration::from_secs(1700);
    beside(vec![hangs], &[0.0], 9, |beside| async move {
        sleep(Duration::from_secs(1)).await;
        let mut waiting = Vec::new();
        for _ in 0..4 {
            let (sender, answer) = oneshot::channel();
            let request = Request::RunNow("hangs".into(), sender);
            assert!(beside.requests.send(request).await.is_ok());
            waiting.push(answer);
        }
        let fifth = beside.ask(|reply| Request::RunNow("hangs".into(), reply)).await;
        assert_eq!(fifth.err(), Some(Refused::Busy("hangs".into())));
        let start = Instant::now();
        assert_eq!(
            beside
                .order(|reply| Request::Remove("hangs".into(), Box::new(|_| Ok(())), reply))
                .await,
            Ok(())
        );
        for answer in waiting {
            assert!(answer.await.is_err(), "who waits for it hears that it is gone");
        }
        assert!(start.elapsed() < Duration::from_millis(2));
        assert!(beside.reports.borrow().is_empty(), "a run that was given up is no result");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whether_it_was_available_is_published_where_that_is_asked_for() {
    let mut check = counting("a", 10, None);
    check.publish = Publication::Some([(AVAILABLE.into(), "Up".into())].into());
    beside(vec![check], &[0.0], 9, |beside| async move {
        sleep(Duration::from_secs(8)).await;
        let reports = beside.reports.borrow();
        let (metric, value) = &reports[0].values[0];
        let published = (metric.published.as_deref(), value.number(), reports[0].is_available);
        assert_eq!(published, (Some("Up"), Some(0.0), false));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_meanwhile_stays_and_a_restart_keeps_the_phase() {
    let (a, start) = (counting("a", 10, Some(0.0)), Instant::now());
    beside(vec![a.clone()], &[0.5], 9, |beside| async move {
        let stale = |_: &Configured| Err(Refused::Changed("a".into()));
        let change = |reply| Request::Change("a".into(), Box::new(stale), reply);
        assert_eq!(beside.order(change).await, Err(Refused::Changed("a".into())));
        let remove = |reply| {
            Request::Remove("a".into(), Box::new(|_| Err(Refused::Changed("a".into()))), reply)
        };
        assert_eq!(beside.order(remove).await, Err(Refused::Changed("a".into())));
        assert_eq!(*beside.ask(Request::List).await[0].configured, a);
        sleep(Duration::from_secs(12)).await;
        let restart = || beside.order(|reply| Request::Restart("a".into(), reply));
        assert_eq!(restart().await, Ok(()));
        sleep(Duration::from_secs(10)).await;
        {
            let reports = beside.reports.borrow();
            let values: Vec<_> = reports.iter().map(|of| of.values[0].1.number()).collect();
            assert_eq!(values, [Some(1.0), Some(1.0)], "the second is the first of another one");
        }
        let starts: Vec<_> = runs("a").iter().map(|run| (run.start - start).as_secs()).collect();
        assert_eq!(starts, [5, 15]);
        assert_eq!(beside.order(|reply| set_disabled("a", true, reply)).await, Ok(()));
        assert_eq!(restart().await, Err(Refused::Disabled("a".into())));
        let unknown = beside.order(|reply| Request::Restart("x".into(), reply)).await;
        assert_eq!(unknown, Err(Refused::NotFound("x".into())));
    })
    .await;
}
