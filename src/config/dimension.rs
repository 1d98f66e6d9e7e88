//! The dimensions that every metric carries.

use super::{AutoDimension, Problems, metric, name};
use crate::config::cli::{Cli, Typed};
use crate::model::Numbers;

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

/// `ServiceName`, then the dimensions of `--dimension` and of `--tags`.
pub fn all(cli: &Cli, service: String, problems: &mut Problems) -> Vec<Dimension> {
    let mut dimensions = vec![Dimension { name: SERVICE_NAME.into(), value: service }];
    let joined = cli.values("dimension").into_iter().map(|typed| vec![typed]);
    for typed in joined.chain(cli.occurrences("tags")) {
        match parse(&typed).and_then(|dimension| check(dimension, &dimensions)) {
            Ok(dimension) => dimensions.push(dimension),
            Err(expected) => problems.add(&as_one(typed), &expected),
        }
    }
    dimensions
}

/// Checks the automatic dimensions against the typed ones.
pub fn check_auto(cli: &Cli, typed: &[Dimension], auto: &[AutoDimension], problems: &mut Problems) {
    let Some(option) = cli.value("auto-dimensions") else { return };
    for asked in auto.iter().map(|asked| asked.name()) {
        if typed.iter().any(|dimension| dimension.name == asked) {
            problems.add(&option, &format!("no {asked}, because --dimension sets it"));
        }
    }
    if typed.len() + auto.len() > MOST_DIMENSIONS {
        problems.add(&option, &format!("at most {MOST_DIMENSIONS} dimensions in all"));
    }
}

/// Checks that there is room for the dimension `ContainerName` of `--per-container`.
pub fn check_container(
    cli: &Cli,
    typed: &[Dimension],
    auto: &[AutoDimension],
    problems: &mut Problems,
) {
    let Some(option) = cli.value("per-container") else { return };
    let typed_names = typed.iter().map(|dimension| dimension.name.as_str());
    let mut names = typed_names.chain(auto.iter().map(|asked| asked.name()));
    if names.any(|name| name == AutoDimension::Container.name()) {
        problems.add(&option, "no other dimension named ContainerName");
    }
    if typed.len() + auto.len() >= MOST_DIMENSIONS {
        problems.add(&option, &format!("at most {} other dimensions", MOST_DIMENSIONS - 1));
    }
}

/// `--dimension-set`: names with `+` between them, each of a typed or automatic dimension.
pub fn sets(
    cli: &Cli,
    typed: &[Dimension],
    auto: &[AutoDimension],
    problems: &mut Problems,
) -> Vec<Vec<String>> {
    let names: Vec<_> = typed.iter().map(|dimension| dimension.name.as_str()).collect();
    let names: Vec<_> = names.into_iter().chain(auto.iter().map(|asked| asked.name())).collect();
    let mut sets = Vec::new();
    for typed in cli.values("dimension-set") {
        let mut set: Vec<_> = typed.text.split('+').map(|name| name.trim().to_owned()).collect();
        // A+B and B+A are one set: for CloudWatch, dimensions have no order.
        set.sort_unstable();
        let is_known = |name: &String| names.contains(&name.as_str());
        if !set.iter().all(is_known) || set.windows(2).any(|pair| pair[0] == pair[1]) {
            problems.add(&typed, &format!("any of {}, each once, joined by +", names.join(", ")));
        } else if sets.contains(&set) {
            problems.add(&typed, "each set once");
        } else {
            sets.push(set);
        }
    }
    sets
}

/// Checks that no dimension has the name of another member of an Embedded Metric Format line.
pub fn check_emf(dimensions: &[Dimension], numbers: Numbers, problems: &mut Problems) {
    let taken = |name: &str| name == "_aws" || metric::is_published(name, numbers);
    for dimension in dimensions.iter().filter(|dimension| taken(&dimension.name)) {
        let typed = Typed { text: dimension.name.clone(), origin: "the dimension".into() };
        problems.add(&typed, "a name that is not _aws or a metric's, for --publish emf");
    }
}

/// A name and a value, typed one after the other or joined by `=`.
fn parse(typed: &[Typed]) -> Result<Dimension, String> {
    let (name, value) = match typed {
        [name, value] => (name.text.as_str(), value.text.as_str()),
        [joined] => joined.text.split_once('=').ok_or("NAME=VALUE")?,
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

/// The values of one use of an option, as they were typed.
fn as_one(typed: Vec<Typed>) -> Typed {
    let origin = typed.first().map(|first| first.origin.clone()).unwrap_or_default();
    let texts: Vec<_> = typed.into_iter().map(|typed| typed.text).collect();
    Typed { text: texts.join(" "), origin }
}
