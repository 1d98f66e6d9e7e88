//! Tells whether a request is under way and how often it was retried, which the SDK hides.

use aws_sdk_cloudwatch::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_sdk_cloudwatch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::BoxError;
use tokio::sync::watch;

/// Sees each attempt begin and end; between them the SDK waits, or nothing is sent.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    under_way: bool,
    /// Those of the request that is being sent.
    of_this: u64,
    retries: u64,
}

impl Attempts {
    /// Waits until no attempt is under way.
    pub async fn none_under_way(&self) {
        // The sender is in `self`, so the channel cannot be closed.
        let _ = self.state.subscribe().wait_for(|state| !state.under_way).await;
    }

    /// How many attempts were made beside the first of each request.
    pub fn retries(&self) -> u64 {
        self.state.borrow().retries
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
        self.state.send_modify(|state| state.of_this = 0);
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.state.send_modify(|state| {
            state.under_way = true;
            state.of_this += 1;
            state.retries += u64::from(state.of_this > 1);
        });
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.state.send_modify(|state| state.under_way = false);
        Ok(())
    }
}
