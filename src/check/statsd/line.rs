//! One line of StatsD: `name:value|type|@rate|#tag:value,tag`.
//!
//! Format: StatsD's docs/metric_types.md, and "DogStatsD datagram format" of Datadog for tags, several values
//! in a line, `h` and `d`.

use super::MOST_TAGS;

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'l> {
    pub name: &'l str,
    pub values: &'l str,
    pub kind: Kind,
    /// For how many events it stands.
    pub weight: f64,
    /// Names and values. One without a value has `true`.
    pub tags: Vec<(&'l str, &'l str)>,
}

/// What is made of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Counter,
    Gauge,
    /// Milliseconds.
    Timer,
    /// Values of no unit.
    Histogram,
    Set,
}

/// Whether a line is an event or the state of a service, which are no numbers.
pub fn is_foreign(line: &str) -> bool {
    line.starts_with("_e{") || line.starts_with("_sc|")
}

/// The line, or what was expected.
pub fn parse(line: &str) -> Result<Line<'_>, &'static str> {
    // Names and tags are kept for an hour, so their lengths bound what a series needs.
    if line.len() > LONGEST_LINE {
        return Err("a line of at most 8192 bytes");
    }
    let mut fields = line.split('|');
    let (name, values) = fields.next().and_then(|field| field.split_once(':')).ok_or(EXPECTED)?;
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err("a name of 1 to 255 bytes");
    }
    let kind = match fields.next().ok_or(EXPECTED)? {
        "c" => Kind::Counter,
        "g" => Kind::Gauge,
        "ms" => Kind::Timer,
        "h" | "d" => Kind::Histogram,
        "s" => Kind::Set,
        _ => return Err("a type of c, g, ms, h, d or s"),
    };
    let (mut weight, mut tags) = (1.0, Vec::new());
    for field in fields {
        if let Some(rate) = field.strip_prefix('@') {
            let rate: f64 = rate.parse().map_err(|_| RATE)?;
            if !(LOWEST_RATE..=1.0).contains(&rate) {
                return Err(RATE);
            }
            weight = 1.0 / rate;
        } else if let Some(list) = field.strip_prefix('#') {
            let all = list.split(',').filter(|tag| !tag.is_empty());
            tags = all.map(tag).collect::<Result<_, _>>()?;
            // In any order they are the same.
            tags.sort_unstable();
            tags.dedup_by_key(|(name, _)| *name);
            if tags.len() > MOST_TAGS {
                return Err("at most 20 tags");
            }
        }
        // The container and the time of it, and what later versions add, is of no use here.
    }
    let is_number = |text: &str| text.parse().is_ok_and(|number: f64| number.is_finite());
    if kind != Kind::Set && !values.split(':').all(is_number) {
        return Err("a number");
    }
    Ok(Line { name, values, kind, weight, tags })
}

/// Name and value. CloudWatch takes no empty value.
fn tag(tag: &str) -> Result<(&str, &str), &'static str> {
    let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err("names of tags of 1 to 255 bytes");
    }
    if value.len() > LONGEST_VALUE {
        return Err("values of tags of at most 1024 bytes");
    }
    Ok((name, if value.is_empty() { "true" } else { value }))
}

const EXPECTED: &str = "name:value|type, such as jobs:1|c";
const RATE: &str = "a rate from 0.000001 to 1";

/// One line never stands for more than a million: a mistake must not outweigh all that others send.
const LOWEST_RATE: f64 = 1e-6;

/// CloudWatch's limit for the name of a metric and for that of a dimension.
const LONGEST_NAME: usize = 255;

/// CloudWatch's limit for the value of a dimension.
const LONGEST_VALUE: usize = 1024;

/// As long as the datagrams that clients make.
const LONGEST_LINE: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_documents_are_understood() {
        let line = |name, values, kind| Line { name, values, kind, weight: 1.0, tags: vec![] };
        for (text, expected) in [
            ("gorets:1|c", line("gorets", "1", Kind::Counter)),
            ("gorets:1|c|@0.000001", Line { weight: 1e6, ..line("gorets", "1", Kind::Counter) }),
            ("gorets:1|c|@0.1", Line { weight: 10.0, ..line("gorets", "1", Kind::Counter) }),
            ("glork:320|ms|@0.5", Line { weight: 2.0, ..line("glork", "320", Kind::Timer) }),
            ("gaugor:-10|g", line("gaugor", "-10", Kind::Gauge)),
            ("uniques:765|s", line("uniques", "765", Kind::Set)),
            ("song.length:240:234|h", line("song.length", "240:234", Kind::Histogram)),
            (
                "users.online:1|c|#country:china,beta,az:a:b|c:ci-1|T1656581400",
                Line {
                    tags: vec![("az", "a:b"), ("beta", "true"), ("country", "china")],
                    ..line("users.online", "1", Kind::Counter)
                },
            ),
            ("a:1|d|#", line("a", "1", Kind::Histogram)),
            ("u:any text|s", line("u", "any text", Kind::Set)),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        assert!(
            is_foreign("_e{5,4}:title|text") && is_foreign("_sc|Redis|2") && !is_foreign("_a:1|c")
        );
    }

    #[test]
    fn what_is_no_line_says_what_was_expected() {
        for (text, expected) in [
            ("hello", EXPECTED),
            ("a:1", EXPECTED),
            (":1|c", "a name of 1 to 255 bytes"),
            ("a:x|c", "a number"),
            ("a:1:x|h", "a number"),
            ("a:nan|g", "a number"),
            ("a:|g", "a number"),
            ("a:1|x", "a type of c, g, ms, h, d or s"),
            ("a:1|c|@0", RATE),
            ("a:1|ms|@1e-19", RATE),
            ("a:1|c|@0.0000009", RATE),
            ("a:1|c|@nan", RATE),
            ("a:1|c|@2", RATE),
            ("a:1|c|@x", RATE),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
        let long = |length| "x".repeat(length);
        for (text, expected) in [
            (format!("{}:1|c", long(256)), "a name of 1 to 255 bytes"),
            ("a:1|c|#:v".to_owned(), "names of tags of 1 to 255 bytes"),
            (format!("a:1|c|#{}:v", long(256)), "names of tags of 1 to 255 bytes"),
            (format!("a:1|c|#t:{}", long(1025)), "values of tags of at most 1024 bytes"),
            (format!("a:{}|s", long(8189)), "a line of at most 8192 bytes"),
        ] {
            assert_eq!(parse(&text), Err(expected));
        }
        for text in [format!("a:1|c|#{}:{}", long(255), long(1024)), format!("a:{}|s", long(8188))]
        {
            assert!(parse(&text).is_ok());
        }
    }
}
