//! Which data a summary is published as.

use std::sync::Arc;

use crate::config::{Metrics, Settings, ValueForm};
use crate::model::{Statistics, Summary, ValueCount};

/// One metric of one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    pub name: &'static str,
    /// The container that it is of; otherwise it is of the whole.
    pub container: Option<Arc<str>>,
    pub unit: Unit,
    pub value: Value,
}

/// A number, or all that were measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    One(f64),
    Distribution(Vec<ValueCount>),
}

/// CloudWatch's units, as far as they are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Percent,
    Count,
}

/// What was chosen of all that could be published.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    metrics: Metrics,
    form: ValueForm,
}

/// The dimension that tells the data of a container from those of its task.
pub const CONTAINER_NAME: &str = "ContainerName";

impl Choice {
    pub fn new(settings: &Settings) -> Self {
        Self { metrics: settings.measuring.metrics, form: settings.publishing.form }
    }

    /// The names of all metrics that were chosen.
    pub fn names(self) -> Vec<&'static str> {
        let Metrics { cpu, memory, throttling, oom_kills } = self.metrics;
        let maximum = self.form == ValueForm::MedianMax;
        let all = [
            (cpu, "CPUUtilization"),
            (cpu && maximum, "MaxCPUUtilization"),
            (memory, "MemoryUtilization"),
            (memory && maximum, "MaxMemoryUtilization"),
            (throttling, "CPUThrottling"),
            (oom_kills, "OOMKills"),
        ];
        all.into_iter().filter_map(|(is_chosen, name)| is_chosen.then_some(name)).collect()
    }

    /// The data of a summary: the metrics that were chosen and have a value, of the whole first.
    pub fn data(self, summary: &Summary) -> Vec<Datum> {
        let mut data = self.utilization(&summary.cpu, &summary.memory, &None);
        let one =
            |name, unit, value| Datum { name, container: None, unit, value: Value::One(value) };
        let throttling = summary.throttling.filter(|_| self.metrics.throttling);
        data.extend(throttling.map(|percent| one("CPUThrottling", Unit::Percent, percent)));
        let kills = summary.oom_kills.filter(|_| self.metrics.oom_kills);
        data.extend(kills.map(|kills| one("OOMKills", Unit::Count, kills as f64)));
        for container in &summary.containers {
            let name = Some(container.name.clone());
            data.extend(self.utilization(&container.cpu, &container.memory, &name));
        }
        // CloudWatch rejects a whole request for one value that is not finite.
        data.retain(|datum| !matches!(datum.value, Value::One(value) if !value.is_finite()));
        data
    }

    fn utilization(
        self,
        cpu: &Option<Statistics>,
        memory: &Option<Statistics>,
        container: &Option<Arc<str>>,
    ) -> Vec<Datum> {
        let mut data = Vec::new();
        let mut add = |name, value| {
            let (container, unit) = (container.clone(), Unit::Percent);
            data.push(Datum { name, container, unit, value });
        };
        for (chosen, statistics, name, max_name) in [
            (self.metrics.cpu, cpu, "CPUUtilization", "MaxCPUUtilization"),
            (self.metrics.memory, memory, "MemoryUtilization", "MaxMemoryUtilization"),
        ] {
            let Some(statistics) = statistics.as_ref().filter(|_| chosen) else { continue };
            match self.form {
                ValueForm::MedianMax => {
                    add(name, Value::One(statistics.median));
                    add(max_name, Value::One(statistics.max));
                }
                ValueForm::Distribution => {
                    add(name, Value::Distribution(statistics.distribution.clone()));
                }
            }
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::model::ContainerSummary;

    fn choice(metrics: Metrics, form: ValueForm) -> Choice {
        Choice { metrics, form }
    }

    fn statistics(median: f64, max: f64) -> Option<Statistics> {
        let distribution = vec![ValueCount { hundredths: 1250, count: 2 }];
        Some(Statistics { count: 2, median, max, min: 0.0, mean: 1.0, distribution })
    }

    fn summary() -> Summary {
        let app = ContainerSummary { name: "app".into(), cpu: statistics(2.5, 9.0), memory: None };
        Summary {
            cpu: statistics(12.5, 99.25),
            memory: statistics(40.0, 41.5),
            throttling: Some(7.0),
            oom_kills: Some(1),
            containers: vec![app],
            ..Summary::empty(UNIX_EPOCH)
        }
    }

    /// Name, container and value.
    fn brief(data: Vec<Datum>) -> Vec<(&'static str, String, f64)> {
        let brief = |datum: Datum| match datum.value {
            Value::One(value) => {
                (datum.name, datum.container.as_deref().unwrap_or("-").to_owned(), value)
            }
            Value::Distribution(values) => panic!("a single value: {values:?}"),
        };
        data.into_iter().map(brief).collect()
    }

    #[test]
    fn the_median_and_the_maximum_are_two_metrics() {
        let whole = |name, value| (name, "-".to_owned(), value);
        let expected = [
            whole("CPUUtilization", 12.5),
            whole("MaxCPUUtilization", 99.25),
            whole("MemoryUtilization", 40.0),
            whole("MaxMemoryUtilization", 41.5),
            ("CPUUtilization", "app".to_owned(), 2.5),
            ("MaxCPUUtilization", "app".to_owned(), 9.0),
        ];
        let choice = choice(Metrics::default(), ValueForm::MedianMax);
        assert_eq!(brief(choice.data(&summary())), expected);
        let names =
            ["CPUUtilization", "MaxCPUUtilization", "MemoryUtilization", "MaxMemoryUtilization"];
        assert_eq!(choice.names(), names);
    }

    #[test]
    fn a_distribution_is_one_metric_of_all_values() {
        let metrics = Metrics { throttling: true, ..Metrics::default() };
        let choice = choice(metrics, ValueForm::Distribution);
        let data = choice.data(&summary());
        let names: Vec<_> = data.iter().map(|datum| datum.name).collect();
        let expected = ["CPUUtilization", "MemoryUtilization", "CPUThrottling", "CPUUtilization"];
        assert_eq!(names, expected);
        assert_eq!(choice.names(), expected[..3]);
        let values = Value::Distribution(vec![ValueCount { hundredths: 1250, count: 2 }]);
        assert_eq!(data[0].value, values);
        assert_eq!((&data[2].value, data[2].unit), (&Value::One(7.0), Unit::Percent));
    }

    #[test]
    fn events_are_sent_where_they_were_chosen() {
        let none = Metrics { cpu: false, memory: false, throttling: false, oom_kills: false };
        let metrics = Metrics { throttling: true, oom_kills: true, ..none };
        let data = choice(metrics, ValueForm::MedianMax).data(&summary());
        let brief: Vec<_> = data.iter().map(|datum| (datum.name, datum.unit)).collect();
        assert_eq!(brief, [("CPUThrottling", Unit::Percent), ("OOMKills", Unit::Count)]);
    }

    #[test]
    fn what_is_absent_or_not_finite_is_never_sent() {
        let choice = choice(Metrics::default(), ValueForm::MedianMax);
        let broken = Summary { cpu: statistics(f64::NAN, f64::INFINITY), ..summary() };
        let absent = Summary { cpu: None, ..summary() };
        for summary in [broken, absent] {
            assert_eq!(choice.data(&summary)[0].name, "MemoryUtilization");
        }
    }
}
