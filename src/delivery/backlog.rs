//! What has not been accepted yet.

use std::ops::Range;
use std::rc::Rc;

use crate::model::{Datum, Summary};
use crate::publisher::{Parcel, Publisher, Size, Terms};
use crate::sorted::sort_by_key;

/// The windows that have not been accepted as a whole, oldest first.
#[derive(Default)]
pub struct Backlog {
    windows: Vec<Unsent>,
}

/// A window, and how far it has been sent.
pub struct Unsent {
    pub summary: Rc<Summary>,
    pub data: Vec<Datum>,
    /// How many of the data were accepted or rejected: these are never sent again.
    settled: usize,
    /// How many of those were rejected.
    pub rejected: usize,
}

/// What one send takes: of each of the oldest windows some of its data.
pub struct Plan(Vec<Range<usize>>);

impl Plan {
    /// How many data there are in all.
    pub fn len(&self) -> usize {
        self.0.iter().map(Range::len).sum()
    }

    /// Whether the publisher is to get it. Most publishers do not take a window without data.
    pub fn is_sent(&self, terms: &Terms) -> bool {
        self.len() > 0 || terms.empty_windows
    }
}

/// How many sends one window takes, as long as each of them is accepted.
pub fn sends(publisher: &dyn Publisher, summary: Rc<Summary>, data: Vec<Datum>) -> usize {
    let (mut backlog, terms, mut sends) = (Backlog::default(), publisher.terms(), 0);
    backlog.push(summary, data);
    while let Some(plan) = backlog.plan(publisher, &terms, usize::MAX, |_, _| false) {
        sends += usize::from(plan.is_sent(&terms));
        backlog.settle(&plan, false);
    }
    sends
}

impl Backlog {
    pub fn push(&mut self, summary: Rc<Summary>, data: Vec<Datum>) {
        self.windows.push(Unsent { summary, data, settled: 0, rejected: 0 });
    }

    /// How many windows there are.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// The oldest window.
    pub fn first(&self) -> Option<&Unsent> {
        self.windows.first()
    }

    /// Puts those windows behind all others that have to wait: after a clock was set back they may be the oldest.
    pub fn put_last(&mut self, waits: impl Fn(&Summary) -> bool) {
        sort_by_key(&mut self.windows, |window| waits(&window.summary));
    }

    /// What fits into one send, and at most so many data: as many whole windows as there is room for, or
    /// of the oldest alone as much as fits. One datum that does not fit is the service's to reject. A datum that
    /// goes alone has a send of its own.
    pub fn plan(
        &self,
        publisher: &dyn Publisher,
        terms: &Terms,
        most: usize,
        goes_alone: impl Fn(&Summary, Datum) -> bool,
    ) -> Option<Plan> {
        let (mut ranges, mut room, mut count) = (Vec::new(), Size::default(), 0);
        for window in self.windows.iter().take(terms.most_windows) {
            if !ranges.is_empty() && publisher.waits(&window.summary) {
                break;
            }
            let from = window.settled;
            if ranges.is_empty() && from == window.data.len() {
                // By itself, so that what a send of others ends with is not taken for its own.
                return Some(Plan(std::iter::once(from..from).collect()));
            }
            let fits = |datum: &&Datum| {
                room.add(publisher.size(&window.summary, **datum));
                count += 1;
                let is_alone = count > 1 && goes_alone(&window.summary, **datum);
                room.is_within(terms.most) && count <= most && !is_alone
            };
            let fitting = window.data[from..].iter().take_while(fits).count();
            if let (true, Some(first)) = (ranges.is_empty(), window.data.get(from))
                && goes_alone(&window.summary, *first)
            {
                return Some(Plan(std::iter::once(from..from + 1).collect()));
            }
            let is_whole = from + fitting == window.data.len();
            match (is_whole, ranges.is_empty()) {
                (true, _) => ranges.push(from..window.data.len()),
                (false, true) => ranges.push(from..from + fitting.max(1)),
                (false, false) => {}
            }
            if !is_whole {
                break;
            }
        }
        (!ranges.is_empty()).then_some(Plan(ranges))
    }

    /// What a plan sends.
    pub fn parcels(&self, plan: &Plan) -> Vec<Parcel<'_>> {
        let mut parcels = Vec::new();
        for (window, range) in self.windows.iter().zip(&plan.0) {
            parcels.push(Parcel { summary: &window.summary, data: &window.data[range.clone()] });
        }
        parcels
    }

    /// Notes that what a plan sends is settled: accepted, or all of it rejected. Returns the windows that are so as
    /// a whole.
    pub fn settle(&mut self, plan: &Plan, is_rejected: bool) -> Vec<Unsent> {
        for (window, range) in self.windows.iter_mut().zip(&plan.0) {
            window.settled = range.end;
            window.rejected += if is_rejected { range.len() } else { 0 };
        }
        let is_done = |window: &&Unsent| window.settled == window.data.len();
        let done = self.windows.iter().take(plan.0.len()).take_while(is_done).count();
        self.windows.drain(..done).collect()
    }

    /// Notes that the first datum of a plan is rejected. Returns its window if all of it is settled.
    pub fn reject(&mut self) -> Option<Unsent> {
        let window = self.windows.first_mut()?;
        window.settled += 1;
        window.rejected += 1;
        if window.settled >= window.data.len() { Some(self.windows.remove(0)) } else { None }
    }

    /// The first datum that is not settled, with its window.
    pub fn next(&self) -> Option<(&Summary, Datum)> {
        let window = self.first()?;
        Some((&window.summary, *window.data.get(window.settled)?))
    }

    /// Drops so many of the oldest windows.
    pub fn drop_oldest(&mut self, count: usize) {
        self.windows.drain(..count);
    }

    /// Drops those windows that are not to be kept. Returns how many these were.
    pub fn retain(&mut self, is_kept: impl Fn(&Summary) -> bool) -> usize {
        let before = self.windows.len();
        self.windows.retain(|window| is_kept(&window.summary));
        before - self.windows.len()
    }
}
