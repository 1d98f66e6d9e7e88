//! Which metrics a summary is published as.

use std::fmt::Write;
use std::time::SystemTime;

use crate::model::{ContainerSummary, Statistics, Summary};
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

/// The metrics of a summary that were chosen, those of its containers apart.
pub fn metrics(summary: &Summary, chosen: Metrics) -> impl Iterator<Item = Metric> + use<> {
    let kills = summary.oom_kills.map(|kills| kills as f64);
    let events = [
        (chosen.throttling, percent("CPUThrottling", summary.throttling)),
        (chosen.oom_kills, Metric { name: "OOMKills", unit: Unit::Count, value: kills }),
    ];
    utilization(summary.cpu, summary.memory, chosen).chain(events.into_iter().filter_map(if_chosen))
}

/// The metrics of a container that were chosen.
pub fn container_metrics(
    container: &ContainerSummary,
    chosen: Metrics,
) -> impl Iterator<Item = Metric> + use<> {
    utilization(container.cpu, container.memory, chosen)
}

/// Of CPU and of memory the median and the maximum.
fn utilization(
    cpu: Option<Statistics>,
    memory: Option<Statistics>,
    chosen: Metrics,
) -> impl Iterator<Item = Metric> {
    let all = [
        (chosen.cpu, percent("CPUUtilization", cpu.map(|cpu| cpu.median))),
        (chosen.cpu, percent("MaxCPUUtilization", cpu.map(|cpu| cpu.max))),
        (chosen.memory, percent("MemoryUtilization", memory.map(|memory| memory.median))),
        (chosen.memory, percent("MaxMemoryUtilization", memory.map(|memory| memory.max))),
    ];
    all.into_iter().filter_map(if_chosen)
}

fn percent(name: &'static str, value: Option<f64>) -> Metric {
    Metric { name, unit: Unit::Percent, value }
}

fn if_chosen((is_chosen, metric): (bool, Metric)) -> Option<Metric> {
    is_chosen.then_some(metric)
}

/// The names of the metrics that were chosen.
pub fn metric_names(chosen: Metrics) -> Vec<&'static str> {
    let nothing = Summary::empty(SystemTime::UNIX_EPOCH);
    metrics(&nothing, chosen).map(|metric| metric.name).collect()
}

/// The dimension that tells the metrics of a container from those of its task.
pub const CONTAINER_NAME: &str = "ContainerName";

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

    /// A line for the whole, and one for each container. Start of the window, each metric with two
    /// decimals (`-` where it is absent), the number of samples, the namespace and the dimensions.
    /// No newline at the end of a line.
    pub fn lines(&self, summary: &Summary) -> Vec<String> {
        let start = summary.start;
        let whole = metrics(summary, self.chosen);
        let whole = self.line(start, whole, [summary.cpu, summary.memory], "");
        let of_container = |container: &ContainerSummary| {
            let parts = [container.cpu, container.memory];
            let name = format!(" {CONTAINER_NAME}={}", container.name);
            self.line(start, container_metrics(container, self.chosen), parts, &name)
        };
        std::iter::once(whole).chain(summary.containers.iter().map(of_container)).collect()
    }

    fn line(
        &self,
        start: SystemTime,
        metrics: impl Iterator<Item = Metric>,
        parts: [Option<Statistics>; 2],
        container: &str,
    ) -> String {
        let mut line = humantime::format_rfc3339_seconds(start).to_string();
        for Metric { name, unit, value } in metrics {
            // Writing to a string cannot fail.
            let _ = match (value, unit) {
                (Some(percent), Unit::Percent) => write!(line, " {name}={percent:.2}%"),
                (Some(count), Unit::Count) => write!(line, " {name}={count}"),
                (None, _) => write!(line, " {name}=-"),
            };
        }
        let samples = parts.into_iter().flatten().map(|part| part.count).max().unwrap_or(0);
        let _ = write!(line, " samples={samples} {}{container}", self.place);
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
        Summary { cpu: Some(cpu), memory: Some(memory), ..Summary::empty(start) }
    }

    #[test]
    fn a_line_shows_what_is_published() {
        assert_eq!(
            format().lines(&summary()),
            ["2026-11-18T11:07:00Z CPUUtilization=12.35% MaxCPUUtilization=100.00% \
             MemoryUtilization=0.00% MaxMemoryUtilization=50.00% samples=68 \
             namespace=Test ServiceName=Foo"]
        );
    }

    #[test]
    fn an_absent_metric_is_not_shown_as_zero() {
        let summary = Summary { cpu: None, ..summary() };
        assert_eq!(
            format().lines(&summary),
            ["2026-11-18T11:07:00Z CPUUtilization=- MaxCPUUtilization=- \
             MemoryUtilization=0.00% MaxMemoryUtilization=50.00% samples=68 \
             namespace=Test ServiceName=Foo"]
        );
    }

    #[test]
    fn events_are_shown_where_they_were_chosen() {
        let chosen = Metrics { cpu: false, memory: false, throttling: true, oom_kills: true };
        let format = LineFormat { chosen, ..format() };
        let summary = Summary { throttling: Some(12.5), oom_kills: Some(2), ..summary() };
        assert_eq!(
            format.lines(&summary),
            ["2026-11-18T11:07:00Z CPUThrottling=12.50% OOMKills=2 samples=68 namespace=Test \
             ServiceName=Foo"]
        );
    }

    #[test]
    fn each_container_has_its_line_without_the_events() {
        let chosen = Metrics { memory: false, throttling: true, ..Metrics::default() };
        let format = LineFormat { chosen, ..format() };
        let cpu = Statistics { count: 6, median: 5.0, max: 7.125, min: 0.0, mean: 4.0 };
        let app = ContainerSummary { name: "app".into(), cpu: Some(cpu), memory: None };
        let summary = Summary { throttling: Some(0.0), containers: vec![app], ..summary() };
        assert_eq!(
            format.lines(&summary),
            [
                "2026-11-18T11:07:00Z CPUUtilization=12.35% MaxCPUUtilization=100.00% \
                 CPUThrottling=0.00% samples=68 namespace=Test ServiceName=Foo",
                "2026-11-18T11:07:00Z CPUUtilization=5.00% MaxCPUUtilization=7.12% \
                 samples=6 namespace=Test ServiceName=Foo ContainerName=app"
            ]
        );
    }
}
