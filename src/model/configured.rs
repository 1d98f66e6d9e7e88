//! A check as it is configured.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::published::{RESERVED, fit, free_name};
use super::{
    AVAILABLE, CHECK, Check, CheckType, Declared, Details, Discovered, Discovers, Kind, Metric,
    Opening, Roots, Unit,
};

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

/// A minute, as often as a window is published by default.
pub const DEFAULT_CHECK_PERIOD: Duration = Duration::from_secs(60);

/// The timeout of a check with a period of a minute or more; else it is half of the period.
pub const DEFAULT_CHECK_TIMEOUT: Duration = Duration::from_secs(30);

/// Which metrics of a check are published, and under which names.
#[derive(Clone, Debug, PartialEq)]
pub enum Publication {
    /// All of them, under the names that the type gives.
    All,
    /// The headline metrics, and all that the type does not declare.
    Discovered,
    /// Those with a name in CloudWatch, by their own names.
    Some(BTreeMap<String, String>),
}

impl Publication {
    /// What a type publishes where nothing else is asked for: its headline metrics, or all.
    pub fn by_default(kind: &CheckType) -> Self {
        if kind.discovers == Discovers::Published {
            return Self::Discovered;
        }
        let headlines = kind.metrics.iter().filter(|metric| metric.is_headline);
        let mut named = BTreeMap::new();
        named.extend(headlines.map(|of| (of.name.to_owned(), kind.published_name(of.name))));
        Self::Some(named)
    }
}

impl Configured {
    /// A check of a type with these details, whose id is the name of the type, and that publishes nothing.
    pub fn of(kind: &'static CheckType, details: Details) -> Self {
        Self {
            id: kind.name.to_owned(),
            kind,
            label: kind.name.to_owned(),
            details,
            is_disabled: false,
            metadata: BTreeMap::new(),
            period: DEFAULT_CHECK_PERIOD,
            timeout: DEFAULT_CHECK_TIMEOUT,
            publish: Publication::Some(BTreeMap::new()),
        }
    }

    /// Makes it. Nothing is read yet.
    pub fn open(&self, roots: &Roots) -> Box<dyn Check> {
        let Self { id, period, details, .. } = self;
        (self.kind.open)(&Opening { id, period: *period, details, roots })
    }

    /// What is wrong with its details, so that no run can succeed.
    pub fn mistake(&self) -> Option<String> {
        self.open(&Roots::default()).mistake()
    }

    /// The name in CloudWatch of one of its metrics, if that is published.
    pub fn published_name(&self, metric: &str) -> Option<String> {
        match &self.publish {
            Publication::All if metric == AVAILABLE && self.kind.metric(metric).is_none() => None,
            Publication::All => Some(self.kind.published_name(metric)),
            Publication::Discovered if metric == AVAILABLE => None,
            Publication::Discovered => {
                let is_published = self.kind.metric(metric).is_none_or(|of| of.is_headline);
                is_published.then(|| self.kind.published_name(metric))
            }
            Publication::Some(names) => names.get(metric).cloned(),
        }
    }

    /// One of its metrics, with the dimensions that it has beside that of the check. One that was discovered
    /// and that CloudWatch does not take says why it is not published.
    pub fn metric(
        &self,
        name: Cow<'static, str>,
        own: &[(Cow<'static, str>, Rc<str>)],
        discovered: Discovered,
    ) -> Metric {
        let metric = self.unpublished(name, own, discovered);
        let is_wanted = match &self.publish {
            Publication::Some(names) => names.contains_key(&*metric.name),
            Publication::All | Publication::Discovered => true,
        };
        let fit = match self.published_name(&metric.name) {
            _ if metric.name == AVAILABLE && is_wanted => Err(RESERVED),
            Some(name) => fit(&name, &metric.dimensions),
            None => return metric,
        };
        match fit {
            Ok((name, dimensions)) => Metric { published: Some(name), dimensions, ..metric },
            Err(why) => Metric { refused: Some(why), ..metric },
        }
    }

    /// The agent's own metric of whether the check is available, where it is published.
    pub fn availability(&self) -> Option<Metric> {
        let published = Some(self.published_name(AVAILABLE)?.into());
        let declared = self.kind.metric(AVAILABLE);
        let (unit, kind) = declared.map_or((Unit::Count, Kind::Gauge), |of| (of.unit, of.kind));
        let discovered = Discovered { unit, kind, ..Discovered::NUMBER };
        let metric = self.unpublished(AVAILABLE.into(), &[], discovered);
        Some(Metric { published, is_availability: true, ..metric })
    }

    fn unpublished(
        &self,
        name: Cow<'static, str>,
        own: &[(Cow<'static, str>, Rc<str>)],
        Discovered { unit, unit_word, kind, form }: Discovered,
    ) -> Metric {
        let own = own.iter().map(|(name, value)| {
            // The check has one of its own.
            match free_name(name, [CHECK].into_iter()) {
                Cow::Borrowed(_) => (name.clone(), value.clone()),
                Cow::Owned(name) => (name.into(), value.clone()),
            }
        });
        let id: Rc<str> = Rc::from(&*self.id);
        Metric {
            check: self.id.clone().into(),
            check_type: self.kind.name,
            name,
            unit,
            unit_word,
            form,
            kind,
            dimensions: [(CHECK.into(), id)].into_iter().chain(own).collect(),
            published: None,
            is_availability: false,
            refused: None,
        }
    }

    /// How many metrics are published that its type does not declare, as far as `publish` names them.
    pub fn named_to_discover(&self) -> usize {
        match &self.publish {
            Publication::Some(names) if !self.is_disabled => {
                let is_discovered =
                    |name: &&String| *name != AVAILABLE && self.kind.metric(name).is_none();
                names.keys().filter(is_discovered).count()
            }
            _ => 0,
        }
    }

    /// Whether it publishes what it finds, of which nothing is known before it runs.
    pub fn publishes_what_it_finds(&self) -> bool {
        let is_all = matches!(self.publish, Publication::All | Publication::Discovered);
        !self.is_disabled && is_all && !matches!(self.kind.discovers, Discovers::Nothing)
    }

    /// The published metrics that are known before it ever ran; none of a check that is disabled.
    pub fn declared(&self) -> Vec<Metric> {
        if self.is_disabled {
            return Vec::new();
        }
        let is_own = self.kind.metric(AVAILABLE).is_some();
        let of_type = self.kind.metrics.iter().filter(|metric| !metric.is_text);
        let of_type = of_type.filter_map(|Declared { name, unit, kind, .. }| match *name {
            AVAILABLE => self.availability(),
            name => {
                let declared = Discovered { unit: *unit, kind: *kind, ..Discovered::NUMBER };
                Some(self.metric(name.into(), &[], declared))
            }
        });
        let available = self.availability().filter(|_| !is_own);
        of_type.chain(available).filter(|metric| metric.published.is_some()).collect()
    }
}
