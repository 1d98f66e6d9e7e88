//! What longer periods, longer outages and more samples cost, in time and in memory:
//! `cargo bench --bench growth`. The column of the most memory that was in use at once is `max alloc`. A day of series
//! prints as well what it takes on the disk. What checks cost by their number is measured by scripts/footprint/growth.py.

use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudwatch_metrics_agent::cli::Cli;
use cloudwatch_metrics_agent::{
    Collector, Delivery, Described, HandOut, Number, Publish, Settings, Store, Summary, Table,
};
use divan::{AllocProfiler, Bencher};
use fake_cloudwatch::FakeCloudWatch;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static MEMORY: AllocProfiler = AllocProfiler::system();

/// The variable that says that this process has credentials.
const KEY: &str = "AWS_ACCESS_KEY_ID";

fn main() {
    if std::env::var_os(KEY).is_some() {
        divan::main();
        return;
    }
    // Credentials come from the environment, which is set for a process of its own.
    let this = std::env::current_exe().expect("this process has a file");
    let mut again = Command::new(this);
    again.args(std::env::args_os().skip(1)).envs([(KEY, "AKIDEXAMPLE")]);
    let ended = again.env("AWS_SECRET_ACCESS_KEY", "secret").status().expect("it runs again");
    assert!(ended.success(), "{ended}");
}

/// A whole window, from its first sample to its summary, by its period in seconds.
#[divan::bench(args = [1, 60, 3600, 86_400])]
fn window(bencher: Bencher, period: u64) {
    bencher.bench_local(|| summary(period, false));
}

/// The same with all of its values, by their number: every one of up to 10,001 is different.
#[divan::bench(args = [67, 4000, 96_000])]
fn distribution(bencher: Bencher, samples: u64) {
    bencher.bench_local(|| summary(samples * 9 / 10, true));
}

/// The end of an outage of that many windows of a minute: all are sent, over loopback.
#[divan::bench(args = [1, 60, 1440])]
fn outage(bencher: Bencher, windows: usize) {
    send(bencher, windows, false);
}

/// The same with the distributions of the windows.
#[divan::bench(args = [1, 60, 1440])]
fn outage_with_distributions(bencher: Bencher, windows: usize) {
    send(bencher, windows, true);
}

fn send(bencher: Bencher, windows: usize, distribution: bool) {
    let cloudwatch = FakeCloudWatch::start();
    let settings = settings(&cloudwatch.url(), distribution);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    bencher.bench_local(|| {
        let mut delivery = Delivery::open(Publish::CloudWatch, &settings);
        let (sender, receiver) = mpsc::channel(windows);
        for _ in 0..windows {
            sender.try_send(summary(60, distribution)).expect("there is room for all");
        }
        drop(sender);
        runtime.block_on(delivery.run(receiver, &CancellationToken::new()));
        assert_eq!(delivery.counts().delivered, windows as u64);
    });
}

/// The summary of a window of samples 0.9 s apart.
fn summary(period: u64, distribution: bool) -> Rc<Summary> {
    let period = Duration::from_secs(period);
    let every = Duration::from_millis(900);
    let samples = period.as_millis().div_ceil(every.as_millis()) as usize;
    let (sender, mut summaries) = mpsc::channel(1);
    let table = Table::new(samples, distribution);
    let mut collector = Collector::new(period, table, HandOut::to(vec![sender]));
    let [cpu, memory] = [Number::Cpu, Number::Memory].map(|of| collector.sampled(&of.of(None)));
    let start = window_of_now(period);
    for n in 0..samples {
        let percent = (n * 7919 % 10_007) as f64 / 100.07;
        collector.sample(start + every * n as u32, &[(cpu, percent), (memory, 100.0 - percent)]);
    }
    collector.finish();
    summaries.try_recv().expect("a window with samples")
}

fn window_of_now(period: Duration) -> SystemTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("after the epoch");
    UNIX_EPOCH + period * (since_epoch.as_secs() / period.as_secs()) as u32
}

/// One window of so many data: of containers with four each. A request takes a thousand.
#[divan::bench(args = [1000, 10_000])]
fn large_window(bencher: Bencher, data: usize) {
    let cloudwatch = FakeCloudWatch::start();
    let settings = settings(&cloudwatch.url(), false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    bencher.bench_local(|| {
        let mut delivery = Delivery::open(Publish::CloudWatch, &settings);
        let (sender, receiver) = mpsc::channel(1);
        let mut collector = Collector::of(&settings, HandOut::to(vec![sender]));
        let mut values = Vec::new();
        for container in 0..data / 4 {
            let name = format!("container-{container}").into();
            for number in [Number::Cpu, Number::Memory] {
                values.push((collector.sampled(&number.of(Some(&name))), 50.0));
            }
        }
        collector.sample(window_of_now(settings.measuring.period), &values);
        collector.finish();
        runtime.block_on(delivery.run(receiver, &CancellationToken::new()));
        assert_eq!(delivery.counts().delivered, 1);
    });
}

/// A day of so many series in the history on disk, in simulated time: each has a point every 30 s, and all are written
/// every minute.
#[divan::bench(args = [20, 200, 2000], sample_count = 1, sample_size = 1)]
fn day_of_series(bencher: Bencher, series: usize) {
    bencher.bench_local(|| {
        let name = format!("growth-bench-{}-{series}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        let (cpu, written) = (cpu_time(), written_bytes());
        let mut store = Store::in_folder(&folder, u64::MAX);
        store.open().expect("a folder of its own");
        let places: Vec<_> = (0..series)
            .map(|nth| {
                let described = Described {
                    check: format!("check{}", nth / 10).into(),
                    name: format!("metric{}", nth % 10).into(),
                    unit: "".into(),
                    letter: 'D',
                    is_counter: nth % 4 == 2,
                };
                store.series(described).expect("there is room for it")
            })
            .collect();
        for run in 0..DAY_MS / CHECK_MS {
            let due_ms = START_MS + run * CHECK_MS;
            for (nth, place) in places.iter().enumerate() {
                let at_ms = due_ms + nth as i64 * 13 % CHECK_MS;
                store.put(*place, at_ms, value(nth as i64, run), at_ms);
            }
            if run % 2 == 1 {
                store.commit(due_ms + CHECK_MS, true).expect("the disk has room");
            }
        }
        drop(store);
        let (cpu, written) = (cpu_time() - cpu, written_bytes() - written);
        let [mb, written_mb] = [size(&folder), written].map(|bytes| bytes as f64 / 1e6);
        println!(
            "{series} series: {mb:.2} MB on disk, {written_mb:.1} MB written, {cpu:.2?} of CPU"
        );
        let _ = std::fs::remove_dir_all(&folder);
    });
}

/// As metrics of checks are: percents with four digits, whole numbers, counters, and what hardly changes.
fn value(series: i64, run: i64) -> f64 {
    let noise = ((series * 7919 + run * 104_729) % 10_007) as f64;
    match series % 4 {
        0 => (300_000.0 + noise * 10.0) / 1e4,
        1 => (noise / 100.0).floor(),
        2 => run as f64 * 30_000.0 + noise,
        _ => 42.0 + f64::from(noise > 9_990.0),
    }
}

/// Of all threads of this process.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Bytes that this process has given to the system to write.
fn written_bytes() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|count| count.parse().ok()).unwrap_or_default()
}

fn size(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

const START_MS: i64 = 1_795_824_000_000;
const DAY_MS: i64 = 86_400_000;
const CHECK_MS: i64 = 30_000;

fn settings(url: &str, distribution: bool) -> Settings {
    let form = if distribution { "distribution" } else { "median-max" };
    let arguments = [
        ["", "--region=eu-west-1"],
        ["--namespace", "Growth"],
        ["--service", "growth"],
        ["--statistics", form],
        ["--endpoint-url", url],
    ];
    let cli = Cli::parse(arguments.as_flattened().iter().map(Into::into));
    Settings::new(&cli.expect("a command line")).expect("settings")
}
