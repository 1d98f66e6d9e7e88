//! What is asked of a delivery while it runs.

use super::*;
use crate::delivery::orders::{self, Flushed, Handle};

/// Runs a delivery that keeps so many windows, beside what asks it.
async fn beside<F: Future<Output = ()>>(
    recorder: &Recorder,
    buffer: usize,
    ask: impl FnOnce(Handle, mpsc::Sender<Rc<Summary>>) -> F,
) -> Counts {
    let (handle, served) = orders::open("test", buffer);
    let (sender, receiver) = mpsc::channel(128);
    let mut delivery = delivery(recorder, buffer).serving(Some(served));
    let never = CancellationToken::new();
    tokio::join!(ask(handle, sender), delivery.run(receiver, &never));
    delivery.counts()
}

#[tokio::test(start_paused = true)]
async fn a_flush_sends_at_once_what_waits_for_its_time() {
    let recorder = Recorder::default();
    let start = Instant::now();
    let counts = beside(&recorder, 60, |handle, sender| async move {
        sender.send(window(0)).await.expect("the delivery takes summaries");
        let flushed = handle.flush().await;
        assert_eq!(flushed, Ok(Flushed { accepted: 1, waiting: 0, failure: None }));
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(handle.flush().await, Ok(Flushed::default()), "nothing waits");
        sender.send(window(1)).await.expect("the delivery takes summaries");
        sleep(DELAY * 2).await;
    });
    assert_eq!(counts.await.delivered, 2);
    assert_eq!(offered(&recorder), [(0, vec![0]), (5, vec![1])]);
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_fails_says_why_and_drops_nothing() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().answers = vec![Some(Failure::Misconfigured)].into();
    let counts = beside(&recorder, 60, |handle, sender| async move {
        sender.send(window(0)).await.expect("the delivery takes summaries");
        let flushed = handle.flush().await.expect("it runs");
        assert_eq!((flushed.accepted, flushed.waiting), (0, 1));
        assert!(flushed.failure.is_some_and(|why| why.contains("as told")));
        let standing = handle.standing();
        assert_eq!((standing.waiting, standing.limit), (1, 60));
        assert!(standing.oldest.is_some() && standing.failing.is_some(), "{standing:?}");
        assert_eq!(handle.flush().await.expect("it runs").accepted, 1);
        assert_eq!(handle.standing().failing, None);
    });
    assert_eq!(counts.await, Counts { delivered: 1, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_drops_the_oldest_and_counts_them() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().answers = vec![Some(Failure::Misconfigured); 3].into();
    let counts = beside(&recorder, 60, |handle, sender| async move {
        for number in 0..3 {
            sender.send(window(number)).await.expect("the delivery takes summaries");
            sleep(PERIOD).await;
        }
        assert_eq!(handle.standing().waiting, 3);
        assert_eq!(handle.set_limit(1), Ok(()));
        assert_eq!(handle.standing().limit, 1);
        sleep(Duration::from_millis(1)).await;
        let standing = handle.standing();
        assert_eq!((standing.waiting, standing.counts.overflowed), (1, 2));
        assert_eq!(handle.flush().await.expect("it runs").accepted, 1);
    });
    assert_eq!(counts.await, Counts { delivered: 1, overflowed: 2, ..Counts::default() });
    assert_eq!(taken(&recorder), [2]);
}
