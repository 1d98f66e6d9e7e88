//! One line of the text format of Prometheus (0.0.4) or of OpenMetrics that is a sample.

use std::borrow::Cow;

/// A sample as it stands there.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    pub name: Cow<'a, str>,
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub value: f64,
    /// Milliseconds since 1970 in the one format, seconds in the other.
    pub timestamp: Option<f64>,
}

/// The name of what looks like a sample, without reading all of it: a page may have thousands of lines that
/// nobody wants.
pub fn name_of_likely_sample(line: &str) -> Option<&str> {
    let mut rest = Rest(line);
    let name = rest.name(":_")?;
    let is_followed = rest.0.starts_with(['{', ' ', '\t']);
    let last = line.trim_end().rsplit([' ', '\t']).next()?;
    (is_followed && last.parse::<f64>().is_ok()).then_some(name)
}

/// The sample of a line. The error is what was expected.
pub fn sample(line: &str) -> Result<Sample<'_>, &'static str> {
    let mut rest = Rest(line);
    rest.skip_blanks();
    let mut name = rest.name(":_").map(Cow::Borrowed);
    rest.skip_blanks();
    let mut labels = Vec::new();
    if rest.skip("{") {
        let quoted = rest.labels(&mut labels)?;
        if name.is_some() && quoted.is_some() {
            return Err("one name");
        }
        name = name.or(quoted);
    }
    let name = name.filter(|name| !name.is_empty()).ok_or("NAME{LABELS} VALUE")?;
    let value = rest.word().parse().map_err(|_| "a number after the name and the labels")?;
    let timestamp = match rest.word() {
        "" | "#" => None,
        word => {
            let timestamp = word.parse::<f64>().ok().filter(|timestamp| timestamp.is_finite());
            let timestamp = Some(timestamp.ok_or("a timestamp or nothing after the number")?);
            // Behind it there may be an exemplar.
            if !matches!(rest.word(), "" | "#") {
                return Err("nothing after the timestamp");
            }
            timestamp
        }
    };
    Ok(Sample { name, labels, value, timestamp })
}

/// What has not been read of a line.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn skip(&mut self, sign: &str) -> bool {
        let rest = self.0.strip_prefix(sign);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// All until a blank.
    fn word(&mut self) -> &'a str {
        self.skip_blanks();
        let (word, rest) = self.0.split_at(self.0.find([' ', '\t']).unwrap_or(self.0.len()));
        self.0 = rest;
        word
    }

    /// A name of letters, digits and these signs, if there is one.
    fn name(&mut self, signs: &str) -> Option<&'a str> {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || signs.contains(c);
        let end = self.0.find(|c| !is_of_name(c)).unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at(end);
        let begins_well = name.chars().next().is_some_and(|first| !first.is_ascii_digit());
        self.0 = if begins_well { rest } else { self.0 };
        begins_well.then_some(name)
    }

    /// All until the brace behind the labels, and the name of the metric if it stands among them.
    fn labels(
        &mut self,
        labels: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<Option<Cow<'a, str>>, &'static str> {
        let mut metric = None;
        loop {
            self.skip_blanks();
            if self.skip("}") {
                return Ok(metric);
            }
            let is_quoted = self.0.starts_with('"');
            let name = match is_quoted {
                true => self.quoted()?,
                false => {
                    Cow::Borrowed(self.name("_").ok_or("a label's name, or } after the labels")?)
                }
            };
            self.skip_blanks();
            if self.skip("=") {
                self.skip_blanks();
                let value = self.quoted()?;
                if labels.iter().any(|(other, _)| *other == name) {
                    return Err("each label once");
                }
                labels.push((name, value));
            } else if is_quoted && metric.is_none() {
                metric = Some(name);
            } else {
                return Err("= after a label's name");
            }
            self.skip_blanks();
            if !self.skip(",") && !self.0.starts_with('}') {
                return Err(", or } after a label");
            }
        }
    }

    /// A text in quotes, in which `\` begins a sign that cannot stand for itself.
    fn quoted(&mut self) -> Result<Cow<'a, str>, &'static str> {
        let inner = self.0.strip_prefix('"').ok_or("a label's value in quotes")?;
        let mut is_escaped = false;
        let end = inner.bytes().position(|byte| {
            let is_end = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            is_end
        });
        let (text, rest) = inner.split_at(end.ok_or("a quote after a label's value")?);
        self.0 = rest.strip_prefix('"').unwrap_or(rest);
        Ok(if text.contains('\\') { Cow::Owned(unescaped(text)) } else { Cow::Borrowed(text) })
    }
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => plain.push('\n'),
                Some(sign @ ('\\' | '"')) => plain.push(sign),
                // As Prometheus does with what the format does not have.
                other => plain.extend(['\\'].into_iter().chain(other)),
            },
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(line: &str) -> Vec<(String, String)> {
        let sample = sample(line).expect("a sample");
        sample.labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn names_values_and_timestamps_are_read() {
        for (line, name, value, timestamp) in [
            ("up 1", "up", 1.0, None),
            ("a:b_c9\t-2.5e3\t1700000000000", "a:b_c9", -2500.0, Some(1.7e12)),
            ("  up{}1", "up", 1.0, None),
            ("up{a=\"b\"} 0x", "", 0.0, None),
            ("up +Inf", "up", f64::INFINITY, None),
            ("up_total 5 # {trace=\"x\"} 0.5 1700000000.1", "up_total", 5.0, None),
            ("up_total 5 1700000000.5 # {trace=\"}\"} 0.5", "up_total", 5.0, Some(1_700_000_000.5)),
            ("{\"my.metric\",a=\"b\"} 1", "my.metric", 1.0, None),
        ] {
            match sample(line) {
                Ok(sample) => assert_eq!(
                    (&*sample.name, sample.value, sample.timestamp),
                    (name, value, timestamp)
                ),
                Err(expected) => {
                    assert_eq!((expected, name), ("a number after the name and the labels", ""));
                }
            }
        }
        assert!(sample("up NaN").is_ok_and(|sample| sample.value.is_nan()));
    }

    #[test]
    fn labels_have_escapes_and_blanks() {
        let expected = [("a", "x y}"), ("b", "\"\\\n"), ("c", "")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(labels(r#"m { a = "x y}" , b="\"\\\n",c="",} 1"#), expected);
        assert_eq!(labels(r#"m{a="C:\dir"} 1"#)[0].1, r"C:\dir");
    }

    #[test]
    fn what_is_no_sample_is_told() {
        for (line, expected) in [
            ("<!DOCTYPE html>", "NAME{LABELS} VALUE"),
            ("9x 1", "NAME{LABELS} VALUE"),
            ("x", "a number after the name and the labels"),
            ("x y", "a number after the name and the labels"),
            ("x 1 y", "a timestamp or nothing after the number"),
            ("x 1 2 3", "nothing after the timestamp"),
            ("x{a=b} 1", "a label's value in quotes"),
            ("x{a=\"b} 1", "a quote after a label's value"),
            ("x{a=\"b\" c=\"d\"} 1", ", or } after a label"),
            ("x{a} 1", "= after a label's name"),
            ("x{a=\"1\",a=\"2\"} 1", "each label once"),
            ("x{", "a label's name, or } after the labels"),
            ("x{\"y\"} 1", "one name"),
        ] {
            assert_eq!(sample(line), Err(expected), "{line}");
        }
    }
}
