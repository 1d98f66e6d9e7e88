//! Tells whether a request is under way and how often it was retried, which the SDK hides.

use aws_sdk_cloudwatch::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_sdk_cloudwatch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::BoxError;
use tokio::sync::watch;

use crate::publisher::Retries;

/// Sees the begin and the end of each attempt. Between two attempts the SDK waits, or nothing is sent.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    request: watch::Sender<Request>,
    retries: Retries,
}

/// The request that is being sent.
#[derive(Debug, Default)]
struct Request {
    /// Whether an attempt is under way.
    under_way: bool,
    attempts: u64,
}

impl Attempts {
    pub fn counting(retries: Retries) -> Self {
        Self { request: watch::Sender::default(), retries }
    }

    /// Waits until no attempt is under way.
    pub async fn none_under_way(&self) {
        // The sender is in `self`, so the channel cannot be closed.
        let _ = self.request.subscribe().wait_for(|request| !request.under_way).await;
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // One count is enough: a publisher sends one request at a time.
        self.request.send_modify(|request| request.attempts = 0);
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.request.send_modify(|request| {
            request.under_way = true;
            request.attempts += 1;
            if request.attempts > 1 {
                self.retries.add_one();
            }
        });
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.request.send_modify(|request| request.under_way = false);
        Ok(())
    }
}
