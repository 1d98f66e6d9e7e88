//! Prints each window on standard output: a preview that needs no AWS.

use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use super::line::LineFormat;
use super::stdout::Printer;
use super::{Explaining, Publisher, Publishing};
use crate::config::{Output, Settings};
use crate::model::{Statistics, Summary};

/// The publisher behind `--publish console`.
#[derive(Debug)]
pub struct Console {
    format: Format,
    printer: Printer,
}

#[derive(Debug)]
enum Format {
    Text(LineFormat),
    /// With what is the same in each window.
    Json {
        namespace: String,
        dimensions: Json,
    },
}

impl Console {
    pub fn new(settings: &Settings) -> Self {
        let dimensions = settings.identity.dimensions.iter();
        let format = match settings.publishing.output {
            Output::Text => Format::Text(LineFormat::new(settings)),
            Output::Json => Format::Json {
                namespace: settings.identity.namespace.clone(),
                dimensions: dimensions.map(|d| (d.name.clone(), d.value.clone())).collect(),
            },
        };
        Self { format, printer: Printer::default() }
    }
}

impl Format {
    fn lines(&self, summary: &Summary) -> Vec<String> {
        match self {
            Self::Text(format) => format.lines(summary),
            Self::Json { namespace, dimensions } => {
                vec![object(summary, namespace, dimensions).to_string()]
            }
        }
    }
}

/// All that is known of a window; `null` where it is absent.
fn object(summary: &Summary, namespace: &str, dimensions: &Json) -> Json {
    let of_container = |container: &crate::model::ContainerSummary| {
        let (cpu, memory) = (part(&container.cpu), part(&container.memory));
        json!({ "name": *container.name, "cpu": cpu, "memory": memory })
    };
    let mut object = json!({
        "start": humantime::format_rfc3339_seconds(summary.start).to_string(),
        "namespace": namespace,
        "dimensions": dimensions,
        "cpu": part(&summary.cpu),
        "memory": part(&summary.memory),
        "throttling": summary.throttling,
        "oom_kills": summary.oom_kills,
    });
    if !summary.containers.is_empty() {
        object["containers"] = summary.containers.iter().map(of_container).collect();
    }
    object
}

/// The statistics of one metric, in percent. The distribution is pairs of value and count.
fn part(statistics: &Option<Statistics>) -> Json {
    let Some(Statistics { count, median, max, min, mean, distribution }) = statistics else {
        return Json::Null;
    };
    let mut part =
        json!({ "count": count, "median": median, "max": max, "min": min, "mean": mean });
    if !distribution.is_empty() {
        let pairs = distribution.iter().map(|value| json!([value.percent(), value.count]));
        part["distribution"] = pairs.collect();
    }
    part
}

impl Publisher for Console {
    fn name(&self) -> &'static str {
        "console"
    }

    fn publish<'a>(
        &'a mut self,
        summaries: &'a [Summary],
        _hurry: &'a CancellationToken,
    ) -> Publishing<'a> {
        Box::pin(async move {
            for summary in summaries {
                self.printer.print(summary.start, &self.format.lines(summary)).await?;
            }
            Ok(())
        })
    }

    fn explain(&self) -> Explaining<'_> {
        Box::pin(async { vec![("publisher", "the console: lines on standard output".to_owned())] })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::model::{ContainerSummary, ValueCount};

    #[test]
    fn a_window_is_one_json_object_with_all_statistics() {
        let distribution = vec![ValueCount { hundredths: 150, count: 2 }];
        let cpu = Statistics { count: 2, median: 1.5, max: 1.5, min: 1.5, mean: 1.5, distribution };
        let app = ContainerSummary { name: "app".into(), cpu: None, memory: None };
        let summary = Summary {
            cpu: Some(cpu),
            oom_kills: Some(1),
            containers: vec![app],
            ..Summary::empty(UNIX_EPOCH + Duration::from_secs(1_795_000_020))
        };
        let expected = json!({
            "start": "2026-11-18T11:07:00Z",
            "namespace": "Test",
            "dimensions": { "ServiceName": "Foo" },
            "cpu": {
                "count": 2, "median": 1.5, "max": 1.5, "min": 1.5, "mean": 1.5,
                "distribution": [[1.5, 2]],
            },
            "memory": null,
            "throttling": null,
            "oom_kills": 1,
            "containers": [{ "name": "app", "cpu": null, "memory": null }],
        });
        assert_eq!(object(&summary, "Test", &json!({ "ServiceName": "Foo" })), expected);
    }
}
