use std::path::Path;
use std::rc::Rc;

use tokio::time::advance;

use super::*;
use crate::collector::series::Table;
use crate::collector::sink::Sink;
use crate::model::{Bytes, Cores, CpuAccount, Limit, Limits, Measured, Number};

const MIB: u64 = 1 << 20;

/// A run that is measured a value each second.
struct Run {
    shared: Shared,
    table: Table,
}

fn limits(cores: f64, mebibytes: u64, file: &str) -> Limits {
    let origin = || Origin::File(Path::new(file).into());
    Limits {
        cpu: Some(Limit { amount: Cores(cores), origin: origin() }),
        memory: Some(Limit { amount: Bytes(mebibytes * MIB), origin: origin() }),
    }
}

const GROUP: &str = "/sys/fs/cgroup/limit";

impl Run {
    fn new() -> Self {
        Self { shared: Shared::default(), table: Table::new(60, false) }
    }

    fn measures(&mut self, scope: &'static str, limits: Limits) {
        self.shared.measured(&Rc::new(Measured { scope, limits }));
    }

    async fn samples(&mut self, count: usize, cpu: f64, memory: f64) {
        let of = |number: Number| number.of(None);
        let cpu = (self.table.sampled(&of(Number::Cpu)), cpu);
        let memory = (self.table.sampled(&of(Number::Memory)), memory);
        let other = (self.table.sampled(&of(Number::IoPressure)), 99.0);
        for _ in 0..count {
            self.shared.sample(SystemTime::now(), &[other, cpu, memory], &self.table);
            advance(Duration::from_secs(1)).await;
        }
    }

    fn report(&self) -> RightSize {
        let record = self.shared.0.borrow();
        RightSize::at(&record, SystemTime::UNIX_EPOCH + Duration::from_secs(1000), "x86_64")
    }
}

/// Counters that count from nothing to these.
fn totals(account: Option<CpuAccount>, task: Option<TaskSize>, all: u64, kills: u64) -> Totals {
    Totals {
        account,
        throttling: Ok(Periods { all, throttled: all / 4 }),
        oom_kills: Ok(kills),
        pressure: [Ok(all as f64), Ok(0.0), Err(ReadError::unusable("no PSI"))],
        task,
    }
}

fn fargate(cores: f64, mebibytes: u64) -> TaskSize {
    TaskSize {
        is_fargate: true,
        cpu: Some(Cores(cores)),
        memory: Some(Bytes(mebibytes * MIB)),
        region: Some("us-east-1".to_owned()),
        pulled: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(100)),
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_on_fargate_is_told_with_its_price_and_the_sizes_beside_it() {
    let mut run = Run::new();
    run.samples(90, 10.0, 20.0).await;
    run.measures("task", limits(1.0, 2048, GROUP));
    run.shared.begin(|| totals(None, Some(fargate(1.0, 2048)), 0, 3));
    run.shared.begin(|| unreachable!("it has begun"));
    run.samples(11, 40.0, 30.0).await;
    run.shared.end(totals(None, Some(fargate(1.0, 2048)), 400, 3));
    let report = run.report();
    assert_eq!(report.lasted, Duration::from_secs(100));
    let cpu = report.cpu.clone().expect("it has values");
    assert_eq!((cpu.samples, cpu.p50, cpu.p95, cpu.max), (101, 10.0, 40.0, 40.0));
    assert_eq!(report.memory.clone().expect("it has values").bytes(), 644_245_094);
    assert_eq!(report.throttled, Ok(25.0));
    assert_eq!(report.oom_kills, Ok(0));
    assert_eq!(report.pressure, [Ok(4.0), Ok(0.0), Err("no PSI".to_owned())]);
    // Throttled in more than a tenth of the periods: no less CPU, which has 2 GiB at least.
    assert_eq!(report.advice, Ok(Advice::Keep));
    let cost = report.cost.clone().expect("it is on Fargate");
    assert_eq!((cost.seconds, cost.is_since_pull), (900.0, true));
    assert_eq!(format!("{:.6}", cost.dollars), "0.012343");
    let text = report.to_string();
    for part in [
        "right size: measured task for 100.0 s; CPU p50 10% (0.1 cores), p95 40% (0.4 cores), max 40% (0.4 cores) of 1 core (/sys/fs/cgroup/limit), 101 values",
        "; memory max 30% (614 MiB) of 2 GiB (/sys/fs/cgroup/limit)",
        "; throttled in 25% of the periods; OOM kills 0; pressure cpu 4%, memory 0%, io unknown (no PSI); size Fargate 1 vCPU and 2 GiB",
        "; smaller 0.5 vCPU and 2 GiB: CPU p95 80%, memory max 30%, fits; larger 2 vCPU and 4 GiB: CPU p95 20%, memory max 15%, fits; larger 1 vCPU and 3 GiB: CPU p95 40%, memory max 20%, fits",
        "; cost $0.0123 for 900 s since the image was pulled (list price of us-east-1, Linux/x86-64, July 2026)",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let json: serde_json::Value = serde_json::from_str(&report.json()).expect("JSON");
    let report = &json["report"];
    assert_eq!(report["advice"], "keep");
    assert_eq!(report["cpu"]["p95_cores"], 0.4);
    assert_eq!(report["smaller"][0]["memory_bytes"], 2048 * MIB);
    assert_eq!(report["unknown"]["pressure_percent.io"], "no PSI");
    assert!(report["pressure_percent"]["io"].is_null());
}

#[tokio::test(start_paused = true)]
async fn what_was_measured_too_briefly_gets_figures_and_no_advice() {
    let mut run = Run::new();
    run.samples(1, 50.0, 95.0).await;
    run.measures("task", limits(1.0, 2048, GROUP));
    run.shared.begin(|| totals(None, Some(fargate(1.0, 2048)), 0, 0));
    run.samples(58, 50.0, 95.0).await;
    run.shared.end(totals(None, Some(fargate(1.0, 2048)), 0, 0));
    let report = run.report();
    let expected =
        "measured too briefly: 59 values of CPU and 59 of memory, 60 of each are needed".to_owned();
    assert_eq!(report.advice, Err(expected));
    assert!(report.to_string().contains("; no advice (measured too briefly: 59 values"));
    assert!(!report.smaller.is_empty(), "what it would have been is known");
    run.samples(1, 50.0, 95.0).await;
    let larger = Size { cpu: Some(1.0), memory: Some(3072 * MIB) };
    assert_eq!(run.report().advice, Ok(Advice::Larger(larger)));
}

#[tokio::test(start_paused = true)]
async fn a_run_without_any_sample_says_so_and_is_no_zero() {
    let report = Run::new().report();
    let text = report.to_string();
    assert!(
        text.starts_with(
            "right size: measured nothing for 0.0 s; CPU unknown (no sample had a value"
        )
    );
    assert!(text.contains("; pressure unknown (nothing was measured); size unknown ("), "{text}");
    assert!(!text.contains("0%"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&report.json()).expect("JSON");
    for member in ["cpu", "memory", "throttled_percent", "oom_kills", "size", "cost"] {
        assert!(json["report"][member].is_null(), "{member}: {json}");
        assert!(json["report"]["unknown"][member].is_string(), "{member}: {json}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_measured_before_the_scope_changed_is_left_out() {
    let mut run = Run::new();
    run.samples(1, 90.0, 90.0).await;
    run.measures("container", limits(1.0, 2048, GROUP));
    run.shared.begin(|| totals(None, None, 0, 9));
    run.samples(70, 90.0, 90.0).await;
    // The first sample of the new scope comes before it is told.
    run.samples(1, 1.0, 1.0).await;
    run.measures("pod", limits(4.0, 8192, GROUP));
    run.samples(61, 5.0, 6.0).await;
    run.shared.begin(|| totals(None, None, 0, 10));
    run.shared.end(totals(None, None, 0, 10));
    let report = run.report();
    assert_eq!((report.scope, report.lasted.as_secs(), report.left_out.as_secs()), ("pod", 60, 71));
    assert_eq!(report.cpu.clone().expect("it has values").max, 5.0);
    assert_eq!(report.oom_kills, Ok(0));
    assert!(matches!(report.advice, Ok(Advice::Smaller(_))), "{:?}", report.advice);
    assert!(report.to_string().contains(" (not the 71.0 s before that, "));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_advised_of_limits_that_are_the_machines_or_have_changed() {
    let mut run = Run::new();
    run.samples(1, 5.0, 6.0).await;
    run.measures("host", limits(4.0, 8192, "/proc/meminfo"));
    run.samples(70, 5.0, 6.0).await;
    let report = run.report();
    assert_eq!(report.advice, Err("neither CPU nor memory has a limit".to_owned()));
    assert!(report.smaller.is_empty() && report.larger.is_empty());
    assert!(report.cost.is_err());
    let mut run = Run::new();
    run.samples(1, 5.0, 6.0).await;
    run.measures("container", Limits { cpu: None, ..limits(4.0, 8192, GROUP) });
    run.measures("container", limits(4.0, 8192, GROUP));
    run.samples(70, 5.0, 6.0).await;
    assert!(run.report().advice.is_ok(), "it was not known before");
    run.measures("container", limits(4.0, 4096, GROUP));
    assert_eq!(run.report().advice, Err("the limits have changed during the run".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn counters_of_two_groups_and_counters_that_went_back_are_unknown() {
    let mut run = Run::new();
    run.samples(2, 5.0, 6.0).await;
    run.measures("container", limits(4.0, 8192, GROUP));
    run.shared.begin(|| totals(Some(CpuAccount::open()), None, 100, 5));
    run.shared.end(totals(Some(CpuAccount::open()), None, 200, 6));
    let changed = "the control group has changed during the run";
    assert_eq!(run.report().oom_kills, Err(changed.to_owned()));
    run.shared.0.borrow_mut().begin = Some(totals(None, None, 100, 5));
    run.shared.end(totals(None, None, 50, 4));
    let report = run.report();
    let back = || "the counter was started again during the run".to_owned();
    assert_eq!((report.oom_kills, report.throttled), (Err(back()), Err(back())));
    assert_eq!(report.pressure[0], Err(back()));
}

#[tokio::test(start_paused = true)]
async fn a_size_that_fargate_does_not_have_gets_no_advice() {
    let mut run = Run::new();
    run.samples(61, 5.0, 6.0).await;
    run.measures("task", limits(1.0, 2500, GROUP));
    run.shared.begin(|| totals(None, Some(fargate(1.0, 2500)), 0, 0));
    run.shared.end(totals(None, Some(fargate(1.0, 2500)), 0, 0));
    let report = run.report();
    let why = "1 vCPU and 2.44 GiB is no size of Fargate that is known here".to_owned();
    assert_eq!((report.advice, report.cost), (Err(why.clone()), Err(why)));
}
