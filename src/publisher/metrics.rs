//! Which metrics a summary is published as.

use std::fmt::Write;
use std::time::SystemTime;

use crate::model::Summary;
use crate::settings::{Metrics, Settings};

/// One metric of one window; absent where the window has no value of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    pub unit: Unit,
    pub value: Option<f64>,
}

/// CloudWatch's units, as far as they are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Percent,
    Count,
}

/// The metrics of a summary that were chosen: of CPU and of memory the median and the maximum.
pub fn metrics(summary: &Summary, chosen: Metrics) -> impl Iterator<Item = Metric> + use<> {
    let (cpu, memory) = (&summary.cpu, &summary.memory);
    let percent = |name, value| Metric { name, unit: Unit::Percent, value };
    let kills = summary.oom_kills.map(|kills| kills as f64);
    let all = [
        (chosen.cpu, percent("CPUUtilization", cpu.map(|cpu| cpu.median))),
        (chosen.cpu, percent("MaxCPUUtilization", cpu.map(|cpu| cpu.max))),
        (chosen.memory, percent("MemoryUtilization", memory.map(|memory| memory.median))),
        (chosen.memory, percent("MaxMemoryUtilization", memory.map(|memory| memory.max))),
        (chosen.throttling, percent("CPUThrottling", summary.throttling)),
        (chosen.oom_kills, Metric { name: "OOMKills", unit: Unit::Count, value: kills }),
    ];
    all.into_iter().filter_map(|(is_chosen, metric)| is_chosen.then_some(metric))
}

/// The names of the metrics that were chosen.
pub fn metric_names(chosen: Metrics) -> Vec<&'static str> {
    let start = SystemTime::UNIX_EPOCH;
    let nothing = Summary { start, cpu: None, memory: None, throttling: None, oom_kills: None };
    metrics(&nothing, chosen).map(|metric| metric.name).collect()
}

/// Writes a summary as the line that the console prints and the log shows.
#[derive(Debug)]
pub struct LineFormat {
    /// The end of each line: where the metrics belong.
    place: String,
    chosen: Metrics,
}

impl LineFormat {
    pub fn new(settings: &Settings) -> Self {
        let mut place = format!("namespace={}", settings.namespace);
        for dimension in &settings.dimensions {
            place.push_str(&format!(" {}={}", dimension.name, dimension.value));
        }
        Self { place, chosen: settings.metrics }
    }

    /// Start of the window, each metric with two decimals (`-` where it is absent), the number
    /// of samples, the namespace and the dimensions. No newline at the end.
    pub fn line(&self, summary: &Summary) -> String {
        let mut line = humantime::format_rfc3339_seconds(summary.start).to_string();
        for Metric { name, unit, value } in metrics(summary, self.chosen) {
            // Writing to a string cannot fail.
            let _ = match (value, unit) {
                (Some(percent), Unit::Percent) => write!(line, " {name}={percent:.2}%"),
                (Some(count), Unit::Count) => write!(line, " {name}={count}"),
                (None, _) => write!(line, " {name}=-"),
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
        LineFormat { place: "namespace=Test ServiceName=Foo".into(), chosen: Metrics::default() }
    }

    fn summary() -> Summary {
        let cpu = Statistics { count: 67, median: 12.345, max: 100.0, min: 0.0, mean: 20.0 };
        let memory = Statistics { count: 68, median: 0.004, max: 50.0, min: 0.0, mean: 20.0 };
        let start = UNIX_EPOCH + Duration::from_secs(1_795_000_020);
        Summary { start, cpu: Some(cpu), memory: Some(memory), throttling: None, oom_kills: None }
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

    #[test]
    fn events_are_shown_where_they_were_chosen() {
        let chosen = Metrics { cpu: false, memory: false, throttling: true, oom_kills: true };
        let format = LineFormat { chosen, ..format() };
        let summary = Summary { throttling: Some(12.5), oom_kills: Some(2), ..summary() };
        assert_eq!(
            format.line(&summary),
            "2026-11-18T11:07:00Z CPUThrottling=12.50% OOMKills=2 samples=68 namespace=Test \
             ServiceName=Foo"
        );
    }
}
