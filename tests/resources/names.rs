//! The other names that are looked up, while there is no thread to do it: the endpoint of
//! credentials and that of a task's metadata.

use std::net::Ipv4Addr;

use fake_cloudwatch::{Certificate, FakeCloudWatch};

use crate::limits::{Limit, as_nobody, is_root, without_threads};
use crate::{NAME, THREE_SECONDS, nothing_is_lost};
use support::http::{Reply, Request, Server};
use support::{Agent, TemporaryFile, publishing_to, windows_of};

fn role(_: &Request) -> Reply {
    Reply::ok(
        r#"{"AccessKeyId": "ASIAROLE", "SecretAccessKey": "secret", "Token": "token",
            "Expiration": "2099-01-01T00:00:00Z"}"#,
    )
}

#[test]
fn the_name_of_a_credentials_endpoint_is_looked_up_as_soon_as_it_can_be() {
    if !is_root() {
        return;
    }
    let credentials = Server::start((Ipv4Addr::LOCALHOST, 0), role);
    let hosts = TemporaryFile::new("hosts", &format!("127.0.0.1 {NAME}\n"));
    let cloudwatch = FakeCloudWatch::start();
    let mut agent = publishing_to(&cloudwatch.url());
    agent.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let url = format!("http://{NAME}:{}/role", credentials.address().port());
    agent.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    agent.env("RUST_LOG", "cloudwatch_metrics_agent=debug");
    let agent = Agent::start(&mut as_nobody(&without_threads(&agent), Some(hosts.path())));
    agent.wait_for_log("publishing failed");
    agent.wait_for_log_lines("] Sample {", 20 + THREE_SECONDS);
    assert_eq!(windows_of(&cloudwatch.data()), [0_u64; 0], "it has no credentials");
    Limit::of_threads(&agent).give_back();
    agent.wait_for_log("publishing works again");
    nothing_is_lost(&agent.terminate().expect_code(0), &cloudwatch);
}

#[test]
fn no_name_is_looked_up_by_a_thread_of_the_runtime() {
    if !is_root() {
        return;
    }
    // It panics where there is no thread to be had, and the SDK asks for one unless it is told not to.
    let credentials = Server::start((Ipv4Addr::LOCALHOST, 0), role);
    let hosts = TemporaryFile::new("hosts", &format!("127.0.0.1 {NAME}\n"));
    let role = "role_arn = arn:aws:iam::123456789012:role/x\ncredential_source = EcsContainer\n";
    let config = TemporaryFile::new("config", &format!("[default]\n{role}"));
    let cloudwatch = FakeCloudWatch::start();
    let mut agent = publishing_to(&cloudwatch.url());
    agent.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let url = format!("http://{NAME}:{}/role", credentials.address().port());
    agent.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", url).env("AWS_CONFIG_FILE", config.path());
    agent.env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9");
    let agent = Agent::start(&mut as_nobody(&agent, Some(hosts.path())));
    credentials.wait_until("a request", |log| !log.requests.is_empty());
    let tasks = std::fs::read_dir(format!("/proc/{}/task", agent.id())).expect("it runs");
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).ok();
    let threads: Vec<_> = tasks.filter_map(|task| name(task.expect("an entry"))).collect();
    // One that has looked something up waits for more to do.
    assert!(threads.iter().all(|name| !name.starts_with("tokio")), "{threads:?}");
    agent.terminate();
}

#[test]
fn the_name_of_a_task_metadata_endpoint_is_looked_up_as_soon_as_it_can_be() {
    if !is_root() {
        return;
    }
    let metadata = Server::start((Ipv4Addr::LOCALHOST, 0), |_| Reply::ok("{}"));
    let hosts = TemporaryFile::new("hosts", &format!("127.0.0.1 {NAME}\n"));
    let cloudwatch = FakeCloudWatch::start();
    let mut agent = publishing_to(&cloudwatch.url());
    let url = format!("http://{NAME}:{}/v4/task", metadata.address().port());
    agent.env("ECS_CONTAINER_METADATA_URI_V4", url).env("RUST_LOG", "info");
    let agent = Agent::start(&mut as_nobody(&without_threads(&agent), Some(hosts.path())));
    let line = agent.wait_for_log("the task metadata endpoint fails");
    assert!(line.contains("no thread for the name lookup: Resource temporarily"), "{line}");
    Limit::of_threads(&agent).give_back();
    metadata.wait_until("a request", |log| !log.requests.is_empty());
    agent.terminate();
}

#[test]
fn trusted_roots_are_read_as_soon_as_they_can_be() {
    if !is_root() {
        return;
    }
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let roots = TemporaryFile::new("roots", cloudwatch.ca_pem().expect("TLS has a CA"));
    let mut agent = publishing_to(&cloudwatch.url());
    agent.env("SSL_CERT_FILE", roots.path());
    agent.env("RUST_LOG", "cloudwatch_metrics_agent=debug");
    let agent = Agent::start(&mut as_nobody(&without_threads(&agent), None));
    let line = agent.wait_for_log("publishing failed");
    let text = "no thread for reading files: Resource temporarily unavailable";
    assert!(line.contains(text) && line.contains("WARN"), "{line}");
    agent.wait_for_log_lines("] Sample {", 20 + THREE_SECONDS);
    Limit::of_threads(&agent).give_back();
    agent.wait_for_log("publishing works again");
    nothing_is_lost(&agent.terminate().expect_code(0), &cloudwatch);
}
