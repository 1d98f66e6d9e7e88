//! The lines that a plugin prints: `status`, `state`, `metric` and `timestamp`.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::bounds::MOST_METRICS;
use super::unit::named;
use crate::model::{Discovered, Finding, Findings, Kind, Quantity, TARGET, Unit};

/// What the lines so far say.
#[derive(Debug, Default)]
pub struct Lines {
    found: Findings,
    status: Option<String>,
    legacy_state: Option<&'static str>,
    /// The first line that cannot be understood. With it there is no result.
    error: Option<String>,
    /// What is odd and was taken all the same.
    warning: Option<String>,
    /// How many there were.
    count: usize,
    /// Where the metric of each name is.
    places: HashMap<String, usize>,
}

impl Lines {
    /// Takes the next line, without its end.
    pub fn take(&mut self, line: &str) {
        self.count += 1;
        if self.error.is_none()
            && let Err(problem) = self.read(line)
        {
            self.error = Some(format!("line {}: {problem}", self.count));
        }
    }

    /// What they say together. A plugin that ended otherwise than with exit code 0 has no result: it is
    /// told by its own status, or else by how it ended.
    pub fn end(self, ended_badly: Option<String>) -> Result<Findings, String> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if let Some(how) = ended_badly {
            return Err(self.status.unwrap_or(how));
        }
        let Self { mut found, status, legacy_state, .. } = self;
        if let Some(state) = legacy_state {
            found.values.insert(0, text("legacy_state", state));
        }
        found.status = status;
        Ok(found)
    }

    /// What is wrong with the first line that cannot be understood.
    pub fn error(&self) -> Option<String> {
        self.error.clone()
    }

    /// What is odd and was taken all the same.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    fn read(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim_start();
        match word {
            "" => {}
            "status" => self.status(rest),
            "state" => match rest {
                "available" => self.found.is_unavailable = false,
                "unavailable" => self.found.is_unavailable = true,
                _ => return Err(format!("state {rest:?}: expected available or unavailable")),
            },
            "timestamp" => self.found.time = Some(time(rest)?),
            "metric" => self.metric(rest)?,
            _ => {
                let nagios = if line.contains('|') { NAGIOS } else { "" };
                return Err(format!(
                    "{line:?}: expected status, state, metric or timestamp{nagios}"
                ));
            }
        }
        Ok(())
    }

    /// The first one counts. In an old form it begins with a state.
    fn status(&mut self, text: &str) {
        if self.status.is_some() {
            return;
        }
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        self.legacy_state = ["ok", "warn", "err"].into_iter().find(|state| *state == word);
        let own = if self.legacy_state.is_some() { rest.trim_start() } else { text };
        self.status = Some(own.to_owned());
    }

    fn metric(&mut self, rest: &str) -> Result<(), String> {
        let words: Vec<_> = rest.split_whitespace().collect();
        let [name, form, ref values @ ..] = words[..] else {
            return Err(format!("metric {rest:?}: expected metric NAME TYPE VALUE [UNIT]"));
        };
        if self.found.values.len() == MOST_METRICS && !self.places.contains_key(name) {
            return Err(format!("expected at most {MOST_METRICS} metrics"));
        }
        let (target, own_name) = match name.rsplit_once('.') {
            Some((target, own)) if !target.is_empty() && !own.is_empty() => (Some(target), own),
            _ => (None, name),
        };
        let (quantity, form, unit) = self.value(name, form, values)?;
        let (unit, unit_word) = unit.map_or((Unit::None, None), named);
        let finding = Finding {
            name: own_name.to_owned().into(),
            dimensions: target.map(|of| (TARGET.into(), of.into())).into_iter().collect(),
            discovered: Some(Discovered { unit, unit_word, kind: Kind::Gauge, form }),
            quantity,
        };
        // Of a metric that is printed twice, the last value is that of this run.
        let place = *self.places.entry(name.to_owned()).or_insert(self.found.values.len());
        match self.found.values.get_mut(place) {
            Some(before) => *before = finding,
            None => self.found.values.push(finding),
        }
        Ok(())
    }

    /// The value, its type and its unit.
    fn value<'l>(
        &mut self,
        name: &str,
        form: &str,
        words: &[&'l str],
    ) -> Result<(Quantity, &'static str, Option<&'l str>), String> {
        let Some(form) = FORMS.iter().find(|(of, _)| *of == form).map(|(_, form)| *form) else {
            let names = FORMS.map(|(name, _)| name).join(", ");
            return Err(format!("metric {name}: type {form:?}: expected one of {names}"));
        };
        if form == STRING {
            return Ok((Quantity::Text(words.join(" ")), STRING, None));
        }
        let (value, unit) = match *words {
            [value] => (value, None),
            [value, unit] => (value, Some(unit)),
            _ => {
                let text = words.join(" ");
                return Err(format!(
                    "metric {name}: {text:?}: expected a number and at most one unit"
                ));
            }
        };
        if let Some(number) = number(form, value) {
            return Ok((Quantity::Number(number), form, unit));
        }
        // Plugins in the field give a fraction as an integer. It is not cut, and 100.00 is one, too.
        let fraction = number(DOUBLE, value).filter(|_| value.contains('.'));
        let Some(fraction) = fraction else {
            return Err(format!("metric {name}: {value:?}: expected a number of the type {form}"));
        };
        let text = format!("metric {name}: {value} is not of the type {form}: taken as {DOUBLE}");
        self.warning.get_or_insert(text);
        Ok((Quantity::Number(fraction), DOUBLE, unit))
    }
}

const NAGIOS: &str = "; if this is a plugin for Nagios, set format: nagios";

/// A text that a plugin gave.
pub fn text(name: &'static str, text: &str) -> Finding {
    let discovered =
        Discovered { unit: Unit::None, unit_word: None, kind: Kind::Gauge, form: STRING };
    let quantity = Quantity::Text(text.to_owned());
    Finding { name: name.into(), dimensions: Vec::new(), discovered: Some(discovered), quantity }
}

/// The words for types, each with the type that it means.
const FORMS: [(&str, &str); 9] = [
    (STRING, STRING),
    ("gauge", "gauge"),
    ("int", "int64"),
    ("int32", "int32"),
    ("uint32", "uint32"),
    ("int64", "int64"),
    ("uint64", "uint64"),
    ("float", DOUBLE),
    (DOUBLE, DOUBLE),
];

const STRING: &str = "string";
const DOUBLE: &str = "double";

/// The number, if it is one of this type.
fn number(form: &str, text: &str) -> Option<f64> {
    match form {
        "int32" => text.parse::<i32>().ok().map(f64::from),
        "uint32" => text.parse::<u32>().ok().map(f64::from),
        "int64" => text.parse::<i64>().ok().map(|number| number as f64),
        "uint64" => text.parse::<u64>().ok().map(|number| number as f64),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// A time in milliseconds since 1970.
fn time(text: &str) -> Result<SystemTime, String> {
    let expected = || format!("timestamp {text:?}: expected milliseconds since 1970");
    let milliseconds = text.parse().map_err(|_| expected())?;
    UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds)).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(output: &str) -> Result<Findings, String> {
        let mut lines = Lines::default();
        output.lines().for_each(|line| lines.take(line));
        lines.end(None)
    }

    #[test]
    fn what_is_no_number_of_its_type_is_an_error_that_names_the_line() {
        for (line, expected) in [
            (
                "metric m int32 3000000000",
                "line 2: metric m: \"3000000000\": expected a number of the type int32",
            ),
            (
                "metric m uint32 -1",
                "line 2: metric m: \"-1\": expected a number of the type uint32",
            ),
            (
                "metric m int 0x10",
                "line 2: metric m: \"0x10\": expected a number of the type int64",
            ),
            (
                "metric m double nan",
                "line 2: metric m: \"nan\": expected a number of the type double",
            ),
            (
                "metric m gauge inf",
                "line 2: metric m: \"inf\": expected a number of the type gauge",
            ),
            ("metric m int", "line 2: metric m: \"\": expected a number and at most one unit"),
            ("metric m", "line 2: metric \"m\": expected metric NAME TYPE VALUE [UNIT]"),
            ("timestamp -1", "line 2: timestamp \"-1\": expected milliseconds since 1970"),
        ] {
            assert_eq!(of(&format!("status x\n{line}\nmetric a int 1")), Err(expected.to_owned()));
        }
    }

    #[test]
    fn the_largest_numbers_are_not_cut() {
        let found =
            of("metric a uint64 18446744073709551615\nmetric b int64 -9223372036854775808\n")
                .expect("valid");
        let numbers: Vec<_> = found.values.iter().map(|value| value.quantity.number()).collect();
        assert_eq!(numbers, [Some(u64::MAX as f64), Some(i64::MIN as f64)]);
    }

    #[test]
    fn a_dot_at_an_end_of_a_name_belongs_to_it() {
        for name in [".a", "a.", "."] {
            let found = of(&format!("metric {name} int 1")).expect("valid");
            assert_eq!((&*found.values[0].name, found.values[0].dimensions.len()), (name, 0));
        }
    }

    #[test]
    fn a_status_of_a_plugin_that_failed_is_its_own() {
        let mut lines = Lines::default();
        lines.take("status ponies > unicorns");
        assert_eq!(lines.end(Some("exit code 100".into())), Err("ponies > unicorns".into()));
        assert_eq!(Lines::default().end(Some("exit code 3".into())), Err("exit code 3".into()));
    }
}
