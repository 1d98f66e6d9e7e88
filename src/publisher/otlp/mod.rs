//! Sends metrics by OTLP over HTTP, as Protocol Buffers: to CloudWatch, signed with the credentials that are there,
//! or to any other receiver.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>

mod answer;
mod encode;
mod explain;
mod histogram;
pub mod names;
mod resource;
mod send;
mod target;
mod totals;
mod wire;

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use self::encode::Encoding;
use self::send::Sender;
use self::totals::Totals;
use super::endpoints::{Endpoint, Probing};
use super::{
    Explaining, Failure, Parcel, Preparing, PublishError, Publisher, Retries, Sending, Size, Terms,
};
use crate::clock::{Exchange, milliseconds, now_ms};
use crate::config::{Publish, Settings};
use crate::logging::{OTLP, START};
use crate::model::{Datum, Summary};

/// The publisher behind `--publish otlp`.
#[derive(Debug)]
pub struct Otlp {
    sender: Sender,
    encoding: Encoding,
    totals: Totals,
    /// The attributes of the resource, as far as they are known.
    resource: Vec<(String, String)>,
    with_samples: bool,
}

impl Otlp {
    pub fn new(settings: &Settings, retries: Retries) -> Self {
        let otlp = &settings.publishing.otlp;
        let region = target::known_region(&settings.publishing);
        let resource = resource::attributes(settings, region.as_deref());
        let of_all = resource::of_points(settings, &resource);
        Self {
            sender: Sender::new(&settings.publishing, retries),
            encoding: Encoding { of_all, deltas: otlp.deltas },
            totals: Totals::new(otlp.deltas, settings.measuring.metrics),
            resource,
            with_samples: otlp.sample_points,
        }
    }

    async fn deliver(
        &mut self,
        parcels: &[Parcel<'_>],
        hurry: &CancellationToken,
    ) -> Result<super::Accepted, PublishError> {
        let Some(Parcel { summary: first, .. }) = parcels.first() else {
            return Ok(super::Accepted::default());
        };
        let region = self.sender.region().await?;
        resource::add_region(&mut self.resource, region.as_deref());
        // Once, so that the clocks are compared before anything with a time is sent; and again where they
        // differ, since this clock may have been set.
        if !self.sender.is_probed() || self.waits(first) {
            self.sender.probe(hurry).await?;
        }
        if self.waits(first) {
            let ahead = self.ahead_of_endpoint(first) / 1000;
            let what = format!(
                "this window lies {ahead} s ahead of the endpoint's clock, and waits: a receiver that takes it would \
                 refuse what others send"
            );
            let error = PublishError::new(Failure::TryAgain, what);
            return Err(error.advising("set this machine's clock").here());
        }
        let request = self.encoding.request(&self.resource, &self.totals, parcels);
        let points = parcels.iter().map(|parcel| parcel.data.len()).sum();
        self.sender.post(&request, points, hurry).await
    }

    /// How many milliseconds the end of a window lies ahead of the endpoint's clock, as far as that is known.
    fn ahead_of_endpoint(&self, summary: &Summary) -> i64 {
        let ahead = self.sender.clock().map_or(0.0, Exchange::ahead_ms) as i64;
        milliseconds(summary.end).saturating_sub(now_ms().saturating_add(ahead))
    }
}

impl Endpoint for Otlp {
    fn probe(&mut self) -> Probing<'_> {
        Box::pin(async { self.sender.probe(&CancellationToken::new()).await })
    }
}

impl Publisher for Otlp {
    fn name(&self) -> &'static str {
        Publish::Otlp.name()
    }

    fn terms(&self) -> Terms {
        Terms {
            sets: 1,
            most_windows: usize::MAX,
            most: Size {
                data: MOST_POINTS,
                bytes: MOST_BYTES - encode::resource_size(&self.resource) - LONGEST_REGION,
            },
            empty_windows: false,
            oldest: Some(MAX_AGE),
            spread: SPREAD,
            log: Some(OTLP),
            with_values: true,
            with_samples: self.with_samples,
        }
    }

    fn size(&self, summary: &Summary, datum: Datum) -> Size {
        self.encoding.size(&self.totals, summary, datum)
    }

    fn sees(&mut self, summary: &Rc<Summary>) {
        self.totals.add(summary);
    }

    fn waits(&self, summary: &Summary) -> bool {
        self.sender.clock().is_some() && self.ahead_of_endpoint(summary) > MOST_AHEAD_MS
    }

    fn send<'a>(
        &'a mut self,
        parcels: &'a [Parcel<'a>],
        hurry: &'a CancellationToken,
    ) -> Sending<'a> {
        Box::pin(async move {
            let sent = self.deliver(parcels, hurry).await;
            if sent.as_ref().is_err_and(PublishError::may_be_mended) {
                self.sender.forget();
            }
            sent
        })
    }

    fn prepare(&mut self) -> Preparing<'_> {
        Box::pin(async {
            let prepared = self.sender.prepare().await;
            match prepared {
                Ok(place) if self.sender.is_signed() => Ok(Some(place)),
                Ok(place) => {
                    log::info!(target: START, "publishing to {place}");
                    Ok(None)
                }
                Err(error) => {
                    self.sender.forget();
                    Err(error)
                }
            }
        })
    }

    fn endpoint_clock(&self) -> Option<Exchange> {
        self.sender.clock()
    }

    fn explain(&self, connecting: bool) -> Explaining<'_> {
        Box::pin(explain::facts(self, connecting))
    }
}

/// Whether what is sent is paid for at CloudWatch, and not at another receiver.
pub fn is_to_aws(settings: &Settings) -> bool {
    target::Target::of(&settings.publishing).0.is_aws()
}

/// The names of those dimensions of all metrics that every point has; the others are of the resource.
pub fn labels(settings: &Settings) -> Vec<String> {
    let otlp = Otlp::new(settings, Retries::default());
    otlp.encoding.of_all.into_iter().map(|(name, _)| name).collect()
}

/// About how many bytes CloudWatch counts for the data of a window: each point with all that names it, the
/// attributes of the resource too.
pub fn billed_bytes(settings: &Settings, summary: &Summary, data: &[Datum]) -> usize {
    let otlp = Otlp::new(settings, Retries::default());
    let bytes = data.iter().map(|datum| {
        let data = std::slice::from_ref(datum);
        otlp.encoding.request(&otlp.resource, &otlp.totals, &[Parcel { summary, data }]).len()
    });
    bytes.sum()
}

/// CloudWatch takes so many points in a request, and so many bytes before they are compressed.
const MOST_POINTS: usize = 1000;
const MOST_BYTES: usize = 1_000_000;

/// The attribute of the region, which may be found later.
const LONGEST_REGION: usize = 200;

/// CloudWatch takes no points that are older than two weeks.
const MAX_AGE: Duration = Duration::from_hours(14 * 24);

/// CloudWatch takes points of up to ten minutes ahead. Other receivers refuse what is older than the newest that
/// they have by some limit, so that one agent of tomorrow would have all others refused.
const MOST_AHEAD_MS: i64 = 60_000;

/// As for PutMetricData: CloudWatch takes 500 requests a second of an account.
const SPREAD: f64 = 0.4;

/// The time of a request as the endpoint has it, which a signature needs.
fn time_at_endpoint(clock: Option<Exchange>) -> SystemTime {
    let ahead = clock.map_or(0.0, Exchange::ahead_ms) as i64;
    crate::clock::time_of(now_ms().saturating_add(ahead))
}

#[cfg(test)]
mod tests;
