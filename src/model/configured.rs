//! A check as it is configured.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{AVAILABLE, CheckType, Details, Unit};

/// One check, valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Configured {
    pub id: String,
    pub kind: &'static CheckType,
    /// Its name for people; the id where none is given.
    pub label: String,
    pub details: Details,
    pub is_disabled: bool,
    /// Names and values of the user's own, which mean nothing here.
    pub metadata: BTreeMap<String, String>,
    /// From the beginning of a run to the beginning of the next.
    pub period: Duration,
    /// A run that takes longer is given up. It is shorter than the period.
    pub timeout: Duration,
    pub publish: Publication,
}

/// Which metrics of a check are published, and under which names.
#[derive(Clone, Debug, PartialEq)]
pub enum Publication {
    /// All of them, under the names that the type gives.
    All,
    /// Those with a name in CloudWatch, by their own names.
    Some(BTreeMap<String, String>),
}

impl Publication {
    /// The headline metrics of a type.
    pub fn of_headlines(kind: &CheckType) -> Self {
        let headlines = kind.metrics.iter().filter(|metric| metric.is_headline);
        let named = headlines.map(|of| (of.name.to_owned(), kind.published_name(of.name)));
        Self::Some(named.collect())
    }
}

impl Configured {
    /// The name in CloudWatch of one of its metrics, if that is published.
    pub fn published_name(&self, metric: &str) -> Option<String> {
        match &self.publish {
            Publication::All if metric == AVAILABLE => None,
            Publication::All => Some(self.kind.published_name(metric)),
            Publication::Some(names) => names.get(metric).cloned(),
        }
    }

    /// The names in CloudWatch and units of the published metrics that are known before it ever ran; none
    /// of a check that is disabled.
    pub fn declared(&self) -> Vec<(String, Unit)> {
        let of_type = self.kind.metrics.iter().filter(|metric| !metric.is_text);
        let units = of_type.map(|metric| (metric.name, metric.unit.published(metric.kind)));
        let available = [(AVAILABLE, Unit::Count)].into_iter();
        let is_own = self.kind.metric(AVAILABLE).is_some();
        let all = units.chain(available.filter(|_| !is_own));
        let all = all.filter(|_| !self.is_disabled);
        all.filter_map(|(metric, unit)| Some((self.published_name(metric)?, unit))).collect()
    }
}
