//! What a number is, and the table of those that a source can give.

use std::borrow::Cow;
use std::rc::Rc;

use super::Statistic;

/// What is measured: a number with its unit, of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Metric {
    /// The id of the check that it belongs to.
    pub check: Cow<'static, str>,
    /// What it is called within its check.
    pub name: Cow<'static, str>,
    pub unit: Unit,
    pub kind: Kind,
    /// Name and value of each dimension that it has beside those of all metrics.
    pub dimensions: Vec<(Cow<'static, str>, Rc<str>)>,
}

/// The unit of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// 0 to 100.
    Percent,
    Count,
}

/// What the values of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Each value stands for itself.
    Gauge,
    /// Each value is a total since some fixed moment; only differences mean anything.
    Counter,
}

/// The check that the source feeds.
pub const UTILIZATION: &str = "utilization";

/// The dimension that tells the metrics of a container from those of its task.
pub const CONTAINER_NAME: &str = "ContainerName";

/// Makes the type and its table of one row for each number.
macro_rules! numbers {
    ($($(#[$doc:meta])* $number:ident: $word:literal, $label:literal, $unit:ident, $kind:ident,
       $published:literal, $maximum:expr;)*) => {
        /// A number that a source can give.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Number {
            $($(#[$doc])* $number,)*
        }

        impl Number {
            /// All of them, in the order in which they are published.
            pub const ALL: &[Self] = &[$(Self::$number),*];

            fn row(self) -> &'static Row {
                match self {
                    $(Self::$number => &Row {
                        word: $word,
                        label: $label,
                        unit: Unit::$unit,
                        kind: Kind::$kind,
                        published: $published,
                        maximum: $maximum,
                    },)*
                }
            }
        }
    };
}

// The word of `--metrics`; its name in the log; unit and kind; its names in CloudWatch: that of the
// value, or of the median where it is sampled, and then that of the maximum.
numbers! {
    Cpu: "cpu", "CPU", Percent, Gauge, "CPUUtilization", Some("MaxCPUUtilization");
    Memory: "memory", "memory", Percent, Gauge, "MemoryUtilization", Some("MaxMemoryUtilization");
    /// Of the scheduling periods in which there was something to run, the part in which the quota was
    /// used up.
    Throttling: "throttling", "throttling", Percent, Gauge, "CPUThrottling", None;
    /// Processes that were killed because the memory limit was reached.
    OomKills: "oom-kills", "OOM kills", Count, Counter, "OOMKills", None;
}

struct Row {
    word: &'static str,
    label: &'static str,
    unit: Unit,
    kind: Kind,
    published: &'static str,
    maximum: Option<&'static str>,
}

impl Number {
    /// The number of a word of `--metrics`.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|number| number.word() == word)
    }

    /// What it is chosen by, and called within its check.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// What it is called in a sentence.
    pub fn label(self) -> &'static str {
        self.row().label
    }

    /// Whether it has a value at each sample, and not one a window.
    pub fn is_sampled(self) -> bool {
        self.row().maximum.is_some()
    }

    /// Its name in CloudWatch: that of its only value, or of the median of its samples.
    pub fn published(self) -> &'static str {
        self.row().published
    }

    /// The name of the maximum of its samples.
    pub fn maximum(self) -> Option<&'static str> {
        self.row().maximum
    }

    /// What is published and shown of its values in a window.
    pub fn statistics(self) -> &'static [Statistic] {
        match self.row().kind {
            _ if self.is_sampled() => &[Statistic::Median, Statistic::Maximum],
            Kind::Gauge => &[Statistic::Last],
            Kind::Counter => &[Statistic::Growth],
        }
    }

    /// Its unit.
    pub fn unit(self) -> Unit {
        self.row().unit
    }

    /// The metric of the whole, or of one of its containers.
    pub fn of(self, container: Option<&Rc<str>>) -> Metric {
        let Row { word, unit, kind, .. } = *self.row();
        let dimensions = container.map(|name| (CONTAINER_NAME.into(), name.clone()));
        let dimensions = dimensions.into_iter().collect();
        Metric { check: UTILIZATION.into(), name: word.into(), unit, kind, dimensions }
    }
}

/// Some of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers(u32);

impl Numbers {
    pub fn of(numbers: &[Number]) -> Self {
        Self(numbers.iter().fold(0, |all, number| all | 1 << *number as u32))
    }

    pub fn contains(self, number: Number) -> bool {
        self.0 & 1 << number as u32 != 0
    }

    /// Each of them, in the order in which they are published.
    pub fn iter(self) -> impl Iterator<Item = Number> {
        Number::ALL.iter().copied().filter(move |number| self.contains(*number))
    }
}

impl Metric {
    /// The container that it is of; otherwise it is of the whole.
    pub fn container(&self) -> Option<&Rc<str>> {
        let container = self.dimensions.iter().find(|(name, _)| *name == CONTAINER_NAME);
        container.map(|(_, value)| value)
    }

    /// Whether it is this number, of the whole or of this container.
    pub fn is_of(&self, number: Number, container: Option<&str>) -> bool {
        self.number() == Some(number) && self.container().map(|name| &**name) == container
    }

    /// The number of a source that it is.
    pub fn number(&self) -> Option<Number> {
        Number::of_word(&self.name).filter(|_| self.check == UTILIZATION)
    }
}
