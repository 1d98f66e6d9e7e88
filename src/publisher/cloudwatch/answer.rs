//! Which answers the SDK takes for good, and which it tries again, beyond its own rules.

use aws_sdk_cloudwatch::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, InterceptorContext,
};
use aws_sdk_cloudwatch::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_cloudwatch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::BoxError;
use aws_smithy_types::retry::ErrorKind;

/// Sees that it is CloudWatch that says yes. A login page or a proxy that answers everything with
/// status 200 would otherwise count as a delivery.
#[derive(Debug)]
pub struct Sender;

impl Intercept for Sender {
    fn name(&self) -> &'static str {
        "Sender"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let content = response.headers().get("content-type").unwrap_or_default();
        // Either is enough: it must never be taken for a failure what was in fact taken.
        let is_of_the_service = response.headers().get("smithy-protocol").is_some()
            || content.is_empty()
            || content.contains("cbor");
        if response.status().is_success() && !is_of_the_service {
            return Err(format!("something that is not CloudWatch answers with {content}").into());
        }
        Ok(())
    }
}

/// Tries again what passes by itself: a limit of requests that is not the service's own, and bytes
/// that are not HTTP.
#[derive(Debug)]
pub struct Passing;

impl ClassifyRetry for Passing {
    fn name(&self) -> &'static str {
        "Passing"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let is_limit = context.response().is_some_and(|r| r.status().as_u16() == 429);
        let is_garbage = error.as_connector_error().is_some_and(|error| error.is_other());
        match is_limit || is_garbage {
            true => RetryAction::retryable_error(ErrorKind::TransientError),
            false => RetryAction::NoActionIndicated,
        }
    }
}
