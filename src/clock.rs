//! The clock on the wall as milliseconds since 1970.

use std::cell::Cell;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The four times of a request and its answer, in milliseconds since 1970, as NTP has them (RFC 5905, 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// When the request was sent, by the clock of who asks.
    pub sent: i64,
    /// When it came, and when the answer was sent, by the clock of who answers.
    pub received: i64,
    pub answered: i64,
    /// When the answer came, by the clock of who asks.
    pub back: i64,
}

impl Exchange {
    /// How far the clock of who answers is ahead of that of who asks, in milliseconds. The way there is taken to be as
    /// long as the way back.
    pub fn ahead_ms(self) -> f64 {
        ((self.received - self.sent) + (self.answered - self.back)) as f64 / 2.0
    }

    /// How long both ways took, in milliseconds. It is negative only where a clock was set meanwhile.
    pub fn delay_ms(self) -> i64 {
        (self.back - self.sent) - (self.answered - self.received)
    }
}

/// How far the timestamps of what is published are moved, in milliseconds. By default they are those of the system.
#[derive(Clone, Debug, Default)]
pub struct Shift(Rc<Cell<i64>>);

impl Shift {
    pub fn ms(&self) -> i64 {
        self.0.get()
    }

    pub fn set_ms(&self, ms: i64) {
        self.0.set(ms);
    }

    /// A time of the system as it is published. One that would be before 1970 is that of the system.
    pub fn of(&self, time: SystemTime) -> SystemTime {
        let by = Duration::from_millis(self.ms().unsigned_abs());
        let moved = if self.ms() < 0 { time.checked_sub(by) } else { time.checked_add(by) };
        moved.filter(|moved| *moved >= UNIX_EPOCH).unwrap_or(time)
    }
}

/// A time in milliseconds since 1970; 0 for one of before.
pub fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The time that so many milliseconds since 1970 are.
pub fn time_of(milliseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default())
}

pub fn now_ms() -> i64 {
    milliseconds(SystemTime::now())
}

/// Ten digits: seconds of our time, and as milliseconds weeks after 1970.
pub const LOOKS_LIKE_SECONDS: RangeInclusive<i64> = 1_000_000_000..=9_999_999_999;

/// Sums of some times up to this are exact.
pub const LATEST_MS: i64 = 1 << 52;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_counts_half_on_each_side() {
        let of = |sent, received, answered, back| Exchange { sent, received, answered, back };
        for (exchange, ahead, delay) in [
            (of(0, 500, 501, 3), 499.0, 2),
            (of(500, 1, 1, 501), -499.5, 1),
            (of(7, 7, 7, 7), 0.0, 0),
            // A clock was set back meanwhile.
            (of(9, 0, 0, 0), -4.5, -9),
        ] {
            assert_eq!((exchange.ahead_ms(), exchange.delay_ms()), (ahead, delay), "{exchange:?}");
        }
    }

    #[test]
    fn a_time_is_moved_as_far_as_there_are_times() {
        let shift = Shift::default();
        let at = |ms| shift.of(time_of(1000)) == time_of(ms);
        assert!(at(1000));
        shift.set_ms(250);
        assert!(at(1250));
        shift.set_ms(-1000);
        assert!(at(0));
        for ms in [-1001, i64::MIN] {
            shift.set_ms(ms);
            assert!(at(1000), "{ms}");
        }
    }
}
