//! Tells others of alarms that change: each event of an alarm goes to the notifications of its plan. Whoever is told
//! slowly, or not at all, holds up nobody else.

mod exec;
mod history;
mod line;
mod sender;
mod set;
#[cfg(test)]
mod tests;
mod webhook;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ptr;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use log::{error, info, warn};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::history::History;
pub use self::history::{Outcome, Told};
pub use self::line::Counts;
use self::line::Line;
use self::sender::{Real, Sender};
pub use self::set::{Kept, Set};
use crate::alarm::state::State;
use crate::config::Settings;
use crate::event::{self, Event, Followed, Follower, Kind, Severity};
use crate::logging::CHECKS;
use crate::notification::{Configured, Notification, Of, WEBHOOK};
use crate::overlay::{Difference, Reloading};
use crate::shown::shown;

/// The notifications, and what waits for them.
pub struct Notifications {
    pub set: RefCell<Set>,
    lines: RefCell<BTreeMap<String, Rc<Line>>>,
    events: event::Shared,
    sender: Box<dyn Sender>,
    /// How many changes nobody was told of, because of suppressions.
    suppressed: Cell<u64>,
    /// The newest of these.
    suppressed_changes: RefCell<VecDeque<Suppressed>>,
    history: RefCell<History>,
    /// Cancelled as the agent ends: then each is tried once more, without a pause.
    ending: CancellationToken,
}

/// A change of which nobody was notified.
#[derive(Clone, Debug)]
pub struct Suppressed {
    pub event: Rc<Event>,
    /// The id of the plan that was for it.
    pub plan: String,
    /// The ids of the suppressions.
    pub suppressions: Vec<String>,
}

/// The notifications that others ask about.
pub type Shared = Rc<Notifications>;

/// Follows the events and sends what is to be sent.
pub struct Notifier {
    all: Shared,
    follower: Follower,
}

/// The notifications of these settings, and what sends them.
pub fn open(settings: &Settings, events: &event::Shared) -> (Shared, Notifier) {
    let sender = Real::of(settings.checks.plugins.clone());
    with(settings.notifications.clone(), events, Box::new(sender))
}

fn with(
    configured: Configured,
    events: &event::Shared,
    sender: Box<dyn Sender>,
) -> (Shared, Notifier) {
    let all = Rc::new(Notifications {
        set: RefCell::new(Set::of(configured)),
        lines: RefCell::default(),
        events: events.clone(),
        sender,
        suppressed: Cell::new(0),
        suppressed_changes: RefCell::default(),
        history: RefCell::default(),
        ending: CancellationToken::new(),
    });
    (all.clone(), Notifier { all, follower: Follower::of(events, None) })
}

impl Notifier {
    /// Sends until `stop` is cancelled, and then for a short while what is left.
    pub async fn run(self, stop: CancellationToken) {
        let Self { all, mut follower } = self;
        let mut working = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // Before what is new, so that many events at once fill no line that is quick.
                Some(()) = working.next() => {}
                next = follower.next() => working.extend(all.take(next)),
            }
        }
        while let Some(next) = follower.try_next() {
            working.extend(all.take(next));
        }
        all.ending.cancel();
        let rest = async { while working.next().await.is_some() {} };
        let _ = timeout(LAST_CHANCE, rest).await;
        let left = all.lines.borrow().values().map(|line| line.waiting()).sum::<usize>();
        if left > 0 {
            error!("{left} notifications were not sent before the end");
        }
    }
}

/// What sends all that waits for one notification.
type Work = LocalBoxFuture<'static, ()>;

impl Notifications {
    /// Puts what has happened into the lines of those who are to be told.
    fn take(self: &Rc<Self>, next: Followed) -> Vec<Work> {
        let event = match next {
            // Of what was kept of an earlier run, all have been told.
            Followed::Event(event) if is_told(event.kind) && self.is_new(&event) => event,
            Followed::Event(_) => return Vec::new(),
            Followed::Gap(gap) => {
                let count = gap.missed.unwrap_or_default();
                error!("of {count} events nobody was notified: more came than could be looked at");
                return Vec::new();
            }
        };
        let (set, subject) = (self.set.borrow(), event.subject().unwrap_or_default());
        let named = event.details.get("notification_plan_id").and_then(|id| id.as_str());
        let Some(plan) = set.plan(named) else {
            if let Some(id) = named {
                let id = shown(id);
                warn!("{subject}: nobody is notified: there is no notification plan {id}");
            }
            return Vec::new();
        };
        let is_entity = |id: &str| self.events.borrow().is_entity(id);
        let of = Of {
            check: event.check.as_deref(),
            alarm: event.alarm.as_deref(),
            plan: Some(&plan.id),
        };
        let [suppressing, _] = set.suppressing(event.time_ms, is_entity, of);
        if let Some(first) = suppressing.first() {
            self.suppressed.set(self.suppressed.get() + 1);
            let suppressions = suppressing.iter().map(|one| one.id.clone()).collect();
            let mut changes = self.suppressed_changes.borrow_mut();
            changes.truncate(MOST_SUPPRESSED - 1);
            changes.push_front(Suppressed {
                event: event.clone(),
                plan: plan.id.clone(),
                suppressions,
            });
            let id = shown(&first.id);
            info!(target: CHECKS, "{subject}: nobody is notified: suppression {id} is active");
            return Vec::new();
        }
        // Of alarms and thresholds each state has a severity of its own.
        let state = match event.severity {
            Severity::Info => State::Ok,
            Severity::Warning => State::Warning,
            Severity::Critical => State::Critical,
        };
        let all = set.notifications.all();
        let there = plan.of(state).iter().filter(|id| all.contains_key(*id));
        if event.kind == Kind::Alarm {
            let to = there.clone().map(|id| (id.clone(), all[id].kind.name));
            self.history.borrow_mut().begin(&event, &plan.id, to);
        }
        there.filter_map(|id| self.add(id, &event)).collect()
    }

    fn is_new(&self, event: &Event) -> bool {
        event.id >= self.events.borrow().first_of_run()
    }

    /// Adds an event to the line of a notification. If nobody works at that, the work is given.
    fn add(self: &Rc<Self>, id: &str, event: &Rc<Event>) -> Option<Work> {
        let mut lines = self.lines.borrow_mut();
        let line = lines.entry(id.to_owned()).or_default().clone();
        if let Some(dropped) = line.add(event.clone()) {
            self.note(&dropped, id, Outcome::Lost(DROPPED.to_owned()), false);
            let (id, dropped) = (shown(id), line.counts().dropped);
            error!(
                "notification {id}: dropped the oldest of its line, {dropped} so far: it is too slow"
            );
        }
        let (all, id) = (self.clone(), id.to_owned());
        line.begin().then(|| -> Work {
            Box::pin(async move {
                while let Some(event) = line.next() {
                    all.deliver(&id, &line, &event).await;
                    line.is_done();
                }
            })
        })
    }

    /// Sends an event, again and again if need be.
    async fn deliver(&self, id: &str, line: &Line, event: &Event) {
        let mut pauses = PAUSES.iter();
        loop {
            // It may be changed by now. Another one of the same id has a line of its own.
            let is_of_it = self.lines.borrow().get(id).is_some_and(|of| ptr::eq(&**of, line));
            let Some(notification) = self.notification(id).filter(|_| is_of_it) else {
                return self.note(event, id, Outcome::Lost(REMOVED.to_owned()), false);
            };
            let Err(cause) = self.send(&notification, event).await else {
                self.note(event, id, Outcome::Sent, true);
                if line.has_sent() {
                    info!(target: CHECKS, "notification {} works again", shown(id));
                }
                return;
            };
            let is_repeated = notification.kind == &WEBHOOK && !self.ending.is_cancelled();
            let pause = pauses.next().filter(|_| is_repeated);
            if line.begins_to_fail(&cause) && pause.is_some() {
                warn!("notification {} fails, and is tried again: {}", shown(id), shown(&cause));
            }
            match pause {
                // As the agent ends, this is the last chance.
                Some(pause) => {
                    self.note(event, id, Outcome::Waits(Some(cause)), true);
                    let _ = self.ending.run_until_cancelled(sleep(*pause)).await;
                }
                None => {
                    self.note(event, id, Outcome::Lost(cause.clone()), true);
                    return self.give_up(id, line, event, &cause);
                }
            }
        }
    }

    fn note(&self, event: &Event, id: &str, outcome: Outcome, is_attempt: bool) {
        self.history.borrow_mut().note(event.id, id, outcome, is_attempt);
    }

    fn give_up(&self, id: &str, line: &Line, event: &Event, cause: &str) {
        line.has_lost();
        let (number, failed) = (event.id, line.counts().failed);
        let (shown_id, shown_cause) = (shown(id), shown(cause));
        error!(
            "notification {shown_id}: event {number} was not sent, {failed} so far: {shown_cause}"
        );
        let message = format!("notification {id}: event {number} was not sent: {cause}");
        let lost = Event::of(Kind::Notification, Severity::Warning, message);
        let (check, alarm) = (event.check.clone(), event.alarm.clone());
        let threshold = event.threshold.clone();
        // Of this nobody is notified, or there would be no end of it.
        self.events.borrow_mut().raise(Event { check, alarm, threshold, ..lost });
    }

    pub fn events(&self) -> &event::Shared {
        &self.events
    }

    /// Sends a test to a notification, once.
    pub async fn test(&self, notification: &Notification) -> Result<(), String> {
        let message = format!("a test of notification {}", notification.id);
        self.send(notification, &Event::of(Kind::Notification, Severity::Info, message)).await
    }

    async fn send(&self, notification: &Notification, event: &Event) -> Result<(), String> {
        let entity = self.events.borrow().entity().to_owned();
        self.sender.send(notification, event, event.to_json(&entity).to_string()).await
    }

    fn notification(&self, id: &str) -> Option<Rc<Notification>> {
        self.set.borrow().notifications.all().get(id).cloned()
    }

    /// What became of all that was to be sent to a notification, and why the last try failed.
    pub fn counts(&self, id: &str) -> Counts {
        self.lines.borrow().get(id).map(|line| line.counts()).unwrap_or_default()
    }

    /// How many changes nobody was told of, because of suppressions.
    pub fn suppressed(&self) -> u64 {
        self.suppressed.get()
    }

    /// The newest of these.
    pub fn suppressed_changes(&self) -> Vec<Suppressed> {
        self.suppressed_changes.borrow().iter().cloned().collect()
    }

    /// Takes what the files say now, or goes back to what they said before. What has changed.
    pub fn reload(&self, configured: Configured, how: Reloading) -> Vec<Difference> {
        let changed = self.set.borrow_mut().reload(configured, how);
        self.follow(changed)
    }

    pub fn undo(&self) -> Vec<Difference> {
        let changed = self.set.borrow_mut().undo();
        self.follow(changed)
    }

    fn follow(&self, changed: [Difference; 3]) -> Vec<Difference> {
        changed[0].removed.iter().for_each(|id| self.forget(id));
        changed.into()
    }

    /// Forgets what waits for a notification that is no more.
    pub fn forget(&self, id: &str) {
        if let Some(line) = self.lines.borrow_mut().remove(id) {
            for event in line.clear() {
                self.note(&event, id, Outcome::Lost(REMOVED.to_owned()), false);
            }
        }
    }

    /// Who was told of the newest changes of an alarm, and how that went; the newest first.
    pub fn history(&self, alarm: &str) -> Vec<Told> {
        self.history.borrow().of_alarm(alarm).cloned().collect()
    }
}

/// Whether somebody may want to be told of events of this kind.
fn is_told(kind: Kind) -> bool {
    matches!(kind, Kind::Alarm | Kind::Threshold)
}

/// The pauses after the first four of five tries, which take 5 minutes with the time of each.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(20),
    Duration::from_secs(60),
    Duration::from_secs(150),
];

/// Why a notification is not sent that has waited.
const DROPPED: &str = "it was dropped, because too many waited";
const REMOVED: &str = "the notification is no more";

/// So many suppressed changes are listed.
const MOST_SUPPRESSED: usize = 100;

/// How long the agent waits at its end for what is still to be sent.
const LAST_CHANCE: Duration = Duration::from_secs(2);
