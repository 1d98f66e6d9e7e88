//! An alarm as it is configured.

use std::collections::BTreeMap;

use super::criteria::Criteria;

/// An alarm as it is configured, valid.
#[derive(Clone, Debug)]
pub struct Alarm {
    pub id: String,
    /// The id of the check whose results it looks at.
    pub check: String,
    /// Its name for people; the id where none is given.
    pub label: String,
    /// As they were written; empty where the check alone decides.
    pub text: String,
    pub criteria: Criteria,
    pub is_disabled: bool,
    /// Where a change is to be told; nothing does that so far.
    pub notification_plan: Option<String>,
    /// Names and values of the user's own, which mean nothing here.
    pub metadata: BTreeMap<String, String>,
}

impl Alarm {
    /// Whether another one asks the same of the same check. Criteria are their text.
    pub fn is_same_question(&self, other: &Self) -> bool {
        self.check == other.check && self.text == other.text
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        let all = |of: &Self| {
            let texts = [&of.id, &of.label].map(Clone::clone);
            (texts, of.is_disabled, of.notification_plan.clone(), of.metadata.clone())
        };
        self.is_same_question(other) && all(self) == all(other)
    }
}
