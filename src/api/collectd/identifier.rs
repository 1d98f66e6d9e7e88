//! What a value is called by clients of collectd: `host/plugin-instance/type-instance`.
//!
//! The plugin with its instance is the id of a check, the type says whether it is a counter, and its instance is the
//! name of the metric. A `/` in a name is `%2F`, and so on, so that each name comes back as it was.

use std::fmt;

use crate::api::query::decoded;
use crate::model::{CHECK, Dimensions, Kind, Metric};

/// The name of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identifier {
    pub host: String,
    pub check: String,
    pub form: Form,
    /// The name of the metric within its check and host.
    pub metric: String,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Gauge,
    Derive,
}

impl Form {
    pub fn of(kind: Kind) -> Self {
        if kind == Kind::Counter { Self::Derive } else { Self::Gauge }
    }

    pub fn kind(self) -> Kind {
        Kind::of_total(self == Self::Derive)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Derive => "derive",
        }
    }
}

impl Identifier {
    /// The identifier of a text, or what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split('/').collect();
        let [host, check, of_type] = parts[..] else {
            return Err(format!("Cannot parse identifier `{text}'."));
        };
        if host.is_empty() || check.is_empty() {
            return Err(format!("Cannot parse identifier `{text}'."));
        }
        let (name, metric) = of_type.split_once('-').unwrap_or((of_type, ""));
        let form = match name {
            "gauge" => Form::Gauge,
            "derive" => Form::Derive,
            _ => return Err(format!("Type `{name}' isn't defined: expected gauge or derive.")),
        };
        if metric.is_empty() {
            return Err(format!(
                "Cannot parse identifier `{text}': the type instance, which is the metric, is missing."
            ));
        }
        let [host, check, metric] = [host, check, metric].map(decoded);
        Ok(Self { host, check, form, metric })
    }

    /// The identifier of a metric of this check. What has no host of its own is of this one.
    pub fn of(metric: &Metric, check: &str, own_host: &str) -> Self {
        let mut own = metric.dimensions.iter().filter(|(name, _)| *name != CHECK);
        let (host, name) = match (own.next(), own.next()) {
            (Some((name, host)), None) if *name == HOST && **host != *own_host => {
                (host.to_string(), metric.name.to_string())
            }
            _ => (own_host.to_owned(), metric.full_name()),
        };
        Self { host, check: check.to_owned(), form: Form::of(metric.kind), metric: name }
    }

    /// The whole name of the metric within its check.
    pub fn full_name(&self, own_host: &str) -> String {
        match self.host == own_host {
            true => self.metric.clone(),
            false => format!("{}{{{HOST}={}}}", self.metric, self.host),
        }
    }

    /// The dimensions of a value of this name: one of another host has that.
    pub fn dimensions(&self, own_host: &str) -> Dimensions {
        match self.host == own_host {
            true => Dimensions::new(),
            false => vec![(HOST.into(), self.host.as_str().into())],
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, name, metric) = (encoded(&self.host), self.form.name(), encoded(&self.metric));
        // Clients take a plugin apart at its first `-`, and forget an instance that is empty.
        match self.check.strip_suffix('-') {
            Some(check) => write!(f, "{host}/{}%2D/{name}-{metric}", encoded(check)),
            None => write!(f, "{host}/{}/{name}-{metric}", encoded(&self.check)),
        }
    }
}

/// The text with codes for what would end a name or a line, and for what begins a code.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '/' || letter == '%' || letter.is_control() {
            let mut bytes = [0; 4];
            let bytes = letter.encode_utf8(&mut bytes).bytes();
            encoded.extend(bytes.map(|byte| format!("%{byte:02X}")));
        } else {
            encoded.push(letter);
        }
    }
    encoded
}

/// The dimension of values that others hand in for another host.
const HOST: &str = "Host";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::properties::repeatable;

    fn of(host: &str, check: &str, metric: &str) -> Identifier {
        let [host, check, metric] = [host, check, metric].map(str::to_owned);
        Identifier { host, check, form: Form::Gauge, metric }
    }

    #[test]
    fn names_come_back_as_they_were() {
        for (identifier, text) in [
            (of("box", "load", "1m"), "box/load/gauge-1m"),
            (of("box", "my-check", "a-b/c"), "box/my-check/gauge-a-b%2Fc"),
            (of("box", "a-", "-"), "box/a%2D/gauge--"),
            (of("box", "50%", "jobs{queue=a b}"), "box/50%25/gauge-jobs{queue=a b}"),
            (of("box", "x", "a\nb"), "box/x/gauge-a%0Ab"),
        ] {
            assert_eq!(identifier.to_string(), text);
            assert_eq!(Identifier::parse(text), Ok(identifier));
        }
        // Nobody has to encode what is no code.
        assert_eq!(Identifier::parse("box/x/gauge-50%"), Ok(of("box", "x", "50%")));
    }

    #[test]
    fn what_is_no_identifier_says_why() {
        for text in ["load/load", "", "/x/gauge-a", "box//gauge-a", "box/load/gauge-a/x"] {
            let expected = format!("Cannot parse identifier `{text}'.");
            assert_eq!(Identifier::parse(text), Err(expected));
        }
        let expected = "Type `load' isn't defined: expected gauge or derive.";
        assert_eq!(Identifier::parse("box/load/load"), Err(expected.to_owned()));
        for text in ["box/tt/gauge", "box/tt/derive-"] {
            let problem = Identifier::parse(text).expect_err("there is no metric");
            assert!(problem.ends_with("the type instance, which is the metric, is missing."));
        }
    }

    proptest! {
        #![proptest_config(repeatable())]

        #[test]
        fn any_name_comes_back(host in "\\PC{1,9}", check in "[ -~]{1,9}", metric in "[\\PC\n\t/%-]{1,12}") {
            let identifier = of(&host, &check, &metric);
            let text = identifier.to_string();
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(Identifier::parse(&text), Ok(identifier));
        }
    }
}
