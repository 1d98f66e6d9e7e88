//! Two rules added to the SDK: which answers count as success, and which failures are retried.

use aws_sdk_cloudwatch::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, InterceptorContext,
};
use aws_sdk_cloudwatch::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_cloudwatch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::BoxError;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::retry::ErrorKind;

/// Checks that a successful answer comes from CloudWatch. A login page, or a proxy that answers
/// everything with status 200, would otherwise count as a delivery.
#[derive(Debug)]
pub struct FromCloudWatch;

impl Intercept for FromCloudWatch {
    fn name(&self) -> &'static str {
        "FromCloudWatch"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let headers = response.headers();
        match response.status().is_success() {
            true => of_cloudwatch(headers).map_err(Into::into),
            false => Ok(()),
        }
    }
}

/// Fails where an answer is not from CloudWatch.
pub fn of_cloudwatch(headers: &Headers) -> Result<(), String> {
    if PROOFS.iter().any(|name| headers.get(*name).is_some()) {
        return Ok(());
    }
    let content = headers.get("content-type").unwrap_or("no content type");
    Err(format!("the answer ({content}) is not from CloudWatch"))
}

/// What CloudWatch sends with each answer: the name of the protocol (Smithy RPC v2 CBOR, which
/// makes it a must), and the id of the request. The body and its type prove nothing: by the tests
/// of that protocol the answer of an operation without output has neither.
const PROOFS: [&str; 2] = ["smithy-protocol", "x-amzn-requestid"];

/// Retries two failures that the SDK does not: HTTP 429 of something other than CloudWatch, and an
/// answer that is not HTTP.
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
        // The SDK's class for errors of hyper that it does not recognise: an answer that is not HTTP.
        let is_garbage = error.as_connector_error().is_some_and(|error| error.is_other());
        match is_limit || is_garbage {
            true => RetryAction::retryable_error(ErrorKind::TransientError),
            false => RetryAction::NoActionIndicated,
        }
    }
}
