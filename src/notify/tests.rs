//! Who is told, in a time that is not real.

use std::collections::VecDeque;

use serde_json::{Map, json};
use tokio::time::Instant;

use super::*;
use crate::event::Events;
use crate::notification::{NotificationType, Plan, Suppression};

/// What was sent: when, to whom, and which event.
type Sent = Rc<RefCell<Vec<(Duration, String, String)>>>;

/// Notes what it is to send. Answers as it is told, and then well; a notification `hung` never has an answer.
struct Recorder {
    start: Instant,
    sent: Sent,
    answers: RefCell<VecDeque<Result<(), String>>>,
}

impl Sender for Recorder {
    fn send<'a>(
        &'a self,
        to: &'a Notification,
        event: &'a Event,
        _: String,
    ) -> LocalBoxFuture<'a, Result<(), String>> {
        self.sent.borrow_mut().push((self.start.elapsed(), to.id.clone(), event.message.clone()));
        Box::pin(async move {
            if to.id == "hung" {
                std::future::pending::<()>().await;
            }
            self.answers.borrow_mut().pop_front().unwrap_or(Ok(()))
        })
    }
}

fn notification(id: &str, kind: &'static NotificationType) -> Notification {
    let (label, details, metadata) = Default::default();
    Notification { id: id.to_owned(), label, kind, details, metadata }
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// Notifications `hook`, `other` and `hung`; `default` tells `hook` of everything, `loud` all of what is critical.
fn configured() -> Configured {
    let hook = ids(&["hook"]);
    let default = Plan {
        id: "default".to_owned(),
        ok: hook.clone(),
        warning: hook.clone(),
        critical: hook,
        ..Plan::default()
    };
    let loud = Plan {
        id: "loud".to_owned(),
        critical: ids(&["hung", "gone", "other", "hook"]),
        ..Plan::default()
    };
    Configured {
        notifications: ["hook", "other", "hung"].map(|id| notification(id, &WEBHOOK)).to_vec(),
        plans: vec![default, loud],
        suppressions: Vec::new(),
    }
}

struct World {
    events: event::Shared,
    all: Shared,
    sent: Sent,
    stop: CancellationToken,
}

impl World {
    /// With so many tries that fail first.
    fn of(configured: Configured, failures: usize) -> (Self, impl Future<Output = ()>) {
        let events = Rc::new(RefCell::new(Events::since(1, Vec::new())));
        let sent = Sent::default();
        let answers = std::iter::repeat_n(Err("it is away".to_owned()), failures).collect();
        let recorder =
            Recorder { start: Instant::now(), sent: sent.clone(), answers: RefCell::new(answers) };
        let (all, notifier) = with(configured, &events, Box::new(recorder));
        let stop = CancellationToken::new();
        let run = notifier.run(stop.clone());
        (Self { events, all, sent, stop }, run)
    }

    fn alarm(&self, plan: Option<&str>, state: State, message: &str) {
        let details = Map::from_iter([("notification_plan_id".to_owned(), json!(plan))]);
        let severity = match state {
            State::Ok => Severity::Info,
            State::Warning => Severity::Warning,
            State::Critical => Severity::Critical,
        };
        let event = Event::of(Kind::Alarm, severity, message).about("c");
        let state = Some(state.name().to_owned());
        let event = Event { alarm: Some("a".to_owned()), state, details, ..event };
        self.events.borrow_mut().raise(event);
    }

    /// Seconds, and to whom.
    fn sent(&self) -> Vec<(u64, String)> {
        self.sent.borrow().iter().map(|(time, to, _)| (time.as_secs(), to.clone())).collect()
    }

    async fn after(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }
}

/// Of a notification its name, how often it was tried, and what came of it.
type Tries = (String, u32, Outcome);

/// What came of each change that was to be told, with its plan; the newest first.
fn history(world: &World) -> Vec<(String, Vec<Tries>)> {
    let history = world.all.history("a").into_iter();
    let results = |told: Told| {
        let results = told.results.into_iter().map(|of| (of.notification, of.attempts, of.outcome));
        (told.plan, results.collect())
    };
    history.map(results).collect()
}

fn at(all: &[(u64, &str)]) -> Vec<(u64, String)> {
    all.iter().map(|(time, to)| (*time, (*to).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_fails_is_tried_five_times_in_five_minutes() {
    let (world, run) = World::of(configured(), 5);
    let asserted = async {
        world.alarm(None, State::Critical, "one");
        world.after(10).await;
        let told = |tries, outcome| {
            vec![("default".to_owned(), vec![("hook".to_owned(), tries, outcome)])]
        };
        let cause = "it is away".to_owned();
        assert_eq!(history(&world), told(2, Outcome::Waits(Some(cause.clone()))));
        world.after(230).await;
        assert_eq!(history(&world), told(5, Outcome::Lost(cause)));
        let tries = at(&[(0, "hook"), (5, "hook"), (25, "hook"), (85, "hook"), (235, "hook")]);
        assert_eq!(world.sent(), tries);
        let counts = world.all.counts("hook");
        assert_eq!((counts.sent, counts.failed, counts.waiting), (0, 1, 0));
        assert_eq!(counts.error.as_deref(), Some("it is away"));
        // An event of its own, of which nobody is notified.
        let lost = world.events.borrow().kept().last().cloned().expect("one");
        assert_eq!((lost.kind, lost.alarm.as_deref()), (Kind::Notification, Some("a")));
        assert_eq!(lost.message, "notification hook: event 1 was not sent: it is away");
        world.alarm(None, State::Ok, "two");
        world.after(1).await;
        assert_eq!(world.sent().len(), 6);
        let counts = world.all.counts("hook");
        assert_eq!((counts.sent, counts.failed, counts.error), (1, 1, None));
        assert_eq!(history(&world)[..1], told(1, Outcome::Sent));
        assert!(world.all.history("another").is_empty());
        world.stop.cancel();
    };
    tokio::join!(run, asserted);
}

#[tokio::test(start_paused = true)]
async fn events_of_one_notification_stay_in_order_while_it_fails() {
    let (world, run) = World::of(configured(), 2);
    let asserted = async {
        world.alarm(None, State::Critical, "one");
        world.alarm(None, State::Ok, "two");
        world.after(60).await;
        let messages: Vec<_> =
            world.sent.borrow().iter().map(|(_, _, message)| message.clone()).collect();
        assert_eq!(messages, ["one", "one", "one", "two"]);
        world.stop.cancel();
    };
    tokio::join!(run, asserted);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_holds_up_no_other_and_the_end_by_two_seconds_at_most() {
    let (world, run) = World::of(configured(), 0);
    let start = Instant::now();
    let asserted = async {
        world.alarm(Some("loud"), State::Critical, "one");
        world.alarm(Some("loud"), State::Critical, "two");
        world.after(1).await;
        let expected = ["hung", "other", "hook", "other", "hook"].map(|to| (0, to.to_owned()));
        let mut sent = world.sent();
        sent.sort();
        assert_eq!(sent.len(), expected.len(), "{sent:?}");
        assert!(expected.iter().all(|one| sent.contains(one)), "{sent:?}");
        assert_eq!(world.all.counts("hung").waiting, 2);
        (0..150).for_each(|_| world.alarm(Some("loud"), State::Critical, "more"));
        world.after(1).await;
        let counts = world.all.counts("hung");
        assert_eq!((counts.waiting, counts.dropped), (101, 51));
        let history = history(&world);
        assert_eq!(history.len(), 100, "the oldest are gone");
        let (plan, results) = &history[0];
        let (hung, waits) = (("hung".to_owned(), 0, Outcome::Waits(None)), "loud");
        assert_eq!((&**plan, results.len(), &results[0]), (waits, 3, &hung), "gone is not there");
        assert_eq!(world.all.counts("hook").sent, 152);
        world.stop.cancel();
    };
    tokio::join!(run, asserted);
    assert_eq!(start.elapsed(), Duration::from_secs(2) + LAST_CHANCE);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_each_is_tried_once_more_without_a_pause() {
    let (world, run) = World::of(configured(), 2);
    let asserted = async {
        world.alarm(None, State::Critical, "one");
        world.after(1).await;
        world.alarm(None, State::Ok, "two");
        world.stop.cancel();
    };
    tokio::join!(run, asserted);
    let counts = world.all.counts("hook");
    assert_eq!(
        (world.sent(), counts.failed, counts.sent),
        (at(&[(0, "hook"), (1, "hook"), (1, "hook")]), 1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn the_plan_says_who_is_told_of_which_state() {
    let mut configured = configured();
    configured.notifications[0] =
        notification("hook", NotificationType::of("log").expect("a type"));
    let (world, run) = World::of(configured, 0);
    let asserted = async {
        // Nobody, as the plan has none for it; nobody, as there is no such plan; the default.
        world.alarm(Some("loud"), State::Warning, "none");
        world.alarm(Some("lost"), State::Critical, "none");
        world.alarm(Some("npTechnicalContactsEmail"), State::Warning, "default");
        world.events.borrow_mut().raise(Event::of(Kind::Posted, Severity::Critical, "posted"));
        world.after(1).await;
        assert_eq!(world.sent(), at(&[(0, "hook")]));
        world.stop.cancel();
    };
    tokio::join!(run, asserted);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_while_a_suppression_is_active() {
    let mut configured = configured();
    let suppression =
        Suppression { id: "night".to_owned(), plans: ids(&["default"]), ..Suppression::default() };
    configured.suppressions.push(suppression);
    let (world, run) = World::of(configured, 0);
    let asserted = async {
        world.alarm(None, State::Critical, "quiet");
        world.alarm(Some("loud"), State::Critical, "loud");
        world.after(1).await;
        assert_eq!((world.sent().len(), world.all.suppressed()), (3, 1));
        world.all.set.borrow_mut().suppressions.remove("night");
        world.alarm(None, State::Ok, "again");
        world.after(1).await;
        assert_eq!(world.sent().len(), 4);
        world.stop.cancel();
    };
    tokio::join!(run, asserted);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_notification_that_is_removed_is_forgotten() {
    let (world, run) = World::of(configured(), 100);
    let asserted = async {
        world.alarm(None, State::Critical, "one");
        world.alarm(None, State::Ok, "two");
        world.after(1).await;
        world.all.set.borrow_mut().notifications.remove("hook");
        world.all.forget("hook");
        world.after(600).await;
        assert_eq!(
            (world.sent(), world.all.counts("hook")),
            (at(&[(0, "hook")]), Counts::default())
        );
        let lost = || Outcome::Lost("the notification is no more".to_owned());
        let results = |tries| vec![("hook".to_owned(), tries, lost())];
        let expected = [0, 1].map(|tries| ("default".to_owned(), results(tries)));
        assert_eq!(history(&world), expected);
        world.stop.cancel();
    };
    tokio::join!(run, asserted);
}
