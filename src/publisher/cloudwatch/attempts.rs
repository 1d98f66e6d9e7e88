//! Tells whether a request is under way, which the SDK's retries hide.

use aws_sdk_cloudwatch::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_cloudwatch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::BoxError;
use tokio::sync::watch;

/// Sees each attempt begin and end; between them the SDK waits, or nothing is sent.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    under_way: watch::Sender<bool>,
}

impl Attempts {
    /// Waits until no attempt is under way.
    pub async fn none_under_way(&self) {
        // The sender is in `self`, so the channel cannot be closed.
        let _ = self.under_way.subscribe().wait_for(|under_way| !under_way).await;
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.under_way.send_replace(true);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.under_way.send_replace(false);
        Ok(())
    }
}
