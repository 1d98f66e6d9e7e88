//! What the agent does and says when publishing fails.

use fake_cloudwatch::{Answer, Certificate, FakeCloudWatch, Skew, refused_url};
use support::{
    Agent, Ended, TemporaryFile, assert_nothing_is_lost, command, publishing_to, windows_of,
};

use std::time::Duration;

/// Runs an agent against `answer` until a send has failed, and ends it. Its log shows
/// warnings and errors, as by default.
fn failing_with(answer: Answer) -> Ended {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(answer);
    failing(&mut publishing_to(&cloudwatch.url()))
}

fn failing(command: &mut std::process::Command) -> Ended {
    let agent = Agent::start(command.env("RUST_LOG", "warn"));
    agent.wait_for_log("publishing failed");
    agent.terminate().expect_code(1)
}

/// The first line of the log without its time, and without what differs from run to run.
fn first_line(ended: &Ended) -> String {
    let line = *ended.troubles().first().expect("something was logged");
    let (_, line) = line.split_once("Z ").expect("a time");
    line.to_owned()
}

#[test]
fn an_outage_loses_nothing() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::service_unavailable());
    let agent = Agent::start(publishing_to(&cloudwatch.url()).env("RUST_LOG", "info"));
    cloudwatch.wait_until("failed sends of several windows", |seen| {
        windows_of(&seen.requests.last().map(|r| r.data.clone()).unwrap_or_default()).len() >= 3
    });
    cloudwatch.answer_always(Answer::Take);
    agent.wait_for_log("publishing works again");
    let ended = agent.terminate().expect_code(0);
    assert_nothing_is_lost(&ended, &cloudwatch.data());
    let failures = ended.stderr.lines().filter(|line| line.contains("publishing failed"));
    assert_eq!(failures.count(), 1, "a failure that repeats is logged once: {ended:#?}");
}

#[test]
fn a_rejected_datum_is_dropped_alone_with_the_services_own_message() {
    let cloudwatch = FakeCloudWatch::start();
    // The windows of an outage are sent together; one datum of one of them is poison.
    cloudwatch.answer_always(Answer::access_denied());
    let agent = Agent::start(publishing_to(&cloudwatch.url()).env("RUST_LOG", "info"));
    let seen = cloudwatch.wait_until("a request with four windows", |seen| {
        windows_of(&seen.requests.last().map(|r| r.data.clone()).unwrap_or_default()).len() >= 4
    });
    let windows = windows_of(&seen.requests.last().expect("the request").data);
    let poison = windows[1];
    cloudwatch.answer_always(Answer::reject_where(move |datum| {
        datum.name == "MemoryUtilization" && windows_of(std::slice::from_ref(datum)) == [poison]
    }));
    let line = agent.wait_for_log("was rejected and dropped");
    assert!(line.contains("] MemoryUtilization of window "), "{line}");
    assert!(line.contains(": InvalidParameterValue: "), "{line}");
    let ended = agent.terminate().expect_code(0);
    let data = cloudwatch.data();
    let taken = windows_of(&data);
    let expected: Vec<_> = (windows[0]..=taken[taken.len() - 1]).collect();
    assert_eq!(taken, expected, "{ended:#?}");
    let of_poisoned: Vec<_> = data
        .iter()
        .filter(|datum| windows_of(std::slice::from_ref(datum)) == [poison])
        .map(|datum| datum.name.as_str())
        .collect();
    let others = ["CPUUtilization", "MaxCPUUtilization", "MaxMemoryUtilization"];
    assert_eq!(of_poisoned, others, "{ended:#?}");
    assert_eq!(ended.stderr.matches("was rejected").count(), 1, "{ended:#?}");
    assert!(ended.stderr.contains(" dropped=0 undelivered=0 "), "{ended:#?}");
    assert!(ended.stderr.contains(" rejected_metrics=1 "), "{ended:#?}");
}

#[test]
fn beyond_the_buffer_the_oldest_are_dropped_counted_and_said() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::access_denied());
    let agent = Agent::start(publishing_to(&cloudwatch.url()).args(["--buffer", "2"]));
    cloudwatch.wait_until("requests beyond the buffer", |seen| seen.requests.len() >= 5);
    let ended = agent.terminate().expect_code(1);
    assert!(ended.stderr.contains("backlog full (2 windows): dropping the oldest"), "{ended:#?}");
    let last = ended.stderr.lines().last().unwrap_or_default();
    let number = |name: &str| -> usize {
        let (_, after) = last.split_once(name).expect("a count");
        after.split([' ', ':']).next().and_then(|n| n.parse().ok()).expect("a number")
    };
    assert_eq!(number(" windows="), number(" dropped=") + number(" undelivered="), "{last}");
    assert!(number(" dropped=") >= 2 && number(" undelivered=") >= 2, "{last}");
    let sent = windows_of(&cloudwatch.requests().last().expect("a request").data).len();
    assert!(sent <= 4, "two kept, and at most two that closed since: {sent}");
}

#[test]
fn access_denied_says_what_to_allow() {
    let ended = failing_with(Answer::access_denied());
    let line = first_line(&ended);
    assert!(line.starts_with("ERROR cloudwatch_metrics_agent::delivery] publishing failed (1 window kept): add the permission cloudwatch:PutMetricData for this namespace (AccessDenied: "), "{line}");
    assert!(line.ends_with("(HTTP 403))"), "{line}");
    assert!(
        ended.stderr.lines().last().is_some_and(|last| last.contains("(AccessDenied: ")),
        "{ended:#?}"
    );
}

#[test]
fn an_expired_token_is_tried_again() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_next(Answer::expired_token());
    let agent = Agent::start(&mut publishing_to(&cloudwatch.url()));
    cloudwatch.wait_until("a window", |seen| !seen.data.is_empty());
    let ended = agent.terminate().expect_code(0);
    assert!(
        first_line(&ended).contains("renew the credentials if nothing else does ("),
        "{ended:#?}"
    );
}

#[test]
fn throttling_is_retried_and_not_worth_an_error() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_next(Answer::throttling());
    let agent = Agent::start(publishing_to(&cloudwatch.url()).env("RUST_LOG", "warn"));
    cloudwatch.wait_until("a window", |seen| !seen.data.is_empty());
    assert_eq!(agent.terminate().expect_code(0).stderr, "");
}

#[test]
fn no_credentials_say_where_they_may_come_from() {
    let cloudwatch = FakeCloudWatch::start();
    let ended = failing(
        command()
            .args(["-n", "Test", "-s", "Foo", "-p", "1", "--endpoint-url", &cloudwatch.url()])
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_EC2_METADATA_DISABLED", "true"),
    );
    let line = first_line(&ended);
    assert!(line.starts_with("ERROR"), "{line}");
    assert!(
        line.contains("set a task role, an instance role, a profile or AWS_ACCESS_KEY_ID ("),
        "{line}"
    );
}

#[test]
fn no_region_says_how_to_set_it() {
    let ended = failing(
        command()
            .args(["-n", "Test", "-s", "Foo", "-p", "1"])
            .env("AWS_EC2_METADATA_DISABLED", "true"),
    );
    assert!(
        first_line(&ended).ends_with("set --region or AWS_REGION (AWS region not found)"),
        "{ended:#?}"
    );
}

#[test]
fn an_untrusted_certificate_says_how_to_trust_it() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let other = FakeCloudWatch::start_tls(Certificate::Valid);
    let roots = TemporaryFile::new("roots.pem", other.ca_pem().expect("TLS has a CA"));
    let ended = failing(publishing_to(&cloudwatch.url()).env("SSL_CERT_FILE", roots.path()));
    let line = first_line(&ended);
    assert!(line.contains("invalid peer certificate: UnknownIssuer"), "{line}");
    assert!(
        line.contains(
            "name the endpoint's root certificates with --ca-file or SSL_CERT_FILE, and check the clock ("
        ),
        "{line}"
    );
}

#[test]
fn certificates_of_another_name_or_time_are_refused() {
    for (certificate, reason) in
        [(Certificate::WrongName, "not valid for name"), (Certificate::Expired, "expired")]
    {
        let cloudwatch = FakeCloudWatch::start_tls(certificate);
        let roots = TemporaryFile::new("roots.pem", cloudwatch.ca_pem().expect("TLS has a CA"));
        let ended = failing(publishing_to(&cloudwatch.url()).env("SSL_CERT_FILE", roots.path()));
        let line = first_line(&ended);
        assert!(line.contains("invalid peer certificate: ") && line.contains(reason), "{line}");
    }
}

#[test]
fn an_unknown_host_says_what_to_check() {
    let ended = failing(&mut publishing_to("https://cloudwatch.invalid"));
    assert!(
        first_line(&ended)
            .contains("check the endpoint or region, and this machine's DNS settings ("),
        "{ended:#?}"
    );
}

#[test]
fn a_wrong_clock_says_to_set_it() {
    let skewed = Answer::Skewed(Skew::Ahead(Duration::from_secs(3600)));
    let ended = failing_with(skewed);
    assert!(
        first_line(&ended).contains("check this machine's clock and the secret access key ("),
        "{ended:#?}"
    );
}

#[test]
fn what_is_only_the_network_is_a_warning_with_all_of_its_causes() {
    let ended = failing(&mut publishing_to(&refused_url()));
    let line = first_line(&ended);
    assert!(line.starts_with("WARN "), "{line}");
    assert!(line.contains("Connection refused (os error 111)"), "{line}");
}

#[test]
fn other_answers_are_told_apart() {
    for (answer, level, text) in [
        (Answer::service_unavailable(), "WARN ", "HTTP 503"),
        (
            Answer::Garbage(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
            "WARN ",
            "invalid HTTP version parsed",
        ),
        (Answer::Reset, "WARN ", "onnection"),
        (
            Answer::error(403, "UnrecognizedClientException", "unknown"),
            "ERROR",
            "use credentials that are valid in this region (",
        ),
        (
            Answer::error(404, "UnknownOperationException", "unknown"),
            "ERROR",
            "check the endpoint and the region (",
        ),
    ] {
        let ended = failing_with(answer);
        let line = first_line(&ended);
        assert!(line.starts_with(level) && line.contains(text), "{text}: {line}");
    }
}
