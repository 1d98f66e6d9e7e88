//! What the configuration files say.

use std::collections::BTreeMap;

use super::problems::Problem;
use super::text::Source;
use super::typed::Typed;
use crate::alarm::Alarm;
use crate::model::Configured;
use crate::notification;
use crate::sorted::set_of;
use crate::threshold::Threshold;

/// What stands in all configuration files.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The texts of those that could be read.
    pub sources: Vec<Source>,
    /// The values of each option, one list for each time that it is used.
    pub options: BTreeMap<String, Vec<Vec<Typed>>>,
    /// Those that are valid, in the order of the files.
    pub checks: Vec<Configured>,
    /// The same of the alarms of these.
    pub alarms: Vec<Alarm>,
    pub thresholds: Vec<Threshold>,
    /// The same of all that is of notifications.
    pub notifications: notification::Configured,
    /// The notifications that plans name, and the plans that alarms name.
    pub named_notifications: Vec<Named>,
    pub named_plans: Vec<Named>,
    pub problems: Vec<Problem>,
    /// What is most likely a mistake, a sentence each.
    pub warnings: Vec<String>,
    /// Where each option and each check stands.
    pub places: BTreeMap<String, String>,
}

/// A name that has to be that of something else.
#[derive(Clone, Debug)]
pub struct Named {
    /// Where it stands and what it is, such as `agent.yaml:4:7: critical_state`.
    pub origin: String,
    pub id: String,
}

impl Files {
    /// The values of an option, one list for each time that it is used.
    pub fn values(&self, option: &str) -> Vec<Vec<Typed>> {
        self.options.get(option).cloned().unwrap_or_default()
    }

    /// The options that are not the same in others.
    pub fn other_options(&self, others: &Self) -> Vec<String> {
        let texts = |of: &Self, option: &str| -> Vec<Vec<String>> {
            let text = |typed: Vec<Typed>| typed.into_iter().map(|typed| typed.text).collect();
            of.values(option).into_iter().map(text).collect()
        };
        let names = set_of(self.options.keys().chain(others.options.keys()));
        let is_other = |name: &&&String| texts(self, name) != texts(others, name);
        names.iter().filter(is_other).map(|name| (*name).clone()).collect()
    }
}
