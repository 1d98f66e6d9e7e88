//! Delivery on paused time, to a publisher that does as a test tells it.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use tokio::sync::mpsc;

use super::*;
use crate::publisher::{Explaining, Publishing};

const PERIOD: Duration = Duration::from_secs(60);
const DELAY: Duration = Duration::from_secs(5);

/// A publisher that fails as it is told and notes what it was offered, by window number.
#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Record>>);

#[derive(Default)]
struct Record {
    /// What the next sends end with; when it is empty they succeed.
    answers: VecDeque<Failure>,
    /// Data that are rejected whenever they are offered, by window number and place.
    poison: BTreeSet<(u64, usize)>,
    offered: Vec<(Duration, Vec<u64>)>,
    taken: Vec<u64>,
    /// Those that were offered and taken in parts.
    taken_apart: Vec<Vec<(u64, usize)>>,
    /// Those of which all data were taken.
    complete: Vec<u64>,
    /// Whether a window is too much for one request.
    large: bool,
    /// How long each send takes.
    takes: Duration,
    max_age: Option<Duration>,
}

struct Timed(Recorder, Instant);

impl Publisher for Timed {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn batch(&self, backlog: &[Summary]) -> usize {
        if self.0.0.borrow().large { 0 } else { backlog.len().min(4) }
    }

    fn publish<'a>(
        &'a mut self,
        summaries: &'a [Summary],
        hurry: &'a CancellationToken,
    ) -> Publishing<'a> {
        Box::pin(async move {
            let numbers: Vec<_> = summaries.iter().map(number).collect();
            let takes = {
                let mut record = self.0.0.borrow_mut();
                record.offered.push((self.1.elapsed(), numbers.clone()));
                record.takes
            };
            let waited = if hurry.is_cancelled() {
                sleep(takes).await;
                Some(())
            } else {
                hurry.run_until_cancelled(sleep(takes)).await
            };
            let mut record = self.0.0.borrow_mut();
            let poisoned = record.poison.iter().any(|(window, _)| numbers.contains(window));
            let failure = match record.answers.pop_front() {
                _ if waited.is_none() => Some(Failure::TryAgain),
                _ if poisoned => Some(Failure::Rejected),
                answer => answer,
            };
            match failure {
                Some(kind) => Err(PublishError { kind, causes: "as told".into(), advice: None }),
                None => {
                    record.taken.extend(numbers);
                    Ok(())
                }
            }
        })
    }

    fn data(&self, _summary: &Summary) -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).into()
    }

    fn part(&self, _summary: &Summary, from: usize) -> usize {
        (3 - from).min(2)
    }

    fn publish_part<'a>(
        &'a mut self,
        summary: &'a Summary,
        places: Range<usize>,
        _hurry: &'a CancellationToken,
    ) -> Publishing<'a> {
        let data: Vec<_> = places.map(|place| (number(summary), place)).collect();
        let mut record = self.0.0.borrow_mut();
        let failure = match record.answers.pop_front() {
            None if data.iter().any(|datum| record.poison.contains(datum)) => {
                Some(Failure::Rejected)
            }
            answer => answer,
        };
        if failure.is_none() {
            record.taken_apart.push(data);
        }
        let failure =
            failure.map(|kind| PublishError { kind, causes: "as told".into(), advice: None });
        Box::pin(async { failure.map_or(Ok(()), Err) })
    }

    fn taken(&self, summary: &Summary) {
        self.0.0.borrow_mut().complete.push(number(summary));
    }

    fn max_age(&self) -> Option<Duration> {
        self.0.0.borrow().max_age
    }

    fn explain(&self) -> Explaining<'_> {
        Box::pin(async { Vec::new() })
    }
}

fn window(number: u64) -> Summary {
    Summary::empty(UNIX_EPOCH + PERIOD * number as u32)
}

fn number(summary: &Summary) -> u64 {
    summary.start.duration_since(UNIX_EPOCH).expect("after the epoch").as_secs() / PERIOD.as_secs()
}

/// A delivery to the recorder, begun at the epoch.
fn delivery(recorder: &Recorder, buffer: usize) -> Delivery {
    let start = Instant::now();
    let publisher = Box::new(Timed(recorder.clone(), start));
    Delivery::new(publisher, buffer, DELAY, Box::new(move || UNIX_EPOCH + start.elapsed()))
}

/// Delivers `windows` windows, one a period, and then ends.
async fn deliver(windows: u64, buffer: usize, recorder: &Recorder) -> Delivery {
    let (sender, receiver) = mpsc::channel(128);
    let stop = CancellationToken::new();
    let mut delivery = delivery(recorder, buffer);
    let produce = async {
        for number in 0..windows {
            sleep(PERIOD).await;
            sender.send(window(number)).await.expect("the delivery takes summaries");
        }
        sleep(PERIOD / 2).await;
        stop.cancel();
        drop(sender);
    };
    tokio::join!(produce, delivery.run(receiver, &stop));
    delivery
}

fn offered(recorder: &Recorder) -> Vec<(u64, Vec<u64>)> {
    let record = recorder.0.borrow();
    record.offered.iter().map(|(when, numbers)| (when.as_secs(), numbers.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn each_window_is_sent_its_delay_after_its_end() {
    let recorder = Recorder::default();
    let delivery = deliver(3, 60, &recorder).await;
    assert_eq!(offered(&recorder), [(65, vec![0]), (125, vec![1]), (185, vec![2])]);
    assert_eq!(delivery.counts(), Counts { delivered: 3, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_nothing_and_ends_in_as_few_requests_as_fit() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().answers = [
        Failure::TryAgain,
        Failure::Misconfigured,
        Failure::TryAgain,
        Failure::TryAgain,
        Failure::TryAgain,
    ]
    .into();
    let delivery = deliver(6, 60, &recorder).await;
    let expected = [
        (65, vec![0]),
        (125, vec![0, 1]),
        (185, vec![0, 1, 2]),
        (245, vec![0, 1, 2, 3]),
        (305, vec![0, 1, 2, 3]),
        (365, vec![0, 1, 2, 3]),
        (365, vec![4, 5]),
    ];
    assert_eq!(offered(&recorder), expected);
    assert_eq!(recorder.0.borrow().taken, [0, 1, 2, 3, 4, 5]);
    assert_eq!(delivery.counts(), Counts { delivered: 6, ..Counts::default() });
    assert_eq!(delivery.failure(), None);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_buffer_exactly_the_oldest_are_dropped_and_counted() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().answers = vec![Failure::TryAgain; 7].into();
    let delivery = deliver(8, 3, &recorder).await;
    assert_eq!(recorder.0.borrow().taken, [4, 5, 6, 7]);
    assert_eq!(delivery.counts(), Counts { delivered: 4, overflowed: 4, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn a_buffer_of_none_drops_at_once() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().answers = vec![Failure::TryAgain; 2].into();
    let delivery = deliver(3, 0, &recorder).await;
    assert_eq!(offered(&recorder), [(65, vec![0]), (125, vec![1]), (185, vec![2])]);
    assert_eq!(delivery.counts(), Counts { delivered: 1, overflowed: 2, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn a_rejected_datum_is_dropped_alone() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().answers = vec![Failure::TryAgain; 6].into();
    recorder.0.borrow_mut().poison = [(2, 1)].into();
    let delivery = deliver(8, 60, &recorder).await;
    assert_eq!(recorder.0.borrow().taken, [0, 1, 3, 4, 5, 6, 7]);
    // Of three data, two are tried, then each of them, and then the rest.
    assert_eq!(recorder.0.borrow().taken_apart, [[(2, 0)], [(2, 2)]]);
    assert_eq!(recorder.0.borrow().complete, [0, 1, 3, 4, 5, 6, 7]);
    assert_eq!(delivery.counts(), Counts { delivered: 8, rejected_data: 1, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn a_window_of_which_nothing_is_taken_is_rejected() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().poison = [(1, 0), (1, 1), (1, 2)].into();
    let delivery = deliver(3, 60, &recorder).await;
    assert_eq!(recorder.0.borrow().taken, [0, 2]);
    let expected = Counts { delivered: 2, rejected: 1, rejected_data: 3, ..Counts::default() };
    assert_eq!(delivery.counts(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_outage_among_single_data_sends_none_of_them_twice() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().poison = [(0, 0)].into();
    let stop = CancellationToken::new();
    let mut delivery = delivery(&recorder, 60);
    delivery.backlog = vec![window(0), window(1)];
    // Both windows are rejected together, then the oldest alone; of it a datum, and one is taken.
    delivery.send_in_parts(2, &stop).await.expect("nothing fails yet");
    assert_eq!(delivery.backlog, [window(1)]);
    recorder.0.borrow_mut().poison = [(1, 0)].into();
    delivery.oldest.settled = 1;
    recorder.0.borrow_mut().answers = [Failure::TryAgain].into();
    delivery.send(&stop).await;
    assert_eq!((delivery.oldest.settled, delivery.backlog.len()), (1, 1));
    delivery.send(&stop).await;
    assert_eq!(recorder.0.borrow().taken_apart, [vec![(0, 1)], vec![(0, 2)], vec![(1, 1), (1, 2)]]);
    assert_eq!(recorder.0.borrow().taken, [] as [u64; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_too_large_for_one_request_goes_in_as_few_as_it_takes() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().large = true;
    let delivery = deliver(2, 60, &recorder).await;
    let record = recorder.0.borrow();
    let expected = [vec![(0, 0), (0, 1)], vec![(0, 2)], vec![(1, 0), (1, 1)], vec![(1, 2)]];
    assert_eq!(record.taken_apart, expected);
    assert_eq!((&record.complete[..], record.offered.len()), (&[0, 1][..], 0));
    assert_eq!(delivery.counts(), Counts { delivered: 2, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn windows_that_are_too_old_are_dropped_and_counted() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().max_age = Some(PERIOD * 3);
    recorder.0.borrow_mut().answers = vec![Failure::TryAgain; 5].into();
    let delivery = deliver(6, 60, &recorder).await;
    // The window of minute 2 is three minutes and some seconds old at the send of minute 6.
    assert_eq!(recorder.0.borrow().taken, [4, 5]);
    assert_eq!(delivery.counts(), Counts { delivered: 2, expired: 4, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn what_closes_during_a_slow_send_goes_with_the_next() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().takes = Duration::from_secs(130);
    let delivery = deliver(4, 60, &recorder).await;
    let expected = [(65, vec![0]), (200, vec![1, 2]), (270, vec![3])];
    assert_eq!(offered(&recorder)[..2], expected[..2]);
    assert_eq!(delivery.counts().delivered, 4);
}

#[tokio::test(start_paused = true)]
async fn stopping_cuts_the_publish_delay_and_sends_everything_at_once() {
    let recorder = Recorder::default();
    let (sender, receiver) = mpsc::channel(128);
    let stop = CancellationToken::new();
    let start = Instant::now();
    let mut delivery = delivery(&recorder, 60);
    let produce = async {
        sender.send(window(0)).await.expect("the delivery takes summaries");
        sleep(DELAY / 2).await;
        stop.cancel();
        sender.send(window(1)).await.expect("the delivery takes summaries");
        drop(sender);
    };
    tokio::join!(produce, delivery.run(receiver, &stop));
    assert_eq!(offered(&recorder), [(2, vec![0, 1])]);
    assert_eq!(start.elapsed(), DELAY / 2);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_cut_short_is_tried_again_at_once_with_the_last_window() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().takes = Duration::from_secs(20);
    let (sender, receiver) = mpsc::channel(128);
    let stop = CancellationToken::new();
    // A buffer of none must not drop what the last flush can still deliver.
    let mut delivery = delivery(&recorder, 0);
    let produce = async {
        sender.send(window(0)).await.expect("the delivery takes summaries");
        sleep(DELAY * 2).await;
        stop.cancel();
        sender.send(window(1)).await.expect("the delivery takes summaries");
        drop(sender);
    };
    tokio::join!(produce, delivery.run(receiver, &stop));
    assert_eq!(offered(&recorder), [(5, vec![0]), (10, vec![0, 1])]);
    assert_eq!(delivery.counts(), Counts { delivered: 2, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn what_is_left_at_the_end_is_neither_delivered_nor_dropped() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().answers = vec![Failure::Misconfigured; 9].into();
    let delivery = deliver(3, 60, &recorder).await;
    assert_eq!(delivery.counts(), Counts::default());
    assert_eq!(delivery.failure().map(|error| error.kind), Some(Failure::Misconfigured));
}

#[tokio::test(start_paused = true)]
async fn the_last_flush_is_tried_as_long_as_the_endpoint_may_come_back() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().answers = vec![Failure::TryAgain; 9].into();
    let delivery = deliver(3, 60, &recorder).await;
    assert_eq!(recorder.0.borrow().taken, [0, 1, 2]);
    assert_eq!(delivery.counts(), Counts { delivered: 3, ..Counts::default() });
}
