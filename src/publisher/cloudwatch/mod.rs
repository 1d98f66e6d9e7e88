//! Publishes to Amazon CloudWatch with PutMetricData.

pub mod access;
mod address;
mod answer;
mod attempts;
mod chain;
mod client;
pub mod dates;
mod disk;
mod dns;
mod encoding;
mod explain;
mod failure;
mod http;
mod mistaken;
mod mistakes;
mod transport;
mod web_identity;

use std::time::Duration;

use aws_sdk_cloudwatch::operation::put_metric_data::builders::PutMetricDataFluentBuilder;
use tokio_util::sync::CancellationToken;

use self::attempts::Attempts;
use self::client::Client;
use self::encoding::Encoding;
use super::endpoints::{Endpoint, Probing};
use super::{
    Accepted, Explaining, Failure, Parcel, Preparing, PublishError, Publisher, Retries, Sending,
    Size, Terms,
};
use crate::clock::Exchange;
use crate::config::{CaFile, Publish, Settings};
use crate::logging::CLOUDWATCH;
use crate::model::{Datum, Summary};
use crate::roots::Roots;

/// Fails if something is wrong with the files that the user names for TLS. If this machine has no
/// descriptor or thread to read them with, or their disk does not answer, that is an outage, and nothing
/// is wrong with the files.
pub async fn check(ca_file: Option<CaFile>) -> Result<(), String> {
    if !Roots::are_named() && ca_file.is_none() {
        return Ok(());
    }
    match disk::read(move || Roots::check(ca_file.as_ref())).await {
        Ok(Err(unusable)) if !unusable.passes => Err(unusable.to_string()),
        _ => Ok(()),
    }
}

/// The default publisher. The client is made on the first send, so that finding region, credentials
/// and trusted roots delays no sample.
#[derive(Debug)]
pub struct CloudWatch {
    client: Client,
    namespace: String,
    encoding: Encoding,
}

impl CloudWatch {
    pub fn new(settings: &Settings, retries: Retries) -> Self {
        Self {
            client: Client::new(settings.publishing.aws.clone(), retries),
            // Settings that publish have one.
            namespace: settings.identity.namespace.clone().unwrap_or_default(),
            encoding: Encoding::new(settings),
        }
    }
}

impl Endpoint for CloudWatch {
    fn probe(&mut self) -> Probing<'_> {
        Box::pin(self.client.probe())
    }
}

impl Publisher for CloudWatch {
    fn name(&self) -> &'static str {
        Publish::CloudWatch.name()
    }

    fn terms(&self) -> Terms {
        Terms {
            sets: self.encoding.sets(),
            most_windows: usize::MAX,
            most: encoding::MOST,
            empty_windows: false,
            oldest: Some(MAX_AGE),
            spread: SPREAD,
            log: Some(CLOUDWATCH),
            with_values: false,
            with_samples: false,
        }
    }

    fn size(&self, summary: &Summary, datum: Datum) -> Size {
        self.encoding.size(summary, datum)
    }

    fn send<'a>(
        &'a mut self,
        parcels: &'a [Parcel<'a>],
        hurry: &'a CancellationToken,
    ) -> Sending<'a> {
        Box::pin(async move {
            let data = self.encoding.request(parcels);
            let (client, attempts) = self.client.get().await?;
            let request =
                client.put_metric_data().namespace(&self.namespace).set_metric_data(Some(data));
            let sent = send_or_hurry(request, attempts, hurry).await;
            if sent.as_ref().is_err_and(PublishError::may_be_mended) {
                // The next send makes a new client. The SDK would also remember for good that it could not open
                // a file.
                self.client.forget();
            }
            sent.map(|()| Accepted::default())
        })
    }

    fn prepare(&mut self) -> Preparing<'_> {
        Box::pin(async {
            let prepared = self.client.prepare().await;
            if prepared.is_err() {
                // The first send sees what the user has corrected meanwhile.
                self.client.forget();
            }
            prepared.map(Some)
        })
    }

    fn endpoint_clock(&self) -> Option<Exchange> {
        self.client.endpoint_clock()
    }

    fn explain(&self, connecting: bool) -> Explaining<'_> {
        Box::pin(explain::facts(&self.client, connecting))
    }
}

/// Sends the request with the SDK's retries. When `hurry` is cancelled, a running attempt is
/// finished, because the service may already have its data and a second send would double them.
/// Waiting for the next attempt ends at once.
async fn send_or_hurry(
    request: PutMetricDataFluentBuilder,
    attempts: &Attempts,
    hurry: &CancellationToken,
) -> Result<(), PublishError> {
    let cut_short = async {
        // The last sends begin after the cancellation. They keep their retries, and only the shutdown
        // timeout ends them.
        if hurry.is_cancelled() {
            std::future::pending::<()>().await;
        }
        hurry.cancelled().await;
        attempts.none_under_way().await;
    };
    tokio::select! {
        biased;
        sent = request.send() => sent.map(drop).map_err(|error| failure::of_sdk(&error)),
        () = cut_short => {
            let why = "stopped while waiting to retry".into();
            Err(PublishError::new(Failure::TryAgain, why))
        }
    }
}

/// PutMetricData takes no timestamps that are older than two weeks.
const MAX_AGE: Duration = Duration::from_hours(14 * 24);

/// The sends of a fleet spread over this part of each period: 24 s of a minute. Ten thousand
/// agents then make some 420 requests a second; CloudWatch takes 500 of an account and region
/// before it throttles.
const SPREAD: f64 = 0.4;

#[cfg(test)]
pub mod tests;
