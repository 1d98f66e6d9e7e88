//! Dimensions whose values are found out where the agent runs.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;

use support::{Agent, command, run};

/// An ECS task metadata endpoint, which answers until the test ends.
fn ecs() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).expect("a request");
            let body = match request.split(' ').nth(1) {
                Some("/v4/x") => r#"{"Name": "agent"}"#,
                Some("/v4/x/task") => {
                    r#"{"Cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/main",
                        "TaskARN": "arn:aws:ecs:eu-west-1:123456789012:task/main/0123abc",
                        "Family": "web", "AvailabilityZone": "eu-west-1b", "LaunchType": "FARGATE",
                        "Limits": {"CPU": 1, "Memory": 2048}, "Containers": []}"#
                }
                _ => "{}",
            };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            // The agent may have ended meanwhile.
            let _ = stream.write_all((head + body).as_bytes());
        }
    });
    format!("http://{address}/v4/x")
}

fn agent(names: &str) -> Command {
    let mut command = command();
    command.args(["--namespace", "Test", "--service", "Foo", "--period", "1", "--dry-run"]);
    command.args(["--scope", "host", "--dimension", "Own=1", "--auto-dimensions", names]);
    command
}

#[test]
fn a_task_tells_its_names() {
    let names = "cluster,task-family,task-id,container,availability-zone";
    let agent = Agent::start(agent(names).env("ECS_CONTAINER_METADATA_URI_V4", ecs()));
    let line = agent.wait_for_stdout("CPUUtilization");
    assert!(
        line.ends_with(
            " ServiceName=Foo Own=1 ClusterName=main TaskDefinitionFamily=web TaskId=0123abc \
             ContainerName=agent AvailabilityZone=eu-west-1b"
        ),
        "{line}"
    );
    agent.terminate().expect_code(0);
}

#[test]
fn the_system_tells_its_name() {
    let agent = Agent::start(&mut agent("hostname"));
    let line = agent.wait_for_stdout("CPUUtilization");
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    assert!(line.ends_with(&format!(" Own=1 HostName={name}")), "{line}");
    agent.terminate().expect_code(0);
}

#[test]
fn what_cannot_be_found_out_is_left_out_and_said() {
    let agent = Agent::start(&mut agent("task-id,hostname"));
    let line = agent.wait_for_stdout("CPUUtilization");
    assert!(line.contains(" Own=1 HostName="), "{line}");
    let ended = agent.terminate().expect_code(0);
    let expected = "dimension TaskId unavailable: $ECS_CONTAINER_METADATA_URI_V4/task: the variable is not set: this is not an ECS task";
    assert!(ended.stderr.contains(expected), "{ended:#?}");
}

#[test]
fn an_endpoint_that_never_answers_does_not_cost_the_last_window() {
    // Connections are made, and nobody ever takes them.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/v4/x", listener.local_addr().expect("a bound listener"));
    let names = "cluster,task-family,task-id,container,availability-zone";
    let mut command = agent(names);
    command.env("ECS_CONTAINER_METADATA_URI_V4", &url).env("RUST_LOG", "debug");
    // Longer than the endpoint is waited for, twice.
    command.args(["--sample-interval", "0.1", "--shutdown-timeout", "20"]);
    let agent = Agent::start(&mut command);
    agent.wait_for_log("] Sample {");
    let ended = agent.terminate().expect_code(0);
    assert!(ended.stdout.lines().next().is_some_and(|line| line.ends_with(" Own=1")), "{ended:#?}");
    for (name, path) in [("ClusterName", "/task"), ("TaskId", "/task"), ("ContainerName", "")] {
        let line = format!("dimension {name} unavailable: {url}{path}: no answer within 2s");
        assert!(ended.stderr.contains(&line), "{line}: {ended:#?}");
    }
}

#[test]
fn a_short_shutdown_does_not_wait_for_what_is_not_known() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/v4/x", listener.local_addr().expect("a bound listener"));
    let mut command = agent("cluster,hostname");
    command.env("ECS_CONTAINER_METADATA_URI_V4", &url).env("RUST_LOG", "debug");
    command.args(["--sample-interval", "0.1", "--shutdown-timeout", "1"]);
    let agent = Agent::start(&mut command);
    agent.wait_for_log("] Sample {");
    let ended = agent.terminate().expect_code(0);
    assert!(ended.stdout.lines().next().is_some_and(|line| line.ends_with(" Own=1")), "{ended:#?}");
    for name in ["ClusterName", "HostName"] {
        let line = format!("dimension {name} unavailable: stopped before it was found");
        assert!(ended.stderr.contains(&line), "{line}: {ended:#?}");
    }
}

#[test]
fn none_may_be_given_twice() {
    let ended = run(agent("cluster,task").args(["--dimension", "ClusterName=x"])).expect_code(2);
    assert_eq!(
        ended.stderr,
        "--auto-dimensions \"cluster,task\": expected any of cluster, task-family, task-id, \
         container, availability-zone, instance-id, hostname, with commas, not \"task\"; did you mean \
         task-family?\n"
    );
    let ended = run(agent("cluster").args(["--dimension", "ClusterName=x"])).expect_code(2);
    assert_eq!(
        ended.stderr,
        "--auto-dimensions \"cluster\": expected no ClusterName, because --dimension sets it\n"
    );
}
