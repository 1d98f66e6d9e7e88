//! Under which names the metrics are published.

use super::cli::Cli;
use super::{AutoDimension, Dimension, Problems, auto_dimension, dimension, dimension_value, name};

/// The namespace and the dimensions of all metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    pub namespace: String,
    /// `ServiceName` first, then the user's own in the order they were given.
    pub dimensions: Vec<Dimension>,
    /// The automatic dimensions, whose values are not known yet.
    pub auto_dimensions: Vec<AutoDimension>,
    /// The names of each set of dimensions that the metrics are published with; none for one set of
    /// all dimensions.
    pub sets: Vec<Vec<String>>,
}

impl Identity {
    pub(super) fn new(cli: &Cli, problems: &mut Problems) -> Self {
        let namespace = problems.required(cli, "namespace", name::namespace);
        let service = problems.required(cli, "service", dimension_value);
        let dimensions = dimension::all(cli, service.unwrap_or_default(), problems);
        let auto_dimensions =
            problems.optional(cli, "auto-dimensions", auto_dimension::auto_dimensions);
        let auto_dimensions = auto_dimensions.unwrap_or_default();
        dimension::check_auto(cli, &dimensions, &auto_dimensions, problems);
        let sets = dimension::sets(cli, &dimensions, &auto_dimensions, problems);
        Self { namespace: namespace.unwrap_or_default(), dimensions, auto_dimensions, sets }
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
