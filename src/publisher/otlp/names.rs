//! What metrics are called in OpenTelemetry, and their units (UCUM).

use std::borrow::Cow;

use crate::model::{ALARM, Metric, Number, Statistic, Unit};

/// The name of a statistic of a metric.
pub fn name(metric: &Metric, statistic: Statistic) -> String {
    if let Some(number) = metric.number() {
        let end = match statistic {
            Statistic::Median => ".median",
            Statistic::Maximum => ".max",
            Statistic::Sample(_) => ".sample",
            _ => "",
        };
        return format!("{PREFIX}.{}{end}", of_number(number));
    }
    if metric.dimensions.iter().any(|(name, _)| *name == ALARM) {
        return format!("{PREFIX}.alarm.state");
    }
    let of_type = metric.check_type.rsplit('.').next().unwrap_or_default();
    format!("{PREFIX}.{of_type}.{}", metric.name)
}

/// What a number is called after the prefix.
fn of_number(number: Number) -> &'static str {
    match number {
        Number::Cpu => "cpu.utilization",
        Number::Memory => "memory.utilization",
        Number::Throttling => "cpu.throttling",
        Number::OomKills => "memory.oom_kills",
        Number::CpuPressure => "cpu.pressure",
        Number::MemoryPressure => "memory.pressure",
        Number::IoPressure => "io.pressure",
        Number::CpuFullPressure => "cpu.full_pressure",
        Number::MemoryFullPressure => "memory.full_pressure",
        Number::IoFullPressure => "io.full_pressure",
        Number::DiskReadBytes => "io.read_bytes",
        Number::DiskWriteBytes => "io.write_bytes",
        Number::DiskReadOperations => "io.read_operations",
        Number::DiskWriteOperations => "io.write_operations",
        Number::NetworkReceivedBytes => "io.received_bytes",
        Number::NetworkSentBytes => "io.sent_bytes",
        Number::Processes => "processes",
        Number::ProcessUtilization => "processes.utilization",
        Number::Swap => "swap.utilization",
        Number::MemoryPeak => "memory.peak_utilization",
        Number::EphemeralStorage => "ephemeral_storage.utilization",
        Number::Fullest => "container.memory.utilization",
    }
}

/// The unit, and what a value is multiplied by for it: a percent of the source is a number from 0 to 1, as the
/// conventions have it. What a check gives stays as it is, because its name does.
pub fn unit(metric: &Metric) -> (Cow<'_, str>, f64) {
    let unit = match metric.unit {
        Unit::Percent if metric.number().is_some() => return ("1".into(), 0.01),
        Unit::Percent => "%",
        Unit::Count => "{count}",
        Unit::BytesPerSecond => "By/s",
        Unit::CountPerSecond => "{count}/s",
        Unit::Bytes => "By",
        Unit::Kilobytes => "KiBy",
        Unit::Megabytes => "MiBy",
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Pages => "{page}",
        Unit::PagesPerSecond => "{page}/s",
        Unit::MillisecondsPerSecond => "ms/s",
        Unit::None => {
            let word = metric.unit_word.as_deref().unwrap_or_default();
            return (word.into(), 1.0);
        }
    };
    (unit.into(), 1.0)
}

const PREFIX: &str = env!("CARGO_PKG_NAME");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_number_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Number::ALL.iter().map(|number| of_number(*number)).collect();
        assert_eq!(names.len(), Number::ALL.len());
        let cpu = Number::Cpu.of(None);
        let median = name(&cpu, Statistic::Median);
        assert_eq!(median, "cloudwatch_metrics_agent.cpu.utilization.median");
        assert_eq!(name(&cpu, Statistic::Values), "cloudwatch_metrics_agent.cpu.utilization");
        assert_eq!(unit(&cpu), ("1".into(), 0.01));
    }

    #[test]
    fn a_check_keeps_its_names_below_its_type() {
        let dimensions = vec![("Check".into(), "root".into())];
        let own = Number::Cpu.of(None);
        let metric = Metric {
            check: "root".into(),
            check_type: "agent.filesystem",
            name: "used_percent".into(),
            dimensions,
            ..own
        };
        let name = name(&metric, Statistic::Set);
        assert_eq!(name, "cloudwatch_metrics_agent.filesystem.used_percent");
        assert_eq!(unit(&metric), ("%".into(), 1.0));
    }
}
