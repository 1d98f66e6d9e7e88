//! The lines of a program for collectd's exec plugin: `PUTVAL "host/plugin/type" interval=N time:value`.
//!
//! Format: collectd-exec(5) and collectd-unixsock(5) of collectd 5.12.

use std::collections::BTreeMap;

use super::bounds::MOST_METRICS;
use super::types::{is_counter, sources};
use crate::model::{Discovered, Finding, Findings, Kind, Quantity, TARGET, Unit};

/// The newest values since the last run.
#[derive(Debug, Default)]
pub struct Values {
    /// By plugin and type, each with its instance.
    newest: BTreeMap<String, Vec<Option<f64>>>,
    /// How many they are.
    values: usize,
    /// How many lines could not be understood, and what is wrong with the first one.
    misunderstood: Option<(usize, String)>,
    /// How many lines had a value.
    lines: usize,
}

impl Values {
    /// Whether there is anything to say.
    pub fn is_empty(&self) -> bool {
        self.lines == 0 && self.misunderstood.is_none()
    }

    /// Takes a line, without its end.
    pub fn take(&mut self, line: &str) {
        let line = line.trim();
        // Comments; notifications have no values.
        let has_none = line.is_empty() || line.starts_with('#') || is_verb(line, "PUTNOTIF");
        if has_none {
            return;
        }
        match put(line) {
            Ok((identifier, values)) => {
                let before = self.newest.get(&identifier).map_or(0, Vec::len);
                let count = self.values - before + values.len();
                if count > MOST_METRICS {
                    self.misunderstand(format!("more than {MOST_METRICS} values"));
                    return;
                }
                self.values = count;
                self.lines += 1;
                self.newest.insert(identifier, values);
            }
            Err(problem) => self.misunderstand(problem),
        }
    }

    /// A line that was too long was left out.
    pub fn misunderstand(&mut self, problem: String) {
        self.misunderstood.get_or_insert((0, problem)).0 += 1;
    }

    /// All of them as the result of a run. Afterwards there are none.
    pub fn take_findings(&mut self) -> Result<Findings, String> {
        let Self { newest, misunderstood, lines, .. } = std::mem::take(self);
        let wrong = misunderstood
            .map(|(count, first)| format!("lines not valid: {count}; the first: {first}"));
        if newest.is_empty() {
            return Err(wrong.unwrap_or_else(|| "no values since the last run".to_owned()));
        }
        let mut found = Findings { status: wrong, ..Findings::default() };
        for (identifier, values) in newest {
            let (plugin, of_type) = identifier.split_once('/').unwrap_or((&identifier, ""));
            let (of_type, instance) = of_type.split_once('-').unwrap_or((of_type, ""));
            let sources = sources(of_type);
            for (place, value) in values.iter().enumerate() {
                let source = match sources {
                    Some(names) if names.len() == values.len() => names[place].to_owned(),
                    _ if values.len() == 1 => String::new(),
                    _ => place.to_string(),
                };
                let kind = if is_counter(of_type, &source) { Kind::Counter } else { Kind::Gauge };
                let parts = [of_type, instance, &source];
                let name: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                let name = name.join(".");
                match value {
                    Some(value) => {
                        found.values.push(finding(plugin, name, (of_type, kind), *value));
                    }
                    None => found.raw(format!("{plugin} {name}"), "unknown, or no finite number"),
                }
            }
        }
        found.raw("PUTVAL lines", lines);
        Ok(found)
    }
}

fn finding(plugin: &str, name: String, (of_type, kind): (&str, Kind), value: f64) -> Finding {
    let unit = match of_type {
        "percent" => Unit::Percent,
        "if_octets" | "disk_octets" | "total_bytes" | "bytes" | "memory" | "df_complex" | "df" => {
            Unit::Bytes
        }
        _ => Unit::None,
    };
    let discovered = Some(Discovered { unit, unit_word: None, kind, form: "double" });
    let dimensions = vec![(TARGET.into(), plugin.into())];
    Finding { name: name.into(), dimensions, discovered, quantity: Quantity::Number(value) }
}

/// The identifier without its host, and the newest values: none for unknown ones.
fn put(line: &str) -> Result<(String, Vec<Option<f64>>), String> {
    if !is_verb(line, "PUTVAL") {
        return Err(format!("{:?}: expected PUTVAL", cut(line)));
    }
    let (identifier, mut rest) = word(line["PUTVAL".len()..].trim_start())?;
    let parts: Vec<_> = identifier.split('/').collect();
    let [_, plugin, of_type] = parts[..] else {
        return Err(format!("{:?}: expected host/plugin-instance/type-instance", cut(&identifier)));
    };
    if plugin.is_empty() || of_type.is_empty() {
        return Err(format!("{:?}: expected host/plugin-instance/type-instance", cut(&identifier)));
    }
    let mut newest = None;
    while !rest.is_empty() {
        let (next, after) = word(rest)?;
        rest = after;
        match next.split_once('=') {
            // The pace is that of the check; what else is said of the values is of no use here.
            Some((name, _))
                if name.eq_ignore_ascii_case("interval") || name.starts_with("meta:") => {}
            Some(_) => return Err(format!("{:?}: expected interval=N or time:value", cut(&next))),
            None => newest = Some(values(&next)?),
        }
    }
    let newest = newest
        .ok_or_else(|| format!("{:?}: expected time:value after the identifier", cut(line)))?;
    Ok((format!("{plugin}/{of_type}"), newest))
}

fn is_verb(line: &str, verb: &str) -> bool {
    line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case(verb))
}

/// `time:value[:value]`.
fn values(text: &str) -> Result<Vec<Option<f64>>, String> {
    let wrong = || format!("{:?}: expected time:value, such as N:5", cut(text));
    let mut parts = text.split(':');
    let time = parts.next().unwrap_or_default();
    if time != "N" && time.parse::<f64>().is_err() {
        return Err(wrong());
    }
    let value = |part: &str| match part {
        "U" => Ok(None),
        part => part
            .parse()
            .map(|number: f64| Some(number).filter(|number| number.is_finite()))
            .map_err(|_| wrong()),
    };
    let values: Vec<_> = parts.take(MOST_SOURCES + 1).map(value).collect::<Result<_, _>>()?;
    if (1..=MOST_SOURCES).contains(&values.len()) { Ok(values) } else { Err(wrong()) }
}

/// The next word, and what stands behind it. In quotes it may have blanks, and `\` before a quote.
fn word(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), text[end..].trim_start()));
    };
    let mut word = String::new();
    let mut letters = quoted.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return Ok((word, quoted[place + 1..].trim_start())),
            '\\' => word.extend(letters.next().map(|(_, letter)| letter)),
            letter => word.push(letter),
        }
    }
    Err(format!("{:?}: the quote is not closed", cut(text)))
}

/// How many values one line may have. The types of collectd have 5 at most.
const MOST_SOURCES: usize = 32;

/// The beginning of a text.
fn cut(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// Characters of what is wrong in an error.
const SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program printed, as names with their values.
    fn of(lines: &[&str]) -> Result<Vec<(String, String, f64)>, String> {
        let mut values = Values::default();
        lines.iter().for_each(|line| values.take(line));
        let of = |value: &Finding| {
            let number = value.quantity.number().expect("a number");
            (value.dimensions[0].1.to_string(), value.name.to_string(), number)
        };
        values.take_findings().map(|found| found.values.iter().map(of).collect())
    }

    fn expect(expected: &[(&str, &str, f64)]) -> Result<Vec<(String, String, f64)>, String> {
        Ok(expected.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), *c)).collect())
    }

    /// The PUTVAL lines of a transcript with collectd 5.12.
    #[test]
    fn the_lines_that_collectd_takes_are_taken() {
        for (line, expected) in [
            ("PUTVAL box/tt/gauge-a interval=1 N:5", &[("tt", "gauge.a", 5.0)][..]),
            ("PUTVAL box/tt/gauge-a N:7 N:8", &[("tt", "gauge.a", 8.0)]),
            (
                "PUTVAL \"box/my plugin/gauge-sp ace\" interval=1.5 1795835723.931:6",
                &[("my plugin", "gauge.sp ace", 6.0)],
            ),
            ("putval box/tt/gauge-a N:1\r", &[("tt", "gauge.a", 1.0)]),
            (
                "PUTVAL box/tt/load-x interval=1 N:1:2:3",
                &[
                    ("tt", "load.x.shortterm", 1.0),
                    ("tt", "load.x.midterm", 2.0),
                    ("tt", "load.x.longterm", 3.0),
                ],
            ),
            (
                "PUTVAL box/tt/nosuchtype-a N:1:2",
                &[("tt", "nosuchtype.a.0", 1.0), ("tt", "nosuchtype.a.1", 2.0)],
            ),
            (
                "PUTVAL box/load/load interval=-3 N:1:2:3",
                &[
                    ("load", "load.shortterm", 1.0),
                    ("load", "load.midterm", 2.0),
                    ("load", "load.longterm", 3.0),
                ],
            ),
            ("PUTVAL box/tt/derive-d meta:k=v N:100", &[("tt", "derive.d", 100.0)]),
            ("PUTVAL box/tt/gauge-a N:U", &[]),
            ("PUTVAL box/tt/gauge-a N:nan", &[]),
            ("PUTVAL box/tt/gauge-a N:inf", &[]),
        ] {
            assert_eq!(of(&[line]), expect(expected), "{line}");
        }
        let (counter, gauge) = (is_counter("if_octets", "rx"), is_counter("gauge", ""));
        assert!(counter && !gauge && is_counter("derive", ""));
    }

    #[test]
    fn a_line_that_is_not_understood_is_said_and_the_others_are_taken() {
        for line in [
            "PUTVAL box/tt/gauge-a N:abc",
            "PUTVAL box/tt/gauge-a 5",
            "PUTVAL box/tt/gauge-a",
            "PUTVAL \"box/tt/gauge-a N:1",
            "PUTVAL box/tt/gauge-a foo=bar N:1",
            "PUTVAL load/load N:1",
            "PUTVAL",
            "hello",
        ] {
            let error = of(&[line]).expect_err(line);
            assert!(error.starts_with("lines not valid: 1; the first: "), "{error}");
            assert_eq!(of(&[line, "PUTVAL box/tt/gauge-b N:1"]), expect(&[("tt", "gauge.b", 1.0)]));
        }
        assert_eq!(
            of(&["# comment", "", "PUTNOTIF message=x time=1"]),
            Err("no values since the last run".into())
        );
    }

    #[test]
    fn after_a_run_old_values_are_gone() {
        let mut values = Values::default();
        values.take("PUTVAL box/tt/gauge-a N:1");
        assert!(!values.is_empty());
        values.take_findings().expect("a value");
        assert_eq!(values.take_findings().map(drop), Err("no values since the last run".into()));
    }
}
