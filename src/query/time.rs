//! A time as a person or a program types it.

use std::time::UNIX_EPOCH;

use crate::clock::LOOKS_LIKE_SECONDS;
use crate::local_time;

/// A time, before it is known when now is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So many milliseconds before now.
    Before(i64),
    /// So many milliseconds since 1970.
    At(i64),
    /// The beginning of the day so many days before the one of now, where the person sits who asks.
    Midnight(i64),
}

impl Moment {
    pub fn at(self, now_ms: i64) -> i64 {
        match self {
            Self::Before(ms) => now_ms.saturating_sub(ms),
            Self::At(ms) => ms,
            Self::Midnight(days) => {
                milliseconds(local_time::midnight_before(now_ms.div_euclid(1000), days))
            }
        }
    }
}

/// The time that a text means, or what was expected.
pub fn moment(text: &str) -> Result<Moment, String> {
    let text = text.trim();
    let word = WORDS.iter().find(|(word, _)| *word == text);
    if let Some((_, moment)) = word {
        return Ok(*moment);
    }
    if let Some(since) = text.strip_prefix('-') {
        return ago(since).map(Moment::Before).ok_or_else(|| EXPECTED.to_owned());
    }
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        return match text.parse() {
            Ok(ms) if LOOKS_LIKE_SECONDS.contains(&ms) => {
                Err(format!("milliseconds: these are seconds, write {text}000"))
            }
            Ok(ms) => Ok(Moment::At(ms)),
            Err(_) => Err(EXPECTED.to_owned()),
        };
    }
    day(text).or_else(|| date(text)).map(Moment::At).ok_or_else(|| EXPECTED.to_owned())
}

/// Milliseconds since 1970 at which a date without a time of day begins.
fn day(text: &str) -> Option<i64> {
    let is_day = text.len() == "2026-11-29".len();
    let midnight = is_day.then(|| date(&format!("{text}T00:00:00Z"))).flatten()?;
    Some(milliseconds(local_time::midnight(midnight / 1000)))
}

/// Nothing is kept of before 1970, whose first day begins earlier in the east.
fn milliseconds(seconds: i64) -> i64 {
    seconds.max(0).saturating_mul(1000)
}

/// Milliseconds of a whole or broken number with a unit.
fn ago(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let is_number = number.bytes().all(|digit| digit.is_ascii_digit() || digit == b'.');
    let ms = number.parse::<f64>().ok().filter(|_| is_number)? * unit_ms;
    (ms <= LONGEST_MS).then_some(ms as i64)
}

/// Milliseconds since 1970 of a date with a time of day (RFC 3339).
fn date(text: &str) -> Option<i64> {
    // What it is ahead of UTC stands at the end: that is taken off.
    let (local, ahead_ms) = match text.len().checked_sub("+00:00".len()) {
        Some(at) if text.is_char_boundary(at) && text[at..].starts_with(['+', '-']) => {
            let (local, offset) = text.split_at(at);
            (format!("{local}Z"), offset_ms(offset)?)
        }
        _ => (text.to_uppercase(), 0),
    };
    let local = local.replacen([' ', 't'], "T", 1);
    let time = humantime::parse_rfc3339(&local).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(i64::try_from(since.as_millis()).ok()? - ahead_ms)
}

fn offset_ms(text: &str) -> Option<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text[1..].split_once(':')?;
    let number = |text: &str, end| {
        let is_number = text.bytes().all(|digit| digit.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| is_number && *number < end)
    };
    Some(sign * (number(hours, 24)? * 60 + number(minutes, 60)?) * 60_000)
}

const WORDS: [(&str, Moment); 3] = [
    ("now", Moment::Before(0)),
    ("today", Moment::Midnight(0)),
    ("yesterday", Moment::Midnight(1)),
];

const UNITS: [(&str, f64); 5] =
    [("s", 1e3), ("m", 60e3), ("h", 3600e3), ("d", 86_400e3), ("w", 604_800e3)];

/// A hundred years: longer than anything is kept.
const LONGEST_MS: f64 = 100.0 * 366.0 * 86_400e3;

/// What a time looks like.
pub const EXPECTED: &str = "a time: -90m, -12h or -7d before now; now; today, yesterday or a date such as 2026-11-29, \
                            each from local midnight; 2026-11-29T08:00:00Z or 2026-11-29T09:00:00+01:00; or \
                            milliseconds since 1970";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_before_now_or_a_date_or_milliseconds() {
        let eight = Moment::At(1_795_939_200_000);
        for (text, expected) in [
            ("now", Moment::Before(0)),
            ("today", Moment::Midnight(0)),
            (" yesterday ", Moment::Midnight(1)),
            ("-90m", Moment::Before(5_400_000)),
            ("-1.5h", Moment::Before(5_400_000)),
            ("-7d", Moment::Before(604_800_000)),
            ("-1w", Moment::Before(604_800_000)),
            ("-30s", Moment::Before(30_000)),
            ("0", Moment::At(0)),
            ("1795939200000", eight),
            ("2026-11-29T08:00:00Z", eight),
            ("2026-11-29 08:00:00Z", eight),
            ("2026-11-29t08:00:00z", eight),
            ("2026-11-29T09:00:00+01:00", eight),
            ("2026-11-29T04:30:00-03:30", eight),
            (" 2026-11-29T08:00:00.000Z ", eight),
        ] {
            assert_eq!(moment(text), Ok(expected), "{text}");
        }
        assert_eq!(Moment::Before(5).at(7), 2);
    }

    #[test]
    fn what_is_no_time_is_told_what_one_is() {
        for text in [
            "",
            "-",
            "-1",
            "-m",
            "-1y",
            "-1e3h",
            "-nan",
            "--1h",
            "1h",
            "Yesterday",
            "tomorrow",
            "2026-11-31",
            "2026-1-29",
            "29-11-2026",
            "2026/11/29",
            "2026-11-2é",
            "2026-11-29T08:00:00",
            "2026-13-29T08:00:00Z",
            "2026-11-29T08:00:00+25:00",
            "-99999999w",
            "2026-11-29T08:00:00+1é:0",
            "99999999999999999999",
            "+01:00",
        ] {
            assert_eq!(moment(text), Err(EXPECTED.to_owned()), "{text}");
        }
        let seconds = "milliseconds: these are seconds, write 1795939200000";
        assert_eq!(moment("1795939200"), Err(seconds.to_owned()));
    }
}
