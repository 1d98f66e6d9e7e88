//! Which metrics a summary is published as.

use std::fmt::Write;

use crate::model::Summary;
use crate::settings::Settings;

/// One metric of one window, in percent; absent where the window has no value of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    pub percent: Option<f64>,
}

/// How many metrics each summary gives.
pub const METRICS: usize = 4;

/// The metrics of a summary: median and maximum, of CPU and of memory.
pub fn metrics(summary: &Summary) -> [Metric; METRICS] {
    let (cpu, memory) = (&summary.cpu, &summary.memory);
    [
        Metric { name: "CPUUtilization", percent: cpu.map(|cpu| cpu.median) },
        Metric { name: "MaxCPUUtilization", percent: cpu.map(|cpu| cpu.max) },
        Metric { name: "MemoryUtilization", percent: memory.map(|memory| memory.median) },
        Metric { name: "MaxMemoryUtilization", percent: memory.map(|memory| memory.max) },
    ]
}

/// Writes a summary as the line that the console prints and the log shows.
#[derive(Debug)]
pub struct LineFormat {
    /// The end of each line: where the metrics belong.
    place: String,
}

impl LineFormat {
    pub fn new(settings: &Settings) -> Self {
        let mut place = format!("namespace={}", settings.namespace);
        for dimension in &settings.dimensions {
            place.push_str(&format!(" {}={}", dimension.name, dimension.value));
        }
        Self { place }
    }

    /// Start of the window, each metric with two decimals (`-` where it is absent), the number
    /// of samples, the namespace and the dimensions. No newline at the end.
    pub fn line(&self, summary: &Summary) -> String {
        let mut line = humantime::format_rfc3339_seconds(summary.start).to_string();
        for metric in metrics(summary) {
            // Writing to a string cannot fail.
            let _ = match metric.percent {
                Some(percent) => write!(line, " {}={percent:.2}%", metric.name),
                None => write!(line, " {}=-", metric.name),
            };
        }
        let samples = [summary.cpu, summary.memory].into_iter().flatten().map(|part| part.count);
        let _ = write!(line, " samples={} {}", samples.max().unwrap_or(0), self.place);
        line
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::model::Statistics;

    fn format() -> LineFormat {
        LineFormat { place: "namespace=Test ServiceName=Foo".into() }
    }

    fn summary() -> Summary {
        let cpu = Statistics { count: 67, median: 12.345, max: 100.0, min: 0.0, mean: 20.0 };
        let memory = Statistics { count: 68, median: 0.004, max: 50.0, min: 0.0, mean: 20.0 };
        let start = UNIX_EPOCH + Duration::from_secs(1_795_000_020);
        Summary { start, cpu: Some(cpu), memory: Some(memory) }
    }

    #[test]
    fn a_line_shows_what_is_published() {
        assert_eq!(
            format().line(&summary()),
            "2026-11-18T11:07:00Z CPUUtilization=12.35% MaxCPUUtilization=100.00% \
             MemoryUtilization=0.00% MaxMemoryUtilization=50.00% samples=68 \
             namespace=Test ServiceName=Foo"
        );
    }

    #[test]
    fn an_absent_metric_is_not_shown_as_zero() {
        let summary = Summary { cpu: None, ..summary() };
        assert_eq!(
            format().line(&summary),
            "2026-11-18T11:07:00Z CPUUtilization=- MaxCPUUtilization=- \
             MemoryUtilization=0.00% MaxMemoryUtilization=50.00% samples=68 \
             namespace=Test ServiceName=Foo"
        );
    }
}
