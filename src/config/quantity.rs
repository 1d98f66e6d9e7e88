//! The numbers among the settings: their ranges and defaults.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// One minute: CloudWatch's standard resolution, kept for 15 days.
pub const DEFAULT_PERIOD: Duration = Duration::from_secs(60);

/// Shorter than a second, so that even a window of one second holds a sample.
pub const DEFAULT_SAMPLE_INTERVAL: Duration = Duration::from_millis(900);

/// An hour's outage at the default period loses nothing.
pub const DEFAULT_BUFFER: usize = 60;

/// Inside the 10 s that Docker and the 30 s that ECS wait before they kill.
pub const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

/// Some $30 a month.
pub const DEFAULT_MAX_METRICS: usize = 100;

/// As long as Kubernetes waits by default for a pod to end.
const DEFAULT_UNTIL_ALONE: Duration = Duration::from_secs(30);

/// A window holds at most about this many samples, so that its memory stays under 1 MB: a day
/// at the default sample interval has 96,000. Settings that ask for more are refused.
const MOST_SAMPLES: usize = 100_000;

/// `--period`: whole seconds, because CloudWatch's periods are.
pub fn period(text: &str) -> Result<Duration, String> {
    let expected = "a whole number of seconds from 1 to 86400, such as 90, 90s, 5m or 1h";
    let is_whole = |duration: &Duration| duration.subsec_nanos() == 0;
    lasting(text, 1.0..=86_400.0).filter(is_whole).ok_or_else(|| expected.to_owned())
}

/// `--sample-interval`.
pub fn sample_interval(text: &str) -> Result<Duration, String> {
    let expected = "seconds from 0.1 to 60, such as 0.9, 900ms or 5s";
    lasting(text, 0.1..=60.0).ok_or_else(|| expected.to_owned())
}

/// `--shutdown-timeout`.
pub fn shutdown_timeout(text: &str) -> Result<Duration, String> {
    let expected = "seconds from 0 to 3600, such as 8, 500ms or 1m";
    lasting(text, 0.0..=3600.0).ok_or_else(|| expected.to_owned())
}

/// `--timeout` of the command `healthcheck`.
pub fn healthcheck_timeout(text: &str) -> Result<Duration, String> {
    let expected = "seconds from 0.1 to 3600, such as 5, 500ms or 1m";
    lasting(text, 0.1..=3600.0).ok_or_else(|| expected.to_owned())
}

/// `--until-alone`: how long at most; nothing for no.
pub fn until_alone(text: &str) -> Result<Option<Duration>, String> {
    match boolean(text) {
        // As many seconds as 1 is, and 1 is a number of seconds.
        Ok(yes) if text.trim().parse::<f64>().is_err() => Ok(yes.then_some(DEFAULT_UNTIL_ALONE)),
        _ => {
            let expected = "true, false or seconds from 1 to 3600, such as 30, 30s or 1m";
            lasting(text, 1.0..=3600.0).map(Some).ok_or_else(|| expected.to_owned())
        }
    }
}

/// A duration of so many seconds: a number alone is seconds, and it may have a unit behind it.
pub fn lasting(text: &str, range: RangeInclusive<f64>) -> Option<Duration> {
    let text = text.trim();
    let of_unit = |(name, seconds): &(&str, f64)| Some((text.strip_suffix(name)?, *seconds));
    let (number, seconds) = UNITS.iter().find_map(of_unit).unwrap_or((text, 1.0));
    let seconds = number.parse::<f64>().ok()? * seconds;
    // Not-a-number is in no range.
    range.contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// The units of durations, each before those that its name ends with.
const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// Bytes: a number alone, or with a unit behind it.
pub fn bytes(text: &str, range: RangeInclusive<u64>) -> Option<u64> {
    let text = text.trim();
    let of_unit = |(name, bytes): &(&str, u64)| Some((text.strip_suffix(name)?, *bytes));
    let (number, bytes) = BYTES.iter().find_map(of_unit).unwrap_or((text, 1));
    // Whole numbers alone: 0.1 of a unit has no exact number of bytes.
    let bytes = number.trim_end().parse::<u64>().ok()?.checked_mul(bytes)?;
    range.contains(&bytes).then_some(bytes)
}

/// The units of sizes.
const BYTES: [(&str, u64); 9] = [
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// The period of a check, as agents of this kind have it.
pub fn check_period(text: &str) -> Result<Duration, String> {
    let expected = "seconds from 1 to 1800, such as 30, 90s or 5m";
    lasting(text, 1.0..=1800.0).ok_or_else(|| expected.to_owned())
}

/// The timeout of a check.
pub fn check_timeout(text: &str) -> Result<Duration, String> {
    let expected = "seconds from 0.1 to 1800, such as 10, 500ms or 1m";
    lasting(text, 0.1..=1800.0).ok_or_else(|| expected.to_owned())
}

/// `--max-metrics`.
pub fn max_metrics(text: &str) -> Result<usize, String> {
    within(text, 0..=100_000, "a whole number of metrics")
}

/// `--buffer`: up to a day of minutes.
pub fn buffer(text: &str) -> Result<usize, String> {
    within(text, 0..=1440, "a whole number of periods")
}

/// `--dry-run` and its variable.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("true or false, yes or no, on or off, 1 or 0".into()),
    }
}

/// How many samples a whole window is expected to hold, the one on its start included.
pub fn samples_per_window(sample_interval: Duration, period: Duration) -> usize {
    (period.as_secs_f64() / sample_interval.as_secs_f64()).ceil() as usize + 1
}

/// Checks the sample interval and the period against each other.
pub fn samples_fit(sample_interval: Duration, period: Duration) -> Result<(), String> {
    let (interval_s, period_s) = (sample_interval.as_secs_f64(), period.as_secs_f64());
    if sample_interval > period {
        return Err(format!(
            "a sample interval ({interval_s} s) no longer than the period ({period_s} s)"
        ));
    }
    let samples = samples_per_window(sample_interval, period);
    if samples > MOST_SAMPLES {
        return Err(format!(
            "at most {MOST_SAMPLES} samples a window, not {samples}: every {interval_s} s for {period_s} s"
        ));
    }
    Ok(())
}

/// A number in `range`. Not-a-number is in no range.
pub fn within<T>(text: &str, range: RangeInclusive<T>, what: &str) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    match text.trim().parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("{what} from {} to {}", range.start(), range.end())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_each_range_are_in_it() {
        assert_eq!(period("1"), Ok(Duration::from_secs(1)));
        assert_eq!(period("86400"), Ok(Duration::from_secs(86_400)));
        assert_eq!(sample_interval("0.1"), Ok(Duration::from_millis(100)));
        assert_eq!(sample_interval("60"), Ok(Duration::from_secs(60)));
        assert_eq!(buffer("0"), Ok(0));
        assert_eq!(buffer("1440"), Ok(1440));
        assert_eq!(shutdown_timeout("0"), Ok(Duration::ZERO));
        assert_eq!(until_alone("1"), Ok(Some(Duration::from_secs(1))));
        assert_eq!(until_alone("3600"), Ok(Some(Duration::from_secs(3600))));
        assert_eq!(shutdown_timeout("3600"), Ok(Duration::from_secs(3600)));
    }

    #[test]
    fn what_lies_outside_is_not() {
        for text in ["0", "86401", "-1", "1.5", "", "s", "25h", "1500ms", "1d", "5 m", "NaN"] {
            assert!(
                period(text).is_err_and(|error| error.starts_with("a whole number of")),
                "{text:?}"
            );
        }
        for text in ["0.09", "60.1", "-1", "NaN", "inf", "1,5", "0", "99ms", "2m"] {
            assert!(
                sample_interval(text).is_err_and(|error| error.starts_with("seconds")),
                "{text:?}"
            );
        }
        for text in ["0", "3601", "-1", "", "2h", "maybe"] {
            assert!(
                until_alone(text).is_err_and(|error| error.starts_with("true, false")),
                "{text:?}"
            );
        }
        for text in ["1441", "-1", "1.0", "18446744073709551616"] {
            let expected = "a whole number of periods from 0 to 1440";
            assert_eq!(buffer(text), Err(expected.into()), "{text:?}");
        }
        for text in ["3601", "-0.1", "NaN", "inf"] {
            assert!(
                shutdown_timeout(text).is_err_and(|error| error.starts_with("seconds")),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_duration_may_have_a_unit() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600), ("1.5m", 90), (" 60000ms ", 60)]
        {
            assert_eq!(period(text), Ok(Duration::from_secs(seconds)), "{text:?}");
        }
        assert_eq!(sample_interval("900ms"), Ok(Duration::from_millis(900)));
        assert_eq!(shutdown_timeout("0.5s"), Ok(Duration::from_millis(500)));
        assert_eq!(until_alone("1s"), Ok(Some(Duration::from_secs(1))));
    }

    #[test]
    fn until_alone_is_half_a_minute_where_no_time_is_typed() {
        for text in ["true", "yes", "ON"] {
            assert_eq!(until_alone(text), Ok(Some(Duration::from_secs(30))), "{text}");
        }
        assert_eq!(until_alone("no"), Ok(None));
    }

    #[test]
    fn no_spelling_of_no_means_yes() {
        for text in ["true", "Yes", "ON", "1"] {
            assert_eq!(boolean(text), Ok(true), "{text:?}");
        }
        for text in ["false", "No", "OFF", "0"] {
            assert_eq!(boolean(text), Ok(false), "{text:?}");
        }
        assert!(boolean("maybe").is_err());
    }

    #[test]
    fn a_window_is_bounded_for_every_legal_period() {
        let day = Duration::from_secs(86_400);
        assert_eq!(samples_fit(DEFAULT_SAMPLE_INTERVAL, day), Ok(()));
        assert!(samples_fit(Duration::from_millis(100), day).is_err());
        assert!(samples_fit(Duration::from_secs(2), Duration::from_secs(1)).is_err());
        assert_eq!(samples_per_window(DEFAULT_SAMPLE_INTERVAL, DEFAULT_PERIOD), 68);
    }
}
