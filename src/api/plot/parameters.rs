//! What is asked for, by the parameters alone.

use super::{MOST_POINTS, milliseconds};
use crate::api::failure::Failure;
use crate::api::paging::limit;
use crate::api::query::{MARKER, Query};
use crate::store::Resolution;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub from_ms: i64,
    pub to_ms: i64,
    pub density: Density,
    pub select: Select,
    pub limit: usize,
    /// The start of the first point of the page.
    pub marker_ms: Option<i64>,
}

/// How many points there are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Density {
    /// About so many over the whole range.
    Points(u128),
    Resolution(Resolution),
}

/// What a point tells of its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Select {
    pub average: bool,
    pub variance: bool,
    pub min: bool,
    pub max: bool,
    /// The first and the last total of a counter, and how much it grew between them.
    pub growth: bool,
    /// The changes of a text, which has none of the others.
    pub text: bool,
}

impl Wanted {
    /// What these parameters ask for.
    pub fn of(query: &Query) -> Result<Self, Failure> {
        let density = match (query.one(POINTS)?, query.one(RESOLUTION)?) {
            (Some(points), None) => Density::Points(whole(points)?),
            (None, Some(name)) => Density::Resolution(resolution(name)?),
            (None, None) => return Err(Failure::bad(NEITHER)),
            (Some(_), Some(_)) => return Err(Failure::bad(BOTH)),
        };
        let (from_ms, to_ms) = (time(query, "from")?, time(query, "to")?);
        if to_ms <= from_ms {
            let expected = format!("a time after from, which is {from_ms}");
            return Err(Failure::value("to", &to_ms.to_string(), expected));
        }
        let marker_ms = match query.one(MARKER)?.filter(|marker| !marker.is_empty()) {
            Some(text) => Some(marker(text)?),
            None => None,
        };
        let (select, limit) = (select(query)?, limit(query, MOST_POINTS)?.unwrap_or(MOST_POINTS));
        Ok(Self { from_ms, to_ms, density, select, limit, marker_ms })
    }
}

fn time(query: &Query, name: &str) -> Result<i64, Failure> {
    let text = query.one(name)?;
    let missing = || {
        Failure::bad(format!(
            "{name} is missing: expected milliseconds since 1970, such as 1795843899102"
        ))
    };
    let text = text.ok_or_else(missing)?;
    milliseconds::of(text).map_err(|expected| Failure::value(name, text, expected))
}

/// A whole number, however large. What is larger than any range has milliseconds is as good as the largest.
fn whole(text: &str) -> Result<u128, Failure> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    match !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(digits.parse().unwrap_or(u128::MAX)),
        false => Err(Failure::value(POINTS, text, "a whole number from 0 on")),
    }
}

fn resolution(name: &str) -> Result<Resolution, Failure> {
    let unknown = || Failure::value(RESOLUTION, name, Resolution::expected());
    Resolution::of_name(name).ok_or_else(unknown)
}

fn select(query: &Query) -> Result<Select, Failure> {
    let mut select = Select::default();
    for word in query.all("select").flat_map(|words| words.split(',')).map(str::trim) {
        match word {
            "average" => select.average = true,
            "variance" => select.variance = true,
            "min" => select.min = true,
            "max" => select.max = true,
            "growth" => select.growth = true,
            TEXT => select.text = true,
            // They are always there.
            "numPoints" | "timestamp" | "" => {}
            _ => {
                let expected =
                    "any of average, variance, min, max and growth, with commas, or text alone";
                return Err(Failure::value("select", word, expected));
            }
        }
    }
    let is_none = select == Select::default();
    if select.text && select != (Select { text: true, ..Select::default() }) {
        return Err(Failure::value("select", TEXT, "it alone: a text has no other values"));
    }
    Ok(Select { average: select.average || is_none, ..select })
}

/// The start of a point, as an earlier answer has it.
fn marker(text: &str) -> Result<i64, Failure> {
    let expected = "the next_marker of an answer";
    text.parse().map_err(|_| Failure::value(MARKER, text, expected))
}

/// Selects the changes of a text.
pub const TEXT: &str = "text";

const POINTS: &str = "points";
const RESOLUTION: &str = "resolution";
const NEITHER: &str = "points and resolution are missing: expected one of them";
const BOTH: &str = "points and resolution are both there: expected one of them";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Result<Wanted, String> {
        Wanted::of(&Query::of(query)).map_err(|failure| {
            assert_eq!(failure.status, 400, "{query}");
            failure.message
        })
    }

    #[test]
    fn every_known_mistake_is_refused() {
        let mut refused = 0;
        for line in include_str!("../../../tests/fixtures/plot/plot_errors.tsv").lines() {
            let [query, status, _] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
            // Methods are the router's, and the 200s are in the next test.
            if status == "400" {
                let query = if query == "(none)" { "" } else { query };
                assert!(of(query).is_err(), "{query}");
                refused += 1;
            }
        }
        assert_eq!(refused, 12);
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        let average = Select { average: true, ..Select::default() };
        let plain = Wanted {
            from_ms: 1,
            to_ms: 2,
            density: Density::Points(1),
            select: average,
            limit: 1440,
            marker_ms: None,
        };
        assert_eq!(of("from=1&to=2&points=1"), Ok(plain));
        let full = Density::Resolution(Resolution::Full);
        assert_eq!(of("from=1&to=2&resolution=full"), Ok(Wanted { density: full, ..plain }));
        let three = Select { average: true, min: true, max: true, ..Select::default() };
        for query in ["select=average,min,max", "select=average&select=min&select=max"] {
            let found = of(&format!("from=1&to=2&points=1&{query}"));
            assert_eq!(found, Ok(Wanted { select: three, ..plain }), "{query}");
        }
        let min = Select { min: true, ..Select::default() };
        let found = of("from=1&to=2&points=1&select=min&limit=7&marker=5");
        let expected = Wanted { select: min, limit: 7, marker_ms: Some(5), ..plain };
        assert_eq!(found, Ok(expected));
        let huge = format!("from=1&to=2&points={}", "9".repeat(400));
        assert_eq!(of(&huge), Ok(Wanted { density: Density::Points(u128::MAX), ..plain }));
        let found = of("from=1795843899102.4&to=1.8e%2B12&points=0").expect("floats are fine");
        assert_eq!((found.from_ms, found.to_ms), (1_795_843_899_102, 1_800_000_000_000));
        // Other parameters, such as those that say who asks, are not looked at.
        assert_eq!(of("from=1&to=2&points=1&_who=x"), Ok(plain));
    }

    #[test]
    fn a_refusal_says_what_was_expected() {
        for (query, message) in [
            ("", NEITHER),
            ("from=1&to=2&points=1&resolution=FULL", BOTH),
            (
                "to=2&points=1",
                "from is missing: expected milliseconds since 1970, such as 1795843899102",
            ),
            ("from=1&from=1&to=2&points=1", "from is there 2 times: expected it once"),
            ("from=2&to=1&points=1", "to \"1\": expected a time after from, which is 2"),
            ("from=1&to=2&points=-1", "points \"-1\": expected a whole number from 0 on"),
            ("from=1&to=2&points=1.0", "points \"1.0\": expected a whole number from 0 on"),
            (
                "from=1&to=2&resolution=MIN1",
                "resolution \"MIN1\": expected one of FULL, MIN5, MIN20, MIN60, MIN240, MIN1440",
            ),
            (
                "from=1795843899&to=1795843900&points=1",
                "from \"1795843899\": expected milliseconds since 1970: this looks like seconds; \
                 multiply it by 1000",
            ),
            (
                "from=1&to=2&points=1&select=sum",
                "select \"sum\": expected any of average, variance, min, max and growth, with commas, or text alone",
            ),
            (
                "from=1&to=2&resolution=FULL&select=text,min",
                "select \"text\": expected it alone: a text has no other values",
            ),
            (
                "from=1&to=2&points=1&limit=1441",
                "limit \"1441\": expected a whole number from 1 to 1440",
            ),
            (
                "from=1&to=2&points=1&marker=x",
                "marker \"x\": expected the next_marker of an answer",
            ),
        ] {
            assert_eq!(of(query), Err(message.to_owned()), "{query}");
        }
    }
}
