//! What is kept of an error.

use aws_sdk_cloudwatch::error::{ErrorMetadata, SdkError};
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::publisher::cloudwatch::failure;
use crate::publisher::{Failure, PublishError};

#[test]
fn of_a_message_without_bound_only_the_ends_are_kept() {
    let message = format!("no\n{}x", "\u{1b}[2J".repeat(250_000));
    let metadata = ErrorMetadata::builder().code("AccessDenied").message(message).build();
    let status = StatusCode::try_from(403).expect("a status");
    let response = HttpResponse::new(status, SdkBody::empty());
    let error = SdkError::service_error(PutMetricDataError::generic(metadata), response);
    let PublishError { kind, causes, advice, .. } = failure::of_sdk(&error);
    assert_eq!(kind, Failure::Misconfigured);
    assert!(advice.is_some());
    assert!(causes.len() < 4096, "{} bytes are kept", causes.len());
    assert!(causes.starts_with(r"AccessDenied: no\n\u{1b}[2J"), "{causes}");
    assert!(causes.ends_with("[2Jx (HTTP 403)"), "{causes}");
}
