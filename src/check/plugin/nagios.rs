//! What a plugin for Nagios prints: a text, and behind `|` its numbers. The exit code is the state.
//!
//! Format: "Monitoring Plugins Development Guidelines", sections on plugin output and performance data.

use super::bounds::MOST_METRICS;
use super::unit::named;
use crate::model::{Discovered, Finding, Findings, Kind, Quantity, Unit};

/// What was printed and how the plugin ended: with an exit code, or without one by a signal.
pub fn findings(output: &str, exit_code: Option<i32>) -> Result<Findings, String> {
    let (text, numbers) = parts(output);
    let state = exit_code.filter(|code| (0..=2).contains(code));
    let Some(state) = state else {
        return Err(if text.is_empty() { unknown(exit_code) } else { text });
    };
    let mut found = Findings { status: (!text.is_empty()).then_some(text), ..Findings::default() };
    found.values.push(number(STATE, f64::from(state), Unit::Count, None, Kind::Gauge));
    let (data, others) = perfdata(&numbers);
    for word in others.iter().take(MOST_OTHERS) {
        found.raw(PERFDATA, format!("{word:?} is not label=value"));
    }
    if let more @ 1.. = others.len().saturating_sub(MOST_OTHERS) {
        found.raw(PERFDATA, format!("{more} more words are not label=value"));
    }
    if data.len() > MOST_METRICS {
        return Err(format!("expected at most {MOST_METRICS} metrics, not {}", data.len()));
    }
    for of in data {
        if of.label == STATE {
            found.raw(of.label, format!("{:?} is left out: the exit code has that name", of.text));
            continue;
        }
        let Some(value) = of.value else {
            found.raw(of.label, format!("{:?} has no number", of.text));
            continue;
        };
        let (unit, kind) = match of.unit {
            // A total since some start, without a unit.
            "c" => ((Unit::Count, None), Kind::Counter),
            // Microseconds have no unit here, and are published without one.
            unit => (named(unit), Kind::Gauge),
        };
        let (unit, word) = unit;
        let limits = of.limits();
        found.raw(of.label.clone(), format!("{}{limits}", of.text));
        let mut value = number("", value, unit, word, kind);
        value.name = of.label.into();
        found.values.push(value);
    }
    Ok(found)
}

fn number(
    name: &'static str,
    value: f64,
    unit: Unit,
    unit_word: Option<std::rc::Rc<str>>,
    kind: Kind,
) -> Finding {
    let discovered = Discovered { unit, unit_word, kind, form: "double" };
    let (name, quantity) = (name.into(), Quantity::Number(value));
    Finding { name, dimensions: Vec::new(), discovered: Some(discovered), quantity }
}

fn unknown(exit_code: Option<i32>) -> String {
    match exit_code {
        Some(code) => format!("UNKNOWN: exit code {code}, and no text"),
        None => "UNKNOWN: ended by a signal, and no text".to_owned(),
    }
}

/// The text of the first line, and all numbers: those behind `|` in the first line, and those behind a `|`
/// in the lines of text that follow, with all lines after it.
fn parts(output: &str) -> (String, String) {
    let (first, rest) = output.split_once('\n').unwrap_or((output, ""));
    let (text, numbers) = first.split_once('|').unwrap_or((first, ""));
    let more = rest.split_once('|').map_or("", |(_, numbers)| numbers);
    (text.trim().to_owned(), format!("{} {}", numbers.trim(), more.trim()))
}

/// One `label=value[unit];warn;crit;min;max`.
#[derive(Debug, PartialEq)]
struct Perfdata<'o> {
    label: String,
    /// Nothing for `U`, which is unknown, and for what is no number.
    value: Option<f64>,
    unit: &'o str,
    /// Value and unit as they were printed.
    text: &'o str,
    /// Warning, critical, minimum and maximum; each may be empty, and a threshold may be a range.
    limits: [&'o str; 4],
}

impl Perfdata<'_> {
    fn limits(&self) -> String {
        let names = ["warning", "critical", "minimum", "maximum"];
        let given = names.iter().zip(self.limits).filter(|(_, limit)| !limit.is_empty());
        given.map(|(name, limit)| format!(", {name} {limit}")).collect()
    }
}

/// The numbers, and the words that are none.
fn perfdata(mut text: &str) -> (Vec<Perfdata<'_>>, Vec<&str>) {
    let (mut all, mut others) = (Vec::new(), Vec::new());
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return (all, others);
        }
        let Some((label, rest)) = label(text) else {
            // A text may have a | of its own, and is no reason to lose the state.
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            others.push(&text[..end]);
            text = &text[end..];
            continue;
        };
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (of, after) = rest.split_at(end);
        text = after;
        let mut fields = of.split(';');
        let value = fields.next().unwrap_or_default();
        let mut next = || fields.next().unwrap_or_default();
        let limits = [next(), next(), next(), next()];
        let digits = value
            .find(|letter: char| !(letter.is_ascii_digit() || "+-.,eE".contains(letter)))
            .unwrap_or(value.len());
        let (digits, unit) = number_and_unit(value, digits);
        // Some languages have a comma in numbers.
        let parsed =
            digits.replace(',', ".").parse().ok().filter(|number: &f64| number.is_finite());
        all.push(Perfdata { label, value: parsed, unit, text: value, limits });
    }
}

/// `5E` has no exponent: what is no number becomes a part of the unit.
fn number_and_unit(value: &str, end: usize) -> (&str, &str) {
    let end = end.min(LONGEST_NUMBER);
    let is_number = |end: usize| value[..end].replace(',', ".").parse::<f64>().is_ok();
    let ends = (0..=end).rev().filter(|end| value.is_char_boundary(*end));
    let end = ends.into_iter().find(|end| is_number(*end)).unwrap_or(0);
    value.split_at(end)
}

/// The label and what stands behind its `=`. A label in quotes may have blanks, `=`, and two quotes for one.
fn label(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('\'') else {
        // Behind a blank it would be that of another word.
        let word = &text[..text.find(char::is_whitespace).unwrap_or(text.len())];
        let label = &word[..word.find('=').filter(|length| *length > 0)?];
        return Some((label.to_owned(), &text[label.len() + 1..]));
    };
    let mut label = String::new();
    let mut rest = quoted;
    let most = &quoted[quoted.floor_char_boundary(LONGEST_LABEL)..];
    loop {
        // A quote that is never closed is not looked for in megabytes.
        let near = &rest[..rest.len().checked_sub(most.len())?];
        let part = &rest[..near.find('\'')?];
        let after = &rest[part.len() + 1..];
        label.push_str(part);
        match after.strip_prefix('\'') {
            Some(after) => {
                label.push('\'');
                rest = after;
            }
            None => {
                let value = after.trim_start().strip_prefix('=')?;
                return (!label.is_empty()).then_some((label, value));
            }
        }
    }
}

/// The metric of the exit code.
const STATE: &str = "state";

/// How many words that are no numbers are shown.
const MOST_OTHERS: usize = 20;

/// Bytes of a number, and of a label in quotes.
const LONGEST_NUMBER: usize = 64;
const LONGEST_LABEL: usize = 1024;

/// What the numbers are called together.
const PERFDATA: &str = "performance data";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(String, Option<f64>, &str, [&str; 4])> {
        let (all, others) = perfdata(text);
        assert!(others.is_empty(), "{others:?}");
        all.into_iter().map(|of| (of.label, of.value, of.unit, of.limits)).collect()
    }

    #[test]
    fn labels_numbers_units_and_ranges_of_the_guidelines() {
        let none = [""; 4];
        for (text, expected) in [
            (
                "age=741s;100;99999999 ",
                vec![("age", Some(741.0), "s", ["100", "99999999", "", ""])],
            ),
            (
                "'a b''s =1'=-1.5e3ms;@10:20;~:5;; /=2643MB;5948;5958;0;5968",
                vec![
                    ("a b's =1", Some(-1500.0), "ms", ["@10:20", "~:5", "", ""]),
                    ("/", Some(2643.0), "MB", ["5948", "5958", "0", "5968"]),
                ],
            ),
            (
                "a=;;;; b=U c=5c d=0,5% e=5E f=1e3",
                vec![
                    ("a", None, "", none),
                    ("b", None, "U", none),
                    ("c", Some(5.0), "c", none),
                    ("d", Some(0.5), "%", none),
                    ("e", Some(5.0), "E", none),
                    ("f", Some(1000.0), "", none),
                ],
            ),
            ("", vec![]),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(label, value, unit, limits)| (label.to_owned(), value, unit, limits))
                .collect();
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_behind_later_lines_count_and_text_behind_them_does_not() {
        let output = "DISK OK - free | a=1\n/ 15272 MB;\n/boot 68 MB; | b=2\nc=3\n";
        let found = findings(output, Some(0)).expect("OK");
        let names: Vec<_> = found.values.iter().map(|value| &*value.name).collect();
        assert_eq!(names, ["state", "a", "b", "c"]);
        assert_eq!(found.status.as_deref(), Some("DISK OK - free"));
    }

    #[test]
    fn the_exit_code_decides_whatever_the_text_says() {
        for (code, expected) in [
            (Some(0), Some(0.0)),
            (Some(2), Some(2.0)),
            (Some(3), None),
            (Some(4), None),
            (None, None),
        ] {
            let found = findings("OK - all is fine|a=1\n", code);
            let state = found.as_ref().ok().and_then(|found| found.values[0].quantity.number());
            assert_eq!(state, expected, "{code:?}");
            if expected.is_none() {
                assert_eq!(found, Err("OK - all is fine".to_owned()));
            }
        }
        assert_eq!(findings("", Some(3)), Err("UNKNOWN: exit code 3, and no text".to_owned()));
    }

    #[test]
    fn a_text_with_a_bar_of_its_own_is_no_reason_to_lose_the_state() {
        for (text, expected) in
            [("5", "5"), ("all good b=1", "all"), ("'a=1", "'a=1"), ("''=1", "''=1"), ("=1", "=1")]
        {
            let found = findings(&format!("OK - x | {text}"), Some(0)).expect("OK");
            let expected = (PERFDATA.to_owned(), format!("{expected:?} is not label=value"));
            assert_eq!(found.raw[0], expected);
        }
    }

    /// In a time that grows with the text and not with its square: a test that hangs has failed.
    #[test]
    fn megabytes_of_what_is_no_number_are_counted_and_not_kept() {
        for word in ["x ", "' ", "'x ", "''x' ", "-- "] {
            let text = word.repeat((2 << 20) / word.len());
            let found = findings(&format!("OK | {text}"), Some(0)).expect("OK");
            assert!(found.raw.len() <= MOST_OTHERS + 1, "{word:?}");
            assert_eq!(found.values.len(), 1, "the state");
        }
        let long = format!("OK | a={} b=1", "-".repeat(60_000));
        let found = findings(&long, Some(0)).expect("OK");
        assert_eq!(found.values.last().map(|value| &*value.name), Some("b"));
    }

    #[test]
    fn the_name_of_the_exit_code_is_its_own() {
        let found = findings("OK | state=7 a=1", Some(1)).expect("WARNING");
        let numbers = found.values.iter().map(|value| (&*value.name, value.quantity.number()));
        assert_eq!(numbers.collect::<Vec<_>>(), [("state", Some(1.0)), ("a", Some(1.0))]);
        let left_out = "\"7\" is left out: the exit code has that name";
        assert_eq!(found.raw[0], ("state".to_owned(), left_out.to_owned()));
    }
}
