//! An alarm as it is configured.

use std::collections::BTreeMap;

use super::criteria::Criteria;
use crate::model::{ALARM, Kind, Metric, Number, Unit};

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
    /// Whether its state is published as a metric.
    pub publishes: bool,
    /// The plan of those who are told of a change.
    pub notification_plan: Option<String>,
    /// Names and values of the user's own, which mean nothing here.
    pub metadata: BTreeMap<String, String>,
}

impl Alarm {
    /// The metric of its state, where that is published. Its only dimension of its own is the id, which no two alarms
    /// have in common.
    pub fn published(&self) -> Option<Metric> {
        let is_published = self.publishes && !self.is_disabled;
        is_published.then(|| Metric {
            check: self.check.clone().into(),
            check_type: "agent.alarm",
            name: "alarm_state".into(),
            unit: Unit::None,
            kind: Kind::Gauge,
            dimensions: vec![(ALARM.into(), self.id.as_str().into())],
            published: Some(PUBLISHED.into()),
            ..Number::Cpu.of(None)
        })
    }

    /// Whether another one asks the same of the same check. Criteria are their text.
    pub fn is_same_question(&self, other: &Self) -> bool {
        self.check == other.check && self.text == other.text
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        let all = |of: &Self| {
            let texts = [&of.id, &of.label].map(Clone::clone);
            let flags = (of.is_disabled, of.publishes);
            (texts, flags, of.notification_plan.clone(), of.metadata.clone())
        };
        self.is_same_question(other) && all(self) == all(other)
    }
}

/// The name of the states in CloudWatch.
const PUBLISHED: &str = "AlarmState";
