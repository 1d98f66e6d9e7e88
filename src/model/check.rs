//! What a check is: its type, what can be set of it, and what a run of it gives.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::{Details, Kind, Quantity, Setting, Unit};

/// A configured measurement that runs again and again.
pub trait Check {
    /// One run. It is dropped when it takes too long, and then the next one must be able to run. The
    /// error says why there is no result.
    fn run(&mut self) -> Running<'_>;

    /// What is wrong with its details, so that no run can succeed. It reads nothing.
    fn mistake(&self) -> Option<String> {
        None
    }

    /// What the run waits for, as `the end of the answer`: said of one that takes too long.
    fn awaited(&self) -> Option<&'static str> {
        None
    }

    /// What it does from one run to the next while it is enabled, such as taking what is sent to it. It may
    /// be dropped at any time and begun again.
    fn wait(&mut self) -> Waiting<'_> {
        Box::pin(std::future::pending())
    }

    /// What has come since the last run, as the agent ends; nothing where a run is all that there is.
    fn last(&mut self) -> Option<Findings> {
        None
    }

    /// Where it takes what others have measured, if it does.
    fn mailbox(&self) -> Option<Rc<dyn Mailbox>> {
        None
    }
}

/// Never ends by itself.
pub type Waiting<'a> = Pin<Box<dyn Future<Output = Infallible> + 'a>>;

/// A run that is under way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Findings, String>> + 'a>>;

/// What a run found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    pub values: Vec<Finding>,
    /// The declared metrics that have no value here, each with the reason.
    pub absent: Vec<(&'static str, String)>,
    /// What the values are made of: where it is from, and the text or number that stands there.
    pub raw: Vec<(String, String)>,
    /// What there is to say; nothing for `success`.
    pub status: Option<String>,
    /// When the values were read, where that was not now.
    pub time: Option<SystemTime>,
    /// Whether what was measured says of itself that it is unavailable. The values are then shown where one
    /// asks for them, and neither kept nor published.
    pub is_unavailable: bool,
}

/// A value that a run found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The name of the metric within the check.
    pub name: Cow<'static, str>,
    /// What the value is of, where one check measures several things: name and value of each dimension.
    pub dimensions: Dimensions,
    /// Unit and kind of a metric that the type does not declare.
    pub discovered: Option<Discovered>,
    pub quantity: Quantity,
}

/// Names and values that tell the metrics of one name apart.
pub type Dimensions = Vec<(Cow<'static, str>, Rc<str>)>;

/// What is said of a metric that the type does not declare.
#[derive(Clone, Debug, PartialEq)]
pub struct Discovered {
    pub unit: Unit,
    /// The unit as it was given, where it has no name here.
    pub unit_word: Option<Rc<str>>,
    pub kind: Kind,
    /// The type of its value, such as `int64`.
    pub form: &'static str,
}

impl Discovered {
    /// A number without a unit that stands for itself.
    pub const NUMBER: Self =
        Self { unit: Unit::None, unit_word: None, kind: Kind::Gauge, form: "double" };
}

impl Findings {
    /// Adds a number of a declared metric.
    pub fn number(&mut self, name: &'static str, value: f64) {
        self.add(name, Quantity::Number(value));
    }

    /// Adds a text of a declared metric.
    pub fn text(&mut self, name: &'static str, value: impl Into<String>) {
        self.add(name, Quantity::Text(value.into()));
    }

    /// Notes why a declared metric has no value.
    pub fn absent(&mut self, name: &'static str, reason: impl Into<String>) {
        self.absent.push((name, reason.into()));
    }

    /// Notes what values are made of.
    pub fn raw(&mut self, origin: impl Into<String>, value: impl fmt::Display) {
        self.raw.push((origin.into(), value.to_string()));
    }

    fn add(&mut self, name: &'static str, quantity: Quantity) {
        self.values.push(Finding {
            name: name.into(),
            dimensions: Vec::new(),
            discovered: None,
            quantity,
        });
    }
}

/// A value that somebody hands to a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Pushed {
    /// The name of the metric within the check.
    pub name: String,
    pub dimensions: Dimensions,
    /// Where it is not said, it is as before.
    pub unit: Option<String>,
    /// Where it is not said, it is as before: of a new metric a gauge.
    pub kind: Option<Kind>,
    pub value: f64,
    /// When it was measured.
    pub time: SystemTime,
}

/// Where a check takes what is handed to it, until its next run.
pub trait Mailbox {
    /// Takes a value. `new` is for a metric that the check does not have yet: whether it is published, or why there
    /// may be none. The answer is what the metric is; the error says why the value is not taken.
    fn put(&self, value: &Pushed, new: Result<bool, &'static str>) -> Result<Discovered, String>;

    /// How many of its metrics are to be published, and were in no report so far.
    fn unreported(&self) -> usize;
}

/// The form of what was handed to a check. The API has each value as it was handed in.
pub const PUSHED: &str = "pushed";

/// A type of checks. A new one is a file in the folder of checks and a row in its table.
#[derive(Debug)]
pub struct CheckType {
    /// Such as `agent.filesystem`.
    pub name: &'static str,
    /// What it measures, in one sentence.
    pub about: &'static str,
    /// What can be set of it.
    pub settings: &'static [Setting],
    /// The names of those of which one at least is needed; empty for none.
    pub one_of: &'static [&'static str],
    /// The metrics that are known before it ever ran.
    pub metrics: &'static [Declared],
    /// Whether a run may find others.
    pub discovers: Discovers,
    /// What it can be pointed at here.
    pub targets: Option<ListTargets>,
    /// Makes a check of valid details. Nothing is read yet.
    pub open: fn(&Opening<'_>) -> Box<dyn Check>,
}

/// Whether a type finds metrics that it does not declare, and what is done with them where nothing else is
/// asked for. They have the names that they were found with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovers {
    /// All of its metrics are declared.
    Nothing,
    /// They are kept here.
    Kept,
    /// They are published, as far as `--max-metrics` allows.
    Published,
}

/// What a check is made of.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The id of the check.
    pub id: &'a str,
    pub period: Duration,
    pub details: &'a Details,
    pub roots: &'a Roots,
}

/// Lists targets, or says why they cannot be listed.
pub type ListTargets = fn(&Roots) -> Result<Vec<Target>, String>;

/// Types are told apart by their names.
impl PartialEq for CheckType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A metric that a type of checks always has.
#[derive(Debug)]
pub struct Declared {
    pub name: &'static str,
    pub unit: Unit,
    pub kind: Kind,
    /// Whether its value is a text.
    pub is_text: bool,
    /// Whether it is published where nothing else is asked for.
    pub is_headline: bool,
    /// Where it comes from, and how it is computed.
    pub source: &'static str,
    /// What it needs beyond any Linux; empty for nothing.
    pub since: &'static str,
}

impl Declared {
    /// A value that stands for itself.
    pub const fn gauge(name: &'static str, unit: Unit, source: &'static str) -> Self {
        let (is_text, is_headline) = (false, false);
        Self { name, unit, kind: Kind::Gauge, is_text, is_headline, source, since: "" }
    }

    /// A total that only grows, until what counts is started again.
    pub const fn counter(name: &'static str, unit: Unit, source: &'static str) -> Self {
        Self { kind: Kind::Counter, ..Self::gauge(name, unit, source) }
    }

    /// A text.
    pub const fn text(name: &'static str, source: &'static str) -> Self {
        Self { is_text: true, ..Self::gauge(name, Unit::None, source) }
    }

    /// The same, published by default.
    pub const fn headline(self) -> Self {
        Self { is_headline: true, ..self }
    }

    /// The same with what it needs.
    pub const fn since(self, since: &'static str) -> Self {
        Self { since, ..self }
    }
}

impl CheckType {
    /// What is missing where these are given, a sentence each. `shown` writes a setting with its example.
    pub fn missing(&self, given: &[&str], shown: fn(&Setting) -> String) -> Vec<String> {
        let is_given = |name: &str| given.contains(&name);
        let needed = self.settings.iter().filter(|of| of.is_required && !is_given(of.name));
        let missing = needed.map(|of| {
            format!("{} is missing: {}, such as {}", of.name, of.about_within(), shown(of))
        });
        let needs_one = !self.one_of.is_empty() && !self.one_of.iter().any(|name| is_given(name));
        let one = self.settings.iter().find(|of| self.one_of.contains(&of.name)).map(|first| {
            let names = self.one_of.join(", ");
            format!("expected at least one of {names}, such as {}", shown(first))
        });
        missing.chain(one.filter(|_| needs_one)).collect()
    }

    /// The declared metric of this name.
    pub fn metric(&self, name: &str) -> Option<&'static Declared> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// The default name of a metric in CloudWatch: the last part of the type and the metric, in capitals
    /// and small letters; of a metric that is not declared its own, as far as CloudWatch takes it.
    pub fn published_name(&self, metric: &str) -> String {
        if self.discovers != Discovers::Nothing
            && self.metric(metric).is_none()
            && metric != AVAILABLE
        {
            return name_in_cloudwatch(metric);
        }
        let kind = self.name.rsplit('.').next().unwrap_or(self.name);
        let words = kind.split('_').chain(metric.split(['_', '.', '-', ' ', '/']));
        words.map(capitalized).collect()
    }
}

/// The text with `_` for each character that is not printable ASCII: CloudWatch takes no others.
pub fn ascii(text: &str) -> String {
    text.chars().map(|letter| if matches!(letter, ' '..='~') { letter } else { '_' }).collect()
}

fn name_in_cloudwatch(name: &str) -> String {
    let mut name = ascii(name);
    name.truncate(LONGEST_NAME);
    name
}

/// CloudWatch's limit for the name of a metric.
const LONGEST_NAME: usize = 255;

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Something that a check can be pointed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The value of `target`.
    pub id: String,
    /// The same for people.
    pub label: String,
}

/// Where the kernel's files and the plugins are.
#[derive(Clone, Debug)]
pub struct Roots {
    pub proc: PathBuf,
    pub sys: PathBuf,
    /// The only folder whose files are run as plugins.
    pub plugins: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into(), plugins: PLUGINS.into() }
    }
}

/// Where plugins are looked for if nothing else is asked for.
pub const PLUGINS: &str = "/usr/lib/cloudwatch-metrics-agent/plugins";

/// Every check has this metric beside its own: 1 where it is available, 0 where not. It is published only
/// where it is asked for. A type that declares it may have it published by default; no run finds it.
pub const AVAILABLE: &str = "available";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_cloudwatch_is_made_of_type_and_metric() {
        let of = |name, metric| {
            let open = |_: &Opening<'_>| -> Box<dyn Check> { unreachable!("it is not opened") };
            let of_type = CheckType {
                name,
                about: "",
                settings: &[],
                one_of: &[],
                metrics: &[],
                discovers: if name == "agent.plugin" {
                    Discovers::Kept
                } else {
                    Discovers::Nothing
                },
                targets: None,
                open,
            };
            of_type.published_name(metric)
        };
        assert_eq!(of("agent.filesystem", "used_percent"), "FilesystemUsedPercent");
        assert_eq!(of("agent.load_average", "1m_per_core"), "LoadAverage1mPerCore");
        assert_eq!(of("remote.http", "available"), "HttpAvailable");
        assert_eq!(of("agent.mysql", "threads.connected"), "MysqlThreadsConnected");
        assert_eq!(of("agent.plugin", "jobs.émile"), "jobs._mile");
        assert_eq!(of("agent.plugin", "available"), "PluginAvailable");
    }
}
