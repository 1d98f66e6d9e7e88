//! What a number is, and the table of those that a source can give.

use std::borrow::Cow;
use std::rc::Rc;

use super::Statistic;

/// What is measured: a number with its unit, of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Metric {
    /// The id of the check that it belongs to.
    pub check: Cow<'static, str>,
    /// The type of that check, such as `agent.disk`.
    pub check_type: &'static str,
    /// What it is called within its check.
    pub name: Cow<'static, str>,
    pub unit: Unit,
    /// The unit as a program gave it, where it has no name here.
    pub unit_word: Option<Rc<str>>,
    /// The type of its values where it is not that of all numbers here, such as `int64`.
    pub form: &'static str,
    pub kind: Kind,
    /// Name and value of each dimension that it has beside those of all metrics.
    pub dimensions: Vec<(Cow<'static, str>, Rc<str>)>,
    /// The name in CloudWatch of a check's metric that is published. The numbers of a source have theirs
    /// in the table.
    pub published: Option<Rc<str>>,
    /// Whether it is the agent's own metric of whether the check is available. What a check itself calls so is
    /// another one.
    pub is_availability: bool,
    /// Why it is not published, where it otherwise would be, with the cure.
    pub refused: Option<&'static str>,
}

/// The unit of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// 0 to 100.
    Percent,
    Count,
    BytesPerSecond,
    CountPerSecond,
    Bytes,
    /// 1,024 bytes.
    Kilobytes,
    /// 1,048,576 bytes.
    Megabytes,
    Seconds,
    Milliseconds,
    /// Of memory, as large as the kernel's.
    Pages,
    PagesPerSecond,
    /// So much of each second.
    MillisecondsPerSecond,
    /// None, or one that has no name here.
    None,
}

impl Unit {
    /// The unit of a published value: that of a counter is how much it grows in a second.
    pub fn published(self, kind: Kind) -> Self {
        match (kind, self) {
            (Kind::Gauge | Kind::Count | Kind::Distribution, unit) => unit,
            (Kind::Counter, Self::Bytes) => Self::BytesPerSecond,
            (Kind::Counter, Self::Count) => Self::CountPerSecond,
            (Kind::Counter, Self::Pages) => Self::PagesPerSecond,
            (Kind::Counter, Self::Milliseconds) => Self::MillisecondsPerSecond,
            (Kind::Counter, _) => Self::None,
        }
    }

    /// What it is called in a table or behind a value; empty for none.
    pub fn name(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Count => "count",
            Self::BytesPerSecond => "bytes/second",
            Self::CountPerSecond => "count/second",
            Self::Bytes => "bytes",
            Self::Kilobytes => "kilobytes",
            Self::Megabytes => "megabytes",
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Pages => "pages",
            Self::PagesPerSecond => "pages/second",
            Self::MillisecondsPerSecond => "milliseconds/second",
            Self::None => "",
        }
    }
}

/// What the values of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Each value stands for itself.
    Gauge,
    /// Each value is how many there were since the one before: those of a window add up.
    Count,
    /// Each value is a total since some fixed moment; only differences mean anything.
    Counter,
    /// Each value is many values.
    Distribution,
}

impl Kind {
    /// Of what is a total, or is not.
    pub fn of_total(is_total: bool) -> Self {
        if is_total { Self::Counter } else { Self::Gauge }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Gauge | Self::Count => "gauge",
            Self::Counter => "counter",
            Self::Distribution => "distribution",
        }
    }
}

/// The check that the source feeds.
pub const UTILIZATION: &str = "utilization";

/// The dimension whose value is the id of a check.
pub const CHECK: &str = "Check";

/// The dimension whose value is the id of an alarm.
pub const ALARM: &str = "Alarm";

/// The dimension that tells several things apart that one check measures.
pub const TARGET: &str = "Target";

/// The dimension that tells the metrics of a container from those of its task.
pub const CONTAINER_NAME: &str = "ContainerName";

/// Makes the type and its table of one row for each number.
macro_rules! numbers {
    ($($(#[$doc:meta])* $number:ident: $word:literal, $name:literal, $label:literal, $unit:ident, $taken:ident,
       $published:literal;)*) => {
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
                        name: $name,
                        label: $label,
                        unit: Unit::$unit,
                        taken: Taken::$taken,
                        published: $published,
                        maximum: concat!("Max", $published),
                    },)*
                }
            }
        }
    };
}

// The word of `--metrics` that chooses it; its name within its check and in the log; its unit; how its
// values come; its name in CloudWatch: that of the value, or of the median where it is sampled.
numbers! {
    Cpu: "cpu", "cpu", "CPU", Percent, Sampled, "CPUUtilization";
    Memory: "memory", "memory", "memory", Percent, Sampled, "MemoryUtilization";
    /// Of the scheduling periods in which there was something to run, the part in which the quota was
    /// used up.
    Throttling: "throttling", "throttling", "throttling", Percent, Level, "CPUThrottling";
    /// Processes that were killed because the memory limit was reached.
    OomKills: "oom-kills", "oom-kills", "OOM kills", Count, Counter, "OOMKills";
    /// Of the time, the part in which some task waited for a CPU.
    CpuPressure: "pressure", "cpu-pressure", "CPU pressure", Percent, Sampled, "CPUPressure";
    MemoryPressure: "pressure", "memory-pressure", "memory pressure", Percent, Sampled, "MemoryPressure";
    IoPressure: "pressure", "io-pressure", "IO pressure", Percent, Sampled, "IOPressure";
    /// Of the time, the part in which no task could run because all of them waited for a CPU.
    CpuFullPressure: "pressure-full", "cpu-full-pressure", "CPU full pressure", Percent, Sampled,
        "CPUFullPressure";
    MemoryFullPressure: "pressure-full", "memory-full-pressure", "memory full pressure", Percent, Sampled,
        "MemoryFullPressure";
    IoFullPressure: "pressure-full", "io-full-pressure", "IO full pressure", Percent, Sampled,
        "IOFullPressure";
    DiskReadBytes: "io", "disk-read-bytes", "disk read bytes", BytesPerSecond, Sampled, "DiskReadBytes";
    DiskWriteBytes: "io", "disk-write-bytes", "disk write bytes", BytesPerSecond, Sampled,
        "DiskWriteBytes";
    DiskReadOperations: "io", "disk-read-operations", "disk read operations", CountPerSecond, Sampled,
        "DiskReadOperations";
    DiskWriteOperations: "io", "disk-write-operations", "disk write operations", CountPerSecond, Sampled,
        "DiskWriteOperations";
    NetworkReceivedBytes: "network", "network-received-bytes", "network received bytes", BytesPerSecond,
        Sampled, "NetworkReceivedBytes";
    NetworkSentBytes: "network", "network-sent-bytes", "network sent bytes", BytesPerSecond, Sampled,
        "NetworkSentBytes";
    /// Processes and their threads, as the kernel counts them for its limit.
    Processes: "processes", "processes", "processes", Count, Level, "Processes";
    ProcessUtilization: "processes", "process-utilization", "process utilization", Percent, Level,
        "ProcessUtilization";
    Swap: "swap", "swap", "swap", Percent, Level, "SwapUtilization";
    /// The most memory that was ever in use, page cache included.
    MemoryPeak: "memory-peak", "memory-peak", "memory peak", Percent, Level, "MemoryPeakUtilization";
    /// Of the disk that a task on Fargate has to itself.
    EphemeralStorage: "ephemeral-storage", "ephemeral-storage", "ephemeral storage", Percent, Level,
        "EphemeralStorageUtilization";
    /// Memory of the container that is nearest to its limit.
    Fullest: "fullest", "fullest", "fullest container", Percent, Peak, "MaxContainerMemoryUtilization";
}

struct Row {
    word: &'static str,
    name: &'static str,
    label: &'static str,
    unit: Unit,
    taken: Taken,
    published: &'static str,
    maximum: &'static str,
}

/// How the values of a number come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// At each sample.
    Sampled,
    /// At each sample: only the highest of a window is of interest.
    Peak,
    /// Once a window: what it is.
    Level,
    /// Once a window: the total of which its growth is of interest.
    Counter,
}

impl Number {
    /// The number that has this name within its check.
    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|number| number.name() == name)
    }

    /// The word of `--metrics` that chooses it. One word may choose several.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// What it is called within its check.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What it is called in a sentence.
    pub fn label(self) -> &'static str {
        self.row().label
    }

    /// Whether it has a value at each sample, and not one a window.
    pub fn is_sampled(self) -> bool {
        matches!(self.row().taken, Taken::Sampled | Taken::Peak)
    }

    /// Whether all of its values can be sent: those that are counted in hundredths of a percent.
    pub fn has_distribution(self) -> bool {
        self.row().taken == Taken::Sampled && self.unit() == Unit::Percent
    }

    /// Whether it is known of each container in every scope that has containers.
    pub fn is_of_each_container(self) -> bool {
        matches!(self, Self::Cpu | Self::Memory)
    }

    /// Its name in CloudWatch: that of its only value, or of the median of its samples.
    pub fn published(self) -> &'static str {
        self.row().published
    }

    /// The name of the maximum of its samples, where it is published beside their median.
    pub fn maximum(self) -> Option<&'static str> {
        let Row { taken, maximum, .. } = *self.row();
        (taken == Taken::Sampled).then_some(maximum)
    }

    /// What is published and shown of its values in a window.
    pub fn statistics(self) -> &'static [Statistic] {
        match self.row().taken {
            Taken::Sampled => &[Statistic::Median, Statistic::Maximum],
            Taken::Peak => &[Statistic::Maximum],
            Taken::Level => &[Statistic::Last],
            Taken::Counter => &[Statistic::Growth],
        }
    }

    /// Its unit.
    pub fn unit(self) -> Unit {
        self.row().unit
    }

    /// The metric of the whole, or of one of its containers.
    pub fn of(self, container: Option<&Rc<str>>) -> Metric {
        let Row { name, unit, taken, .. } = *self.row();
        let kind = if taken == Taken::Counter { Kind::Counter } else { Kind::Gauge };
        let dimensions = container.map(|name| (CONTAINER_NAME.into(), name.clone()));
        let dimensions = dimensions.into_iter().collect();
        let (check, name) = (UTILIZATION.into(), name.into());
        Metric {
            check,
            check_type: "agent.utilization",
            name,
            unit,
            unit_word: None,
            form: "double",
            kind,
            dimensions,
            published: None,
            is_availability: false,
            refused: None,
        }
    }
}

/// Some of the numbers; by default none. A bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers(u32);

const _: () = assert!(Number::ALL.len() <= u32::BITS as usize);

impl Numbers {
    pub fn of(numbers: &[Number]) -> Self {
        Self(numbers.iter().fold(0, |all, number| all | 1 << *number as u32))
    }

    /// Those that a word of `--metrics` chooses; none if it is no such word.
    pub fn of_word(word: &str) -> Self {
        let chosen = |number: &&Number| number.word() == word;
        Self(Number::ALL.iter().filter(chosen).fold(0, |all, number| all | 1 << *number as u32))
    }

    /// Those of some numbers that are among these.
    pub fn among(self, some: &[Number]) -> Self {
        Self(self.0 & Self::of(some).0)
    }

    /// These but some.
    pub fn without(self, some: &[Number]) -> Self {
        Self(self.0 & !Self::of(some).0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and others.
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
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
    /// The unit of what is published of its values.
    pub fn published_unit(&self) -> Unit {
        match self.published {
            Some(_) => self.unit.published(self.kind),
            None => self.unit,
        }
    }

    /// What its unit is called; empty for none.
    pub fn unit_name(&self) -> &str {
        self.unit_word.as_deref().unwrap_or(self.unit.name())
    }

    /// The id of the check that it is published for.
    pub fn published_check(&self) -> Option<&str> {
        self.published.as_ref().map(|_| &*self.check)
    }

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
        Number::of_name(&self.name).filter(|_| self.check == UTILIZATION)
    }
}
