//! Publishes to Amazon CloudWatch with PutMetricData.

mod attempts;
mod client;
mod explain;
mod failure;
mod transport;

use std::time::Duration;

use aws_sdk_cloudwatch::operation::put_metric_data::builders::PutMetricDataFluentBuilder;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use log::info;
use tokio_util::sync::CancellationToken;

use self::attempts::Attempts;
use self::client::Client;
use super::metrics::{CONTAINER_NAME, LineFormat, Metric, Unit, container_metrics, metrics};
use super::{Explaining, Failure, PublishError, Publisher, Publishing};
use crate::model::Summary;
use crate::settings::{Metrics, Settings};

/// The publisher that is there for the job. The client is made on the first send, so that
/// finding region, credentials and trusted roots delays no sample.
#[derive(Debug)]
pub struct CloudWatch {
    client: Client,
    namespace: String,
    encoding: Encoding,
    format: LineFormat,
}

impl CloudWatch {
    pub fn new(settings: &Settings) -> Self {
        Self {
            client: Client::new(settings.aws.clone()),
            namespace: settings.namespace.clone(),
            encoding: Encoding::new(settings),
            format: LineFormat::new(settings),
        }
    }

    async fn send(
        &mut self,
        data: Vec<MetricDatum>,
        hurry: &CancellationToken,
    ) -> Result<(), PublishError> {
        let (client, attempts) = self.client.get().await?;
        let request =
            client.put_metric_data().namespace(&self.namespace).set_metric_data(Some(data));
        send_or_hurry(request, attempts, hurry).await
    }
}

impl Publisher for CloudWatch {
    fn batch(&self, backlog: &[Summary]) -> usize {
        self.encoding.batch(backlog)
    }

    fn spread(&self) -> f64 {
        SPREAD
    }

    fn publish<'a>(
        &'a mut self,
        summaries: &'a [Summary],
        hurry: &'a CancellationToken,
    ) -> Publishing<'a> {
        Box::pin(async move {
            let data = summaries.iter().flat_map(|summary| self.encoding.data(summary)).collect();
            self.send(data, hurry).await?;
            for line in summaries.iter().flat_map(|summary| self.format.lines(summary)) {
                info!("{line}");
            }
            Ok(())
        })
    }

    fn data(&self, summary: &Summary) -> Vec<String> {
        self.encoding.data(summary).iter().map(describe).collect()
    }

    fn publish_datum<'a>(
        &'a mut self,
        summary: &'a Summary,
        place: usize,
        hurry: &'a CancellationToken,
    ) -> Publishing<'a> {
        let datum = self.encoding.data(summary).into_iter().nth(place);
        Box::pin(self.send(datum.into_iter().collect(), hurry))
    }

    fn max_age(&self) -> Option<Duration> {
        Some(MAX_AGE)
    }

    fn retries(&self) -> u64 {
        self.client.retries()
    }

    fn explain(&self) -> Explaining<'_> {
        Box::pin(explain::facts(&self.client))
    }
}

/// A datum by its name, and by its last dimension if that is a container's.
fn describe(datum: &MetricDatum) -> String {
    let name = datum.metric_name().unwrap_or_default();
    let container = datum.dimensions().last().filter(|last| last.name() == Some(CONTAINER_NAME));
    match container.and_then(Dimension::value) {
        Some(container) => format!("{name} of {container}"),
        None => name.to_owned(),
    }
}

/// Sends the request with the SDK's retries. When `hurry` is cancelled meanwhile, an attempt that
/// is under way goes on, since dropping it could make the service take its data twice; but a
/// wait for the next attempt is given up.
async fn send_or_hurry(
    request: PutMetricDataFluentBuilder,
    attempts: &Attempts,
    hurry: &CancellationToken,
) -> Result<(), PublishError> {
    let cut_short = async {
        if hurry.is_cancelled() {
            std::future::pending::<()>().await;
        }
        hurry.cancelled().await;
        attempts.none_under_way().await;
    };
    tokio::select! {
        biased;
        sent = request.send() => sent.map(drop).map_err(|error| failure::of_sdk(&error)),
        () = cut_short => Err(PublishError {
            kind: Failure::TryAgain,
            causes: "the wait for a retry was cut short".into(),
            advice: None,
        }),
    }
}

/// How summaries become PutMetricData's data.
#[derive(Debug)]
struct Encoding {
    metrics: Metrics,
    dimensions: Vec<Dimension>,
    /// Seconds; CloudWatch keeps periods under a minute only where it is told that they are.
    storage_resolution: Option<i32>,
}

impl Encoding {
    fn new(settings: &Settings) -> Self {
        let dimension = |d: &crate::settings::Dimension| {
            Dimension::builder().name(&d.name).value(&d.value).build()
        };
        Self {
            metrics: settings.metrics,
            dimensions: settings.dimensions.iter().map(dimension).collect(),
            storage_resolution: (settings.period.as_secs() < 60).then_some(1),
        }
    }

    /// The data of one summary: one for each metric that has a value, then those of the containers.
    fn data(&self, summary: &Summary) -> Vec<MetricDatum> {
        let start = DateTime::from(summary.start);
        let datum = |metric, dimensions| self.datum(start, metric, dimensions);
        let mut data: Vec<_> = metrics(summary, self.metrics)
            .filter_map(|metric| datum(metric, self.dimensions.clone()))
            .collect();
        for container in &summary.containers {
            let own = Dimension::builder().name(CONTAINER_NAME).value(&*container.name).build();
            let dimensions = || self.dimensions.iter().chain([&own]).cloned().collect();
            let of_container = container_metrics(container, self.metrics);
            data.extend(of_container.filter_map(|metric| datum(metric, dimensions())));
        }
        data
    }

    fn datum(
        &self,
        start: DateTime,
        metric: Metric,
        dimensions: Vec<Dimension>,
    ) -> Option<MetricDatum> {
        // CloudWatch rejects a whole request for one value that is not finite.
        let value = metric.value.filter(|value| value.is_finite())?;
        let datum = MetricDatum::builder()
            .metric_name(metric.name)
            .set_dimensions(Some(dimensions))
            .timestamp(start)
            .value(value)
            .unit(match metric.unit {
                Unit::Percent => StandardUnit::Percent,
                Unit::Count => StandardUnit::Count,
            })
            .set_storage_resolution(self.storage_resolution);
        Some(datum.build())
    }

    /// How many of the oldest summaries surely fit into one request.
    fn batch(&self, backlog: &[Summary]) -> usize {
        let (mut data, mut size) = (0, DATUM_SIZE);
        let fitting = backlog.iter().take_while(|summary| {
            let of_summary = self.data(summary);
            data += of_summary.len();
            size += of_summary.iter().map(size_of_datum).sum::<usize>();
            data <= MOST_DATA && size <= REQUEST_SIZE
        });
        fitting.count().max(1)
    }
}

/// A bound on the size of the datum's CBOR encoding.
fn size_of_datum(datum: &MetricDatum) -> usize {
    let text = |text: Option<&str>| text.map_or(0, str::len) + FRAMING;
    let dimension = |d: &Dimension| FRAMING + text(d.name()) + text(d.value());
    DATUM_SIZE + datum.dimensions().iter().map(dimension).sum::<usize>()
}

/// PutMetricData takes no timestamps that are older than two weeks.
const MAX_AGE: Duration = Duration::from_hours(14 * 24);

/// PutMetricData takes this many data at once.
const MOST_DATA: usize = 1000;

/// PutMetricData takes requests of 1 MB. Whether that is before compression is not documented,
/// so it is taken as before.
const REQUEST_SIZE: usize = 1_000_000;

/// A bound on the CBOR encoding of a datum without its dimensions; measured: under 130 bytes.
/// Also allowed once for what stands around the data, the namespace included.
const DATUM_SIZE: usize = 512;

/// A bound on what CBOR adds to a string or a dimension: heads and the keys `Name` and `Value`.
const FRAMING: usize = 16;

/// The sends of a fleet spread over this part of each period: 24 s of a minute. Ten thousand
/// agents then make some 420 requests a second; CloudWatch takes 500 of an account and region
/// before it throttles.
const SPREAD: f64 = 0.4;

#[cfg(test)]
mod tests;
