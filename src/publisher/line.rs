//! Writes a summary as the lines that the console prints and the log shows.

use std::fmt::Write;

use super::names::{name, name_of};
use crate::config::{NO_NAME, SERVICE_NAME, Settings};
use crate::model::{CONTAINER_NAME, Entry, Number, Numbers, Statistic, Summary, Value, figure};
use crate::shown::shown;

/// The lines of one configuration.
#[derive(Debug)]
pub struct LineFormat {
    /// The end of each line: where the metrics belong.
    place: String,
    chosen: Numbers,
}

impl LineFormat {
    pub fn new(settings: &Settings) -> Self {
        let identity = &settings.identity;
        let mut place = format!("namespace={}", identity.shown_namespace());
        if !identity.has_service() {
            place.push_str(&format!(" {SERVICE_NAME}={NO_NAME}"));
        }
        for dimension in &identity.dimensions {
            place.push_str(&format!(" {}={}", dimension.name, dimension.value));
        }
        Self { place, chosen: settings.measuring.metrics }
    }

    /// A line for the whole, one for each container, and one for each check and its target. Start of the window, median and maximum of
    /// CPU and memory with two decimals (`-` where they are absent), the other numbers, bytes a second
    /// without decimals, the number of samples, the namespace and the dimensions. No newline at the end of
    /// a line.
    pub fn lines(&self, summary: &Summary) -> Vec<String> {
        let mut lines = vec![self.line(summary, None)];
        for container in summary.containers() {
            let line = self.line(summary, Some(container));
            lines.push(format!("{line} {CONTAINER_NAME}={}", shown(container)));
        }
        lines.extend(summary.checks().map(|entries| self.of_check(summary, entries)));
        lines
    }

    /// What a check has found of one target: the mean of each of its metrics.
    fn of_check(&self, summary: &Summary, entries: &[Entry]) -> String {
        let mut line = humantime::format_rfc3339_seconds(summary.start).to_string();
        for Entry { metric, statistics } in entries {
            let value = figure::exact(metric.published_unit(), statistics.mean);
            let name = name(metric, Statistic::Set);
            // Writing to a string cannot fail.
            let _ = write!(line, " {name}={value}");
        }
        let count = entries.iter().map(|entry| entry.statistics.count).max().unwrap_or(0);
        let own = entries[0].metric.dimensions.iter();
        let own = own.map(|(name, value)| format!(" {name}={}", shown(value)));
        format!("{line} results={count} {}{}", self.place, own.collect::<String>())
    }

    fn line(&self, summary: &Summary, container: Option<&str>) -> String {
        let mut line = humantime::format_rfc3339_seconds(summary.start).to_string();
        for number in self.chosen.iter() {
            let of = summary.of(number, container);
            // These have no value of a container in most scopes.
            if !number.is_of_each_container() && container.is_some() && of.is_none() {
                continue;
            }
            for statistic in number.statistics() {
                let name = name_of(number, *statistic);
                let value = match of.map(|statistics| statistic.of(statistics)) {
                    Some(Value::One(value)) if value.is_finite() => {
                        figure::exact(number.unit(), value)
                    }
                    _ => "-".to_owned(),
                };
                // Writing to a string cannot fail.
                let _ = write!(line, " {name}={value}");
            }
        }
        let sampled = Number::ALL.iter().filter(|number| number.is_sampled());
        let counts = sampled.filter_map(|number| Some(summary.of(*number, container)?.count));
        format!("{line} samples={} {}", counts.max().unwrap_or(0), self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Unit;
    use crate::model::tests::{checked, entry, reported, sampled, summary};

    fn format(chosen: &[Number]) -> LineFormat {
        let place = "namespace=Test ServiceName=Foo".into();
        LineFormat { place, chosen: Numbers::of(chosen) }
    }

    fn both() -> LineFormat {
        format(&[Number::Cpu, Number::Memory])
    }

    fn memory() -> Entry {
        entry(Number::Memory, None, sampled(68, 0.004, 50.0))
    }

    fn window(others: Vec<Entry>) -> Summary {
        let cpu = entry(Number::Cpu, None, sampled(67, 12.345, 100.0));
        summary([vec![cpu, memory()], others].concat())
    }

    #[test]
    fn a_line_shows_what_is_published() {
        assert_eq!(
            both().lines(&window(vec![])),
            ["2026-11-18T11:07:00Z CPUUtilization=12.35% MaxCPUUtilization=100.00% \
              MemoryUtilization=0.00% MaxMemoryUtilization=50.00% samples=68 \
              namespace=Test ServiceName=Foo"]
        );
    }

    #[test]
    fn an_absent_metric_is_not_shown_as_zero() {
        assert_eq!(
            both().lines(&summary(vec![memory()])),
            ["2026-11-18T11:07:00Z CPUUtilization=- MaxCPUUtilization=- \
              MemoryUtilization=0.00% MaxMemoryUtilization=50.00% samples=68 \
              namespace=Test ServiceName=Foo"]
        );
    }

    #[test]
    fn events_are_shown_where_they_were_chosen() {
        let format = format(&[Number::Throttling, Number::OomKills]);
        let known = window(vec![
            entry(Number::Throttling, None, reported(12.5, 12.5)),
            entry(Number::OomKills, None, reported(1.0, 3.0)),
        ]);
        assert_eq!(
            [format.lines(&known), format.lines(&window(vec![]))].concat(),
            [
                "2026-11-18T11:07:00Z CPUThrottling=12.50% OOMKills=2 samples=68 namespace=Test \
                 ServiceName=Foo",
                "2026-11-18T11:07:00Z CPUThrottling=- OOMKills=- samples=68 namespace=Test \
                 ServiceName=Foo"
            ]
        );
    }

    #[test]
    fn each_unit_has_its_own_form() {
        let numbers = [
            Number::IoPressure,
            Number::DiskReadOperations,
            Number::NetworkSentBytes,
            Number::Processes,
            Number::Fullest,
        ];
        let known = window(vec![
            entry(Number::IoPressure, None, sampled(66, 0.125, 7.0)),
            entry(Number::DiskReadOperations, None, sampled(66, 0.5, 1234.567)),
            entry(Number::NetworkSentBytes, None, sampled(66, 0.4, 9_007_199_254_740_991.0)),
            entry(Number::Processes, None, reported(31.0, 31.0)),
            entry(Number::Fullest, None, sampled(66, 30.0, 99.5)),
        ]);
        assert_eq!(
            format(&numbers).lines(&known),
            [
                "2026-11-18T11:07:00Z IOPressure=0.12% MaxIOPressure=7.00% DiskReadOperations=0.50/s \
              MaxDiskReadOperations=1234.57/s NetworkSentBytes=0B/s \
              MaxNetworkSentBytes=9007199254740991B/s Processes=31 \
              MaxContainerMemoryUtilization=99.50% samples=68 namespace=Test ServiceName=Foo"
            ]
        );
    }

    #[test]
    fn each_container_has_its_line_without_the_events() {
        let window = window(vec![
            entry(Number::Throttling, None, reported(0.0, 0.0)),
            entry(Number::Cpu, Some("app"), sampled(6, 5.0, 7.125)),
        ]);
        assert_eq!(
            format(&[Number::Cpu, Number::Throttling]).lines(&window),
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
        let name = "a\n2026-11-18T11:08:00Z\u{1b}[2J\u{202e}b";
        let app = entry(Number::Cpu, Some(name), sampled(6, 5.0, 7.125));
        let lines = both().lines(&window(vec![app]));
        assert!(
            lines[1].ends_with(r" ContainerName=a\n2026-11-18T11:08:00Z\u{1b}[2J\u{202e}b"),
            "{lines:#?}"
        );
    }

    #[test]
    fn each_check_and_target_has_a_line_with_the_means() {
        let window = window(vec![
            checked("root", None, "Used", Unit::Percent, &[40.0, 42.5]),
            checked("root", None, "Free", Unit::Kilobytes, &[2048.0]),
            checked("web", Some("a b"), "Hits", Unit::None, &[7.5]),
        ]);
        assert_eq!(
            format(&[Number::Cpu]).lines(&window)[1..],
            [
                "2026-11-18T11:07:00Z Used=41.25% Free=2048kB results=2 namespace=Test ServiceName=Foo \
                 Check=root",
                "2026-11-18T11:07:00Z Hits=7.50 results=1 namespace=Test ServiceName=Foo Check=web \
                 Target=a b"
            ]
        );
    }
}
