//! Delivery on paused time, to a publisher that does as a test tells it.

mod asked;
mod parts;
mod searched;

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::time::UNIX_EPOCH;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::*;
use crate::model::tests::{entry, reported, sampled};
use crate::model::{Datum, Number, Numbers, Statistic};
use crate::publisher::cloudwatch::tests::settings;
use crate::publisher::{Explaining, Parcel, Sending, Size};

const PERIOD: Duration = Duration::from_secs(60);
const DELAY: Duration = Duration::from_secs(5);

/// How many data each window has.
const DATA: usize = 3;

/// A datum by the number of its window and its place in it.
type Placed = (u64, usize);

/// A publisher that fails as it is told and notes what it was offered.
#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Record>>);

#[derive(Default)]
struct Record {
    /// What the next sends end with; when it is empty they succeed.
    answers: VecDeque<Option<Failure>>,
    /// Data that are rejected whenever they are offered.
    poison: BTreeSet<Placed>,
    /// Whether the place of a datum is that of its entry.
    by_entry: bool,
    /// How many of the data of the next send are refused without saying which, and the same of each after it.
    refused: u64,
    refusals: VecDeque<u64>,
    /// The windows of each send.
    offered: Vec<(Duration, Vec<u64>)>,
    /// The data of each send that was accepted.
    accepted: Vec<Vec<Placed>>,
    /// How many data are too many for one request, and how many windows.
    most_data: Option<usize>,
    most_windows: Option<usize>,
    /// How long each send takes.
    takes: Duration,
    oldest: Option<Duration>,
    /// The windows that were seen, and those that have to wait.
    seen: Vec<u64>,
    waiting: BTreeSet<u64>,
}

struct Timed(Recorder, Instant);

impl Publisher for Timed {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn terms(&self) -> Terms {
        let record = self.0.0.borrow();
        Terms {
            sets: 1,
            most_windows: record.most_windows.unwrap_or(4),
            most: Size { data: record.most_data.unwrap_or(usize::MAX), bytes: usize::MAX },
            empty_windows: false,
            oldest: record.oldest,
            spread: 0.0,
            log: None,
            with_values: false,
            with_samples: false,
        }
    }

    fn size(&self, _summary: &Summary, _datum: Datum) -> Size {
        Size { data: 1, bytes: 0 }
    }

    fn sees(&mut self, summary: &Rc<Summary>) {
        self.0.0.borrow_mut().seen.push(number(summary));
    }

    fn waits(&self, summary: &Summary) -> bool {
        self.0.0.borrow().waiting.contains(&number(summary))
    }

    fn send<'a>(
        &'a mut self,
        parcels: &'a [Parcel<'a>],
        hurry: &'a CancellationToken,
    ) -> Sending<'a> {
        Box::pin(async move {
            let by_entry = self.0.0.borrow().by_entry;
            let place = |datum: Datum| if by_entry { datum.entry } else { place(datum) };
            let data = parcels.iter().flat_map(|parcel| {
                parcel.data.iter().map(|datum| (number(parcel.summary), place(*datum)))
            });
            let data: Vec<_> = data.collect();
            let takes = {
                let mut record = self.0.0.borrow_mut();
                let windows = parcels.iter().map(|parcel| number(parcel.summary)).collect();
                record.offered.push((self.1.elapsed(), windows));
                record.takes
            };
            let waited = if hurry.is_cancelled() {
                sleep(takes).await;
                Some(())
            } else {
                hurry.run_until_cancelled(sleep(takes)).await
            };
            let mut record = self.0.0.borrow_mut();
            let is_poisoned = data.iter().any(|datum| record.poison.contains(datum));
            let failure = match record.answers.pop_front() {
                _ if waited.is_none() => Some(Failure::TryAgain),
                Some(Some(failure)) => Some(failure),
                _ if is_poisoned => Some(Failure::Rejected),
                _ => None,
            };
            if let Some(kind) = failure {
                return Err(PublishError::new(kind, "as told".into()));
            }
            record.accepted.push(data);
            let refused = record.refusals.pop_front();
            let refused = refused.unwrap_or_else(|| std::mem::take(&mut record.refused));
            Ok(Accepted { refused })
        })
    }

    fn explain(&self, _connecting: bool) -> Explaining<'_> {
        Box::pin(async { Vec::new() })
    }
}

/// A window of [`DATA`] data.
fn window(number: u64) -> Rc<Summary> {
    let entries = vec![
        entry(Number::Cpu, None, sampled(67, 1.0, 2.0)),
        entry(Number::Throttling, None, reported(3.0, 3.0)),
    ];
    Rc::new(Summary {
        start: UNIX_EPOCH + PERIOD * number as u32,
        end: UNIX_EPOCH + PERIOD * (number as u32 + 1),
        entries,
        measured: Rc::default(),
    })
}

fn number(summary: &Summary) -> u64 {
    summary.start.duration_since(UNIX_EPOCH).expect("after the epoch").as_secs() / PERIOD.as_secs()
}

fn place(datum: Datum) -> usize {
    match datum.statistic {
        Statistic::Median => 0,
        Statistic::Maximum => 1,
        _ => 2,
    }
}

/// A delivery to the recorder, begun at the epoch.
fn delivery(recorder: &Recorder, buffer: usize) -> Delivery {
    let start = Instant::now();
    let publisher = Box::new(Timed(recorder.clone(), start));
    let mut settings = settings(60, &[]);
    settings.measuring.metrics = Numbers::of(&[Number::Cpu, Number::Throttling]);
    settings.publishing.buffer = buffer;
    let clock = Box::new(move || UNIX_EPOCH + start.elapsed());
    Delivery::new(publisher, &settings, clock).delayed_by(DELAY)
}

/// The windows of which something was accepted, in that order.
fn taken(recorder: &Recorder) -> Vec<u64> {
    let record = recorder.0.borrow();
    let mut windows: Vec<_> = record.accepted.iter().flatten().map(|(window, _)| *window).collect();
    windows.dedup();
    windows
}

/// Checks that each datum of the windows was accepted once, but for those that are rejected.
#[track_caller]
fn assert_each_once(recorder: &Recorder, windows: u64) {
    let record = recorder.0.borrow();
    let all = (0..windows).flat_map(|window| (0..DATA).map(move |place| (window, place)));
    let expected: Vec<_> = all.filter(|datum| !record.poison.contains(datum)).collect();
    assert_eq!(record.accepted.concat(), expected);
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
    .map(Some)
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
    assert_eq!(taken(&recorder), [0, 1, 2, 3, 4, 5]);
    assert_eq!(delivery.counts(), Counts { delivered: 6, ..Counts::default() });
    assert_eq!(delivery.failure(), None);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_buffer_exactly_the_oldest_are_dropped_and_counted() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().answers = vec![Some(Failure::TryAgain); 7].into();
    let delivery = deliver(8, 3, &recorder).await;
    assert_eq!(taken(&recorder), [4, 5, 6, 7]);
    assert_eq!(delivery.counts(), Counts { delivered: 4, overflowed: 4, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn a_buffer_of_none_drops_at_once() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().answers = vec![Some(Failure::TryAgain); 2].into();
    let delivery = deliver(3, 0, &recorder).await;
    assert_eq!(offered(&recorder), [(65, vec![0]), (125, vec![1]), (185, vec![2])]);
    assert_eq!(delivery.counts(), Counts { delivered: 1, overflowed: 2, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn windows_that_are_too_old_are_dropped_and_counted() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().oldest = Some(PERIOD * 3);
    recorder.0.borrow_mut().answers = vec![Some(Failure::TryAgain); 5].into();
    let delivery = deliver(6, 60, &recorder).await;
    // The window of minute 2 is three minutes and some seconds old at the send of minute 6.
    assert_eq!(taken(&recorder), [4, 5]);
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
    recorder.0.borrow_mut().answers = vec![Some(Failure::Misconfigured); 9].into();
    let delivery = deliver(3, 60, &recorder).await;
    assert_eq!(delivery.counts(), Counts::default());
    assert_eq!(delivery.failure().map(|error| error.kind), Some(Failure::Misconfigured));
}

#[tokio::test(start_paused = true)]
async fn the_last_flush_is_tried_as_long_as_the_endpoint_may_come_back() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().answers = vec![Some(Failure::TryAgain); 9].into();
    let delivery = deliver(3, 60, &recorder).await;
    assert_eq!(taken(&recorder), [0, 1, 2]);
    assert_eq!(delivery.counts(), Counts { delivered: 3, ..Counts::default() });
}
