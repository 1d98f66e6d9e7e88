//! The endpoint's answers, on their way from polling to sampling.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem::discriminant;
use std::rc::Rc;

use tokio::sync::Notify;

use super::account::Now;
use super::metadata::{Storage, TaskMetadata};
use super::stats::Usage;

/// An answer of the endpoint, or its failure.
#[derive(Debug)]
pub enum News {
    Task(TaskMetadata),
    Usage(BTreeMap<String, Usage>, Now),
    /// Nothing where the endpoint does not tell it.
    Storage(Option<Storage>),
    Failed(String),
}

/// A channel that keeps only the newest message of each kind, however long the sample interval is.
/// So polling never waits, and a sample never gets old values.
pub fn channel() -> (NewsSender, NewsReceiver) {
    let waiting = Rc::<Waiting>::default();
    (NewsSender(waiting.clone()), NewsReceiver(waiting))
}

#[derive(Debug)]
pub struct NewsSender(Rc<Waiting>);

#[derive(Debug)]
pub struct NewsReceiver(Rc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    news: RefCell<Vec<News>>,
    come: Notify,
}

impl NewsSender {
    pub fn send(&self, new: News) {
        let mut news = self.0.news.borrow_mut();
        news.retain(|old| discriminant(old) != discriminant(&new));
        // At the end, not in its old place: `take` returns the order of arrival, in which a failure
        // ends with the next answer.
        news.push(new);
        drop(news);
        self.0.come.notify_one();
    }

    /// Whether the receiver is dropped.
    pub fn is_closed(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }
}

impl NewsReceiver {
    /// Waits until there is something to take.
    pub async fn wait(&self) {
        self.0.come.notified().await;
    }

    /// All that waits, in the order it came in.
    pub fn take(&self) -> Vec<News> {
        self.0.news.take()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tokio::time::Instant;

    use super::*;

    fn texts(receiver: &NewsReceiver) -> Vec<String> {
        let text = |news| match news {
            News::Failed(text) => text,
            News::Usage(containers, _) => containers.into_keys().collect(),
            News::Task(task) => format!("{} containers", task.containers()),
            News::Storage(storage) => format!("{storage:?}"),
        };
        receiver.take().into_iter().map(text).collect()
    }

    #[tokio::test]
    async fn of_each_kind_the_newest_is_taken_and_none_waits_for_another() {
        let (sender, receiver) = channel();
        let failed = |text: &str| sender.send(News::Failed(text.to_owned()));
        let usage = |id: &str| {
            let usage = crate::source::task::stats::parse(
                format!(
                    r#"{{"{id}":{{"read":"2026-11-02T09:12:44Z",
                    "cpu_stats":{{"cpu_usage":{{"total_usage":5}}}},
                    "memory_stats":{{"usage":9,"stats":{{"inactive_file":2,"active_file":3}}}}}}}}"#
                )
                .as_bytes(),
                crate::config::MemoryUse::Used,
            );
            let now = Now { instant: Instant::now(), wall_clock: SystemTime::now() };
            sender.send(News::Usage(usage.expect("JSON"), now));
        };
        failed("first");
        sender.send(News::Task(TaskMetadata::parse(b"{}").expect("JSON")));
        receiver.wait().await;
        for second in 0..20 {
            usage(&format!("figures of {second} s"));
        }
        failed("second");
        assert_eq!(texts(&receiver), ["0 containers", "figures of 19 s", "second"]);
        assert_eq!(texts(&receiver), [""; 0]);
        usage("after that");
        assert_eq!(texts(&receiver), ["after that"]);
    }

    #[test]
    fn the_end_of_listening_is_seen() {
        let (sender, receiver) = channel();
        assert!(!sender.is_closed());
        drop(receiver);
        assert!(sender.is_closed());
    }
}
