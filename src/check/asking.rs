//! Asks what may never answer, such as a mount whose server is gone.

use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

use crate::blocking::{self, Purpose, Refused};

/// At most one call of a check at a time: each that hangs holds a thread, so the next run starts no other.
pub struct Asking<T> {
    /// Since when a call is under way, which may be that of an earlier run.
    under_way: Option<(Instant, Answer<T>)>,
    purpose: Purpose,
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Refused>>>>;

impl<T: Send + 'static> Asking<T> {
    pub const fn new(purpose: Purpose) -> Self {
        Self { under_way: None, purpose }
    }

    /// The same, whose calls are for this purpose.
    #[cfg(target_os = "linux")]
    pub fn for_purpose(&mut self, purpose: Purpose) -> &mut Self {
        self.purpose = purpose;
        self
    }

    /// The error while a call of an earlier run is under way.
    pub fn refuse_beside_another(&mut self, what: &str) -> Result<(), String> {
        if let Some((since, earlier)) = &mut self.under_way
            && earlier.as_mut().now_or_never().is_none()
        {
            return Err(format!("{what} has not answered for {} s", since.elapsed().as_secs()));
        }
        // Its answer is not that of a later run.
        self.under_way = None;
        Ok(())
    }

    /// Waits a short while for a call that was given up, as by a run that fell due: most return soon.
    pub async fn settle(&mut self) {
        if let Some((_, earlier)) = &mut self.under_way
            && timeout(WAIT, earlier.as_mut()).await.is_ok()
        {
            self.under_way = None;
        }
    }

    /// Makes the call in a helper thread. It may be given up; then it is under way until it returns, and
    /// its answer is not that of a later run.
    pub async fn ask(
        &mut self,
        what: &str,
        call: impl FnOnce() -> T + Clone + Send + 'static,
    ) -> Result<T, String> {
        self.refuse_beside_another(what)?;
        let started = Instant::now();
        loop {
            let answer: Answer<T> = Box::pin(blocking::call(self.purpose, call.clone()));
            let (_, answer) = self.under_way.insert((Instant::now(), answer));
            let answer = answer.await;
            self.under_way = None;
            match answer {
                Err(Refused::Busy(..)) if started.elapsed() < WAIT => {
                    tokio::time::sleep(PAUSE).await;
                }
                answer => return answer.map_err(|error| error.to_string()),
            }
        }
    }
}

/// Makes a call in a helper thread, for which it waits while others of its purpose are under way. If this is given up,
/// the answer is dropped as soon as it is there.
pub async fn in_turn<T: Send + 'static>(
    purpose: Purpose,
    call: impl FnOnce() -> T + Clone + Send + 'static,
) -> Result<T, Refused> {
    let started = Instant::now();
    loop {
        match blocking::call(purpose, call.clone()).await {
            Err(Refused::Busy(..)) if started.elapsed() < WAIT => tokio::time::sleep(PAUSE).await,
            answer => return answer,
        }
    }
}

/// How long a check waits for a thread while others ask their mounts. A mount that answers does so in far
/// less; where it takes longer, the threads hang, and the check fails with that reason and not by its own
/// time limit.
const WAIT: Duration = Duration::from_secs(1);

/// How often it tries meanwhile: seldom enough to cost nothing, and short beside any time limit.
const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::check::system::tests::asking_mounts;

    /// A call that blocks until something is sent, and then answers with it.
    fn blocked() -> (Sender<u32>, impl FnOnce() -> u32 + Clone + Send + 'static) {
        let (sender, receiver): (_, Receiver<u32>) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        (sender, move || receiver.lock().expect("one call").recv().expect("the sender is there"))
    }

    #[tokio::test(start_paused = true)]
    async fn more_checks_than_threads_wait_for_each_other_a_short_while() {
        let _one = asking_mounts().await;
        let (held, calls): (Vec<_>, Vec<_>) = (0..4)
            .map(|_| {
                let (sender, receiver): (Sender<()>, Receiver<()>) = channel();
                (sender, move || receiver.recv().is_err())
            })
            .unzip();
        let calls = calls.into_iter().map(|call| blocking::call(Purpose::Mounts, call));
        let mut four = Box::pin(futures_util::future::join_all(calls));
        assert!(four.as_mut().now_or_never().is_none(), "all of them block");
        let started = Instant::now();
        let refused = Asking::new(Purpose::Mounts).ask("/mnt", || ()).await;
        let text = "no thread for asking a mount, calls that still have no answer: 4";
        assert_eq!(refused, Err(text.to_owned()));
        assert_eq!(started.elapsed(), WAIT);
        let mut asking = Asking::new(Purpose::Mounts);
        let mut waits = Box::pin(asking.ask("/mnt", || 7));
        assert!(futures_util::poll!(waits.as_mut()).is_pending());
        drop(held);
        four.await;
        assert_eq!(waits.await, Ok(7));
    }

    #[tokio::test]
    async fn a_call_that_was_given_up_a_moment_ago_is_waited_for() {
        let _one = asking_mounts().await;
        let mut asking = Asking::new(Purpose::Mounts);
        let (answer, blocks) = blocked();
        let mut given_up = Box::pin(asking.ask("/mnt", blocks));
        assert!(given_up.as_mut().now_or_never().is_none(), "it blocks");
        drop(given_up);
        let mut settled = Box::pin(asking.settle());
        assert!(futures_util::poll!(settled.as_mut()).is_pending());
        answer.send(1).expect("it waits");
        settled.await;
        assert_eq!(asking.ask("/mnt", || 2).await, Ok(2), "the answer of this run");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_given_up_is_not_made_again_until_it_returns() {
        let _one = asking_mounts().await;
        let mut asking = Asking::new(Purpose::Mounts);
        let (answer, blocks) = blocked();
        let mut given_up = Box::pin(asking.ask("/mnt", blocks));
        assert!(given_up.as_mut().now_or_never().is_none(), "it blocks");
        drop(given_up);
        tokio::time::advance(Duration::from_secs(61)).await;
        for _ in 0..20 {
            let refused = asking.ask("/mnt", || panic!("no further thread is started")).await;
            assert_eq!(refused, Err("/mnt has not answered for 61 s".to_owned()));
        }
        answer.send(1).expect("it waits");
        // Its own end is awaited, and not its answer taken.
        let (_, earlier) = asking.under_way.as_mut().expect("it is under way");
        assert_eq!(earlier.as_mut().await.ok(), Some(1));
        asking.under_way = Some((Instant::now(), Box::pin(async { Ok(1) })));
        assert_eq!(asking.ask("/mnt", || 2).await, Ok(2), "the answer of this run");
        assert_eq!(asking.ask("/mnt", || 3).await, Ok(3));
    }
}
