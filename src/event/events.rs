//! The newest events.

use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::{Event, MOST_TEXT, Severity};
use crate::clock::now_ms;
use crate::shown::without_passwords;
use crate::sorted::object_of;

/// The newest events, and who is told of more.
#[derive(Debug)]
pub struct Events {
    kept: VecDeque<Rc<Event>>,
    /// From this id on, ids have no gaps, so that missed events can be counted. The event of this id may be
    /// dropped already.
    first_id: u64,
    next_id: u64,
    /// The id of the first one of this run.
    first_of_run: u64,
    /// The id of the newest one.
    news: watch::Sender<u64>,
    /// How many there were of each severity.
    raised: [u64; 3],
    /// The names of this entity. The last one is its id.
    names: Vec<String>,
}

/// What follows an event.
#[derive(Debug, PartialEq)]
pub enum Following {
    Event(Rc<Event>),
    Gap(Gap),
}

/// Events that are no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many; nothing where that is not known.
    pub missed: Option<u64>,
    /// The id before that of the first one behind it.
    pub after: u64,
}

impl Default for Events {
    /// Without earlier ones, from now on.
    fn default() -> Self {
        Self::since(now_ms(), Vec::new())
    }
}

impl Events {
    /// Those of earlier runs, in the order of their ids. New ids begin behind them, and not before this time in
    /// milliseconds: so they also grow over a restart after which nothing is known of earlier ones.
    pub fn since(start_ms: i64, earlier: Vec<Event>) -> Self {
        let behind = earlier.last().map_or(1, |last| last.id.saturating_add(1));
        let next_id = u64::try_from(start_ms).unwrap_or_default().max(behind);
        let ids = earlier.iter().rev().map(|event| event.id);
        let first_id = ids.fold(next_id, |first, id| if id + 1 == first { id } else { first });
        let (news, _) = watch::channel(next_id - 1);
        let first_of_run = next_id;
        let kept = earlier.into_iter().map(Rc::new).collect();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let names = vec!["self".to_owned(), host];
        let mut events =
            Self { kept, first_id, next_id, first_of_run, news, raised: [0; 3], names };
        events.cut();
        events
    }

    /// Takes those of earlier runs that are known only now. Where this run has raised some already, its ids stay.
    pub fn restore(&mut self, mut earlier: Vec<Event>) {
        if let Some(first) = self.kept.front() {
            earlier.retain(|event| event.id < first.id);
        }
        let start_ms = i64::try_from(self.first_of_run).unwrap_or(i64::MAX);
        let mut all = Self::since(start_ms, earlier);
        for event in self.kept.drain(..) {
            all.next_id = event.id + 1;
            all.kept.push_back(event);
        }
        (self.kept, self.next_id) = (all.kept, all.next_id);
        (self.first_id, self.first_of_run) = (all.first_id, all.first_of_run);
        self.cut();
        self.news.send_replace(self.last_id());
    }

    /// The id of the first one of this run.
    pub fn first_of_run(&self) -> u64 {
        self.first_of_run
    }

    /// Notes an event and tells those who follow.
    pub fn raise(&mut self, event: Event) -> Rc<Event> {
        let event = Rc::new(Event { id: self.next_id, ..bounded(event) });
        self.next_id += 1;
        self.raised[event.severity as usize] += 1;
        self.kept.push_back(event.clone());
        self.cut();
        self.news.send_replace(event.id);
        event
    }

    /// Notes the id of the task or the instance.
    pub fn found(&mut self, id: &str) {
        self.names.truncate(2);
        self.names.push(id.to_owned());
    }

    /// The id of the entity that the events are of.
    pub fn entity(&self) -> &str {
        self.names.last().map_or("", |name| name)
    }

    /// Whether this is a name of it.
    pub fn is_entity(&self, id: &str) -> bool {
        self.names.iter().any(|name| name == id)
    }

    fn cut(&mut self) {
        let surplus = self.kept.len().saturating_sub(MOST_KEPT);
        self.kept.drain(..surplus);
    }

    /// Those that are kept, the oldest first.
    pub fn kept(&self) -> impl Iterator<Item = &Rc<Event>> {
        self.kept.iter()
    }

    /// The one of this id, if it is kept.
    pub fn find(&self, id: u64) -> Option<&Rc<Event>> {
        self.kept.get(self.place_after(id.checked_sub(1)?)).filter(|event| event.id == id)
    }

    /// The id of the newest one, or of what would be the one before the first.
    pub fn last_id(&self) -> u64 {
        self.next_id - 1
    }

    /// How many there were of a severity in this run.
    pub fn raised(&self, severity: Severity) -> u64 {
        self.raised[severity as usize]
    }

    /// What follows the event of this id; nothing so far. 0 is before the first one.
    pub fn following(&self, after: u64) -> Option<Following> {
        let last = self.last_id();
        let oldest = self.kept.front().map_or(self.next_id, |event| event.id);
        let gap = |missed| Some(Following::Gap(Gap { missed, after: oldest - 1 }));
        if after > last {
            // Of another agent.
            return gap(None);
        }
        if after != 0 && after + 1 < self.first_id && after + 1 < oldest {
            return gap(None);
        }
        let from = if after == 0 { self.first_id.min(oldest) } else { after + 1 };
        if from < oldest {
            return gap(Some(oldest - from));
        }
        self.kept.get(self.place_after(after)).cloned().map(Following::Event)
    }

    fn place_after(&self, id: u64) -> usize {
        self.kept.partition_point(|event| event.id <= id)
    }

    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
}

/// The event with texts that are not too long, and show no password of a URL.
fn bounded(event: Event) -> Event {
    let fit = |text: Option<String>, most| text.map(|text| cut(&text, most));
    let details = match Value::Object(event.details) {
        Value::Object(details) if length(&details) <= MOST_TEXT => details,
        _ => object_of([("left_out".to_owned(), json!(true))]),
    };
    Event {
        check: fit(event.check, MOST_NAME),
        alarm: fit(event.alarm, MOST_NAME),
        threshold: fit(event.threshold, MOST_NAME),
        state: fit(event.state, MOST_NAME),
        previous_state: fit(event.previous_state, MOST_NAME),
        message: cut(&without_passwords(&event.message), MOST_TEXT),
        details,
        ..event
    }
}

/// How long details are as JSON.
pub fn length(details: &Map<String, Value>) -> usize {
    serde_json::to_string(details).map_or(usize::MAX, |text| text.len())
}

fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let most = most - '…'.len_utf8();
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", &text[..end])
}

/// So many are kept, whose texts take some 2 MB at most.
const MOST_KEPT: usize = 1000;

/// Bytes of the id of a check, an alarm or a threshold.
const MOST_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;

    fn raise(events: &mut Events, message: &str) -> u64 {
        events.raise(Event::of(Kind::Posted, Severity::Info, message)).id
    }

    fn with(start: i64, count: usize) -> Events {
        let mut events = Events::since(start, Vec::new());
        for number in 0..count {
            raise(&mut events, &number.to_string());
        }
        events
    }

    fn gap(missed: Option<u64>, after: u64) -> Option<Following> {
        Some(Following::Gap(Gap { missed, after }))
    }

    #[test]
    fn ids_begin_at_the_start_and_grow_by_one() {
        let mut events = Events::since(1_795_843_899_000, Vec::new());
        assert_eq!(events.last_id(), 1_795_843_898_999);
        assert_eq!(raise(&mut events, "a"), 1_795_843_899_000);
        assert_eq!(raise(&mut events, "b"), 1_795_843_899_001);
        assert_eq!(events.find(1_795_843_899_001).expect("it is kept").message, "b");
        assert_eq!(events.find(1_795_843_899_002), None);
        assert_eq!(events.find(0), None);
        // A clock of before 1970.
        assert_eq!(Events::since(-5, Vec::new()).last_id(), 0);
    }

    #[test]
    fn a_thousand_are_kept_and_what_is_missed_is_counted() {
        let events = with(100, 1003);
        assert_eq!(events.kept().count(), 1000);
        assert_eq!(events.kept().next().expect("one").id, 103);
        assert_eq!(events.following(0), gap(Some(3), 102));
        assert_eq!(events.following(99), gap(Some(3), 102));
        assert_eq!(events.following(100), gap(Some(2), 102));
        assert!(matches!(events.following(102), Some(Following::Event(of)) if of.id == 103));
        assert!(matches!(events.following(1101), Some(Following::Event(of)) if of.id == 1102));
        assert_eq!(events.following(1102), None);
        // Of an earlier run, and of no run of this agent.
        assert_eq!(events.following(50), gap(None, 102));
        assert_eq!(events.following(5000), gap(None, 102));
    }

    #[test]
    fn without_events_there_is_nothing_to_miss() {
        let events = Events::since(100, Vec::new());
        assert_eq!(events.following(0), None);
        assert_eq!(events.following(99), None);
        assert_eq!(events.following(98), gap(None, 99));
        assert_eq!(events.following(100), gap(None, 99));
    }

    #[test]
    fn events_of_an_earlier_run_come_before_those_of_this_one() {
        let earlier = |ids: &[u64]| {
            let event =
                |id: &u64| Event { id: *id, ..Event::of(Kind::Posted, Severity::Info, "old") };
            ids.iter().map(event).collect::<Vec<_>>()
        };
        let ids = |events: &Events| events.kept().map(|event| event.id).collect::<Vec<_>>();
        let mut events = Events::since(100, earlier(&[40, 41]));
        raise(&mut events, "new");
        assert_eq!((ids(&events), events.last_id()), (vec![40, 41, 100], 100));
        assert!(matches!(events.following(40), Some(Following::Event(of)) if of.id == 41));
        assert!(matches!(events.following(41), Some(Following::Event(of)) if of.id == 100));
        // How many there were between is not known.
        for _ in 0..1000 {
            raise(&mut events, "more");
        }
        assert_eq!(events.following(40), gap(None, 100));
        assert_eq!(events.following(99), gap(Some(1), 100));
        // The clock was set back since.
        let mut events = Events::since(100, earlier(&[190, 200, 201]));
        assert_eq!(raise(&mut events, "new"), 202);
        assert_eq!((ids(&events)[0], events.first_id), (190, 200));
        // They are known only when there are newer ones.
        let mut events = Events::since(100, Vec::new());
        raise(&mut events, "new");
        events.restore(earlier(&[98, 99, 100]));
        assert_eq!((ids(&events), events.first_of_run()), (vec![98, 99, 100], 100));
        assert_eq!(events.kept().last().expect("one").message, "new");
        let mut events = Events::since(100, Vec::new());
        events.restore(earlier(&[200, 201]));
        assert_eq!((raise(&mut events, "new"), events.first_of_run()), (202, 202));
    }

    #[test]
    fn texts_are_bounded_and_show_no_password() {
        let mut events = Events::since(1, Vec::new());
        let long = Event {
            details: Map::from_iter([("x".to_owned(), "y".repeat(MOST_TEXT).into())]),
            ..Event::of(Kind::Posted, Severity::Info, "é".repeat(MOST_TEXT)).about("c".repeat(300))
        };
        let event = events.raise(long);
        assert_eq!((event.message.len(), event.message.chars().last()), (999, Some('…')));
        assert_eq!(event.check.as_ref().map(String::len), Some(255));
        assert_eq!(event.details["left_out"], true);
        let secret = Event::of(Kind::Posted, Severity::Info, "http://joe:hunter2@x/ is away");
        assert_eq!(events.raise(secret).message, "http://***@x/ is away");
    }
}
