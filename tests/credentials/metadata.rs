//! The variables that say whether the metadata service of EC2 is asked, and where it is: region,
//! credentials and dimensions go by the same.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::Command;

use fake_cloudwatch::{Datum, FakeCloudWatch};

use crate::aws::{self, INSTANCE, INSTANCE_ID, INSTANCE_REGION, INSTANCE_ZONE};
use crate::runs::{agent_for, end, failure};
use support::Agent;
use support::http::Server;

/// The agent, with all that it needs to be found out on the instance.
fn asking(cloudwatch: &FakeCloudWatch, variables: &[(&str, &str)]) -> Command {
    let mut command = agent_for(&cloudwatch.url());
    command.args(["--auto-dimensions", "instance-id,availability-zone"]);
    command.envs(variables.iter().copied());
    command
}

/// Asserts that the service here gives region, credentials and names, and the usual one is not asked.
fn assert_asked(service: Server, variables: &[(&str, &str)]) {
    let (cloudwatch, usual) = (FakeCloudWatch::start(), aws::imds());
    let agent = Agent::start(&mut asking(&cloudwatch, variables));
    agent.wait_for_log(" MaxCPUUtilization=");
    end(agent, 0);
    let named = |datum: &Datum, name: &str, value: &str| {
        datum.dimensions.iter().any(|(n, v)| (n.as_str(), v.as_str()) == (name, value))
    };
    assert!(cloudwatch.data().iter().all(|datum| {
        named(datum, "InstanceId", INSTANCE_ID) && named(datum, "AvailabilityZone", INSTANCE_ZONE)
    }));
    let key = cloudwatch.requests()[0].access_key_id.clone();
    assert_eq!(key.as_deref(), Some(INSTANCE.key));
    let log = service.finish();
    let asked = log.lines();
    for path in ["placement/region", "instance-id", "iam/security-credentials/"] {
        let line = format!("GET /latest/meta-data/{path}");
        assert!(asked.contains(&line.as_str()), "{line}: {asked:?}");
    }
    assert_eq!(usual.finish().connections.len(), 0, "{variables:?}");
}

pub fn a_variable_names_the_metadata_service_for_all_that_ask_it() {
    let service = aws::imds_at(Ipv4Addr::LOCALHOST, 0);
    let url = format!("http://{}", service.address());
    // The endpoint wins over the mode.
    let mode = ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
    assert_asked(service, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url), mode]);
}

pub fn a_variable_names_the_metadata_service_of_ipv6() {
    for mode in ["IPv6", "ipv6"] {
        let address: Ipv6Addr = "fd00:ec2::254".parse().expect("an address");
        let service = aws::imds_at(address, 80);
        assert_asked(service, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", mode)]);
    }
}

pub fn a_metadata_service_that_is_turned_off_is_asked_for_nothing() {
    for value in ["true", "TRUE"] {
        let (cloudwatch, imds) = (FakeCloudWatch::start(), aws::imds());
        let disabled = ("AWS_EC2_METADATA_DISABLED", value);
        let line = failure(&mut asking(&cloudwatch, &[disabled]));
        assert!(line.contains("AWS region not found"), "{line}");
        let region = ("AWS_REGION", INSTANCE_REGION);
        let agent = Agent::start(&mut asking(&cloudwatch, &[disabled, region]));
        let line = agent.wait_for_log("publishing failed");
        assert!(line.contains("set a task role, an instance role"), "{line}");
        let ended = end(agent, 1);
        for name in ["InstanceId", "AvailabilityZone"] {
            let line = format!(
                "dimension {name} unavailable: AWS_EC2_METADATA_DISABLED is true: unset it to use the EC2 metadata service"
            );
            assert!(ended.stderr.contains(&line), "{line}: {ended:#?}");
        }
        assert_eq!(imds.finish().connections.len(), 0, "{value}");
    }
}

pub fn a_variable_that_names_no_metadata_service_is_told() {
    let imds = aws::imds();
    for (variable, value, expected) in [
        (
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            "https://user:word@127.0.0.1:1",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT \"https://***@127.0.0.1:1\": expected a URL such as",
        ),
        (
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
            "IPv5",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE \"IPv5\": expected IPv4 or IPv6",
        ),
    ] {
        let cloudwatch = FakeCloudWatch::start();
        let own = [
            (variable, value),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDOWN"),
            ("AWS_SECRET_ACCESS_KEY", "NeverShownOwnSecret"),
        ];
        let agent = Agent::start(&mut asking(&cloudwatch, &own));
        agent.wait_for_log(" MaxCPUUtilization=");
        let ended = end(agent, 0);
        let line = format!("dimension InstanceId unavailable: {expected}");
        assert!(ended.stderr.contains(&line), "{line}: {ended:#?}");
    }
    assert_eq!(imds.finish().connections.len(), 0);
}
