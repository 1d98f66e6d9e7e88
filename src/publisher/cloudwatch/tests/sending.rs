//! The send, on paused time, to an endpoint that answers as it is told.

use std::time::Duration;

use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudwatch::types::MetricDatum;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use tokio::time::{Instant, sleep};

use super::super::*;

/// Answers each request with `status` after a while.
#[derive(Clone, Debug)]
struct Endpoint {
    status: u16,
    after: Duration,
}

impl HttpConnector for Endpoint {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        let Self { status, after } = *self;
        HttpConnectorFuture::new(async move {
            sleep(after).await;
            // An empty map in CBOR.
            let status = status.try_into().expect("a status");
            let mut response = HttpResponse::new(status, SdkBody::from(&b"\xa0"[..]));
            response.headers_mut().insert("smithy-protocol", "rpc-v2-cbor");
            Ok(response)
        })
    }
}

/// Sends to `endpoint`, and tells to hurry after `hurry_after`. Returns the failure, and when.
async fn send(endpoint: Endpoint, hurry_after: Duration) -> (Option<PublishError>, Duration) {
    let attempts = Attempts::default();
    let connector = SharedHttpConnector::new(endpoint);
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .interceptor(attempts.clone())
        .build();
    let client = aws_sdk_cloudwatch::Client::from_conf(config);
    let request = client
        .put_metric_data()
        .namespace("Test")
        .metric_data(MetricDatum::builder().metric_name("CPU").value(1.0).build());
    let (hurry, start) = (CancellationToken::new(), Instant::now());
    let sending =
        async { (send_or_hurry(request, &attempts, &hurry).await.err(), start.elapsed()) };
    let hurrying = async {
        sleep(hurry_after).await;
        hurry.cancel();
    };
    tokio::join!(sending, hurrying).0
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_retry_is_cut_short() {
    let endpoint = Endpoint { status: 500, after: Duration::ZERO };
    let (failure, elapsed) = send(endpoint, Duration::from_millis(1)).await;
    let failure = failure.expect("the endpoint always fails");
    assert_eq!(failure.causes, "stopped while waiting to retry");
    assert!(elapsed < Duration::from_millis(5), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_under_way_is_not_cut_short() {
    let endpoint = Endpoint { status: 200, after: Duration::from_secs(2) };
    let (failure, elapsed) = send(endpoint, Duration::from_secs(1)).await;
    assert_eq!(failure, None);
    assert_eq!(elapsed.as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_under_way_that_fails_is_not_retried_after_a_wait() {
    let endpoint = Endpoint { status: 500, after: Duration::from_secs(2) };
    let (failure, elapsed) = send(endpoint, Duration::from_secs(1)).await;
    assert_eq!(failure.map(|f| f.kind), Some(Failure::TryAgain));
    assert_eq!(elapsed.as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_hurry_there_are_two_retries() {
    let endpoint = Endpoint { status: 500, after: Duration::from_secs(2) };
    let (failure, elapsed) = send(endpoint, Duration::from_secs(3600)).await;
    assert_eq!(failure.map(|f| f.kind), Some(Failure::TryAgain));
    assert!((6..=9).contains(&elapsed.as_secs()), "three attempts and two waits: {elapsed:?}");
}
