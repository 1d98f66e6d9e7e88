//! What is wrong with a value that somebody hands to a check.

use super::check::{AVAILABLE, Pushed};
use super::metric::CHECK;
use super::published::RESERVED;

impl Pushed {
    /// What is wrong with it, whatever check it is for.
    pub fn mistake(&self) -> Option<String> {
        let name = &self.name;
        let is_fit = |text: &str, most: usize| {
            (1..=most).contains(&text.len())
                && !text.trim().is_empty()
                && !text.chars().any(char::is_control)
        };
        if !is_fit(name, LONGEST_NAME) {
            return Some(format!(
                "metric {:?}: expected 1 to 255 bytes without control characters",
                cut(name)
            ));
        }
        if name == AVAILABLE {
            return Some(RESERVED.to_owned());
        }
        if !self.value.is_finite() {
            return Some(format!("value {}: expected a finite number", self.value));
        }
        if self.dimensions.len() > MOST_DIMENSIONS {
            let count = self.dimensions.len();
            return Some(format!("dimensions: {count} of them, expected at most 20"));
        }
        for (name, value) in &self.dimensions {
            if !is_fit(name, LONGEST_NAME) || name == CHECK {
                return Some(format!(
                    "dimension {:?}: expected a name of 1 to 255 bytes without control characters, other than Check",
                    cut(name)
                ));
            }
            if !is_fit(value, LONGEST_VALUE) {
                return Some(format!(
                    "dimension {name}: expected a value of 1 to 1024 bytes without control characters"
                ));
            }
        }
        let is_long =
            |unit: &String| unit.len() > LONGEST_UNIT || unit.chars().any(char::is_control);
        self.unit.as_ref().filter(|unit| is_long(unit)).map(|unit| {
            format!("unit {:?}: expected at most 64 bytes without control characters", cut(unit))
        })
    }
}

/// The beginning of a text, enough to know it by.
fn cut(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// CloudWatch's limits for the name of a metric, and for the name and the value of a dimension.
const LONGEST_NAME: usize = 255;
const LONGEST_VALUE: usize = 1024;

/// CloudWatch takes 30 dimensions, and the agent's own are among them.
const MOST_DIMENSIONS: usize = 20;

/// More is no unit.
const LONGEST_UNIT: usize = 64;

const SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn mistake(name: &str, dimensions: &[(&str, &str)], unit: Option<&str>, value: f64) -> String {
        let dimensions = dimensions.iter();
        let dimensions = dimensions.map(|(name, of)| ((*name).to_owned().into(), (*of).into()));
        let pushed = Pushed {
            name: name.to_owned(),
            dimensions: dimensions.collect(),
            unit: unit.map(str::to_owned),
            kind: None,
            value,
            time: SystemTime::UNIX_EPOCH,
        };
        pushed.mistake().unwrap_or_default()
    }

    #[test]
    fn what_no_check_can_take_says_what_was_expected() {
        let long = "é".repeat(128);
        let of = |name: &str| mistake(name, &[], None, 1.0);
        for name in ["", " ", "a\nb", "a\u{7f}", &long] {
            assert!(
                of(name).ends_with("expected 1 to 255 bytes without control characters"),
                "{name:?}"
            );
        }
        assert_eq!(of("available"), RESERVED);
        for name in ["jobs", "a/b-c d", "größe", &long[..254]] {
            assert_eq!(of(name), "", "{name:?}");
        }
        assert_eq!(mistake("a", &[], None, f64::NAN), "value NaN: expected a finite number");
        assert_eq!(
            mistake("a", &[], None, f64::NEG_INFINITY),
            "value -inf: expected a finite number"
        );
        let many = [("a", "b"); 21];
        assert_eq!(mistake("a", &many, None, 1.0), "dimensions: 21 of them, expected at most 20");
        for name in ["", "Check", "a\tb"] {
            assert!(
                mistake("a", &[(name, "x")], None, 1.0).starts_with("dimension \""),
                "{name:?}"
            );
        }
        for value in ["", "\r", &"x".repeat(1025)] {
            let said = mistake("a", &[("Queue", value)], None, 1.0);
            assert!(
                said.starts_with("dimension Queue: expected a value of 1 to 1024 bytes"),
                "{said}"
            );
        }
        assert!(mistake("a", &[], Some(&"x".repeat(65)), 1.0).starts_with("unit \"xxx"));
        assert_eq!(mistake("a", &[("Queue", "ü")], Some("jobs"), -0.0), "");
    }
}
