//! `agent.prometheus`, with Prometheus' own exporter for machines.

use fake_cloudwatch::FakeCloudWatch;
use support::server::free_port;
use support::{Agent, publishing_to};

use crate::program::{Folder, Server, check, output};

fn exporter() -> (Server, u16) {
    let port = free_port();
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let args = [&*listen, "--log.level=error"];
    let (program, package) = ("/usr/bin/prometheus-node-exporter", "prometheus-node-exporter");
    (Server::start(program, package, &args, &[port]), port)
}

#[test]
fn the_page_of_an_exporter_is_read_as_curl_sees_it() {
    let (_server, port) = exporter();
    let url = format!("url=http://127.0.0.1:{port}/metrics");
    let names = ["metrics=node_memory_MemTotal_bytes", "metrics=node_network_receive_bytes_total"];
    let more = [
        "metrics=go_gc_duration_seconds",
        "metrics=node_uname_info",
        "metrics=node_boot_time_seconds",
    ];
    let ran = check(&[&["agent.prometheus", &*url], &names[..], &more].concat(), &[]).available();
    assert_eq!(ran.status(), "success");
    let page = output("curl", "curl", &Folder::new(), &["-s", &url[4..]]);
    let value = |start: &str| {
        let line = page.lines().find(|line| line.starts_with(start)).expect("it is there");
        line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number")
    };
    assert_eq!(ran.number("node_memory_MemTotal_bytes"), value("node_memory_MemTotal_bytes "));
    assert_eq!(ran.metric("node_memory_MemTotal_bytes")["unit"], "bytes");
    assert_eq!(ran.number("node_boot_time_seconds"), value("node_boot_time_seconds "));
    let names = ran.names();
    let mut devices =
        names.iter().filter(|name| name.starts_with("node_network_receive_bytes_total{device="));
    let device = ran.metric(devices.next().expect("a machine has an interface"));
    assert_eq!(
        (device["kind"].as_str(), device["unit"].as_str()),
        (Some("counter"), Some("bytes"))
    );
    let summary: Vec<_> =
        ran.names().into_iter().filter(|name| name.starts_with("go_gc")).collect();
    assert_eq!(summary, ["go_gc_duration_seconds_sum", "go_gc_duration_seconds_count"]);
    let is_named = |name: &&str| name.starts_with("node_uname_info{");
    assert_eq!(ran.names().into_iter().filter(is_named).count(), 1);
}

#[test]
fn every_series_of_the_page_is_understood_and_the_limit_holds() {
    let (_server, port) = exporter();
    let url = format!("url=http://127.0.0.1:{port}/metrics");
    let all = check(&["agent.prometheus", &url, "metrics=*", "series=10000"], &[]).available();
    assert!(all.names().len() > 300, "{}", all.names().len());
    assert!(!all.status().contains("above the limit"), "{}", all.status());
    let few = check(&["agent.prometheus", &url, "metrics=node_*", "series=7"], &[]).available();
    assert_eq!(few.names().len(), 7);
    assert!(
        few.status().starts_with("dropped ")
            && few.status().contains(" series above the limit of 7")
    );
    let none = check(&["agent.prometheus", &url, "metrics=nothing*"], &[]).available();
    assert_eq!((none.status(), none.names().len()), ("not on the page: nothing*", 0));
    let landing = check(&["agent.prometheus", &url.replace("/metrics", "/"), "metrics=*"], &[]);
    let expected = "expected NAME{LABELS} VALUE";
    assert!(landing.unavailable().contains(expected), "{landing:?}");
}

#[test]
fn series_arrive_in_cloudwatch_with_their_labels_and_counters_as_rates() {
    let (_server, port) = exporter();
    let folder = Folder::new();
    let text = format!(
        "checks:\n  node:\n    type: agent.prometheus\n    period: 1\n    details:\n      \
        url: http://127.0.0.1:{port}/metrics\n      metrics: [node_load1, node_network_receive_bytes_total]\n"
    );
    let file = folder.write("agent.yaml", text);
    let cloudwatch = FakeCloudWatch::start();
    let mut publishing = publishing_to(&cloudwatch.url());
    let agent = Agent::start(publishing.args(["--config", &file]));
    cloudwatch.wait_until("a rate", |seen| {
        seen.data.iter().any(|datum| datum.name == "node_network_receive_bytes_total")
    });
    agent.terminate().expect_code(0);
    let own = [("ServiceName", "FooService"), ("Check", "node")]
        .map(|(n, v)| (n.to_owned(), v.to_owned()));
    for datum in cloudwatch.data() {
        match &*datum.name {
            "node_load1" => assert_eq!(datum.dimensions, own),
            "node_network_receive_bytes_total" => {
                assert_eq!((&datum.dimensions[..2], datum.dimensions.len()), (&own[..], 3));
                assert_eq!(datum.dimensions[2].0, "device");
                assert_eq!(datum.unit.as_deref(), Some("Bytes/Second"));
            }
            _ => {}
        }
    }
}
