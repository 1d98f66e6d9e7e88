//! A check as it is configured.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::{AVAILABLE, CHECK, CheckType, Details, Kind, Metric, TARGET, Unit};

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

    /// One of its metrics, of a target where it measures several.
    pub fn metric(
        &self,
        name: Cow<'static, str>,
        target: Option<&Rc<str>>,
        unit: Unit,
        kind: Kind,
    ) -> Metric {
        let id: Rc<str> = Rc::from(&*self.id);
        let target = target.map(|target| (TARGET.into(), target.clone()));
        let published = self.published_name(&name).map(Rc::from);
        let dimensions = [(CHECK.into(), id)].into_iter().chain(target).collect();
        Metric { check: self.id.clone().into(), name, unit, kind, dimensions, published }
    }

    /// The published metrics that are known before it ever ran; none of a check that is disabled.
    pub fn declared(&self) -> Vec<Metric> {
        if self.is_disabled {
            return Vec::new();
        }
        let of_type = self.kind.metrics.iter().filter(|metric| !metric.is_text);
        let of_type = of_type.map(|metric| (metric.name, metric.unit, metric.kind));
        let is_own = self.kind.metric(AVAILABLE).is_some();
        let available = (!is_own).then_some((AVAILABLE, Unit::Count, Kind::Gauge));
        let all = of_type.chain(available);
        let all = all.map(|(name, unit, kind)| self.metric(name.into(), None, unit, kind));
        all.filter(|metric| metric.published.is_some()).collect()
    }
}
