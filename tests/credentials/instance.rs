//! Region and credentials of an EC2 instance, and a metadata service that hangs.

use std::net::Ipv4Addr;
use std::time::SystemTime;

use fake_cloudwatch::FakeCloudWatch;

use crate::aws::{self, INSTANCE, INSTANCE_REGION};
use crate::http::{Log, Reply, Server};
use crate::proxies;
use crate::runs::{agent, agent_for, end, failure, publishing_key};
use crate::support::Agent;

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
    assert!(ended.stderr.contains("the shutdown timeout ended the last send"), "{ended:#?}");
    // Without the bound there would be a last send, with another question.
    assert_eq!(imds.finish().connections.len(), 1, "{ended:#?}");
}
