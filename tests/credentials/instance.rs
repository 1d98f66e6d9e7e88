//! Region and credentials of an EC2 instance, and a metadata service that hangs.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::SystemTime;

use fake_cloudwatch::FakeCloudWatch;

use crate::aws::{self, INSTANCE, INSTANCE_ID, INSTANCE_REGION, INSTANCE_ZONE};
use crate::proxies;
use crate::runs::{agent, agent_for, end, failure, publishing_key};
use support::http::{Log, Reply, Server};
use support::{Agent, Ended};

pub fn an_instance_gives_region_and_role() {
    let (cloudwatch, imds) = (FakeCloudWatch::start(), aws::imds());
    assert_eq!(publishing_key(&cloudwatch, &mut agent_for(&cloudwatch.url())), INSTANCE.key);
    assert_asked_for_everything(&imds.finish());
}

pub fn assert_asked_for_everything(imds: &Log) {
    let expected = [
        "GET /latest/meta-data/iam/security-credentials/",
        "GET /latest/meta-data/iam/security-credentials/role-of-the-instance",
        "GET /latest/meta-data/placement/region",
        "PUT /latest/api/token",
    ];
    assert_eq!(imds.lines(), expected);
}

pub fn its_region_and_session_token_sign_the_request() {
    // Not the fake: it does not look at these headers.
    let cloudwatch = Server::start((Ipv4Addr::LOCALHOST, 0), |_| {
        const EMPTY_MAP: [u8; 1] = [0xa0];
        Reply::ok(EMPTY_MAP)
            .with_header("content-type", "application/cbor")
            .with_header("smithy-protocol", "rpc-v2-cbor")
    });
    let _imds = aws::imds();
    let agent = Agent::start(&mut agent_for(&format!("http://{}", cloudwatch.address())));
    agent.wait_for_log(" MaxCPUUtilization=");
    end(agent, 0);
    for request in cloudwatch.finish().requests {
        let signature = request.header("authorization").expect("it is signed");
        let scope = format!("/{INSTANCE_REGION}/monitoring/aws4_request,");
        assert!(signature.contains(&format!("Credential={}/", INSTANCE.key)), "{signature}");
        assert!(signature.contains(&scope), "{signature}");
        // Temporary credentials are none without it.
        assert_eq!(request.header("x-amz-security-token"), Some(INSTANCE.token));
    }
}

pub fn its_region_names_the_endpoint() {
    let (proxy, _imds) = (proxies::proxy(), aws::imds());
    // Only through the proxy can the test see where the agent would go.
    let url = format!("http://{}", proxy.address());
    failure(agent().env("HTTPS_PROXY", url));
    let expected = format!("CONNECT monitoring.{INSTANCE_REGION}.amazonaws.com:443");
    assert_eq!(proxy.finish().lines(), [expected]);
}

pub fn sampling_goes_on_while_the_metadata_service_hangs() {
    // Without a region it is the region that is asked for in vain, with one the credentials.
    for region in [None, Some(("AWS_REGION", "eu-west-1"))] {
        let imds = aws::hanging_imds();
        let agent = Agent::start(agent_for("http://127.0.0.1:9").envs(region));
        let hangs = |log: &Log| -> Vec<_> {
            log.connections.iter().filter_map(|c| Some(c.accepted..c.closed?)).collect()
        };
        let log = imds.wait_until("three questions in vain", |log| hangs(log).len() >= 3);
        let ended = end(agent, 1);
        assert!(ended.stderr.contains("publishing failed"), "{ended:#?}");
        let samples: Vec<_> =
            ended.stderr.lines().filter(|line| line.contains("] Sample {")).map(time_of).collect();
        for hang in hangs(&log) {
            let count = samples.iter().filter(|&time| hang.contains(time)).count();
            // Ten are due in the second after which the agent gives up; none is made by an agent
            // that waits.
            assert!(count >= 5, "{count} samples in {hang:?}: {ended:#?}");
        }
    }
}

/// The time at the head of a line of the log.
fn time_of(line: &str) -> SystemTime {
    let time = line.trim_start_matches('[').split(' ').next().unwrap_or_default();
    humantime::parse_rfc3339(time).expect("a line starts with its time")
}

pub fn a_hanging_metadata_service_cannot_hold_up_the_exit() {
    let imds = aws::hanging_imds();
    // Shorter than the second that the agent gives the metadata service.
    let agent = Agent::start(agent_for("http://127.0.0.1:9").args(["--shutdown-timeout", "0.2"]));
    imds.wait_until("a question", |log| !log.requests.is_empty());
    let ended = end(agent, 1);
    assert!(ended.stderr.contains("--shutdown-timeout ended the last send"), "{ended:#?}");
    // Only that of the start: the stop waits for its answer, and the bound leaves no time for another.
    assert_eq!(imds.finish().connections.len(), 1, "{ended:#?}");
}

pub fn an_instance_gives_its_names_to_whoever_has_a_token() {
    let (cloudwatch, imds) = (FakeCloudWatch::start(), aws::imds());
    let agent = Agent::start(&mut named(&cloudwatch));
    agent.wait_for_log(" MaxCPUUtilization=");
    end(agent, 0);
    let names = [("InstanceId", INSTANCE_ID), ("AvailabilityZone", INSTANCE_ZONE)];
    assert_dimensions(&cloudwatch, &names);
    let log = imds.finish();
    // One token for both, and nothing else than what was asked for.
    let lines: Vec<_> = log.requests.iter().map(|request| request.line.as_str()).collect();
    let expected = [
        "PUT /latest/api/token",
        "GET /latest/meta-data/instance-id",
        "GET /latest/meta-data/placement/availability-zone",
    ];
    assert_eq!(lines, expected);
}

pub fn a_name_that_the_instance_does_not_tell_is_left_out() {
    let cloudwatch = FakeCloudWatch::start();
    // As where the metadata service is turned off for the container.
    let imds = aws::refusing_imds();
    let agent = Agent::start(&mut named(&cloudwatch));
    agent.wait_for_log(" MaxCPUUtilization=");
    assert_left_out(&end(agent, 0), "HTTP 403 Forbidden");
    assert_dimensions(&cloudwatch, &[]);
    assert_eq!(imds.finish().lines(), ["PUT /latest/api/token"]);
}

pub fn a_hanging_metadata_service_costs_the_names_and_no_window() {
    let (cloudwatch, imds) = (FakeCloudWatch::start(), aws::hanging_imds());
    let agent = Agent::start(&mut named(&cloudwatch));
    // Before anything is sent, with one window that is open.
    imds.wait_until("a question", |log| !log.requests.is_empty());
    agent.wait_for_log("] Sample {");
    let ended = end(agent, 0);
    assert_left_out(&ended, "no answer within 1s");
    assert_dimensions(&cloudwatch, &[]);
    assert_eq!(imds.finish().connections.len(), 1, "{ended:#?}");
}

/// The agent, asking for the names of the instance, with a region and credentials of its own.
fn named(cloudwatch: &FakeCloudWatch) -> Command {
    let mut command = agent_for(&cloudwatch.url());
    command
        .args(["--auto-dimensions", "instance-id,availability-zone,hostname"])
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDOWN")
        .env("AWS_SECRET_ACCESS_KEY", "NeverShownOwnSecret");
    command
}

/// Asserts that all data has these dimensions, between those that are always known.
fn assert_dimensions(cloudwatch: &FakeCloudWatch, names: &[(&str, &str)]) {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let always = [("ServiceName", "FooService"), ("HostName", host.as_str())];
    let expected = [&always[..1], names, &always[1..]].concat();
    let data = cloudwatch.data();
    assert!(!data.is_empty());
    for datum in data {
        let dimensions: Vec<_> =
            datum.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(dimensions, expected);
    }
}

fn assert_left_out(ended: &Ended, reason: &str) {
    for name in ["InstanceId", "AvailabilityZone"] {
        let line = format!(
            "dimension {name} unavailable: http://169.254.169.254/latest/api/token: {reason}"
        );
        assert_eq!(ended.stderr.matches(&line).count(), 1, "{line}: {ended:#?}");
    }
}
