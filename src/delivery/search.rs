//! The search for the data that a service refuses for good, when it refuses a request as a whole.
//!
//! Smaller and smaller requests find such a datum and let the others through. That must have an end where all are
//! refused, or most: a request for each would be thousands, at an endpoint that is not well.

use crate::publisher::PublishError;

/// What goes on since a request with several data was refused, until each of these is settled; and what was dropped in
/// all such searches of one send.
pub struct Search {
    /// How many of them are not settled.
    left: usize,
    most: usize,
    /// How many requests were refused: since something was accepted, and in all.
    refused_in_a_row: u32,
    refused: u32,
    /// How many data were told by their names.
    told: u32,
    /// How many others were dropped, each by itself or together.
    untold: u64,
    /// Why the first request was refused.
    reason: String,
}

impl Search {
    /// A request with so many data was refused.
    pub fn of(data: usize, error: &PublishError) -> Self {
        Self {
            left: data,
            most: data,
            refused_in_a_row: 0,
            refused: 0,
            told: 0,
            untold: 0,
            reason: error.to_string(),
        }
    }

    /// How many data the next request has at most.
    pub fn most(&self) -> usize {
        self.most.min(self.left)
    }

    /// The same for the next request that is refused as a whole.
    pub fn begins_again(&mut self, data: usize) {
        (self.left, self.most, self.refused_in_a_row, self.refused) = (data, data, 0, 0);
    }

    pub fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Whether no single datum is looked for any more. What is left goes in a few larger requests, each of which
    /// is taken or dropped as a whole.
    pub fn is_given_up(&self) -> bool {
        self.refused_in_a_row >= MOST_IN_A_ROW || self.refused >= MOST_REFUSED
    }

    /// A request with so many data was accepted.
    pub fn accepts(&mut self, data: usize) {
        self.left = self.left.saturating_sub(data);
        if !self.is_given_up() {
            self.refused_in_a_row = 0;
            self.most = self.most.saturating_mul(2);
        }
    }

    /// A request with several data was refused. Whether all of them are to be dropped.
    pub fn refuses(&mut self, data: usize) -> bool {
        if self.is_given_up() {
            self.left = self.left.saturating_sub(data);
            self.untold += data as u64;
            return true;
        }
        self.most = data / 2;
        self.count();
        false
    }

    /// A single datum was refused, and is dropped.
    pub fn drops(&mut self) {
        self.left = self.left.saturating_sub(1);
        if !self.is_given_up() {
            self.count();
        }
    }

    /// Whether a datum whose name was not told yet is told by it.
    pub fn tells(&mut self) -> bool {
        let is_told = self.told < MOST_TOLD;
        if is_told {
            self.told += 1;
        } else {
            self.untold += 1;
        }
        is_told
    }

    fn count(&mut self) {
        self.refused_in_a_row += 1;
        self.refused += 1;
        if self.is_given_up() {
            self.most = self.left.div_ceil(PARTS).max(1);
        }
    }

    /// What was dropped without its name, in one line.
    pub fn rest(&self) -> Option<String> {
        let Self { untold, reason, .. } = self;
        (*untold > 0).then(|| format!("{untold} more metrics were rejected and dropped: {reason}"))
    }
}

/// So many requests are refused one after another before no single datum is looked for any more. A search among a
/// thousand takes ten for each that it finds.
const MOST_IN_A_ROW: u32 = 64;

/// The same in all, where others are accepted between them: one of each window, if its name is refused for good.
const MOST_REFUSED: u32 = 256;

/// In so many requests the rest goes then, or some more where windows are cut.
const PARTS: usize = 16;

/// So many are told by their names; the others by their number.
const MOST_TOLD: u32 = 8;
