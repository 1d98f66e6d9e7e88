//! Under which names the metrics are published.

use super::cli::Cli;
use super::dimension::{MOST_DIMENSIONS, SERVICE_NAME};
use super::problems::Blame;
use super::{AutoDimension, Dimension, Problems, auto_dimension, dimension, dimension_value, name};
use crate::model::{ALARM, CHECK, Configured, TARGET};

/// The namespace and the dimensions of all metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Nothing where a preview or an explanation is not given one.
    pub namespace: Option<String>,
    /// `ServiceName` first, if it is given, then the user's own in the order they were given.
    pub dimensions: Vec<Dimension>,
    /// The automatic dimensions, whose values are not known yet.
    pub auto_dimensions: Vec<AutoDimension>,
    /// The names of each set of dimensions that the metrics are published with; none for one set of
    /// all dimensions.
    pub sets: Vec<Vec<String>>,
}

impl Identity {
    /// The names, of which some are required.
    pub(super) fn new(cli: &Cli, required: &[&'static str], problems: &mut Problems) -> Self {
        required.iter().for_each(|option| problems.require(cli, option));
        let is_absent = |option: &&str| cli.value(option).is_none();
        if !required.is_empty() && required.iter().all(is_absent) {
            problems.note(Blame::Missing, PREVIEW.to_owned());
        }
        let namespace = problems.optional(cli, "namespace", name::namespace);
        let service = problems.optional(cli, "service", dimension_value);
        let dimensions = dimension::all(cli, service, problems);
        let auto_dimensions =
            problems.optional(cli, "auto-dimensions", auto_dimension::auto_dimensions);
        let auto_dimensions = auto_dimensions.unwrap_or_default();
        check_auto(cli, &dimensions, &auto_dimensions, problems);
        let sets = sets(cli, &dimensions, &auto_dimensions, problems);
        Self { namespace, dimensions, auto_dimensions, sets }
    }

    /// The namespace, or what stands for it where there is none.
    pub fn shown_namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or(NO_NAME)
    }

    /// The names for people, service first, as far as they are given.
    pub fn title(&self) -> Vec<String> {
        let (service, others): (Vec<_>, Vec<_>) =
            self.dimensions.iter().partition(|dimension| dimension.name == SERVICE_NAME);
        let service = service.iter().map(|dimension| format!("service {}", dimension.value));
        let namespace = self.namespace.iter().map(|namespace| format!("namespace {namespace}"));
        let others = others.iter().map(|other| format!("{}={}", other.name, other.value));
        service.chain(namespace).chain(others).collect()
    }

    /// The id of the task or the instance, where that was found.
    pub fn found_id(&self) -> Option<&str> {
        let ids = [AutoDimension::TaskId, AutoDimension::InstanceId];
        let mut ids = ids.iter().filter(|of| self.auto_dimensions.contains(of));
        let value = |id: &AutoDimension| self.dimensions.iter().find(|of| of.name == id.name());
        ids.find_map(value).map(|of| &*of.value)
    }

    /// Whether there is a dimension of the service's name.
    pub fn has_service(&self) -> bool {
        has_service(&self.dimensions)
    }

    /// How many sets of dimensions there are.
    pub fn number_of_sets(&self) -> usize {
        self.sets.len().max(1)
    }

    /// The dimensions of each set that the metrics are published with. Sets with a dimension that
    /// was not found are left out. If none is left, there is one set of all dimensions.
    pub fn dimension_sets(&self) -> Vec<Vec<&Dimension>> {
        let named = |name: &String| self.dimensions.iter().find(|d| d.name == *name);
        let sets = self.sets.iter().filter_map(|set| set.iter().map(named).collect());
        let sets: Vec<_> = sets.collect();
        if sets.is_empty() { vec![self.dimensions.iter().collect()] } else { sets }
    }
}

fn has_service(dimensions: &[Dimension]) -> bool {
    dimensions.iter().any(|dimension| dimension.name == SERVICE_NAME)
}

/// Checks the automatic dimensions against the typed ones.
fn check_auto(cli: &Cli, typed: &[Dimension], auto: &[AutoDimension], problems: &mut Problems) {
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

/// Why there is no room for the dimensions `Check` and `Target` of checks.
pub fn without_room(identity: &Identity) -> Vec<String> {
    let names = identity.dimensions.iter().map(|dimension| dimension.name.as_str());
    let mut names = names.chain(identity.auto_dimensions.iter().map(|asked| asked.name()));
    let taken = names.find(|name| [CHECK, TARGET, ALARM].contains(name)).map(|name| {
        format!("the dimension {name:?}: expected another name: checks have a dimension of it")
    });
    let count = identity.dimensions.len() + identity.auto_dimensions.len();
    let most = MOST_DIMENSIONS - 2;
    let too_many = (count > most).then(|| {
        format!(
            "{count} dimensions, ServiceName included: expected at most {most}, because checks have up to two more"
        )
    });
    taken.into_iter().chain(too_many).collect()
}

/// The published names of a check that another member of an Embedded Metric Format line has.
pub fn taken_in_emf(identity: &Identity, check: &Configured) -> Vec<String> {
    let own = identity.dimensions.iter().map(|dimension| &*dimension.name);
    let found = identity.auto_dimensions.iter().map(|asked| asked.name());
    let fixed = ["_aws", SERVICE_NAME, CHECK, TARGET, ALARM];
    let names: Vec<_> = own.chain(found).chain(fixed).collect();
    let published = check.declared().into_iter().filter_map(|metric| metric.published);
    let taken = published.filter(|name| names.contains(&&**name)).map(|name| {
        format!(
            "check {}: publish {name:?}: expected a name that is not _aws or a dimension's, for --publish emf",
            check.id
        )
    });
    taken.collect()
}

/// `--dimension-set`: names with `+` between them, each of a typed or automatic dimension.
fn sets(
    cli: &Cli,
    typed: &[Dimension],
    auto: &[AutoDimension],
    problems: &mut Problems,
) -> Vec<Vec<String>> {
    // A preview has none, and takes its name all the same.
    let service = (!has_service(typed)).then_some(SERVICE_NAME);
    let typed_names = typed.iter().map(|dimension| dimension.name.as_str());
    let names = service.into_iter().chain(typed_names).chain(auto.iter().map(|of| of.name()));
    let names: Vec<_> = names.collect();
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

/// For who starts it for the first time.
const PREVIEW: &str = "to see what it measures here, without names and AWS, add --dry-run";

/// What stands for a name that is not given.
pub const NO_NAME: &str = "-";
