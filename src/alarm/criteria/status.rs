//! The text of a state, which may have values of the result in it.

use crate::alarm::observation::Observation;
use crate::model::Quantity;

/// What is said with a state.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// What the check says.
    OfCheck,
    /// That a `return` without a text in this line was reached.
    OfLine(usize),
    /// That no condition held and there is no `return` for that.
    OfDefault,
    Template(Vec<Part>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Plain(String),
    /// `#{name}`
    Metric(String),
}

impl Status {
    /// Of the text that stands in the criteria.
    pub fn of(text: &str) -> Self {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some((before, from)) = rest.split_once(OPEN) {
            plain.push_str(before);
            rest = match name_end(from) {
                Some(end) => {
                    parts.push(Part::Plain(std::mem::take(&mut plain)));
                    parts.push(Part::Metric(from[..end].to_owned()));
                    &from[end + 1..]
                }
                None => {
                    plain.push_str(OPEN);
                    from
                }
            };
        }
        plain.push_str(rest);
        parts.push(Part::Plain(plain));
        parts.retain(|part| *part != Part::Plain(String::new()));
        Self::Template(parts)
    }

    /// The metrics whose values stand in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let parts = if let Self::Template(parts) = self { &parts[..] } else { &[] };
        parts.iter().filter_map(|part| match part {
            Part::Metric(name) => Some(&**name),
            Part::Plain(_) => None,
        })
    }

    /// With the values of this result. What the check says has its own limit; all else has at most
    /// [`MOST_CHARACTERS`].
    pub fn filled(&self, now: &Observation) -> String {
        match self {
            Self::OfCheck => now.status.clone(),
            Self::OfLine(line) => format!("Matched return statement on line {line}"),
            Self::OfDefault => "Matched default return statement".to_owned(),
            Self::Template(parts) => {
                let mut filled = String::new();
                for part in parts {
                    part.fill(&mut filled, now);
                }
                filled.chars().take(MOST_CHARACTERS).collect()
            }
        }
    }
}

impl Part {
    /// Adds it to a text, as far as that is not cut anyway: a value may be long.
    fn fill(&self, filled: &mut String, now: &Observation) {
        match self {
            Self::Plain(text) => filled.extend(text.chars().take(MOST_CHARACTERS)),
            Self::Metric(name) => match now.values.get(name) {
                Some(Quantity::Text(text)) => filled.extend(text.chars().take(MOST_CHARACTERS)),
                other => match other.and_then(Quantity::number).filter(|of| of.is_finite()) {
                    Some(number) => filled.push_str(&shown(readable(number))),
                    // The reader sees what is missing.
                    None => filled.extend([OPEN, name, CLOSE]),
                },
            },
        }
    }
}

/// Where the name of a metric ends. It may itself end with braces, as `name{dimension=value}` does.
fn name_end(text: &str) -> Option<usize> {
    let first = text.find(['{', '}'])?;
    if text[first..].starts_with('}') {
        return Some(first);
    }
    let inner = &text[first + 1..];
    let inner_end = inner.find(['{', '}'])?;
    inner[inner_end..].starts_with("}}").then_some(first + 1 + inner_end + 1)
}

/// A number of six digits, or of all that stand before its point: more are noise to who is called at night.
fn readable(number: f64) -> f64 {
    match number.abs() {
        100_000.0.. => number.round(),
        _ => format!("{number:.5e}").parse().unwrap_or(number),
    }
}

/// All digits of a number, unless it has more of them than anybody reads.
pub fn shown(number: f64) -> String {
    if number == 0.0 || PLAIN.contains(&number.abs()) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

/// Numbers that are written without an exponent.
const PLAIN: std::ops::Range<f64> = 1e-6..1e16;

const OPEN: &str = "#{";
const CLOSE: &str = "}";

/// Characters of a text with its values. What is longer is cut, as the status of a check is.
const MOST_CHARACTERS: usize = 128;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn filled(text: &str) -> String {
        let number = |value| Quantity::Number(value);
        let values = [
            ("s", Quantity::Text("degraded".to_owned())),
            ("long", Quantity::Text("é".repeat(1000))),
            ("naïve.größe", number(0.1)),
            ("huge", number(1e300)),
            ("tiny", number(-2.5e-9)),
            ("whole", number(90.0)),
            ("percent", number(99.462_234_497_070_31)),
            ("bytes", number(8_392_834_123.7)),
            ("half", number(-0.123_456_789)),
            ("zero", number(0.0)),
            ("nan", number(f64::NAN)),
            ("used{disk=sda,part=1}", number(1e15)),
            ("nested", Quantity::Text("#{s}".to_owned())),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value)).into();
        let (status, is_available) = ("success".to_owned(), true);
        let now = Observation { since_start: Duration::ZERO, is_available, status, values };
        Status::of(text).filled(&now)
    }

    #[test]
    fn values_stand_where_their_names_did() {
        for (text, expected) in [
            ("is #{s}", "is degraded"),
            ("#{s}#{whole}", "degraded90"),
            ("#{naïve.größe} ✓", "0.1 ✓"),
            ("#{percent} % #{bytes} #{half}", "99.4622 % 8392834124 -0.123457"),
            ("#{huge} #{tiny} #{zero}", "1e300 -2.5e-9 0"),
            ("#{used{disk=sda,part=1}} kB", "1000000000000000 kB"),
            // What a value says is not filled in again.
            ("#{nested}", "#{s}"),
            ("", ""),
        ] {
            assert_eq!(filled(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_name_or_has_no_value_stays_as_it_is() {
        let same = ["#{absent}", "#{nan}", "#{}", "#{", "#{s", "#s}", "# {s}", "#{a{b}", "#{{{s}"];
        for text in same {
            assert_eq!(filled(text), text);
        }
        assert_eq!(filled("#{ #{s}"), "#{ degraded");
        assert_eq!(filled("##{s}}"), "#degraded}");
    }

    #[test]
    fn it_has_at_most_128_characters() {
        assert_eq!(filled("#{long}"), "é".repeat(128));
        assert_eq!(filled(&"x".repeat(129)), "x".repeat(128));
        assert_eq!(filled(&format!("{}#{{s}}", "x".repeat(126))), format!("{}de", "x".repeat(126)));
        let open = "#{a".repeat(5000);
        assert_eq!(filled(&open), open[..128]);
    }
}
