//! The values that pass between the stages. They depend on nothing.

pub mod amount;
mod company;
mod datum;
mod evidence;
mod health;
mod limit;
mod metric;
mod reading;
mod report;
mod sample;
mod series;
mod statistics;
mod summary;
#[cfg(test)]
pub mod tests;

pub use self::company::Company;
pub use self::datum::Datum;
#[cfg(target_os = "linux")]
pub use self::evidence::RawValue;
pub use self::evidence::{Evidence, Part};
pub use self::health::{Health, PublisherState};
pub use self::limit::{Bytes, Cores, Limit, Limits, Measured, Origin};
pub use self::metric::{CONTAINER_NAME, Kind, Metric, Number, Numbers, Unit};
pub use self::reading::{
    CpuAccount, CpuReading, MemoryReading, Raw, ReadError, Reading, WindowReading,
};
pub use self::report::Report;
pub use self::sample::Sample;
pub use self::series::Series;
pub use self::statistics::{Statistic, Statistics, Value, ValueCount};
pub use self::summary::{Entry, Summary};
