//! The values that pass between the stages. They depend on nothing.

pub mod amount;
mod check;
mod company;
mod configured;
mod datum;
mod details;
mod distribution;
mod evidence;
pub mod figure;
mod full_name;
mod growth;
mod health;
mod limit;
mod metric;
mod published;
mod pushed;
mod reading;
mod report;
mod sample;
mod series;
mod statistics;
mod summary;
#[cfg(test)]
pub mod tests;
mod totals;
mod unavailable;

pub use self::check::{
    AVAILABLE, Check, CheckType, Declared, Dimensions, Discovered, Discovers, Finding, Findings,
    Mailbox, Opening, PUSHED, Pushed, Roots, Running, Target, Waiting, ascii,
};
pub use self::company::Company;
pub use self::configured::{Configured, DEFAULT_CHECK_PERIOD, DEFAULT_CHECK_TIMEOUT, Publication};
pub use self::datum::Datum;
pub use self::details::{Detail, Details, Form, Secret, Setting};
pub use self::distribution::{Counted, Distribution};
#[cfg(target_os = "linux")]
pub use self::evidence::RawValue;
pub use self::evidence::{Evidence, Part};
pub use self::growth::growth;
pub use self::health::{Health, PublisherState};
pub use self::limit::{Bytes, Cores, Limit, Limits, Measured, Origin};
pub use self::metric::{
    ALARM, CHECK, CONTAINER_NAME, Kind, Metric, Number, Numbers, TARGET, UTILIZATION, Unit,
};
pub use self::published::{SAME, free_name};
pub use self::reading::{
    CpuAccount, CpuReading, MemoryReading, Raw, ReadError, Reading, WindowReading,
};
pub use self::report::{Quantity, Report, SUCCESS, cut_status};
pub use self::sample::Sample;
pub use self::series::Series;
pub use self::statistics::{Range, Statistic, Statistics, Value, ValueCount};
pub use self::summary::{Entry, Summary};
pub use self::totals::{PRESSURES, Periods, TaskSize, Totals};
pub use self::unavailable::Unavailable;
