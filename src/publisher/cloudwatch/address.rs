//! Finds out where a request would go, without sending it.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_cloudwatch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::{BoxError, SdkError};
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;

/// Where a request of this client would go, with all that is needed to sign it; or what keeps it from being
/// sent. The client keeps the credentials that it finds.
pub async fn of(sdk: &Client) -> Result<Option<String>, SdkError<PutMetricDataError>> {
    let address = Address::default();
    let request = sdk.put_metric_data().customize().interceptor(address.clone()).send().await;
    let noted = address.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    match noted {
        Some(address) => Ok(Some(address)),
        None => request.map(|_| None),
    }
}

/// Notes where a request goes, and stops it.
#[derive(Clone, Debug, Default)]
struct Address(Arc<Mutex<Option<String>>>);

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
