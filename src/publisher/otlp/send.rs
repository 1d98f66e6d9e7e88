//! Sends requests: where to, how often, and how long it waits.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use log::{Level, debug, log};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::answer::{self, Failed};
use super::target::{self, Target};
use super::time_at_endpoint;
use crate::clock::Exchange;
use crate::config::{self, Aws, Publishing};
use crate::publisher::cloudwatch::access::{Access, Post};
use crate::publisher::{Accepted, Fact, Failure, PublishError, Retries};
use crate::shown::shown;

/// Sends to one endpoint.
#[derive(Debug)]
pub struct Sender {
    access: Access,
    aws: Aws,
    target: Target,
    is_signed: bool,
    config: config::Otlp,
    retries: Retries,
    /// What the newest answer told of the endpoint's clock.
    clock: Option<Exchange>,
    /// Whether the endpoint has answered.
    is_probed: bool,
    /// Until when the endpoint has asked to wait, and what it answered then.
    not_before: Option<(Instant, String)>,
    /// Why some points were refused, without the numbers in it.
    refused: BTreeSet<String>,
}

impl Sender {
    pub fn new(publishing: &Publishing, retries: Retries) -> Self {
        let (target, is_signed) = Target::of(publishing);
        let aws = target::aws(publishing);
        Self {
            access: Access::new(aws.clone()),
            aws,
            target,
            is_signed,
            config: (*publishing.otlp).clone(),
            retries,
            clock: None,
            is_probed: false,
            not_before: None,
            refused: BTreeSet::new(),
        }
    }

    /// Another one to the same endpoint, which knows nothing yet.
    pub fn again(&self) -> Self {
        Self {
            access: Access::new(self.aws.clone()),
            aws: self.aws.clone(),
            target: self.target.clone(),
            is_signed: self.is_signed,
            config: self.config.clone(),
            retries: Retries::default(),
            clock: None,
            is_probed: false,
            not_before: None,
            refused: BTreeSet::new(),
        }
    }

    pub fn config(&self) -> &config::Otlp {
        &self.config
    }

    pub fn clock(&self) -> Option<Exchange> {
        self.clock
    }

    #[cfg(test)]
    pub fn set_clock(&mut self, clock: Exchange) {
        self.clock = Some(clock);
    }

    pub fn is_probed(&self) -> bool {
        self.is_probed
    }

    pub fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// Whether it is CloudWatch, be it by its URL.
    pub fn is_to_aws(&self) -> bool {
        self.target.is_aws()
    }

    pub fn is_to_cloudwatch(&self) -> bool {
        self.target == Target::CloudWatch
    }

    /// The next request sees what the user has corrected.
    pub fn forget(&mut self) {
        self.access.forget();
    }

    /// Finds where to, and with whose credentials.
    pub async fn prepare(&mut self) -> Result<String, PublishError> {
        let url = self.url().await?;
        if self.is_signed {
            self.access.authenticate().await?;
        }
        match self.region().await? {
            Some(region) => Ok(format!("CloudWatch in {region} by OTLP ({url})")),
            None => Ok(format!("{url} by OTLP")),
        }
    }

    /// The region of AWS, where it has to do with that.
    pub async fn region(&mut self) -> Result<Option<String>, PublishError> {
        if !self.is_to_cloudwatch() && !self.is_signed {
            return Ok(None);
        }
        Ok(Some(self.access.cloudwatch().await?.0))
    }

    /// The facts of the connection, for people.
    pub async fn facts(&self) -> Vec<Fact> {
        self.access.facts(self.is_signed || self.is_to_cloudwatch(), self.is_signed).await
    }

    /// Asks without any data, which tells whether it would be answered, and what the clock there says.
    pub async fn probe(&mut self, hurry: &CancellationToken) -> Result<(), PublishError> {
        match self.post(&[], 0, hurry).await {
            Ok(_) => {}
            // A receiver that wants data has a clock, too.
            Err(error) if error.kind == Failure::Rejected => {}
            Err(error) => return Err(error),
        }
        self.is_probed = true;
        if let Some(clock) = self.clock {
            debug!("the endpoint's clock is {:.1} s ahead", clock.ahead_ms() / 1000.0);
        }
        Ok(())
    }

    /// Sends a request with so many points, and again as long as that may help and there is time.
    pub async fn post(
        &mut self,
        request: &[u8],
        points: usize,
        hurry: &CancellationToken,
    ) -> Result<Accepted, PublishError> {
        let begin = Instant::now();
        if let Some((until, why)) = &self.not_before
            && *until > begin
        {
            let seconds = (*until - begin).as_secs() + 1;
            let what = format!("the endpoint has asked to wait {seconds} s more ({why})");
            return Err(PublishError::new(Failure::TryAgain, what));
        }
        if let Some(mistake) = &self.config.mistake {
            let error = PublishError::new(Failure::Misconfigured, mistake.clone());
            return Err(error.advising("correct the variables of OpenTelemetry"));
        }
        let body = if self.config.gzip { packed(request) } else { Cow::Borrowed(request) };
        let end = begin + self.config.timeout;
        // The last sends begin after the cancellation, and keep their retries.
        let is_last = hurry.is_cancelled();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let Failed { error, is_retried, wait } = match self.attempt(&body, points as u64).await
            {
                Ok(accepted) => return Ok(accepted),
                Err(failed) => *failed,
            };
            let pause = wait.unwrap_or(PAUSE * attempt);
            if !is_retried || attempt >= ATTEMPTS || Instant::now() + pause >= end {
                self.not_before = wait.map(|wait| (Instant::now() + wait, error.causes.clone()));
                return Err(error);
            }
            if is_last {
                sleep(pause).await;
            } else if hurry.run_until_cancelled(sleep(pause)).await.is_none() {
                let why = "stopped while waiting to retry".into();
                return Err(PublishError::new(Failure::TryAgain, why));
            }
            self.retries.add_one();
        }
    }

    /// Sends it once.
    async fn attempt(&mut self, body: &[u8], points: u64) -> Result<Accepted, Box<Failed>> {
        let most = self.config.timeout / ATTEMPTS;
        let url = match timeout(most, self.ready()).await {
            Ok(url) => url.map_err(Failed::not_retried)?,
            Err(_) => {
                let what = format!(
                    "region, credentials or trusted roots were not found within {most:.1?}"
                );
                return Err(Failed::retried(PublishError::new(Failure::TryAgain, what).here()));
            }
        };
        let mut headers = vec![
            ("content-type", "application/x-protobuf"),
            ("user-agent", concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"))),
        ];
        headers.extend(self.config.gzip.then_some(("content-encoding", "gzip")));
        headers.extend(self.config.headers.iter().map(|(name, value)| (&**name, &*value.0)));
        let signed_at = self.is_signed.then(|| time_at_endpoint(self.clock));
        let post = Post { url: &url, headers: &headers, body, signed_at };
        let answer = match timeout(most, self.access.post(post)).await {
            Ok(answer) => answer.map_err(Failed::retried)?,
            Err(_) => {
                let what = format!("the endpoint did not answer within {most:.1?}");
                return Err(Failed::retried(PublishError::new(Failure::TryAgain, what)));
            }
        };
        let was_known = self.clock.is_some();
        self.clock = answer.clock.or(self.clock);
        let is_skewed = self.clock.is_some_and(|clock| clock.ahead_ms().abs() > SIGNATURE_SKEW_MS);
        if self.is_signed && answer.status == 403 && is_skewed && !was_known {
            // With the endpoint's own time the signature is right.
            let error =
                PublishError::new(Failure::TryAgain, "this machine's clock is wrong".into());
            return Err(Box::new(Failed { wait: Some(Duration::ZERO), ..*Failed::retried(error) }));
        }
        let meaning = answer::meaning(&answer, self.is_signed);
        let meaning = meaning.map_err(|mut failed| {
            if [404, 405].contains(&answer.status) {
                failed.error.causes = format!("{} at {url}", failed.error.causes);
            }
            failed.error.causes = shown(&self.config.without_secrets(&failed.error.causes));
            failed
        })?;
        // Nothing of a probe can be refused.
        if points > 0 {
            self.say(meaning.accepted.refused, points, &meaning.message);
        }
        Ok(meaning.accepted)
    }

    /// Says why some points were refused, once for each reason.
    fn say(&mut self, refused: u64, points: u64, message: &str) {
        let message = shown(&self.config.without_secrets(message));
        if refused == 0 {
            if !message.is_empty() {
                debug!("the endpoint took all points and says: {message}");
            }
            return;
        }
        let is_all = refused >= points;
        let reason = message.replace(|letter: char| letter.is_ascii_digit(), "");
        let reason = if is_all { format!("all: {reason}") } else { reason };
        let is_known = self.refused.contains(&reason) || self.refused.len() >= MOST_REASONS;
        let level = if is_all { Level::Error } else { Level::Warn };
        let level = if is_known { Level::Debug } else { level };
        if is_all {
            log!(level, "the endpoint refused all {points} points of a request: {message}");
        } else {
            log!(
                level,
                "the endpoint refused {refused} points of a request and took the others: {message}"
            );
        }
        if !is_known {
            self.refused.insert(reason);
        }
    }

    /// The URL, when all is there that a request needs. None of it is the endpoint's.
    async fn ready(&mut self) -> Result<String, PublishError> {
        let url = self.url().await?;
        if self.is_signed {
            self.access.authenticate().await.map_err(PublishError::here)?;
        }
        Ok(url)
    }

    async fn url(&mut self) -> Result<String, PublishError> {
        match &self.target {
            Target::Receiver(url) => Ok(url.clone()),
            Target::CloudWatch => {
                let (_, address) = self.access.cloudwatch().await?;
                Ok(format!("{}{METRICS_PATH}", address.trim_end_matches('/')))
            }
        }
    }
}

fn packed(request: &[u8]) -> Cow<'_, [u8]> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(request);
    Cow::Owned(encoder.finish().unwrap_or_default())
}

/// So many reasons are told. A receiver may have another one for each request.
const MOST_REASONS: usize = 20;

/// Where CloudWatch takes metrics.
pub const METRICS_PATH: &str = "/v1/metrics";

/// One attempt and two more, each with its part of the time.
const ATTEMPTS: u32 = 3;

/// Before the second attempt; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(500);

/// AWS takes a signature of up to five minutes before or after its own time; a minute is left for the way.
const SIGNATURE_SKEW_MS: f64 = 240_000.0;
