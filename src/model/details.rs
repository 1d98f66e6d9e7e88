//! What is set of one check, and what can be set of its type.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What is set of one check. Each value is valid for its [`Setting`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details(pub BTreeMap<String, Detail>);

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    Text(String),
    Yes(bool),
    Number(f64),
    Lasting(Duration),
    List(Vec<String>),
    Secret(Secret),
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Something that can be set of a type of checks.
#[derive(Debug)]
pub struct Setting {
    pub name: &'static str,
    pub form: Form,
    /// What it is, in one sentence without an end.
    pub about: &'static str,
    pub is_required: bool,
    /// A value for documents, as YAML.
    pub example: &'static str,
}

/// What a value has to be.
#[derive(Debug)]
pub enum Form {
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    YesOrNo,
    /// A whole number from the first to the second.
    Whole(u64, u64),
    /// Seconds from the first to the second; a unit may stand behind a number.
    Lasting(f64, f64),
    /// The same in milliseconds.
    LastingMilliseconds(f64, f64),
    List,
    /// A text that is never shown.
    Secret,
}

impl Setting {
    /// One that may be left out.
    pub const fn optional(
        name: &'static str,
        form: Form,
        about: &'static str,
        example: &'static str,
    ) -> Self {
        Self { name, form, about, is_required: false, example }
    }

    /// One that has to be there.
    pub const fn required(
        name: &'static str,
        form: Form,
        about: &'static str,
        example: &'static str,
    ) -> Self {
        Self { name, form, about, is_required: true, example }
    }

    /// What it is, within a sentence.
    pub fn about_within(&self) -> String {
        let mut letters = self.about.chars();
        letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
    }
}

impl Details {
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Detail::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether something is switched on.
    pub fn is_on(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Detail::Yes(true)))
    }

    /// Whether something that is on by default is not switched off.
    pub fn is_on_unless_off(&self, name: &str) -> bool {
        !matches!(self.0.get(name), Some(Detail::Yes(false)))
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name)? {
            Detail::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub fn lasting(&self, name: &str) -> Option<Duration> {
        match self.0.get(name)? {
            Detail::Lasting(duration) => Some(*duration),
            _ => None,
        }
    }

    /// Each with its value as a text, but not those that are not to be shown.
    pub fn texts(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().filter_map(|(name, detail)| {
            let text = match detail {
                Detail::Text(text) => text.clone(),
                Detail::Yes(yes) => yes.to_string(),
                Detail::Number(number) => number.to_string(),
                Detail::Lasting(lasting) => lasting.as_millis().to_string(),
                Detail::List(list) => list.join(" "),
                Detail::Secret(_) => return None,
            };
            Some((&**name, text))
        })
    }

    /// A text that is not to be shown.
    pub fn secret(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Detail::Secret(Secret(text)) => Some(text),
            _ => None,
        }
    }

    pub fn list(&self, name: &str) -> &[String] {
        match self.0.get(name) {
            Some(Detail::List(list)) => list,
            _ => &[],
        }
    }
}
