//! Writes a summary as the lines that the console prints and the log shows.

use std::fmt::Write;
use std::time::SystemTime;

use super::metrics::CONTAINER_NAME;
use crate::config::{Metrics, Settings};
use crate::model::{Statistics, Summary};
use crate::shown::shown;

/// The lines of one configuration.
#[derive(Debug)]
pub struct LineFormat {
    /// The end of each line: where the metrics belong.
    place: String,
    chosen: Metrics,
}

impl LineFormat {
    pub fn new(settings: &Settings) -> Self {
        let mut place = format!("namespace={}", settings.identity.namespace);
        for dimension in &settings.identity.dimensions {
            place.push_str(&format!(" {}={}", dimension.name, dimension.value));
        }
        Self { place, chosen: settings.measuring.metrics }
    }

    /// A line for the whole, and one for each container. Start of the window, median and maximum of
    /// CPU and memory with two decimals (`-` where they are absent), the events, the number of
    /// samples, the namespace and the dimensions. No newline at the end of a line.
    pub fn lines(&self, summary: &Summary) -> Vec<String> {
        let Summary { start, cpu, memory, .. } = summary;
        let mut whole = self.begin(*start, cpu, memory);
        // Writing to a string cannot fail.
        let _ = match summary.throttling.filter(|_| self.chosen.throttling) {
            Some(percent) => write!(whole, " CPUThrottling={percent:.2}%"),
            None if self.chosen.throttling => write!(whole, " CPUThrottling=-"),
            None => Ok(()),
        };
        let _ = match summary.oom_kills.filter(|_| self.chosen.oom_kills) {
            Some(kills) => write!(whole, " OOMKills={kills}"),
            None if self.chosen.oom_kills => write!(whole, " OOMKills=-"),
            None => Ok(()),
        };
        let mut lines = vec![self.end(&whole, cpu, memory)];
        for container in &summary.containers {
            let (cpu, memory) = (&container.cpu, &container.memory);
            let line = self.end(&self.begin(*start, cpu, memory), cpu, memory);
            lines.push(format!("{line} {CONTAINER_NAME}={}", shown(&container.name)));
        }
        lines
    }

    fn begin(
        &self,
        start: SystemTime,
        cpu: &Option<Statistics>,
        memory: &Option<Statistics>,
    ) -> String {
        let mut line = humantime::format_rfc3339_seconds(start).to_string();
        for (chosen, part, name) in
            [(self.chosen.cpu, cpu, "CPU"), (self.chosen.memory, memory, "Memory")]
        {
            let _ = match part {
                _ if !chosen => Ok(()),
                Some(Statistics { median, max, .. }) => {
                    write!(line, " {name}Utilization={median:.2}% Max{name}Utilization={max:.2}%")
                }
                None => write!(line, " {name}Utilization=- Max{name}Utilization=-"),
            };
        }
        line
    }

    fn end(&self, line: &str, cpu: &Option<Statistics>, memory: &Option<Statistics>) -> String {
        let samples = [cpu, memory].into_iter().flatten().map(|part| part.count).max();
        format!("{line} samples={} {}", samples.unwrap_or(0), self.place)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::model::ContainerSummary;

    fn format() -> LineFormat {
        LineFormat { place: "namespace=Test ServiceName=Foo".into(), chosen: Metrics::default() }
    }

    fn statistics(count: usize, median: f64, max: f64) -> Option<Statistics> {
        let distribution = Vec::new();
        Some(Statistics { count, median, max, min: 0.0, mean: 20.0, distribution })
    }

    fn summary() -> Summary {
        let start = UNIX_EPOCH + Duration::from_secs(1_795_000_020);
        let (cpu, memory) = (statistics(67, 12.345, 100.0), statistics(68, 0.004, 50.0));
        Summary { cpu, memory, ..Summary::empty(start) }
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
        let known = Summary { throttling: Some(12.5), oom_kills: Some(2), ..summary() };
        assert_eq!(
            [format.lines(&known), format.lines(&summary())].concat(),
            [
                "2026-11-18T11:07:00Z CPUThrottling=12.50% OOMKills=2 samples=68 namespace=Test \
                 ServiceName=Foo",
                "2026-11-18T11:07:00Z CPUThrottling=- OOMKills=- samples=68 namespace=Test \
                 ServiceName=Foo"
            ]
        );
    }

    #[test]
    fn each_container_has_its_line_without_the_events() {
        let chosen = Metrics { memory: false, throttling: true, ..Metrics::default() };
        let format = LineFormat { chosen, ..format() };
        let cpu = statistics(6, 5.0, 7.125);
        let app = ContainerSummary { name: "app".into(), cpu, memory: None };
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

    #[test]
    fn the_name_of_a_container_begins_no_line_and_controls_no_terminal() {
        let name = "a\n2026-11-18T11:08:00Z\u{1b}[2J\u{202e}b".into();
        let cpu = statistics(6, 5.0, 7.125);
        let app = ContainerSummary { name, cpu, memory: None };
        let lines = format().lines(&Summary { containers: vec![app], ..summary() });
        assert!(
            lines[1].ends_with(r" ContainerName=a\n2026-11-18T11:08:00Z\u{1b}[2J\u{202e}b"),
            "{lines:#?}"
        );
    }
}
