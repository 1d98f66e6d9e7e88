//! What the configuration files say.

use std::collections::BTreeMap;

use super::problems::Problem;
use super::typed::Typed;
use crate::alarm::Alarm;
use crate::model::Configured;

/// What stands in all configuration files.
#[derive(Debug, Default)]
pub struct Files {
    /// The values of each option, one list for each time that it is used.
    pub options: BTreeMap<String, Vec<Vec<Typed>>>,
    /// Those that are valid, in the order of the files.
    pub checks: Vec<Configured>,
    /// The same of the alarms of these.
    pub alarms: Vec<Alarm>,
    pub problems: Vec<Problem>,
    /// What is most likely a mistake, a sentence each.
    pub warnings: Vec<String>,
    /// Where each option and each check stands.
    pub places: BTreeMap<String, String>,
}

impl Files {
    /// The values of an option, one list for each time that it is used.
    pub fn values(&self, option: &str) -> Vec<Vec<Typed>> {
        self.options.get(option).cloned().unwrap_or_default()
    }
}
