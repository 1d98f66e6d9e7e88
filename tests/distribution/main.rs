//! Distributions of known samples, through the real windows and the real CloudWatch publisher.
//!
//! An hour of samples takes no hour: the windows are given their times. What sends runs as a
//! process of its own, with credentials in its environment.

use std::iter::repeat_n;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudwatch_metrics_agent::cli::Cli;
use cloudwatch_metrics_agent::{Collector, Delivery, HandOut, Number, Publish, Settings, Summary};
use fake_cloudwatch::FakeCloudWatch;
use serde_json::{Value as Json, json};
use support::{Agent, SECRET, TemporaryFile};
use tokio::sync::mpsc::{Receiver, channel};
use tokio_util::sync::CancellationToken;

/// In seconds.
const PERIODS: [u64; 4] = [10, 60, 300, 3600];

const WINDOWS: usize = 3;

/// The one that tests/e2e/distribution.py has, and the file that the samples are written to.
const ENDPOINT: &str = "DISTRIBUTION_ENDPOINT_URL";
const SAMPLES: &str = "DISTRIBUTION_SAMPLES";

#[tokio::test]
#[ignore = "sends to the endpoint of its environment, for the other test and tests/e2e"]
async fn sends_known_samples() {
    let variable = |name| std::env::var(name).expect("whoever runs this sets it");
    let mut chance = Chance(20_251_122);
    let mut sent = Vec::new();
    for period in PERIODS {
        let period = Duration::from_secs(period);
        let settings = settings(period, &variable(ENDPOINT));
        let (samples, summaries) = windows(&settings, &mut chance);
        let mut delivery = Delivery::open(Publish::CloudWatch, &settings);
        let stop = CancellationToken::new();
        // No more windows come, so all go together.
        stop.cancel();
        delivery.run(summaries, &stop).await;
        assert_eq!(delivery.counts().delivered, WINDOWS as u64, "{:?}", delivery.failure());
        sent.extend(samples);
    }
    std::fs::write(variable(SAMPLES), Json::Array(sent).to_string()).expect("a file of the test");
}

fn settings(period: Duration, url: &str) -> Settings {
    let seconds = period.as_secs().to_string();
    let service = format!("Period{seconds}");
    let arguments = [
        ["", "--statistics=distribution"],
        ["--namespace", "Distribution"],
        ["--service", &service],
        ["--period", &seconds],
        ["--region", "eu-west-1"],
        ["--endpoint-url", url],
    ];
    let cli = Cli::parse(arguments.as_flattened().iter().map(Into::into));
    Settings::new(&cli.expect("a command line")).expect("settings")
}

/// Whole windows that follow one another, and the samples that each is made of.
fn windows(settings: &Settings, chance: &mut Chance) -> (Vec<Json>, Receiver<Rc<Summary>>) {
    let period = settings.measuring.period;
    let mut all = Vec::new();
    let (sender, summaries) = channel(WINDOWS);
    let mut collector = Collector::of(settings, HandOut::to(vec![sender]));
    let series = [Number::Cpu, Number::Memory].map(|number| collector.sampled(&number.of(None)));
    // Old enough that all are over, and young enough that any CloudWatch takes them.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("after the epoch");
    let first = (since_epoch.as_secs() / 3600 - 24) * 3600;
    for start in (0..WINDOWS as u64).map(|n| first + n * period.as_secs()) {
        let (mut cpu, mut memory) = (Vec::new(), Vec::new());
        let mut at = Duration::ZERO;
        while at < period {
            let values = [chance.cpu(), chance.memory()];
            cpu.push(values[0]);
            memory.push(values[1]);
            let now = UNIX_EPOCH + Duration::from_secs(start) + at;
            collector.sample(now, &[(series[0], values[0].into()), (series[1], values[1].into())]);
            at += settings.measuring.sample_interval;
        }
        let period = period.as_secs();
        all.push(json!({ "period": period, "start": start, "cpu": cpu, "memory": memory }));
    }
    collector.finish();
    (all, summaries)
}

/// Numbers that are the same in each run (SplitMix64).
struct Chance(u64);

impl Chance {
    /// At least 0 and less than 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Mostly idle, sometimes busy, and now and then nothing or all.
    fn cpu(&mut self) -> f32 {
        let percent = match self.next() {
            kind if kind < 0.02 => 0.0,
            kind if kind < 0.04 => 100.0,
            kind if kind < 0.2 => 60.0 + 40.0 * self.next(),
            _ => 30.0 * self.next() * self.next(),
        };
        percent as f32
    }

    /// Of a few values that come again and again.
    fn memory(&mut self) -> f32 {
        (40.0 + (self.next() * 50.0).floor() / 7.0) as f32
    }
}

/// Runs the sending test as a process; returns the samples that it wrote.
fn sent_to(url: &str) -> Vec<Json> {
    let file = TemporaryFile::new("samples.json", "");
    let mut sending = Command::new(std::env::current_exe().expect("this test runs"));
    sending
        .args(["--ignored", "--exact", "sends_known_samples"])
        .env_clear()
        .envs([("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)])
        .env(ENDPOINT, url)
        .env(SAMPLES, file.path());
    let ended = Agent::start(&mut sending).wait().expect_code(0);
    assert!(ended.stdout.contains(" 1 passed;"), "{ended:#?}");
    let text = std::fs::read_to_string(file.path()).expect("the samples are written");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn every_sample_arrives_in_data_of_at_most_150_values_in_one_request() {
    let cloudwatch = FakeCloudWatch::start();
    let windows = sent_to(&cloudwatch.url());
    assert_eq!(windows.len(), PERIODS.len() * WINDOWS);
    let data = cloudwatch.data();
    let mut expected_data = 0;
    for window in &windows {
        let start = UNIX_EPOCH + Duration::from_secs(window["start"].as_u64().expect("a time"));
        let service = format!("Period{}", window["period"]);
        for (part, name) in [("cpu", "CPUUtilization"), ("memory", "MemoryUtilization")] {
            let samples = window[part].as_array().expect("samples").iter();
            let mut samples: Vec<_> = samples.map(|s| s.as_f64().expect("a number")).collect();
            let of_window: Vec<_> = data
                .iter()
                .filter(|d| d.dimensions[0].1 == service && d.timestamp == start && d.name == name)
                .collect();
            let pairs = of_window.iter().flat_map(|d| d.values.iter().zip(&d.counts));
            let pairs: Vec<_> = pairs.collect();
            let repeat = |&(value, count): &(&f64, &f64)| repeat_n(*value, *count as usize);
            let mut values: Vec<_> = pairs.iter().flat_map(repeat).collect();
            samples.sort_unstable_by(f64::total_cmp);
            values.sort_unstable_by(f64::total_cmp);
            assert_eq!(values.len(), samples.len(), "{service} {name}");
            for (value, sample) in values.iter().zip(samples) {
                assert!((value - sample).abs() <= ROUNDING, "{name}: {value} of {sample}");
            }
            assert!(of_window.iter().all(|datum| datum.values.len() <= 150));
            assert_eq!(of_window.len(), pairs.len().div_ceil(150), "{service} {name}");
            expected_data += of_window.len();
        }
    }
    assert_eq!(data.len(), expected_data, "and nothing else");
    assert_eq!(cloudwatch.requests().len(), PERIODS.len(), "the windows of a period together");
}

/// Half a hundredth of a percent, and what single precision adds.
const ROUNDING: f64 = 0.005 + 1e-5;
