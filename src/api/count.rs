//! Counting what is done, and what is under way.

use std::cell::Cell;

/// Counts one.
pub fn one_more(count: &Cell<u64>) {
    count.set(count.get() + 1);
}

/// One of those that are under way, until it is dropped.
pub struct Held<'a>(&'a Cell<usize>);

impl<'a> Held<'a> {
    pub fn of(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
