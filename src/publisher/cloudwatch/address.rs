//! Finds out where a request would go, without sending it.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_cloudwatch::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_cloudwatch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::BoxError;

/// Notes where a request goes, and stops it.
#[derive(Clone, Debug, Default)]
pub struct Address(Arc<Mutex<Option<String>>>);

impl Address {
    /// Where the request would have gone, if it came so far.
    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for Address {
    fn name(&self) -> &'static str {
        "Address"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut address = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let uri = context.request().uri();
        // The protocol, Smithy RPC v2 CBOR, appends /service/NAME/operation/NAME to the endpoint.
        let end = uri.find("/service/").unwrap_or(uri.len());
        *address = Some(uri[..end].to_owned());
        Err("this request is not sent".into())
    }
}
