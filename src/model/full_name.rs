//! The whole name of a metric within its check.

use super::{CHECK, CONTAINER_NAME, Metric, TARGET};

impl Metric {
    /// The name with what it is of: `target.name`, `container.name`, or `name{dimension=value}`.
    pub fn full_name(&self) -> String {
        let own: Vec<_> = self.dimensions.iter().filter(|(name, _)| *name != CHECK).collect();
        match &own[..] {
            [] => self.name.to_string(),
            [(name, target)] if *name == TARGET || *name == CONTAINER_NAME => {
                format!("{target}.{}", self.name)
            }
            own => {
                let own = own.iter().map(|(name, value)| format!("{name}={value}"));
                format!("{}{{{}}}", self.name, own.collect::<Vec<_>>().join(","))
            }
        }
    }
}
