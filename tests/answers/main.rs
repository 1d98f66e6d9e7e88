//! Which answers prove that a window was taken, and what an answer without an end does: nothing.

use std::net::Ipv4Addr;
use std::process::Command;

use fake_cloudwatch::{Answer, Certificate, Endless, FakeCloudWatch};
use support::http::{Reply, Server};
use support::{Agent, TemporaryFile, assert_nothing_is_lost, command, publishing_to};

/// Runs an agent against each answer until a send has failed with its cause, then lets the endpoint
/// work, and sees that nothing was lost.
fn are_kept<const N: usize>(answers: [(Answer, &str); N]) {
    let running = answers.map(|(answer, cause)| {
        let cloudwatch = FakeCloudWatch::start();
        cloudwatch.answer_always(answer);
        let agent = Agent::start(publishing_to(&cloudwatch.url()).env("RUST_LOG", "info"));
        (cause, cloudwatch, agent)
    });
    for (cause, cloudwatch, agent) in running {
        let line = agent.wait_for_log("publishing failed");
        assert!(line.contains(cause), "{cause}: {line}");
        assert_eq!(cloudwatch.data(), [], "{cause}");
        cloudwatch.answer_always(Answer::Take);
        cloudwatch.release();
        agent.wait_for_log("publishing works again");
        let ended = agent.terminate().expect_code(0);
        assert_nothing_is_lost(&ended, &cloudwatch.data());
    }
}

#[test]
fn success_without_a_header_of_the_service_delivers_nothing() {
    are_kept([
        (Answer::bare(200), "the answer (no content type) is not from CloudWatch"),
        (Answer::bare(204), "the answer (no content type) is not from CloudWatch"),
        (Answer::page(), "the answer (text/html) is not from CloudWatch"),
        (status(200, "application/cbor"), "the answer (application/cbor) is not from CloudWatch"),
        (status(202, "application/json"), "the answer (application/json) is not from CloudWatch"),
    ]);
}

fn status(status: u16, content_type: &str) -> Answer {
    Answer::Status { status, content_type: content_type.to_owned(), body: b"\xa0".to_vec() }
}

#[test]
fn each_header_of_the_service_proves_it() {
    let answers: [&'static [(&str, &str)]; 3] = [
        &[("smithy-protocol", "rpc-v2-cbor")],
        &[("x-amzn-requestid", "a1b2c3d4-0000-4000-8000-000000000000")],
        &[("X-Amzn-RequestId", "a1b2c3d4-0000-4000-8000-000000000000")],
    ];
    for headers in answers {
        let cloudwatch = FakeCloudWatch::start();
        cloudwatch.answer_always(Answer::TakeWith(headers));
        let agent = Agent::start(&mut publishing_to(&cloudwatch.url()));
        cloudwatch.wait_until("a window", |seen| !seen.data.is_empty());
        let ended = agent.terminate().expect_code(0);
        assert_eq!(ended.troubles(), [""; 0], "{headers:?}");
    }
}

#[test]
fn an_answer_of_cloudwatch_without_an_end_is_given_up_and_costs_no_window() {
    let too_long = "is over the limit of 1048576 bytes)";
    are_kept([
        (Answer::Endless(Endless::Chunks), too_long),
        (Answer::Endless(Endless::Promised(1 << 40)), too_long),
        // The size of a head that hyper takes, and the time that an attempt has.
        (Answer::Endless(Endless::Head), "message head is too large"),
        (Answer::Endless(Endless::Drip), "timeout"),
    ]);
}

/// The most memory that a process had in use, in KiB.
#[cfg(target_os = "linux")]
fn peak_kib(agent: &Agent) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.id()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
}

/// Several times what an answer may be: copies of it, what the heap keeps of them, and the code of a test
/// build that only a failure calls. Without a bound it would be hundreds of megabytes.
#[cfg(target_os = "linux")]
const MOST_MORE_KIB: u64 = 10 << 10;

/// The peak of an agent whose requests are answered with an empty body.
#[cfg(target_os = "linux")]
fn usual_peak_kib() -> u64 {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let roots = TemporaryFile::new("usual.pem", cloudwatch.ca_pem().expect("TLS has a CA"));
    let mut command = publishing_to(&cloudwatch.url());
    let agent = Agent::start(command.env("SSL_CERT_FILE", roots.path()).env("RUST_LOG", "info"));
    agent.wait_for_log_lines(" MaxCPUUtilization=", 2);
    peak_kib(&agent)
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_without_an_end_fills_no_memory() {
    let usual = usual_peak_kib();
    let mut running = Vec::new();
    for endless in [Endless::Chunks, Endless::Promised(1 << 40), Endless::Head, Endless::Drip] {
        for tls in [false, true] {
            let cloudwatch = match tls {
                true => FakeCloudWatch::start_tls(Certificate::Valid),
                false => FakeCloudWatch::start(),
            };
            cloudwatch.answer_always(Answer::Endless(endless));
            let name = format!("{endless:?}.pem");
            let roots = cloudwatch.ca_pem().map(|pem| TemporaryFile::new(&name, pem));
            let mut command = publishing_to(&cloudwatch.url());
            command.envs(roots.as_ref().map(|roots| ("SSL_CERT_FILE", roots.path())));
            running.push((Agent::start(&mut command), endless, tls, roots, cloudwatch));
        }
    }
    for (agent, endless, tls, _roots, cloudwatch) in running {
        cloudwatch.wait_until("three attempts", |seen| seen.requests.len() > 3);
        let peak = peak_kib(&agent);
        assert!(peak < usual + MOST_MORE_KIB, "{endless:?} {tls}: {peak} after {usual}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_message_that_is_nearly_as_long_as_an_answer_may_be_fills_no_memory() {
    let (usual, cloudwatch) = (usual_peak_kib(), FakeCloudWatch::start());
    cloudwatch.answer_always(Answer::error(403, "AccessDenied", &"\n".repeat((1 << 20) - 1000)));
    let agent = Agent::start(&mut publishing_to(&cloudwatch.url()));
    let line = agent.wait_for_log("publishing failed");
    assert!(line.contains(" bytes left out] "), "{line}");
    cloudwatch.wait_until("more attempts", |seen| seen.requests.len() > 3);
    let peak = peak_kib(&agent);
    assert!(peak < usual + MOST_MORE_KIB, "{peak} after {usual}");
}

/// An agent whose credentials come from one of the services that hand them out.
fn asking(service: &str, url: &str, cloudwatch: &FakeCloudWatch, identity: &str) -> Command {
    let mut command = publishing_to(&cloudwatch.url());
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    match service {
        "container" => command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{url}/role")),
        "instance" => command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", url),
        _ => command
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", identity)
            .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/metrics")
            .env("AWS_ENDPOINT_URL_STS", url),
    };
    command
}

#[cfg(target_os = "linux")]
#[test]
fn an_endless_answer_of_whoever_hands_out_credentials_is_given_up() {
    let usual = usual_peak_kib();
    let (cloudwatch, identity) = (FakeCloudWatch::start(), TemporaryFile::new("identity", "token"));
    let identity = identity.path().to_str().expect("a path of letters");
    let mut running = Vec::new();
    for service in ["container", "instance", "sts"] {
        for answer in ENDLESS {
            let server = Server::start((Ipv4Addr::LOCALHOST, 0), move |_| answer());
            let url = format!("http://{}", server.address());
            let mut command = asking(service, &url, &cloudwatch, identity);
            let agent = Agent::start(command.env("RUST_LOG", "warn"));
            running.push((agent, service, answer(), url, server));
        }
    }
    for (agent, service, answer, url, server) in running {
        let line = agent.wait_for_log("publishing failed");
        let expected = match answer {
            Reply::EndlessHead => "message head is too large".to_owned(),
            _ => format!("the answer of {url} is over the limit of 1048576 bytes"),
        };
        assert!(line.contains(&expected), "{service}: {line}");
        server.wait_until("questions", |log| log.requests.len() > 1);
        let peak = peak_kib(&agent);
        assert!(peak < usual + MOST_MORE_KIB, "{service}: {peak} after {usual}");
        assert_eq!(cloudwatch.data(), []);
    }
}

/// What a server answers that has no end.
const ENDLESS: [fn() -> Reply; 3] = [
    || Reply::Endless { promised: None },
    || Reply::Endless { promised: Some(1 << 40) },
    || Reply::EndlessHead,
];

#[cfg(target_os = "linux")]
#[test]
fn an_endless_answer_of_the_metadata_endpoints_is_given_up() {
    let usual = usual_peak_kib();
    for answer in ENDLESS {
        let server = Server::start((Ipv4Addr::LOCALHOST, 0), move |_| answer());
        let url = format!("http://{}", server.address());
        let mut task = command();
        task.args(["-n", "Test", "-s", "Foo", "-p", "1", "--dry-run", "--scope", "task"])
            .args(["--auto-dimensions", "cluster"])
            .env("ECS_CONTAINER_METADATA_URI_V4", &url)
            .env("RUST_LOG", "warn");
        let agent = Agent::start(&mut task);
        let cause = match answer() {
            Reply::EndlessHead => "message head is too large",
            _ => "length limit exceeded",
        };
        agent.wait_for_log(&format!("the task metadata endpoint fails: {url}/task: {cause}"));
        agent.wait_for_log("dimension ClusterName unavailable: ");
        server.wait_until("questions", |log| log.requests.len() > 3);
        let peak = peak_kib(&agent);
        assert!(peak < usual + MOST_MORE_KIB, "{cause}: {peak} after {usual}");
    }
}
