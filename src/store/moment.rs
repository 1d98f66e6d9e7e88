//! A time of the store as a text.

use std::time::{Duration, UNIX_EPOCH};

/// Milliseconds since 1970 as `2026-11-29T08:00:00Z`, with the milliseconds where there are some.
pub fn utc(ms: i64) -> String {
    let since = Duration::from_millis(ms.clamp(0, LAST_MS).unsigned_abs());
    let time = UNIX_EPOCH + since;
    match ms % 1000 {
        0 => humantime::format_rfc3339_seconds(time).to_string(),
        _ => humantime::format_rfc3339_millis(time).to_string(),
    }
}

/// The end of the year 9999, the last that such a text can have.
pub const LAST_MS: i64 = 253_402_300_799_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_text_also_where_it_is_out_of_range() {
        assert_eq!(utc(1_795_939_200_000), "2026-11-29T08:00:00Z");
        assert_eq!(utc(1_795_939_200_007), "2026-11-29T08:00:00.007Z");
        assert_eq!(utc(-1), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(i64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
