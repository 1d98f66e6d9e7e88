//! Whole days, in paused time.

mod pace;
mod push;
mod reload;
mod requests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Registry;
use super::request::{Refused, Reply, Request};
use crate::model::{
    Check, CheckType, Configured, Declared, Detail, Details, Discovered, Discovers, Finding,
    Findings, Opening, Publication, Quantity, Report, Roots, Running, Unit,
};
use crate::overlay::Overlay;

/// A run: of which check, from when to when; without an end if it was given up.
#[derive(Clone, Debug)]
struct Run {
    name: String,
    start: Instant,
    end: Option<Instant>,
}

thread_local! {
    /// All runs of a test, each in a thread of its own.
    static RUNS: RefCell<Vec<Run>> = const { RefCell::new(Vec::new()) };
}

/// A check that takes so long as it is told to and counts its runs.
static COUNTING: CheckType = CheckType {
    name: "agent.counting",
    about: "",
    settings: &[],
    one_of: &[],
    metrics: &[
        Declared::gauge("runs", Unit::Count, "").headline(),
        Declared::counter("total", Unit::Count, ""),
    ],
    discovers: Discovers::Nothing,
    targets: None,
    open: |of: &Opening| {
        let details = &of.details;
        let name = details.text("name").unwrap_or_default().to_owned();
        Box::new(Counting { name, takes: details.lasting("takes"), runs: 0 })
    },
};

struct Counting {
    name: String,
    /// `None` for ever.
    takes: Option<Duration>,
    runs: u32,
}

impl Check for Counting {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async {
            let name = self.name.clone();
            let place = RUNS.with_borrow_mut(|runs| {
                runs.push(Run { name, start: Instant::now(), end: None });
                runs.len() - 1
            });
            match self.takes {
                Some(takes) => sleep(takes).await,
                None => std::future::pending().await,
            }
            RUNS.with_borrow_mut(|runs| runs[place].end = Some(Instant::now()));
            self.runs += 1;
            let mut found = Findings::default();
            found.number("runs", self.runs.into());
            Ok(found)
        })
    }
}

/// Finds what a test tells it to, in each run.
pub static FINDING: CheckType = CheckType {
    name: "agent.finding",
    metrics: &[Declared::gauge("runs", Unit::Count, "").headline()],
    discovers: Discovers::Published,
    open: |_| Box::new(FindingOnes(0)),
    about: "",
    settings: &[],
    one_of: &[],
    targets: None,
};

thread_local! {
    /// What a run finds, by its number.
    pub static FINDS: RefCell<fn(u32) -> Vec<Finding>> = const { RefCell::new(|_| Vec::new()) };
}

struct FindingOnes(u32);

impl Check for FindingOnes {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async {
            self.0 += 1;
            let values = FINDS.with_borrow(|finds| finds(self.0));
            Ok(Findings { values, ..Findings::default() })
        })
    }
}

/// A check of it, which publishes all that it discovers.
pub fn finding(finds: fn(u32) -> Vec<Finding>) -> Configured {
    FINDS.set(finds);
    Configured {
        publish: Publication::by_default(&FINDING),
        ..Configured::of(&FINDING, Details::default())
    }
}

/// A number of this name, with a dimension.
pub fn found(name: &str, process: &str) -> Finding {
    let dimensions = vec![("Process".into(), process.into())];
    let (name, quantity) = (name.to_owned().into(), Quantity::Number(1.0));
    Finding { name, dimensions, discovered: Some(Discovered::NUMBER), quantity }
}

/// A check every so many seconds, each run of which takes so long.
fn counting(id: &str, period: u64, takes: Option<f64>) -> Configured {
    let name = ("name".to_owned(), Detail::Text(id.to_owned()));
    let takes = takes.map(|seconds| Detail::Lasting(Duration::from_secs_f64(seconds)));
    let takes = takes.map(|takes| ("takes".to_owned(), takes));
    Configured {
        id: id.to_owned(),
        kind: &COUNTING,
        label: id.to_owned(),
        details: Details([Some(name), takes].into_iter().flatten().collect()),
        is_disabled: false,
        metadata: BTreeMap::new(),
        period: Duration::from_secs(period),
        timeout: Duration::from_secs_f64(period as f64 / 2.0),
        publish: Publication::by_default(&COUNTING),
    }
}

/// A registry that runs, with all reports that come out of it.
struct Beside {
    requests: mpsc::Sender<Request>,
    reports: Rc<RefCell<Vec<Rc<Report>>>>,
}

/// Runs a test beside a registry of checks, whose phases are at these parts of their periods in turn.
async fn beside<F: Future<Output = ()>>(
    checks: Vec<Configured>,
    phases: &[f64],
    most_metrics: usize,
    test: impl FnOnce(Beside) -> F,
) {
    let (sender, mut collected) = mpsc::channel(1024);
    let phases: Vec<_> = phases.to_vec();
    let mut chances = phases.into_iter().cycle();
    let chance = Box::new(move || chances.next().unwrap_or(0.0));
    let mut registry = Registry::with(sender, most_metrics, Roots::default(), chance);
    registry.begin(of_files(checks));
    let (requests, received) = mpsc::channel(8);
    let (stop, reports) = (CancellationToken::new(), Rc::default());
    let running = Beside { requests, reports: Rc::clone(&reports) };
    let collect = async {
        while let Some(report) = collected.recv().await {
            reports.borrow_mut().push(report);
        }
    };
    let test = async {
        test(running).await;
        stop.cancel();
    };
    tokio::join!(registry.run(received, stop.clone()), collect, test);
}

/// Checks as they stand in files.
fn of_files(checks: Vec<Configured>) -> Overlay<Rc<Configured>> {
    Overlay::of_files(checks.into_iter().map(|check| (check.id.clone(), Rc::new(check))))
}

impl Beside {
    /// The answer to a request.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> T {
        let (sender, answer) = oneshot::channel();
        assert!(self.requests.send(request(sender)).await.is_ok(), "the registry runs");
        answer.await.expect("an answer")
    }

    async fn order(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<(), Refused>>) -> Request,
    ) -> Result<(), Refused> {
        self.ask(request).await
    }
}

/// The runs of a check.
fn runs(name: &str) -> Vec<Run> {
    RUNS.with_borrow(|runs| runs.iter().filter(|run| run.name == name).cloned().collect())
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
