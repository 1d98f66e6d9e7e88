//! The services that hand out credentials, each with a key, a secret and a session token of its
//! own, so that a signature tells which of them it is from.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use support::http::{Reply, Request, Server};

/// What a service gives: an access key with its secret and its session token.
#[derive(Clone, Copy)]
pub struct Role {
    pub key: &'static str,
    pub secret: &'static str,
    pub token: &'static str,
}

/// In every secret here, so that one search finds whichever got into some output.
pub const MARK: &str = "NeverShown";

pub const TASK: Role =
    Role { key: "ASIATASK", secret: "NeverShownTaskSecret", token: "NeverShownTaskToken" };

pub const INSTANCE: Role = Role {
    key: "ASIAINSTANCE",
    secret: "NeverShownInstanceSecret",
    token: "NeverShownInstanceToken",
};

pub const ASSUMED: Role =
    Role { key: "ASIAASSUMED", secret: "NeverShownAssumedSecret", token: "NeverShownAssumedToken" };

/// What a process must show to be given the role of a web identity.
pub const WEB_IDENTITY: &str = "NeverShownWebIdentity";

/// The session of the metadata service, without which it says nothing.
const METADATA_SESSION: &str = "NeverShownMetadataSession";

/// The region that the metadata service tells; no test sets it in any other way.
pub const INSTANCE_REGION: &str = "eu-south-2";

/// What it tells of the instance besides.
pub const INSTANCE_ZONE: &str = "eu-south-2b";
pub const INSTANCE_ID: &str = "i-0123456789abcdef0";

/// The endpoint of ECS for credentials, with the task role at [`TASK_PATH`].
pub fn ecs() -> Server {
    Server::start((ECS, 80), |request| match request.line.as_str() {
        "GET /v2/credentials/x" => Reply::ok(TASK.json()),
        _ => Reply::status(404),
    })
}

/// What `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is in a task that has a role.
pub const TASK_PATH: &str = "/v2/credentials/x";

/// The metadata service of EC2, version 2 only, on an instance with a role.
pub fn imds() -> Server {
    Server::start((IMDS, 80), metadata)
}

/// The same service where the variables of the AWS SDKs may say that it is.
pub fn imds_at(address: impl Into<IpAddr>, port: u16) -> Server {
    Server::start((address, port), metadata)
}

/// A metadata service that accepts connections and never answers.
pub fn hanging_imds() -> Server {
    Server::start((IMDS, 80), |_| Reply::Silence)
}

/// A metadata service that is turned off.
pub fn refusing_imds() -> Server {
    Server::start((IMDS, 80), |_| Reply::status(403))
}

/// The endpoint of ECS, answering without an end.
pub fn endless_ecs(reply: fn() -> Reply) -> Server {
    Server::start((ECS, 80), move |_| reply())
}

/// The metadata service of EC2, answering without an end.
pub fn endless_imds(reply: fn() -> Reply) -> Server {
    Server::start((IMDS, 80), move |_| reply())
}

fn metadata(request: &Request) -> Reply {
    const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
    if request.line == "PUT /latest/api/token" && request.header(TTL).is_some() {
        return Reply::ok(METADATA_SESSION).with_header(TTL, "21600");
    }
    if request.header("x-aws-ec2-metadata-token") != Some(METADATA_SESSION) {
        return Reply::status(401);
    }
    match request.line.as_str() {
        "GET /latest/meta-data/placement/region" => Reply::ok(INSTANCE_REGION),
        "GET /latest/meta-data/placement/availability-zone" => Reply::ok(INSTANCE_ZONE),
        "GET /latest/meta-data/instance-id" => Reply::ok(INSTANCE_ID),
        "GET /latest/meta-data/iam/security-credentials/" => Reply::ok("role-of-the-instance"),
        "GET /latest/meta-data/iam/security-credentials/role-of-the-instance" => {
            Reply::ok(INSTANCE.json())
        }
        // As an instance that does not have the newer paths; there a client takes these.
        _ => Reply::status(404),
    }
}

/// The Security Token Service: gives [`ASSUMED`] to whoever asks.
pub fn sts() -> Server {
    Server::start((Ipv4Addr::LOCALHOST, 0), |request| {
        let parameter = |name: &str| {
            request.body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        match parameter("Action") {
            Some(action) => Reply::ok(ASSUMED.xml(action)).with_header("content-type", "text/xml"),
            None => Reply::status(400),
        }
    })
}

impl Role {
    /// As ECS and EC2 give it.
    fn json(self) -> String {
        let Self { key, secret, token } = self;
        format!(
            r#"{{"Code": "Success", "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC",
                "AccessKeyId": "{key}", "SecretAccessKey": "{secret}", "Token": "{token}",
                "Expiration": "{}"}}"#,
            expiration(),
        )
    }

    /// As the Security Token Service gives it.
    fn xml(self, action: &str) -> String {
        let Self { key, secret, token } = self;
        format!(
            r#"<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <{action}Result>
                <AssumedRoleUser>
                    <AssumedRoleId>AROAEXAMPLE:session</AssumedRoleId>
                    <Arn>arn:aws:sts::123456789012:assumed-role/metrics/session</Arn>
                </AssumedRoleUser>
                <Credentials>
                    <AccessKeyId>{key}</AccessKeyId>
                    <SecretAccessKey>{secret}</SecretAccessKey>
                    <SessionToken>{token}</SessionToken>
                    <Expiration>{}</Expiration>
                </Credentials>
            </{action}Result>
            <ResponseMetadata><RequestId>a</RequestId></ResponseMetadata>
            </{action}Response>"#,
            expiration(),
        )
    }
}

/// Hours from now, as always on AWS: nothing is renewed in a test.
fn expiration() -> String {
    let time = SystemTime::now() + Duration::from_secs(6 * 60 * 60);
    humantime::format_rfc3339_seconds(time).to_string()
}

const ECS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);
const IMDS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
