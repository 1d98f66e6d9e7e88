//! The dimensions that every metric carries.

use super::{Problems, metric, name};
use crate::config::cli::Cli;
use crate::config::typed::Typed;
use crate::model::Numbers;

/// One dimension: a name and a value that CloudWatch takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    pub name: String,
    pub value: String,
}

/// The dimension that the service's name is the value of.
pub const SERVICE_NAME: &str = "ServiceName";

/// A metric takes this many dimensions (API reference of `MetricDatum`).
pub const MOST_DIMENSIONS: usize = 30;

/// `ServiceName`, then the dimensions of `--dimension` and of `--tags`.
pub fn all(cli: &Cli, service: Option<String>, problems: &mut Problems) -> Vec<Dimension> {
    let service = service.map(|value| Dimension { name: SERVICE_NAME.into(), value });
    let mut dimensions: Vec<_> = service.into_iter().collect();
    let joined = cli.values("dimension").into_iter().map(|typed| vec![typed]);
    for typed in joined.chain(cli.occurrences("tags")) {
        match parse(&typed).and_then(|dimension| check(dimension, &dimensions)) {
            Ok(dimension) => dimensions.push(dimension),
            Err(expected) => problems.add(&as_one(&typed), &expected),
        }
    }
    dimensions
}

/// Checks that no dimension has the name of another member of an Embedded Metric Format line.
pub fn check_emf(dimensions: &[Dimension], numbers: Numbers, problems: &mut Problems) {
    let taken = |name: &str| name == "_aws" || metric::is_published(name, numbers);
    for dimension in dimensions.iter().filter(|dimension| taken(&dimension.name)) {
        let typed = Typed::new(&*dimension.name, "the dimension");
        problems.add(&typed, "a name that is not _aws or a metric's, for --publish emf");
    }
}

/// A name and a value, typed one after the other or joined by `=`.
fn parse(typed: &[Typed]) -> Result<Dimension, String> {
    let (name, value) = match typed {
        [name, _] if name.text.contains('=') => return Err(NO_EQUALS.into()),
        [name, value] => (name.text.as_str(), value.text.as_str()),
        [joined] => joined.text.split_once('=').ok_or(NAME_AND_VALUE)?,
        _ => return Err("a name and a value".into()),
    };
    // A list in a variable often has blanks after its commas, which are no part of a name.
    let (name, value) = (name.trim(), value.trim());
    let name = name::dimension_name(name).map_err(|expected| format!("for NAME {expected}"))?;
    let value = name::dimension_value(value).map_err(|expected| format!("for VALUE {expected}"))?;
    Ok(Dimension { name, value })
}

fn check(dimension: Dimension, others: &[Dimension]) -> Result<Dimension, String> {
    if dimension.name == SERVICE_NAME {
        return Err("a name other than ServiceName, which --service sets".into());
    }
    if others.iter().any(|other| other.name == dimension.name) {
        return Err("each dimension name once".into());
    }
    if others.len() == MOST_DIMENSIONS {
        return Err(format!("at most {MOST_DIMENSIONS} dimensions, ServiceName included"));
    }
    Ok(dimension)
}

/// Each comma begins another dimension, in the option as in its variable.
const NAME_AND_VALUE: &str = "NAME=VALUE; where a value has a comma, write --tags NAME VALUE";

const NO_EQUALS: &str = "a name without = and then its value; write --tags once for each dimension";

/// The values of one use of an option, as they were typed.
fn as_one(typed: &[Typed]) -> Typed {
    let texts = |of: fn(&Typed) -> &str| typed.iter().map(of).collect::<Vec<_>>().join(" ");
    let origin = typed.first().map(|first| first.origin.clone()).unwrap_or_default();
    let is_in_file = typed.first().is_some_and(|first| first.is_in_file);
    let literal = typed.iter().any(|of| of.literal.is_some()).then(|| texts(Typed::shown));
    Typed { text: texts(|of| &of.text), origin, is_in_file, literal }
}
