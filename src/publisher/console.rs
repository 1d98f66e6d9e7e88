//! Prints each window on standard output: a preview that needs no AWS.

use std::io::{IsTerminal, stdout};
use std::time::SystemTime;

use rustix::termios::tcgetwinsize;
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use super::line::LineFormat;
use super::names;
use super::stdout::{PRINTED, Printer};
use super::table::Table;
use super::{Accepted, Explaining, Fact, Parcel, Publisher, Sending, Terms};
use crate::config::{Output, Publish, SERVICE_NAME, Settings};
use crate::model::{
    CHECK, Entry, Kind, Number, Numbers, Statistic, Statistics, Summary, TARGET, Unit,
};
use crate::sorted::object_of;

/// What is the same in each window.
#[derive(Debug)]
struct Always {
    /// `null` without one, as the service's name.
    namespace: Option<String>,
    dimensions: Json,
    /// The numbers of which there is a member, be it `null`.
    numbers: Numbers,
    /// The ids of the checks that run. Each has a member, be it without metrics.
    checks: Vec<String>,
}

/// The publisher behind `--publish console`.
#[derive(Debug)]
pub struct Console {
    format: Format,
    printer: Printer,
    /// The lines of a window that could not be printed to their end, by its start.
    unprinted: Option<(SystemTime, Vec<String>)>,
}

#[derive(Debug)]
enum Format {
    /// For a person at a terminal.
    Table(Table),
    Text(LineFormat),
    Json(Always),
}

impl Console {
    pub fn new(settings: &Settings) -> Self {
        let identity = &settings.identity;
        let service = (!identity.has_service()).then_some((SERVICE_NAME, Json::Null));
        let named = identity.dimensions.iter().map(|d| (&*d.name, Json::from(&*d.value)));
        let dimensions = service.into_iter().chain(named);
        let enabled = settings.checks.all.iter().filter(|check| !check.is_disabled);
        let format = match settings.publishing.output {
            Output::Text if stdout().is_terminal() => Format::Table(Table::new(settings)),
            Output::Text => Format::Text(LineFormat::new(settings)),
            Output::Json => Format::Json(Always {
                namespace: identity.namespace.clone(),
                dimensions: object_of(dimensions.map(|(name, value)| (name.to_owned(), value)))
                    .into(),
                numbers: settings.measuring.metrics.and(Numbers::of(SHOWN)),
                checks: enabled.map(|check| check.id.clone()).collect(),
            }),
        };
        Self { format, printer: Printer::default(), unprinted: None }
    }
}

impl Format {
    fn lines(&mut self, summary: &Summary) -> Vec<String> {
        match self {
            Self::Table(table) => table.lines(summary, width()),
            Self::Text(format) => format.lines(summary),
            Self::Json(always) => vec![object(summary, always).to_string()],
        }
    }
}

/// The width of the terminal, or what most have where it does not know.
fn width() -> usize {
    let width = tcgetwinsize(stdout()).map_or(0, |size| size.ws_col);
    if width == 0 { 80 } else { width.into() }
}

/// All that is known of a window; `null` where it is absent.
fn object(summary: &Summary, always: &Always) -> Json {
    let Always { namespace, dimensions, numbers, checks: ids } = always;
    let mut object = json!({
        "start": humantime::format_rfc3339_seconds(summary.start).to_string(),
        "namespace": namespace,
        "dimensions": dimensions,
    });
    for number in numbers.iter() {
        object[key(number)] = member(number, summary.of(number, None));
    }
    let containers = summary.containers();
    if !containers.is_empty() {
        let of_container = |container: &&str| {
            let mut object = json!({ "name": container });
            for number in numbers.iter() {
                let statistics = summary.of(number, Some(container));
                // The others have no value of a container in most scopes.
                if number.is_of_each_container() || statistics.is_some() {
                    object[key(number)] = member(number, statistics);
                }
            }
            object
        };
        object["containers"] = containers.iter().map(of_container).collect();
    }
    let mut checks: Vec<_> = summary.checks().map(check).collect();
    let without = ids.iter().filter(|id| !checks.iter().any(|check| check["id"] == id.as_str()));
    let without: Vec<_> = without.map(|id| json!({ "id": id, "metrics": [] })).collect();
    checks.extend(without);
    if !checks.is_empty() {
        object["checks"] = checks.into();
    }
    object
}

/// What a check has found of one target: each of its metrics by its name within the check.
fn check(entries: &[Entry]) -> Json {
    let metric = &entries[0].metric;
    let mut object = json!({ "id": metric.check });
    if let Some((_, target)) = metric.dimensions.iter().find(|(name, _)| *name == TARGET) {
        object["target"] = (**target).into();
    }
    let others = metric.dimensions.iter().filter(|(name, _)| *name != TARGET && *name != CHECK);
    let others = object_of(others.map(|(name, value)| (name.to_string(), (**value).into())));
    if !others.is_empty() {
        object["dimensions"] = others.into();
    }
    let metrics = entries.iter().map(|Entry { metric, statistics }| {
        let Statistics { count, min, max, mean, last, spread, .. } = statistics;
        let unit = metric.published_unit().name();
        let sum = mean * *count as f64;
        let mut values =
            json!({ "count": count, "min": min, "max": max, "mean": mean, "sum": sum });
        if spread.is_empty() {
            values["last"] = json!(last);
        } else {
            // What percentiles are made of. Of many values none is the last.
            let pairs = spread.iter().map(|of| json!([of.value, of.count]));
            values["distribution"] = pairs.collect();
        }
        let published = names::name(metric, Statistic::Set);
        json!({ "name": metric.name, "published": published, "unit": unit, "values": values })
    });
    object["metrics"] = metrics.collect();
    object
}

/// The name of a number's member.
fn key(number: Number) -> String {
    number.name().replace('-', "_")
}

/// The statistics of a number that is sampled, in its unit, or the value of another. The distribution is
/// pairs of value and count.
fn member(number: Number, statistics: Option<&Statistics>) -> Json {
    let Some(statistics) = statistics else { return Json::Null };
    if !number.is_sampled() {
        return match number.of(None).kind {
            // A count, which JSON shows without a decimal point.
            Kind::Gauge if number.unit() == Unit::Count => json!(statistics.last as u64),
            Kind::Gauge | Kind::Count | Kind::Distribution => json!(statistics.last),
            Kind::Counter => json!(statistics.growth().map(|growth| growth as u64)),
        };
    }
    let Statistics { count, median, max, min, mean, values, .. } = statistics;
    let mut member =
        json!({ "count": count, "median": median, "max": max, "min": min, "mean": mean });
    if !values.is_empty() {
        let pairs = values.iter().map(|value| json!([value.percent(), value.count]));
        member["distribution"] = pairs.collect();
    }
    member
}

impl Publisher for Console {
    fn name(&self) -> &'static str {
        Publish::Console.name()
    }

    fn terms(&self) -> Terms {
        // A person watches the console, so a window without data gets a line, too.
        Terms { empty_windows: true, ..PRINTED }
    }

    fn send<'a>(
        &'a mut self,
        parcels: &'a [Parcel<'a>],
        _hurry: &'a CancellationToken,
    ) -> Sending<'a> {
        Box::pin(async move {
            for Parcel { summary, .. } in parcels {
                // The same lines as before, of which some may be printed.
                let unprinted = self.unprinted.take().filter(|(start, _)| *start == summary.start);
                let (_, lines) = self.unprinted.insert(
                    unprinted.unwrap_or_else(|| (summary.start, self.format.lines(summary))),
                );
                self.printer.print(summary.start, lines).await?;
                self.unprinted = None;
            }
            Ok(Accepted::default())
        })
    }

    fn explain(&self, _connecting: bool) -> Explaining<'_> {
        Box::pin(async { vec![Fact::known("output", "lines on standard output")] })
    }
}

/// These have a member also where they were not chosen: programs that read the lines count on it.
const SHOWN: &[Number] = &[Number::Cpu, Number::Memory, Number::Throttling, Number::OomKills];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::{entry, reported, sampled, summary, with_values};

    #[test]
    fn a_window_is_one_json_object_with_all_statistics() {
        let cpu = Statistics { min: 1.5, mean: 1.5, ..sampled(2, 1.5, 1.5) };
        let app = Statistics { min: 0.5, ..sampled(3, 2.0, 4.0) };
        let summary = summary(vec![
            entry(Number::Cpu, None, with_values(cpu, &[(150, 2)])),
            entry(Number::Throttling, None, reported(12.5, 12.5)),
            entry(Number::OomKills, None, reported(6.0, 7.0)),
            entry(Number::Memory, Some("app"), app),
        ]);
        let expected = json!({
            "start": "2026-11-18T11:07:00Z",
            "namespace": "Test",
            "dimensions": { "ServiceName": "Foo" },
            "cpu": {
                "count": 2, "median": 1.5, "max": 1.5, "min": 1.5, "mean": 1.5,
                "distribution": [[1.5, 2]],
            },
            "memory": null,
            "throttling": 12.5,
            "oom_kills": 1,
            "containers": [{
                "name": "app",
                "cpu": null,
                "memory": { "count": 3, "median": 2.0, "max": 4.0, "min": 0.5, "mean": 1.0 },
            }],
        });
        let dimensions = json!({ "ServiceName": "Foo" });
        let always = Always {
            namespace: Some("Test".into()),
            dimensions,
            numbers: Numbers::of(SHOWN),
            checks: Vec::new(),
        };
        assert_eq!(object(&summary, &always), expected);
    }
}
