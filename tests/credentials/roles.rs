//! Credentials of an ECS task, a profile and a web identity.

use fake_cloudwatch::FakeCloudWatch;

use crate::aws::{self, ASSUMED, TASK, TASK_PATH, WEB_IDENTITY};
use crate::runs::{agent_for, failure, publishing_key};
use support::TemporaryFile;
use support::http::{Reply, Request, Server};

pub fn a_task_publishes_with_the_role_of_the_task() {
    let (cloudwatch, ecs, imds) = (FakeCloudWatch::start(), aws::ecs(), aws::imds());
    let key = publishing_key(
        &cloudwatch,
        agent_for(&cloudwatch.url())
            .env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", TASK_PATH)
            .env("AWS_REGION", "eu-west-1"),
    );
    assert_eq!(key, TASK.key);
    assert_eq!(ecs.finish().lines(), ["GET /v2/credentials/x"]);
    assert_nobody_came(imds);
}

/// Each of these says by itself that this is a task.
const TASK_VARIABLES: [(&str, &str); 3] = [
    ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x"),
    ("ECS_CONTAINER_METADATA_URI", "http://169.254.170.2/v3/x"),
    ("AWS_EXECUTION_ENV", "AWS_ECS_EC2"),
];

pub fn a_task_without_a_role_leaves_that_of_the_instance_alone() {
    for (variable, value) in TASK_VARIABLES {
        let (cloudwatch, ecs, imds) = (FakeCloudWatch::start(), aws::ecs(), aws::imds());
        let line = failure(
            agent_for(&cloudwatch.url()).env(variable, value).env("AWS_REGION", "eu-west-1"),
        );
        let advice = "set a task role, an instance role, a profile or AWS_ACCESS_KEY_ID";
        assert!(
            line.contains(&format!("{advice} (no AWS credentials found)")),
            "{variable}: {line}"
        );
        assert!(line.contains(" ERROR "), "somebody has to act: {line}");
        assert_eq!(cloudwatch.requests(), [], "{variable}");
        assert!(!ecs.finish().lines().contains(&"GET /v2/credentials/x"), "nobody named it");
        assert_nobody_came(imds);
    }
}

pub fn a_task_without_a_region_does_not_ask_the_instance() {
    let role = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", TASK_PATH);
    for (variable, value) in TASK_VARIABLES.into_iter().chain([role]) {
        let (cloudwatch, imds) = (FakeCloudWatch::start(), aws::imds());
        let line = failure(agent_for(&cloudwatch.url()).env(variable, value));
        let expected = "set --region or AWS_REGION (AWS region not found)";
        assert!(line.contains(expected), "{variable}: {line}");
        assert_nobody_came(imds);
    }
}

pub fn a_profile_assumes_its_role() {
    let (cloudwatch, sts) = (FakeCloudWatch::start(), aws::sts());
    let config = TemporaryFile::new(
        "config",
        "[default]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/metrics\n\
         source_profile = source\n\
         [profile source]\naws_access_key_id = AKIDSOURCE\n\
         aws_secret_access_key = NeverShownSourceSecret\n",
    );
    let key = publishing_key(
        &cloudwatch,
        agent_for(&cloudwatch.url())
            .env("AWS_CONFIG_FILE", config.path())
            .env("AWS_ENDPOINT_URL_STS", format!("http://{}", sts.address())),
    );
    assert_eq!(key, ASSUMED.key);
    let request = only_request(sts);
    assert!(request.body.starts_with("Action=AssumeRole&"), "{request:?}");
    let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fmetrics";
    assert!(request.body.split('&').any(|pair| pair == role), "{request:?}");
    let signature = request.header("authorization").expect("the source signs");
    assert!(signature.contains("Credential=AKIDSOURCE/"), "{signature}");
}

pub fn a_web_identity_becomes_a_role() {
    let (cloudwatch, sts, imds) = (FakeCloudWatch::start(), aws::sts(), aws::imds());
    // As `echo` writes it; what is sent is the token alone.
    let identity = TemporaryFile::new("identity", &format!("{WEB_IDENTITY}\n"));
    let key = publishing_key(
        &cloudwatch,
        agent_for(&cloudwatch.url())
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", identity.path())
            .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/metrics")
            .env("AWS_ENDPOINT_URL_STS", format!("http://{}", sts.address()))
            .env("AWS_REGION", "eu-west-1"),
    );
    assert_eq!(key, ASSUMED.key);
    let request = only_request(sts);
    assert!(request.body.starts_with("Action=AssumeRoleWithWebIdentity&"), "{request:?}");
    let identity = format!("WebIdentityToken={WEB_IDENTITY}");
    assert!(request.body.split('&').any(|pair| pair == identity), "{request:?}");
    assert_eq!(request.header("authorization"), None, "there is nothing to sign with yet");
    assert_nobody_came(imds);
}

pub fn credentials_without_an_end_are_given_up() {
    let cloudwatch = FakeCloudWatch::start();
    for (reply, cause) in ENDLESS {
        let _ecs = aws::endless_ecs(reply);
        let line = failure(
            agent_for(&cloudwatch.url())
                .env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", TASK_PATH)
                .env("AWS_REGION", "eu-west-1"),
        );
        assert!(line.contains(cause), "{line}");
        let _imds = aws::endless_imds(reply);
        let line = failure(agent_for(&cloudwatch.url()).env("AWS_REGION", "eu-west-1"));
        assert!(line.contains(cause), "{line}");
    }
    assert_eq!(cloudwatch.requests(), []);
}

/// An answer, and what is said about it.
type Endless = (fn() -> Reply, &'static str);

const ENDLESS: [Endless; 3] = [
    (|| Reply::Endless { promised: None }, "is over the limit of 1048576 bytes"),
    (|| Reply::Endless { promised: Some(1 << 40) }, "is over the limit of 1048576 bytes"),
    (|| Reply::EndlessHead, "message head is too large"),
];

fn only_request(server: Server) -> Request {
    let mut requests = server.finish().requests;
    assert_eq!(requests.len(), 1, "{requests:#?}");
    requests.remove(0)
}

fn assert_nobody_came(server: Server) {
    let log = server.finish();
    assert!(log.connections.is_empty(), "{log:#?}");
}
