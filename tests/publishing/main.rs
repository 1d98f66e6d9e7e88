//! Publishing to CloudWatch, and the flush at the end.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use fake_cloudwatch::{Answer, Certificate, FakeCloudWatch};
use rustix::process::Signal;
use support::{Agent, TemporaryFile, command, lines_of, publishing_to, windows_of};

#[test]
fn each_window_arrives_once_as_four_data_at_its_start() {
    let cloudwatch = FakeCloudWatch::start();
    let agent = Agent::start(
        publishing_to(&cloudwatch.url())
            .args(["--dimension", "Stage=test"])
            .env("RUST_LOG", "cloudwatch_metrics_agent::publisher=info"),
    );
    cloudwatch.wait_until("three windows", |seen| seen.data.len() >= 12);
    let ended = agent.terminate().expect_code(0);
    let data = cloudwatch.data();
    for datum in &data {
        assert_eq!(datum.namespace, "TestNamespace");
        let dimensions = [("ServiceName", "FooService"), ("Stage", "test")];
        assert_eq!(datum.dimensions, dimensions.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(datum.unit.as_deref(), Some("Percent"));
        assert_eq!(datum.storage_resolution, Some(1));
        assert!((0.0..=100.0).contains(&datum.values[0]), "{datum:?}");
    }
    let windows = windows_of(&data);
    assert_eq!(windows.iter().collect::<HashSet<_>>().len(), windows.len(), "each window once");
    assert!(windows.is_sorted(), "{windows:?}");
    let logged: Vec<_> = ended.stderr.lines().map(without_prefix_and_place).collect();
    assert_eq!(logged, lines_of(&data), "the log shows what was taken, and nothing else");
}

/// `[time INFO  module] line samples=… place` without what stands around the metrics.
fn without_prefix_and_place(line: &str) -> &str {
    let line = line.split_once("] ").map_or(line, |(_, line)| line);
    line.split_once(" samples=").map_or(line, |(line, _)| line)
}

#[test]
fn the_older_name_of_the_publisher_filters_the_log_as_well() {
    for filter in
        ["cloudwatch_metrics_agent::publisher=info", "cloudwatch_metrics_agent::cloudwatch=info"]
    {
        let cloudwatch = FakeCloudWatch::start();
        let agent = Agent::start(publishing_to(&cloudwatch.url()).env("RUST_LOG", filter));
        agent.wait_for_log("MaxCPUUtilization=");
        let ended = agent.terminate().expect_code(0);
        let logged: Vec<_> = ended.stderr.lines().map(without_prefix_and_place).collect();
        assert_eq!(logged, lines_of(&cloudwatch.data()), "RUST_LOG={filter}");
    }
}

#[test]
fn a_window_that_is_too_large_for_one_request_goes_in_two() {
    let cloudwatch = FakeCloudWatch::start();
    let names: Vec<_> = (1..=29).map(|n| format!("{:n<255}", format!("D{n}"))).collect();
    let mut publishing = publishing_to(&cloudwatch.url());
    publishing.args(["--period=86400", "--sample-interval=0.9"]);
    publishing.env("RUST_LOG", "cloudwatch_metrics_agent=debug");
    for name in &names {
        publishing.args(["--dimension", &format!("{name}={}", "v".repeat(1024))]);
    }
    // Each of these leaves out another one of the dimensions.
    let sets = 9;
    for left_out in &names[..sets] {
        let set: Vec<_> = names.iter().filter(|name| name != &left_out).cloned().collect();
        publishing.args(["--dimension-set", &set.join("+")]);
    }
    let agent = Agent::start(&mut publishing);
    agent.wait_for_log("Sample { cpu: Some");
    let ended = agent.terminate().expect_code(0);
    let sizes: Vec<_> = cloudwatch.requests().iter().map(|request| request.data.len()).collect();
    // 26 data of 36 kB and a little more are under 1 MB.
    assert_eq!(sizes, [26, 10]);
    assert_eq!(cloudwatch.data().len(), 4 * sets);
    assert!(ended.stderr.contains("windows=1 delivered=1 "), "{ended:#?}");
    // Two in each of the 30.4 days of a month. The only window is enough to say so.
    let cost = "a month: 36 metrics, 61 PutMetricData calls (";
    assert!(ended.stderr.contains(cost), "{ended:#?}");
}

#[test]
fn the_cost_is_said_with_the_first_window_and_not_with_each() {
    let cloudwatch = FakeCloudWatch::start();
    let agent = Agent::start(publishing_to(&cloudwatch.url()).env("RUST_LOG", "info"));
    agent.wait_for_log_lines(" MaxCPUUtilization=", 3);
    let ended = agent.terminate().expect_code(0);
    let place = |text: &str| ended.stderr.find(text).expect(text);
    assert!(place("] cost: about $") < place(" MaxCPUUtilization="), "{ended:#?}");
    // A first window of one sample has no CPU yet, and the next one has more.
    let costs = ended.stderr.lines().filter(|line| line.contains("] cost: about $"));
    let costs: Vec<_> = costs.map(|line| line.contains(" a month: 4 metrics, ")).collect();
    assert!(matches!(costs[..], [true] | [false, true]), "{ended:#?}");
}

#[test]
fn where_nothing_is_odd_or_wrong_three_lines_say_so() {
    let cloudwatch = FakeCloudWatch::start();
    let agent = Agent::start(&mut publishing_to(&cloudwatch.url()));
    cloudwatch.wait_until("a window", |seen| !seen.data.is_empty());
    let ended = agent.terminate().expect_code(0);
    assert_eq!((ended.stdout.as_str(), ended.troubles()), ("", Vec::new()));
    let lines: Vec<_> = ended.stderr.lines().collect();
    let ready = format!(
        "] credentials found; publishing to CloudWatch in eu-west-1 ({})",
        cloudwatch.url()
    );
    for text in [
        " measures the host every 0.1 s; to cloudwatch every 1 s; namespace",
        &ready,
        "] cloudwatch has taken the first window",
    ] {
        assert_eq!(
            lines.iter().filter(|line| line.contains(text)).count(),
            1,
            "{text}: {lines:#?}"
        );
    }
    assert_eq!(lines.len(), 3, "{lines:#?}");
}

#[test]
fn either_signal_flushes_the_open_window() {
    for signal in [Signal::TERM, Signal::INT] {
        let cloudwatch = FakeCloudWatch::start();
        let agent = Agent::start(
            publishing_to(&cloudwatch.url())
                .args(["--period", "86400", "--sample-interval", "0.9"])
                .env("RUST_LOG", "debug,cloudwatch_metrics_agent=debug"),
        );
        // The second sample is the first that has a CPU part.
        agent.wait_for_log("Sample { cpu: Some");
        agent.signal(signal);
        let ended = agent.wait().expect_code(0);
        let data = cloudwatch.data();
        assert_eq!(data.len(), 4, "{signal:?}: {ended:#?}");
        assert_eq!(windows_of(&data)[0] % 86_400, 0);
        assert!(ended.stderr.contains("stopped; windows=1 delivered=1 dropped=0"), "{ended:#?}");
    }
}

#[test]
fn a_signal_in_the_first_instant_ends_it_without_an_error() {
    let cloudwatch = FakeCloudWatch::start();
    let agent = Agent::start(publishing_to(&cloudwatch.url()).env("RUST_LOG", "info"));
    agent.wait_for_log(" measures the ");
    let ended = agent.terminate().expect_code(0);
    assert!(ended.stderr.contains(" undelivered=0"), "{ended:#?}");
}

#[test]
fn a_signal_during_a_request_waits_for_its_answer_and_sends_the_rest() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_next(Answer::Hold);
    let agent = Agent::start(publishing_to(&cloudwatch.url()).env("RUST_LOG", "info"));
    cloudwatch.wait_until("a request under way", |seen| seen.requests.len() == 1);
    agent.signal(Signal::TERM);
    agent.wait_for_log("stopping");
    cloudwatch.release();
    let ended = agent.wait().expect_code(0);
    let windows = windows_of(&cloudwatch.data());
    assert_eq!(windows.iter().collect::<HashSet<_>>().len(), windows.len(), "{ended:#?}");
    assert_eq!(cloudwatch.requests().len(), 2, "the one under way and the rest");
    assert!(ended.stderr.contains(" undelivered=0"), "{ended:#?}");
}

#[test]
fn a_signal_during_the_wait_for_a_retry_sends_everything_at_once() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_next(Answer::internal_failure());
    let agent = Agent::start(
        publishing_to(&cloudwatch.url())
            // Long enough that no second window closes by itself.
            .args(["--period", "5"])
            .env("RUST_LOG", "info"),
    );
    cloudwatch.wait_until("a failed attempt", |seen| seen.requests.len() == 1);
    let ended = agent.terminate().expect_code(0);
    let (requests, data) = (cloudwatch.requests(), cloudwatch.data());
    let last = requests.last().expect("the failed attempt at least");
    assert_eq!(last.data, data, "the last request takes all that there is: {ended:#?}");
    assert_eq!(data[..requests[0].data.len()], requests[0].data, "what failed goes first");
}

#[test]
fn a_signal_more_than_a_second_after_the_first_ends_it_at_once() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::Hang);
    let agent = Agent::start(publishing_to(&cloudwatch.url()).env("RUST_LOG", "info"));
    cloudwatch.wait_until("a request under way", |seen| seen.requests.len() == 1);
    agent.signal(Signal::TERM);
    agent.wait_for_log("stopping");
    // The first attempt is given up after three seconds.
    cloudwatch.wait_until("a second attempt", |seen| seen.requests.len() == 2);
    agent.signal(Signal::TERM);
    let ended = agent.wait().expect_code(1);
    assert!(ended.stderr.contains("second signal: stopped at once"), "{ended:#?}");
}

#[test]
fn an_endpoint_that_never_answers_cannot_hold_up_the_exit() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::Hang);
    let agent = Agent::start(publishing_to(&cloudwatch.url()).args(["--shutdown-timeout", "0.5"]));
    cloudwatch.wait_until("a request under way", |seen| seen.requests.len() == 1);
    // Without the bound the test would wait for the operation timeout of the SDK.
    let ended = agent.terminate().expect_code(1);
    assert!(ended.stderr.contains("--shutdown-timeout ended the last send"), "{ended:#?}");
}

#[test]
fn tls_with_the_roots_that_ssl_cert_file_names() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let roots = TemporaryFile::new("roots.pem", cloudwatch.ca_pem().expect("TLS has a CA"));
    for url in [cloudwatch.url(), cloudwatch.url_by_name()] {
        let taken = cloudwatch.data().len();
        let agent = Agent::start(publishing_to(&url).env("SSL_CERT_FILE", roots.path()));
        cloudwatch.wait_until("a window", |seen| seen.data.len() > taken);
        agent.terminate().expect_code(0);
    }
}

#[test]
fn tls_with_the_roots_in_the_folder_that_ssl_cert_dir_names() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("roots");
    fs::create_dir_all(&folder).expect("the target directory is writable");
    let root = folder.join("root.pem");
    fs::write(&root, cloudwatch.ca_pem().expect("TLS has a CA")).expect("it is writable");
    let agent = Agent::start(publishing_to(&cloudwatch.url()).env("SSL_CERT_DIR", &folder));
    cloudwatch.wait_until("a window", |seen| !seen.data.is_empty());
    agent.terminate().expect_code(0);
}

#[test]
fn a_profile_gives_region_endpoint_and_credentials() {
    let cloudwatch = FakeCloudWatch::start();
    let config = TemporaryFile::new(
        "config",
        &format!(
            "[profile other]\nregion = eu-west-1\naws_access_key_id = AKIDPROFILE\n\
         aws_secret_access_key = secret\nendpoint_url = {}\n",
            cloudwatch.url(),
        ),
    );
    let agent = Agent::start(
        command()
            .args(["-n", "Test", "-s", "Foo", "-p", "1", "--profile", "other"])
            .env("AWS_CONFIG_FILE", config.path())
            .env("AWS_EC2_METADATA_DISABLED", "true"),
    );
    let seen = cloudwatch.wait_until("a window", |seen| !seen.data.is_empty());
    agent.terminate().expect_code(0);
    assert_eq!(seen.requests[0].access_key_id.as_deref(), Some("AKIDPROFILE"));
}

#[test]
fn the_variables_of_other_aws_tools_name_the_endpoint() {
    let cloudwatch = FakeCloudWatch::start();
    let agent = Agent::start(
        command()
            .args(["-n", "Test", "-s", "Foo", "-p", "1"])
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            .env("AWS_ENDPOINT_URL_CLOUDWATCH", cloudwatch.url())
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret"),
    );
    cloudwatch.wait_until("a window", |seen| !seen.data.is_empty());
    agent.terminate().expect_code(0);
}
