//! What a metric is called outside: its whole name within its check, and the letter of its type.

use std::borrow::Cow;

use super::{CHECK, CONTAINER_NAME, Metric, TARGET};

impl Metric {
    /// The letter of the type of its values: `i I l L` for whole numbers, `D` for others, `s` for texts.
    pub fn letter(&self, is_text: bool) -> char {
        match self.form {
            _ if is_text => 's',
            "int32" => 'i',
            "uint32" => 'I',
            "int64" => 'l',
            "uint64" => 'L',
            _ => 'D',
        }
    }

    /// What of its check it is of: the target or container, or `dimension=value` of each dimension.
    pub fn of_what(&self) -> Option<String> {
        let own: Vec<_> = self.dimensions.iter().filter(|(name, _)| *name != CHECK).collect();
        match &own[..] {
            [] => None,
            [(name, target)] if *name == TARGET || *name == CONTAINER_NAME => {
                Some(target.to_string())
            }
            own => {
                let own = own.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
                Some(own.collect::<Vec<_>>().join(","))
            }
        }
    }

    /// The name with what it is of: `target.name`, `container.name`, or `name{dimension=value}`.
    pub fn full_name(&self) -> String {
        let own: Vec<_> = self.dimensions.iter().filter(|(name, _)| *name != CHECK).collect();
        match &own[..] {
            [] => self.name.to_string(),
            [(name, target)] if *name == TARGET || *name == CONTAINER_NAME => {
                format!("{target}.{}", self.name)
            }
            _ => format!("{}{{{}}}", self.name, self.of_what().unwrap_or_default()),
        }
    }
}

/// With a backslash in front of what ends a value, so that other values never make the same name.
fn escaped(value: &str) -> Cow<'_, str> {
    const ENDS: [char; 4] = ['\\', ',', '=', '}'];
    if !value.contains(ENDS) {
        return value.into();
    }
    let escaped =
        value.chars().flat_map(|one| ENDS.contains(&one).then_some('\\').into_iter().chain([one]));
    escaped.collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::super::Number;
    use super::*;

    #[test]
    fn values_of_dimensions_never_make_the_name_of_another_metric() {
        let name = |dimensions: &[(&'static str, &'static str)]| {
            let dimensions = dimensions.iter().map(|(name, of)| ((*name).into(), (*of).into()));
            Metric { dimensions: dimensions.collect(), name: "a".into(), ..Number::Cpu.of(None) }
                .full_name()
        };
        assert_eq!(name(&[("x", "1"), ("y", "2")]), "a{x=1,y=2}");
        assert_eq!(name(&[("x", "1,y=2")]), r"a{x=1\,y\=2}");
        assert_eq!(name(&[("x", r"}\")]), r"a{x=\}\\}");
    }
}
