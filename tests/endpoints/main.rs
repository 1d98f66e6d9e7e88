//! Several endpoints, each a server of its own: which of them gets the windows when others refuse, fail, hang
//! and come back. What takes minutes is tested on paused time, in `src/publisher/endpoints/tests.rs`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use fake_cloudwatch::{Answer, Certificate, FakeCloudWatch, refused_url};
use support::http::{Reply, Server};
use support::{Agent, Ended, TemporaryFile, command, publishing_to, run, windows_of};
use tokio::time::Instant;

/// An agent that publishes to the first of these, for which the others stand by.
fn publishing(urls: &[String]) -> Command {
    let mut command = publishing_to(&urls[0]);
    for url in &urls[1..] {
        command.args(["--endpoint-url", url]);
    }
    command.env("RUST_LOG", "info");
    command
}

/// Asserts that each window arrived, once, at one of these.
fn assert_each_window_is_somewhere(ended: &Ended, servers: &[&FakeCloudWatch]) {
    let mut times = BTreeMap::<u64, usize>::new();
    for server in servers {
        for window in windows_of(&server.data()) {
            *times.entry(window).or_default() += 1;
        }
    }
    let (first, last) = (times.keys().min(), times.keys().max());
    let (first, last) = (*first.expect("windows"), *last.expect("windows"));
    let expected: BTreeMap<_, _> = (first..=last).map(|window| (window, 1)).collect();
    assert_eq!(times, expected, "{ended:#?}");
    let all = format!(" windows={0} delivered={0} dropped=0 undelivered=0 ", times.len());
    assert!(ended.stderr.contains(&all), "no {all:?}: {ended:#?}");
}

#[test]
fn where_nobody_listens_the_next_gets_the_first_window() {
    let (second, third) = (FakeCloudWatch::start(), FakeCloudWatch::start());
    third.answer_always(Answer::service_unavailable());
    let (nobody, urls) = (refused_url(), [second.url(), third.url()]);
    let agent = Agent::start(&mut publishing(&[nobody.clone(), third.url(), second.url()]));
    let three_windows = |seen: &fake_cloudwatch::Seen| windows_of(&seen.data).len() >= 3;
    second.wait_until("three windows", three_windows);
    let ended = agent.terminate().expect_code(0);
    assert_each_window_is_somewhere(&ended, &[&second]);
    let start = format!("standing by for {nobody}: {}, {}", urls[1], urls[0]);
    assert!(ended.stderr.contains(&start), "{ended:#?}");
    let changed = format!("publishing to {} from now on, and not to", urls[0]);
    assert!(ended.stderr.contains(&changed), "{ended:#?}");
}

#[test]
fn one_that_dies_in_the_middle_has_the_windows_until_then_and_another_the_rest() {
    let (first, second) = (FakeCloudWatch::start(), FakeCloudWatch::start());
    let url = first.url();
    let agent = Agent::start(&mut publishing(&[url.clone(), second.url()]));
    first.wait_until("two windows", |seen| windows_of(&seen.data).len() >= 2);
    assert!(second.requests().is_empty(), "it only stands by");
    // Its connections end, and nobody listens any more. What it has taken is known before.
    let (port, before) = (first.address().port(), first.data());
    drop(first);
    second.wait_until("two windows", |seen| windows_of(&seen.data).len() >= 2);
    // It is there again, and only a proof of ten minutes brings anything back to it.
    let again = FakeCloudWatch::start_on(port, None).expect("the port is free again");
    let so_far = windows_of(&second.data()).len();
    second.wait_until("two more", |seen| windows_of(&seen.data).len() >= so_far + 2);
    let ended = agent.terminate().expect_code(0);
    assert!(again.data().is_empty(), "{ended:#?}");
    let mut windows = windows_of(&before);
    windows.extend(windows_of(&second.data()));
    // The reply to the last send to the first may be lost with it: then its window is in both.
    windows.dedup();
    let all: Vec<_> = (windows[0]..=windows[windows.len() - 1]).collect();
    assert_eq!(windows, all, "{ended:#?}");
    assert!(
        ended.stderr.contains(&format!("and not to {url}: it refuses connections")),
        "{ended:#?}"
    );
}

#[test]
fn a_failed_send_changes_nothing_and_a_second_one_does() {
    let (first, second, third) =
        (FakeCloudWatch::start(), FakeCloudWatch::start(), FakeCloudWatch::start());
    // Access is no matter of trying again: each is one request.
    third.answer_always(Answer::Hang);
    first.answer_next(Answer::access_denied());
    let mut command = publishing(&[first.url(), third.url(), second.url()]);
    let agent = Agent::start(&mut command);
    first.wait_until("three windows", |seen| windows_of(&seen.data).len() >= 3);
    assert!(second.requests().is_empty() && third.requests().is_empty(), "none was asked");
    first.answer_always(Answer::access_denied());
    // The third takes requests and never answers, so that it is none to change to.
    second.wait_until("two windows", |seen| windows_of(&seen.data).len() >= 2);
    let ended = agent.terminate().expect_code(0);
    assert_each_window_is_somewhere(&ended, &[&first, &second]);
    assert_eq!(ended.stderr.matches("from now on, and not to").count(), 1, "{ended:#?}");
}

#[test]
fn at_the_end_one_that_hangs_is_left_for_the_next() {
    let (first, second, third) =
        (FakeCloudWatch::start(), FakeCloudWatch::start(), FakeCloudWatch::start());
    first.answer_always(Answer::Hang);
    second.answer_always(Answer::service_unavailable());
    let mut command = publishing(&[first.url(), second.url(), third.url()]);
    command.args(["--once", "--shutdown-timeout", "20"]);
    let begin = Instant::now();
    let ended = run(&mut command).expect_code(0);
    assert!(begin.elapsed() < Duration::from_secs(15), "{ended:#?}");
    assert_eq!(windows_of(&third.data()).len(), 1, "{ended:#?}");
}

#[test]
fn a_send_that_hangs_at_a_stop_leaves_time_for_the_next() {
    for hangs in [Answer::Hang, Answer::StallAfterHeaders] {
        let (first, second) = (FakeCloudWatch::start(), FakeCloudWatch::start());
        let mut command = publishing(&[first.url(), second.url()]);
        let agent = Agent::start(command.args(["--shutdown-timeout", "6"]));
        first.wait_until("two windows", |seen| windows_of(&seen.data).len() >= 2);
        first.answer_always(hangs);
        let before = first.requests().len();
        first.wait_until("one that hangs", |seen| seen.requests.len() > before + 1);
        let ended = agent.terminate().expect_code(0);
        assert_each_window_is_somewhere(&ended, &[&first, &second]);
    }
}

#[test]
fn credentials_that_are_not_found_in_time_change_no_endpoint() {
    let (first, second) = (FakeCloudWatch::start(), FakeCloudWatch::start());
    let task = Server::start((Ipv4Addr::LOCALHOST, 0), |_| Reply::Silence);
    let mut command = publishing(&[first.url(), second.url()]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let url = format!("http://{}/", task.address());
    command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", url).env("AWS_EC2_METADATA_DISABLED", "true");
    let agent = Agent::start(command.args(["--shutdown-timeout", "0.5"]));
    agent.wait_for_log("AWS credentials were not found within 2.9s");
    // Two sends that fail in a row would change the endpoint.
    let asked = |log: &support::http::Log| log.connections.len();
    let before = asked(&task.wait_until("a search", |log| asked(log) > 0));
    task.wait_until("three more searches", |log| asked(log) >= before + 3);
    let ended = agent.terminate().expect_code(1);
    // At the end each is tried, whatever the reason.
    let running = ended.stderr.split("stopping: ").next().unwrap_or_default();
    assert!(!running.contains("from now on, and not to"), "{ended:#?}");
    assert!(first.requests().is_empty() && second.requests().is_empty());
}

#[test]
fn where_all_fail_nothing_is_lost_and_each_is_told_once() {
    let servers = [FakeCloudWatch::start(), FakeCloudWatch::start()];
    servers.iter().for_each(|server| server.answer_always(Answer::access_denied()));
    let urls = servers.each_ref().map(FakeCloudWatch::url);
    let agent = Agent::start(&mut publishing(&urls));
    servers[0].wait_until("some sends", |seen| seen.requests.len() >= 2);
    servers[1].wait_until("some sends", |seen| seen.requests.len() >= 5);
    servers[1].answer_always(Answer::Take);
    servers[1].wait_until("all windows", |seen| windows_of(&seen.data).len() >= 5);
    let ended = agent.terminate().expect_code(0);
    assert_each_window_is_somewhere(&ended, &[&servers[0], &servers[1]]);
    assert_eq!(ended.stderr.matches("publishing failed").count(), 1, "{ended:#?}");
    let changes = ended.stderr.matches("from now on, and not to").count();
    assert!((1..=3).contains(&changes), "{changes}: {ended:#?}");
}

#[test]
fn regions_are_endpoints_too_and_pairs_with_their_urls() {
    let (first, second) = (FakeCloudWatch::start(), FakeCloudWatch::start());
    first.answer_always(Answer::access_denied());
    let mut command = publishing(&[first.url(), second.url()]);
    command.args(["--region", "eu-west-1,eu-north-1"]);
    let agent = Agent::start(&mut command);
    second.wait_until("a window", |seen| !seen.data.is_empty());
    for (server, region) in [(&first, "eu-west-1"), (&second, "eu-north-1")] {
        let requests = server.requests();
        let is_its_own = requests.iter().all(|request| request.region.as_deref() == Some(region));
        assert!(is_its_own, "each is signed for its own region: {requests:#?}");
    }
    let ended = agent.terminate().expect_code(0);
    let to = format!("publishing to eu-north-1 ({}) from now on", second.url());
    assert!(ended.stderr.contains(&to), "{ended:#?}");
}

#[test]
fn explain_tells_who_is_the_primary_and_whether_each_answers() {
    let (first, nobody) = (FakeCloudWatch::start(), refused_url());
    let mut command = command();
    command.args(["explain", "--check", "--scope", "host", "-n", "Test", "-s", "Foo"]);
    command.args(["--endpoint-url", &first.url(), "--endpoint-url", &nobody]);
    command.env("AWS_REGION", "eu-west-1").env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    let ended = run(command.env("AWS_SECRET_ACCESS_KEY", support::SECRET));
    let line = |name: &str| {
        let mut lines = ended.stdout.lines().map(str::trim);
        lines.find(|line| line.starts_with(name)).unwrap_or_default().to_owned()
    };
    assert!(line("primary").contains(&first.url()), "{ended:#?}");
    let standby = line("standby");
    assert!(standby.contains(&nobody) && standby.contains("connection"), "{ended:#?}");
}

#[test]
fn only_the_authority_of_the_file_is_trusted_at_the_endpoint() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let other = FakeCloudWatch::start_tls(Certificate::Valid);
    let pem = |of: &FakeCloudWatch| of.ca_pem().expect("it has an authority").to_owned();
    let right = TemporaryFile::new("right.pem", &pem(&cloudwatch));
    let wrong = TemporaryFile::new("wrong.pem", &pem(&other));
    let once = |file: &TemporaryFile| {
        let mut command = publishing_to(&cloudwatch.url());
        // The variable is for everything else.
        command.env("SSL_CERT_FILE", right.path()).args(["--once", "--shutdown-timeout", "3"]);
        run(command.arg("--ca-file").arg(file.path()))
    };
    once(&right).expect_code(0);
    let taken = cloudwatch.data().len();
    assert!(taken > 0);
    let refused = once(&wrong).expect_code(1);
    assert_eq!(cloudwatch.data().len(), taken, "{refused:#?}");
    assert!(refused.stderr.contains("certificate"), "{refused:#?}");
}

#[test]
fn a_file_of_authorities_that_cannot_be_used_is_told_at_the_start() {
    let empty = TemporaryFile::new("empty.pem", "");
    for (file, says) in
        [("/nonexistent/ca.pem", "No such file"), (&empty.path().display().to_string(), "is empty")]
    {
        let mut command = publishing_to("https://127.0.0.1:9");
        let ended = run(command.args(["--ca-file", file])).expect_code(2);
        let begin = format!("--ca-file {file:?} has no trusted root: ");
        assert!(ended.stderr.contains(&begin) && ended.stderr.contains(says), "{ended:#?}");
    }
}

#[test]
fn endpoints_that_make_no_sense_are_refused() {
    let [a, b, c] = ["http://127.0.0.1:9", "http://127.0.0.1:8", "http://127.0.0.1:7"];
    let nine = (1..=9).map(|n| format!("http://127.0.0.1:{n}")).collect::<Vec<_>>().join(",");
    for (arguments, says) in [
        (
            vec!["--region=eu-west-1,eu-north-1,eu-west-2", "--endpoint-url", &format!("{a},{b}")],
            "--region \"eu-west-2\": expected as many of --region as of --endpoint-url, not 3 and 2, or one of either",
        ),
        (
            vec!["--region=eu-west-1,eu-north-1", "--endpoint-url", &format!("{a},{b},{c}")],
            "--endpoint-url \"http://127.0.0.1:7\": expected as many of --region as of --endpoint-url, not 3 and 2",
        ),
        (vec!["--endpoint-url", a, "--endpoint-url", a], "expected each endpoint once"),
        (
            vec!["--region=eu-west-1,eu-west-1"],
            "--region \"eu-west-1\": expected each endpoint once",
        ),
        (vec!["--region=eu-west-1,Mars"], "--region \"Mars\": expected a region such as eu-west-1"),
        (vec!["--endpoint-url", &nine], "expected at most 8 endpoints, not 9"),
        (
            vec!["--publish=otlp", "--otlp-endpoint", a, "--otlp-endpoint", a],
            "--otlp-endpoint \"http://127.0.0.1:9\": expected each endpoint once",
        ),
    ] {
        let mut command = command();
        command.args(["-n", "Test", "-s", "Foo"]).args(&arguments);
        let ended = run(&mut command).expect_code(2);
        assert!(ended.stderr.contains(says), "{arguments:?}: {ended:#?}");
    }
}
