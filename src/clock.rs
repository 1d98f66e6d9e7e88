//! The clock on the wall as milliseconds since 1970.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
