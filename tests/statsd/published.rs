//! What becomes of each kind of number in CloudWatch.

use super::*;

#[test]
fn each_kind_arrives_as_what_it_is_with_its_tags_as_dimensions() {
    let listening = listening("period: 1", &["--dimension", "Stage=prod"]);
    listening.send(
        "jobs:1|c\njobs:4|c\njobs:1|c|@0.5\nqueue:7|g\nqueue:+2|g\nusers:a|s\nusers:b|s\nusers:a|s",
    );
    listening.send("took:10:20:30|ms|#route:/a,Stage:test\ntook:1000|ms|@0.5|#Stage:test,route:/a");
    listening.cloudwatch.wait_until("a timer", |seen| seen.data.iter().any(|of| of.name == "took"));
    let data = listening.end();
    let sum = |name: &str| {
        let sets = of(&data, name).into_iter().map(|datum| datum.set.expect("a statistic set").sum);
        sets.sum::<f64>()
    };
    assert_eq!((sum("jobs"), sum("users")), (7.0, 2.0));
    assert_eq!(of(&data, "jobs")[0].unit.as_deref(), Some("Count"));
    let queue = of(&data, "queue");
    assert_eq!(
        (queue.len(), queue[0].set.expect("a set").maximum),
        (1, 9.0),
        "only where it was sent"
    );
    let took = of(&data, "took")[0];
    assert_eq!(took.unit.as_deref(), Some("Milliseconds"));
    let own = [
        ("ServiceName", "FooService"),
        ("Stage", "prod"),
        ("Check", "app"),
        ("Stage_", "test"),
        ("route", "/a"),
    ];
    assert_eq!(took.dimensions, own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(
        (took.values.as_slice(), took.counts.as_slice()),
        (&[10.0, 20.0, 30.0, 1000.0][..], &[1.0, 1.0, 1.0, 2.0][..])
    );
}

#[test]
fn what_arrived_after_the_last_run_is_delivered_as_the_agent_ends() {
    let listening = listening("period: 600\n    timeout: 5", &[]);
    listening.send("last:3|c");
    let data = listening.end();
    assert_eq!(of(&data, "last")[0].set.expect("a set").sum, 3.0);
}

#[test]
fn lines_that_are_not_understood_and_too_many_series_are_counted_and_told() {
    let publish = "publish: all\n    period: 1";
    let listening = listening(publish, &[]);
    listening.send("hello\nx:1|c|#way:too,\u{e9}:many");
    let many: Vec<_> = (0..80).map(|number| format!("m{number}:1|c")).collect();
    listening.send(&many.join("\n"));
    listening.cloudwatch.wait_until("counts", |seen| seen.data.iter().any(|of| of.name == "m1"));
    listening.agent.wait_for_log(
        "check app: \"hello\": expected name:value|type, such as jobs:1|c; further lines",
    );
    listening.cloudwatch.wait_until("a rate", |seen| {
        seen.data
            .iter()
            .filter(|of| of.name == "StatsdSeriesCount")
            .any(|of| of.set.is_some_and(|set| set.maximum == 50.0))
    });
    let data = listening.end();
    let tagged = of(&data, "x")[0];
    assert!(tagged.dimensions.contains(&("_".to_owned(), "many".to_owned())), "{tagged:?}");
    for name in ["StatsdDroppedLines", "StatsdBadLines", "StatsdKernelDroppedDatagrams"] {
        assert!(!of(&data, name).is_empty(), "{name}");
    }
    assert!(of(&data, "m79").is_empty());
}

#[test]
fn a_port_that_is_taken_makes_the_check_unavailable_with_the_cure() {
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output =
        support::command().args(["check", "agent.statsd", &format!("port={port}")]).output();
    let output = output.expect("the binary starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let expected = format!(
        "agent.statsd: unavailable: cannot listen on 127.0.0.1:{port}: Address already in use (os error 98): another program listens there; give another port; took "
    );
    assert!(text.starts_with(&expected), "{text}");
    let output = support::command().args(["check", "agent.statsd", "address=localhost"]).output();
    let output = output.expect("the binary starts");
    assert_eq!(output.status.code(), Some(2), "a mistake in a detail is told before any run");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        text.contains("address \"localhost\": expected an IP address such as 127.0.0.1"),
        "{text}"
    );
}
