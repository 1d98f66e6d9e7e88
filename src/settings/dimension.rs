//! The dimensions that every metric carries.

use super::{Problems, name};
use crate::cli::{Cli, Typed};

/// One dimension: a name and a value that CloudWatch takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    pub name: String,
    pub value: String,
}

/// The dimension that the service's name is the value of.
const SERVICE_NAME: &str = "ServiceName";

/// A metric takes this many dimensions (API reference of `MetricDatum`).
const MOST_DIMENSIONS: usize = 30;

/// `ServiceName`, then those of `--dimension` and of `--tags`.
pub fn all(cli: &Cli, service: String, problems: &mut Problems) -> Vec<Dimension> {
    let mut dimensions = vec![Dimension { name: SERVICE_NAME.into(), value: service }];
    let joined = cli.values("dimension").into_iter();
    let tags = cli.occurrences("tags").into_iter().map(join);
    for typed in joined.chain(tags) {
        match pair(&typed.text) {
            Ok(pair) if pair.name == SERVICE_NAME => {
                problems.add(&typed, "a name other than ServiceName, which --service sets");
            }
            Ok(pair) if dimensions.iter().any(|other| other.name == pair.name) => {
                problems.add(&typed, "each dimension name once");
            }
            Ok(_) if dimensions.len() == MOST_DIMENSIONS => {
                let expected =
                    format!("at most {MOST_DIMENSIONS} dimensions, ServiceName included");
                problems.add(&typed, &expected);
            }
            Ok(pair) => dimensions.push(pair),
            Err(expected) => problems.add(&typed, &expected),
        }
    }
    dimensions
}

/// One use of `--tags`: a name and a value, or the two joined by `=` where they come from the
/// environment.
fn join(values: Vec<Typed>) -> Typed {
    match <[Typed; 2]>::try_from(values) {
        Ok([name, value]) => Typed { text: name.text + "=" + &value.text, origin: name.origin },
        Err(values) => values.into_iter().next().expect("an option that takes values has one"),
    }
}

fn pair(text: &str) -> Result<Dimension, String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE")?;
    let name = name::dimension_name(name).map_err(|expected| format!("as the name {expected}"))?;
    let value =
        name::dimension_value(value).map_err(|expected| format!("as the value {expected}"))?;
    Ok(Dimension { name, value })
}
