//! Follows the events, each at its own pace: what waits is kept once, for all who follow.

use std::rc::Rc;

use tokio::sync::watch;

use super::events::Following;
use super::{Event, Gap, Shared};

/// One who follows the events.
#[derive(Debug)]
pub struct Follower {
    events: Shared,
    news: watch::Receiver<u64>,
    /// The id of the last one that was taken.
    after: u64,
}

/// What comes next.
#[derive(Debug)]
pub enum Followed {
    Event(Rc<Event>),
    /// Events that came and went since then.
    Gap(Gap),
}

impl Follower {
    /// Follows from the event behind this one on; from the next one on where none is given.
    pub fn of(events: &Shared, after: Option<u64>) -> Self {
        let (news, last) = (events.borrow().news(), events.borrow().last_id());
        Self { events: events.clone(), news, after: after.unwrap_or(last) }
    }

    /// The next one, if it is there.
    pub fn try_next(&mut self) -> Option<Followed> {
        let following = self.events.borrow().following(self.after)?;
        Some(match following {
            Following::Event(event) => {
                self.after = event.id;
                Followed::Event(event)
            }
            Following::Gap(gap) => {
                self.after = gap.after;
                Followed::Gap(gap)
            }
        })
    }

    /// Waits for the next one. If this is dropped, nothing is lost.
    pub async fn next(&mut self) -> Followed {
        loop {
            self.news.borrow_and_update();
            if let Some(next) = self.try_next() {
                return next;
            }
            if self.news.changed().await.is_err() {
                // Nobody is there who could raise one.
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_util::FutureExt;

    use super::*;
    use crate::event::{Events, Kind, Severity};

    fn raise(events: &Shared, message: &str) {
        events.borrow_mut().raise(Event::of(Kind::Posted, Severity::Info, message));
    }

    fn next(follower: &mut Follower) -> Option<String> {
        follower.next().now_or_never().map(|next| match next {
            Followed::Event(event) => event.message.clone(),
            Followed::Gap(gap) => format!("gap of {:?}", gap.missed),
        })
    }

    #[test]
    fn who_follows_gets_each_event_once_and_the_gap_where_one_was_too_slow() {
        let events = Rc::new(RefCell::new(Events::since(10, Vec::new())));
        raise(&events, "before");
        let (mut new, mut all) = (Follower::of(&events, None), Follower::of(&events, Some(0)));
        assert_eq!(next(&mut new), None);
        assert_eq!(next(&mut all).as_deref(), Some("before"));
        raise(&events, "one");
        raise(&events, "two");
        for follower in [&mut new, &mut all] {
            assert_eq!(next(follower).as_deref(), Some("one"));
            assert_eq!(next(follower).as_deref(), Some("two"));
            assert_eq!(next(follower), None);
        }
        (0..1005).for_each(|number| raise(&events, &number.to_string()));
        assert_eq!(next(&mut new).as_deref(), Some("gap of Some(5)"));
        assert_eq!(next(&mut new).as_deref(), Some("5"));
        // An event that does not exist, as of another agent.
        let mut other = Follower::of(&events, Some(u64::MAX));
        assert_eq!(next(&mut other).as_deref(), Some("gap of None"));
        assert_eq!(next(&mut other).as_deref(), Some("5"));
    }
}
