//! The status codes with which a check is available.

use std::fmt;

/// Ranges of status codes, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected(Vec<(u16, u16)>);

impl Expected {
    /// Of items such as `200`, `2xx` and `any`. Of none those below 500.
    pub fn of(items: &[String]) -> Result<Self, String> {
        let words = items.iter().flat_map(|item| item.split([',', ' ']));
        let words = words.filter(|word| !word.is_empty());
        let ranges: Vec<_> = words.map(range).collect::<Result<_, _>>()?;
        Ok(Self(if ranges.is_empty() { vec![(100, 499)] } else { ranges }))
    }

    pub fn has(&self, code: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&code))
    }
}

fn range(word: &str) -> Result<(u16, u16), String> {
    let expected =
        || format!("expect_status {word:?}: expected a status code such as 200 or 2xx, or any");
    let word = word.to_ascii_lowercase();
    if word == "any" {
        return Ok((100, 999));
    }
    if let Some(class) = word.strip_suffix("xx") {
        let class = class.parse::<u16>().ok().filter(|class| (1..=9).contains(class));
        return class.map(|class| (class * 100, class * 100 + 99)).ok_or_else(expected);
    }
    let code = word.parse::<u16>().ok().filter(|code| (100..=999).contains(code));
    code.map(|code| (code, code)).ok_or_else(expected)
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().map(|range| match *range {
            (100, 499) => "a status below 500".to_owned(),
            (100, 999) => "any".to_owned(),
            (first, last) if first == last => first.to_string(),
            (first, _) => format!("{}xx", first / 100),
        });
        f.write_str(&shown.collect::<Vec<_>>().join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(items: &[&str]) -> Result<Expected, String> {
        Expected::of(&items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn codes_classes_and_any_are_understood() {
        for (items, expected, others) in [
            (&[][..], &[101, 200, 301, 404, 499][..], &[500, 503, 999][..]),
            (&["2xx", "301"], &[200, 299, 301], &[300, 302, 404, 503]),
            (&["2XX,404"], &[204, 404], &[500]),
            (&["any"], &[200, 599], &[]),
        ] {
            let of = of(items).expect("codes");
            assert!(expected.iter().all(|code| of.has(*code)), "{of}");
            assert!(!others.iter().any(|code| of.has(*code)), "{of}");
        }
        assert_eq!(of(&["2xx", "301"]).map(|of| of.to_string()), Ok("2xx or 301".to_owned()));
        for word in ["0xx", "20x", "ok", "99", "1000", "-1", "200-299"] {
            assert!(of(&[word]).is_err(), "{word}");
        }
    }
}
