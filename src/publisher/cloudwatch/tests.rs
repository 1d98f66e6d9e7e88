//! The encoding, compared with whole values.

use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use tokio::time::{Instant, sleep};

use super::*;
use crate::model::{ContainerSummary, Statistics};
use crate::settings::{self, Aws, MemoryUse, Metrics, Output, Publish, Scope};

fn settings(period: u64, own: &[(&str, &str)]) -> Settings {
    let dimension = |(name, value): (&str, &str)| settings::Dimension {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let dimensions = std::iter::once(("ServiceName", "FooService")).chain(own.iter().copied());
    Settings {
        namespace: "TestNamespace".into(),
        dimensions: dimensions.map(dimension).collect(),
        auto_dimensions: Vec::new(),
        period: Duration::from_secs(period),
        sample_interval: Duration::from_millis(900),
        scope: Scope::Host,
        memory: MemoryUse::Used,
        metrics: Metrics::default(),
        per_container: false,
        publish: Publish::CloudWatch,
        output: Output::Text,
        buffer: 60,
        shutdown_timeout: Duration::from_secs(8),
        aws: Aws::default(),
    }
}

fn statistics(median: f64, max: f64) -> Option<Statistics> {
    Some(Statistics { count: 67, median, max, min: 0.0, mean: 1.0 })
}

fn datum(name: &str, value: f64, resolution: Option<i32>) -> MetricDatum {
    MetricDatum::builder()
        .metric_name(name)
        .dimensions(Dimension::builder().name("ServiceName").value("FooService").build())
        .dimensions(Dimension::builder().name("Stage").value("prod").build())
        .timestamp(DateTime::from_secs(1_795_000_020))
        .value(value)
        .unit(StandardUnit::Percent)
        .set_storage_resolution(resolution)
        .build()
}

fn summary() -> Summary {
    Summary {
        start: UNIX_EPOCH + Duration::from_secs(1_795_000_020),
        cpu: statistics(12.5, 99.25),
        memory: statistics(40.0, 41.5),
        throttling: Some(7.0),
        oom_kills: Some(1),
        containers: Vec::new(),
    }
}

#[test]
fn a_summary_is_four_data() {
    let encoding = Encoding::new(&settings(60, &[("Stage", "prod")]));
    let expected = [
        datum("CPUUtilization", 12.5, None),
        datum("MaxCPUUtilization", 99.25, None),
        datum("MemoryUtilization", 40.0, None),
        datum("MaxMemoryUtilization", 41.5, None),
    ];
    assert_eq!(encoding.data(&summary()), expected);
}

#[test]
fn each_container_has_its_name_as_one_more_dimension() {
    let encoding = Encoding::new(&settings(60, &[("Stage", "prod")]));
    let cpu = statistics(2.5, 9.0);
    let app = ContainerSummary { name: "app".into(), cpu, memory: None };
    let summary = Summary { containers: vec![app], ..summary() };
    let of_app = |name, value| {
        let mut datum = datum(name, value, None);
        let container = Dimension::builder().name("ContainerName").value("app").build();
        datum.dimensions.get_or_insert_default().push(container);
        datum
    };
    let data = encoding.data(&summary);
    assert_eq!(data[4..], [of_app("CPUUtilization", 2.5), of_app("MaxCPUUtilization", 9.0)]);
    let described: Vec<_> = data.iter().map(describe).collect();
    assert_eq!(described[3..5], ["MaxMemoryUtilization", "CPUUtilization of app"]);
}

#[test]
fn events_are_sent_where_they_were_chosen() {
    let metrics = Metrics { throttling: true, oom_kills: true, ..Metrics::default() };
    let settings = Settings { metrics, ..settings(60, &[("Stage", "prod")]) };
    let data = Encoding::new(&settings).data(&summary()).split_off(4);
    let kills = datum("OOMKills", 1.0, None);
    let kills = MetricDatum::builder()
        .metric_name("OOMKills")
        .set_dimensions(kills.dimensions)
        .set_timestamp(kills.timestamp)
        .value(1.0)
        .unit(StandardUnit::Count);
    assert_eq!(data, [datum("CPUThrottling", 7.0, None), kills.build()]);
}

#[test]
fn periods_under_a_minute_have_high_resolution() {
    let encoding = Encoding::new(&settings(59, &[("Stage", "prod")]));
    assert_eq!(encoding.data(&summary())[0], datum("CPUUtilization", 12.5, Some(1)));
}

#[test]
fn what_is_absent_or_not_finite_is_never_sent() {
    let encoding = Encoding::new(&settings(60, &[("Stage", "prod")]));
    let broken = Summary { cpu: statistics(f64::NAN, f64::INFINITY), ..summary() };
    let absent = Summary { cpu: None, ..summary() };
    let expected =
        [datum("MemoryUtilization", 40.0, None), datum("MaxMemoryUtilization", 41.5, None)];
    assert_eq!(encoding.data(&broken), expected);
    assert_eq!(encoding.data(&absent), expected);
}

#[test]
fn a_request_holds_as_many_summaries_as_the_service_takes() {
    let backlog = vec![summary(); 1000];
    let encoding = Encoding::new(&settings(60, &[]));
    assert_eq!((encoding.batch(&backlog), encoding.batch(&backlog[..7])), (250, 7));
    let (name, value) = ("n".repeat(255), "v".repeat(1024));
    let long = vec![(name.as_str(), value.as_str()); 29];
    let batch = Encoding::new(&settings(60, &long)).batch(&backlog);
    assert!((5..=6).contains(&batch), "{batch}: four data of 38 kB each fit six times into 1 MB");
    let app = ContainerSummary { name: "app".into(), cpu: statistics(0.0, 0.0), memory: None };
    let many = Summary { containers: vec![app; 600], ..summary() };
    let encoding = Encoding::new(&settings(60, &[]));
    assert_eq!(encoding.batch(&[summary(), many.clone()]), 1);
    assert_eq!(encoding.batch(&[many]), 1, "it is the service's to say that this is too much");
}

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
    let request = client.put_metric_data().namespace("Test").metric_data(datum("CPU", 1.0, None));
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
    assert_eq!(failure.causes, "the wait for a retry was cut short");
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
