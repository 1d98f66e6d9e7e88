//! Conditions, and whether they hold for a result.

use std::fmt;
use std::rc::Rc;

use super::pattern::{LONGEST_SEARCHED, Pattern};
use super::status::shown;
use super::words::quoted;
use crate::alarm::observation::Observation;
use crate::model::Quantity;

/// The whole name of a metric.
pub type Name = Rc<str>;

/// What holds, does not hold, or is unknown.
#[derive(Clone, Debug)]
pub enum Condition {
    Comparison(Term, Relation, Term),
    /// `regex`, or `nregex` where the pattern is not wanted.
    Match {
        term: Term,
        pattern: Pattern,
        is_wanted: bool,
    },
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Equal,
    Unequal,
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// What has a value.
#[derive(Clone, Debug)]
pub enum Term {
    Number(f64),
    Text(String),
    Metric(Name),
    /// How much a metric grew in a second since the result before.
    Rate(Name),
    /// What a metric was in the result before.
    Previous(Name),
    /// The first in percent of the second.
    Percentage(Box<Term>, Box<Term>),
}

/// Why something is unknown, as a sentence.
pub type Unknown = String;

/// The result that is evaluated, and the one before it.
#[derive(Clone, Copy, Debug)]
pub struct Results<'r> {
    pub now: &'r Observation,
    pub before: Option<&'r Observation>,
}

/// A value of a term.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value<'v> {
    /// Finite.
    Number(f64),
    Text(&'v str),
}

impl Condition {
    /// Of several conditions an unknown one counts only where the others do not decide: whatever it were,
    /// the answer would be the same.
    pub fn holds(&self, results: Results<'_>) -> Result<bool, Unknown> {
        match self {
            Self::Comparison(left, relation, right) => {
                relation.holds(left.value(results)?, right.value(results)?)
            }
            Self::Match { term, pattern, is_wanted } => {
                let text = match term.value(results)? {
                    Value::Text(text) => text,
                    number => {
                        return Err(format!(
                            "{number} is compared with a regular expression: expected a text"
                        ));
                    }
                };
                let is_found = pattern.is_in(text).ok_or_else(|| too_long(text))?;
                Ok(is_found == *is_wanted)
            }
            Self::All(all) => unless_one_is(false, all, results),
            Self::Any(all) => unless_one_is(true, all, results),
        }
    }

    /// Calls this with the name of each metric in it.
    pub fn names(&self, found: &mut impl FnMut(&Name)) {
        match self {
            Self::Comparison(left, _, right) => {
                left.names(found);
                right.names(found);
            }
            Self::Match { term, .. } => term.names(found),
            Self::All(all) | Self::Any(all) => all.iter().for_each(|one| one.names(found)),
        }
    }
}

/// What decides if one of the conditions is so, and else the opposite, unless one is unknown.
fn unless_one_is(decisive: bool, all: &[Condition], results: Results<'_>) -> Result<bool, Unknown> {
    let mut unknown = None;
    for condition in all {
        match condition.holds(results) {
            Ok(holds) if holds == decisive => return Ok(decisive),
            Ok(_) => {}
            Err(why) => unknown = unknown.or(Some(why)),
        }
    }
    unknown.map_or(Ok(!decisive), Err)
}

impl Relation {
    /// The relation that a sign stands for.
    pub fn of(sign: &str) -> Option<Self> {
        Some(match sign {
            "==" => Self::Equal,
            "!=" => Self::Unequal,
            ">=" => Self::AtLeast,
            "<=" => Self::AtMost,
            ">" => Self::Above,
            "<" => Self::Below,
            _ => return None,
        })
    }

    /// Two texts are equal when all of their characters are: `1.10` is no `1.1`. In all other cases both are
    /// read as numbers, because the order of texts puts 10 before 9.
    fn holds(self, left: Value<'_>, right: Value<'_>) -> Result<bool, Unknown> {
        if let (Value::Text(left), Value::Text(right)) = (left, right) {
            match self {
                Self::Equal => return Ok(left == right),
                Self::Unequal => return Ok(left != right),
                _ => {}
            }
        }
        let number = |value: Value<'_>, other: Value<'_>| {
            value
                .number()
                .ok_or_else(|| format!("{value} is compared with {other}: expected a number"))
        };
        let (left, right) = (number(left, right)?, number(right, left)?);
        Ok(match self {
            Self::Equal => left == right,
            Self::Unequal => left != right,
            Self::AtLeast => left >= right,
            Self::AtMost => left <= right,
            Self::Above => left > right,
            Self::Below => left < right,
        })
    }
}

impl Term {
    fn value<'v>(&'v self, results: Results<'v>) -> Result<Value<'v>, Unknown> {
        match self {
            Self::Number(number) => Ok(Value::Number(*number)),
            Self::Text(text) => Ok(Value::Text(text)),
            Self::Metric(name) => now(name, results),
            Self::Previous(name) => before(name, results),
            Self::Rate(name) => rate(name, results).map(Value::Number),
            Self::Percentage(part, whole) => {
                percentage(part.value(results)?, whole.value(results)?).map(Value::Number)
            }
        }
    }

    fn names(&self, found: &mut impl FnMut(&Name)) {
        match self {
            Self::Number(_) | Self::Text(_) => {}
            Self::Metric(name) | Self::Rate(name) | Self::Previous(name) => found(name),
            Self::Percentage(part, whole) => {
                part.names(found);
                whole.names(found);
            }
        }
    }
}

fn now<'v>(name: &str, results: Results<'v>) -> Result<Value<'v>, Unknown> {
    let quantity = results.now.values.get(name);
    let quantity = quantity.ok_or_else(|| format!("metric {} is missing", quoted(name)))?;
    Value::of(name, quantity)
}

fn before<'v>(name: &str, results: Results<'v>) -> Result<Value<'v>, Unknown> {
    let quantity = results.before.and_then(|before| before.values.get(name));
    let quantity =
        quantity.ok_or_else(|| format!("metric {} has no previous value", quoted(name)))?;
    Value::of(name, quantity)
}

/// A counter that is less than before began again, and how far it had come by then is not known.
fn rate(name: &str, results: Results<'_>) -> Result<f64, Unknown> {
    let number = |value: Value<'_>| {
        let problem = || format!("metric {} is {value}: its rate needs a number", quoted(name));
        value.number().ok_or_else(problem)
    };
    let total = number(now(name, results)?)?;
    let total_before = number(before(name, results)?)?;
    let start = results.before.map(|before| before.since_start);
    let elapsed = start.and_then(|start| results.now.since_start.checked_sub(start));
    let elapsed = elapsed.filter(|elapsed| !elapsed.is_zero()).ok_or_else(|| {
        format!("metric {} has no rate: no time has passed since the previous result", quoted(name))
    })?;
    if total < total_before {
        let (name, total) = (quoted(name), shown(total));
        let total_before = shown(total_before);
        return Err(format!(
            "metric {name} has no rate: it fell from {total_before} to {total}, so it began again"
        ));
    }
    finite((total - total_before) / elapsed.as_secs_f64(), || {
        format!("the rate of metric {}", quoted(name))
    })
}

fn percentage(part: Value<'_>, whole: Value<'_>) -> Result<f64, Unknown> {
    let number = |value: Value<'_>| {
        value.number().ok_or_else(|| format!("percentage of {value}: expected a number"))
    };
    let (part, whole) = (number(part)?, number(whole)?);
    if whole == 0.0 {
        return Err(format!("{} in percent of 0 is unknown", shown(part)));
    }
    // In this order 7 of 100 is exactly 7.
    finite(part * 100.0 / whole, || format!("{} in percent of {}", shown(part), shown(whole)))
}

fn finite(number: f64, what: impl FnOnce() -> String) -> Result<f64, Unknown> {
    if number.is_finite() { Ok(number) } else { Err(format!("{} is too large", what())) }
}

fn too_long(text: &str) -> Unknown {
    let start = quoted(text);
    format!("{start} is longer than the {LONGEST_SEARCHED} bytes that are searched")
}

impl<'v> Value<'v> {
    fn of(name: &str, quantity: &'v Quantity) -> Result<Self, Unknown> {
        if let Quantity::Text(text) = quantity {
            return Ok(Self::Text(text));
        }
        let number = quantity.number().filter(|number| number.is_finite());
        let problem = || format!("metric {} is not a finite number", quoted(name));
        number.map(Self::Number).ok_or_else(problem)
    }

    /// The number, also where a text has one: `404` of a metric that is a text, and numbers in quotes.
    fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        }
    }
}

/// As it stands in a reason.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::Number(number) => shown(*number),
            Self::Text(text) => quoted(text),
        })
    }
}
