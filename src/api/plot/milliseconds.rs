//! A time as clients write it: milliseconds since 1970, also with a fraction or an exponent.

use crate::clock::LOOKS_LIKE_SECONDS;

/// The whole milliseconds of a text such as `1795843899102`, `1795843899102.4` or `1.7e+12`, rounded down; the
/// error says what was expected. No float is made of it: that would not be exact.
pub fn of(text: &str) -> Result<i64, &'static str> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, whole(exponent)?),
        None => (text, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let before = before.strip_prefix('+').unwrap_or(before);
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(before) || !is_digits(after) || before.is_empty() && after.is_empty() {
        return Err(EXPECTED);
    }
    let digits = [before, after].concat();
    let digits = digits.trim_start_matches('0');
    // Where the point is, among the digits that are left.
    let point = digits.len() as i64 - after.len() as i64 + exponent;
    if digits.is_empty() || point <= 0 {
        return Ok(0);
    }
    if point > LONGEST {
        return Err(EXPECTED);
    }
    let kept = digits.bytes().chain(std::iter::repeat(b'0')).take(point as usize);
    let ms = kept.fold(0, |all, digit| all * 10 + i64::from(digit - b'0'));
    if LOOKS_LIKE_SECONDS.contains(&ms) {
        return Err(IN_SECONDS);
    }
    Ok(ms)
}

/// A whole exponent. One of many digits is as good as the largest here.
fn whole(text: &str) -> Result<i64, &'static str> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<i64>().unwrap_or(i64::MAX).min(1_000_000_000);
    if is_whole { Ok(sign * number) } else { Err(EXPECTED) }
}

const EXPECTED: &str = "milliseconds since 1970, such as 1795843899102";

const IN_SECONDS: &str = "milliseconds since 1970: this looks like seconds; multiply it by 1000";

/// Digits of the year 33658. More are no time.
const LONGEST: i64 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rounded_down() {
        for (text, ms) in [
            ("0", 0),
            ("1", 1),
            ("999999999", 999_999_999),
            ("10000000000", 10_000_000_000),
            ("1795843899102", 1_795_843_899_102),
            ("1795843899102.4275", 1_795_843_899_102),
            ("1795843899102.999999999999999999999", 1_795_843_899_102),
            ("1.7e+12", 1_700_000_000_000),
            ("1.7E12", 1_700_000_000_000),
            ("1.7958438991029e12", 1_795_843_899_102),
            ("17958438991029e-1", 1_795_843_899_102),
            ("+5", 5),
            (".5e1", 5),
            ("5.", 5),
            ("0000000000000000000000012", 12),
            ("0.000", 0),
            ("0e999999999999999999999", 0),
            ("1e-999999999999999999999", 0),
            ("999999999999999", 999_999_999_999_999),
        ] {
            assert_eq!(of(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "x",
            "-1",
            "1x",
            "1.2.3",
            ".",
            "e5",
            "1e",
            "1e+",
            "1e1.5",
            "0x10",
            "NaN",
            "inf",
            " 1",
            "1 ",
            "1e99",
            "9999999999999999",
            "1e999999999999999999999",
            "١",
        ] {
            assert_eq!(of(text), Err(EXPECTED), "{text:?}");
        }
        for text in ["1000000000", "9999999999", "1795843899", "1795843899.5", "1.7e9"] {
            assert_eq!(of(text), Err(IN_SECONDS), "{text}");
        }
    }
}
