//! Which values of a bucket are wanted.

use crate::config::did_you_mean;
use crate::store::Bucket;

/// A value of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    Average,
    Min,
    Max,
    Variance,
}

impl Select {
    pub const ALL: [Self; 4] = [Self::Average, Self::Min, Self::Max, Self::Variance];

    pub fn name(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Min => "min",
            Self::Max => "max",
            Self::Variance => "variance",
        }
    }

    pub fn of(self, bucket: &Bucket) -> f64 {
        match self {
            Self::Average => bucket.average,
            Self::Min => bucket.min,
            Self::Max => bucket.max,
            Self::Variance => bucket.variance,
        }
    }
}

/// Several with commas, each once, in the order in which they were typed.
pub fn parse(text: &str) -> Result<Vec<Select>, String> {
    let names = Select::ALL.map(Select::name);
    let mut all = Vec::new();
    for word in text.split(',').map(str::trim) {
        let selected = Select::ALL.into_iter().find(|select| select.name() == word);
        let selected = selected.ok_or_else(|| {
            let near = did_you_mean(word, &names);
            format!("any of average, min, max and variance, with commas, not {word:?}{near}")
        })?;
        if !all.contains(&selected) {
            all.push(selected);
        }
    }
    Ok(all)
}

pub fn default() -> Vec<Select> {
    vec![Select::Average, Select::Min, Select::Max]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_selected_once() {
        assert_eq!(parse("max, average,max"), Ok(vec![Select::Max, Select::Average]));
        let near = "any of average, min, max and variance, with commas, not \"averge\"; did you mean average?";
        assert_eq!(parse("averge"), Err(near.to_owned()));
        let none = "any of average, min, max and variance, with commas, not \"\"";
        assert_eq!(parse("min,"), Err(none.to_owned()));
    }
}
