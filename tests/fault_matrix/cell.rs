//! One cell: an agent with one fault, and a signal at one moment.

use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use tokio::time::Instant;

use crate::check;
use crate::faults::{Fault, UnderWay};
use crate::log::Datum;
use crate::moments::{self, Moment};
use crate::scene::{Scene, Stream};
use support::{Agent, Ended};

/// The length of a window: long enough for a delay, a request and a retry in it.
pub const PERIOD: Duration = Duration::from_secs(2);

/// Half of it may pass unseen between two samples: 250 ms.
pub const SAMPLE_INTERVAL: Duration = Duration::from_millis(500);

pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// `--buffer` where the backlog is to be full.
pub const BUFFER_OF_ONE: u64 = 1;

/// Between the two signals of [`Moment::TwiceIn50Ms`].
const BETWEEN_SIGNALS: Duration = Duration::from_millis(25);

/// Between those of [`Moment::AgainAfterASecond`].
const MORE_THAN_ONE_STOP: Duration = Duration::from_millis(1100);

/// Where the log does not tell that the first signal was seen.
const SIGNAL_IS_SEEN: Duration = Duration::from_millis(20);

/// An agent that has not ended after the shutdown timeout and this is killed.
const PATIENCE: Duration = Duration::from_secs(2);

/// A machine that keeps a process waiting for longer is too busy to measure anything on.
const MOST_WAITED: Duration = Duration::from_millis(200);

/// How often a process that is ending is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A run that goes on.
pub struct Run {
    pub fault: &'static Fault,
    pub moment: Moment,
    pub scene: Scene,
    agent: Option<Agent>,
    pub started: Instant,
    /// The same by the wall clock.
    started_at: SystemTime,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    pub end: End,
    pub ended: Ended,
    /// What arrived, in order.
    pub arrived: Vec<Datum>,
    /// The same for each endpoint, the first first.
    pub endpoints: Vec<Vec<Datum>>,
    /// How much the first had taken when it came back and a standby was the primary, and has at the end.
    pub first_had: Option<(usize, usize)>,
    pub log_is_seen: bool,
    /// How many requests came.
    pub requests: usize,
    /// When the process was started.
    pub started: SystemTime,
}

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// From the first signal.
    pub total: Duration,
    /// From what the agent had to wait for: the release of a reply, or the second signal.
    pub quick: Duration,
    /// For how long the machine kept it from running meanwhile, as the kernel counts it.
    pub waited: Duration,
    pub peak_kib: u64,
    pub killed: bool,
}

/// Runs a cell, and says what is wrong.
pub fn run(fault: &'static Fault, moment: Moment, offset: Duration) -> (Outcome, Vec<String>) {
    let mut scene = Scene::new(fault.publisher);
    (fault.build)(&mut scene);
    let (started, started_at) = (Instant::now(), SystemTime::now());
    let mut run = Run { fault, moment, scene, agent: None, started, started_at };
    moments::prepare(&mut run);
    run.restart();
    moments::reach(&mut run, offset);
    let end = run.end();
    let log_is_seen = run.log_is_seen();
    let ended = run.agent.take().expect("it was started").wait();
    let written = run.scene.written();
    let taken = run.scene.taken();
    let first_had = run.scene.first_had.map(|had| (had, taken[0].len()));
    let of_servers = || taken.iter().map(|data| check::arrived(data, fault.publisher)).collect();
    let endpoints: Vec<_> = match (&run.scene.cloudwatch, written) {
        (None, Some(text)) => vec![crate::log::printed(&text)],
        (None, None) if run.scene.standbys.is_empty() => vec![crate::log::printed(&ended.stdout)],
        _ => of_servers(),
    };
    let arrived = endpoints.concat();
    let requests = run.scene.cloudwatch.as_ref().map_or(0, |server| server.requests().len());
    let outcome = Outcome {
        end,
        ended,
        arrived,
        endpoints,
        first_had,
        log_is_seen,
        requests,
        started: run.started_at,
    };
    let problems = check::problems(fault, moment, &outcome);
    (outcome, problems)
}

impl Run {
    pub fn agent(&self) -> &Agent {
        self.agent.as_ref().expect("it was started")
    }

    /// Starts an agent in place of the one that runs.
    pub fn restart(&mut self) {
        self.agent = None;
        self.started_at = SystemTime::now();
        self.agent = Some(self.scene.start(self.moment == Moment::FullBacklog));
        self.started = Instant::now();
    }

    /// The fault begins, where it has not yet.
    pub fn bring_on(&mut self) {
        if let Some(begin) = self.scene.begin.take() {
            begin(self.agent.as_ref().expect("it was started"), &mut self.scene);
        }
    }

    pub fn log_is_seen(&self) -> bool {
        self.scene.stderr == Stream::Read
    }

    /// Sends the signals and waits for the end.
    fn end(&self) -> End {
        let agent = self.agent();
        let id = agent.id();
        let pid = id.try_into().ok().and_then(Pid::from_raw).expect("a process has an id");
        let process = pidfd_open(pid, PidfdFlags::empty()).expect("nobody has waited for it yet");
        let mut peak_kib = peak_kib(id);
        let waited = waited(id);
        let first = Instant::now();
        let mut quick = first;
        agent.signal(match self.moment {
            Moment::Interrupt => Signal::INT,
            Moment::Hangup => Signal::HUP,
            Moment::Quit => Signal::QUIT,
            _ => Signal::TERM,
        });
        match self.moment {
            Moment::TwiceIn50Ms => {
                moments::until(first + BETWEEN_SIGNALS);
                agent.signal(Signal::TERM);
            }
            Moment::AgainAfterASecond => {
                moments::until(first + MORE_THAN_ONE_STOP);
                quick = Instant::now();
                agent.signal(Signal::TERM);
            }
            Moment::DuringRequest | Moment::OutageEnds if self.is_held() => {
                if self.log_is_seen() {
                    agent.wait_for_log("stopping: ");
                } else {
                    moments::until(first + SIGNAL_IS_SEEN);
                }
                quick = Instant::now();
                self.scene.server().release();
            }
            _ => {}
        }
        let look = Timespec::try_from(LOOK).expect("a short time");
        let mut killed = false;
        let ended = loop {
            let mut process = [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)];
            if poll(&mut process, Some(&look)).expect("a process can be waited for") > 0 {
                break Instant::now();
            }
            peak_kib = peak_kib.max(self::peak_kib(id));
            if first.elapsed() > SHUTDOWN_TIMEOUT + PATIENCE && !killed {
                killed = true;
                agent.signal(Signal::KILL);
            }
        };
        // The process is gone, but nobody has waited for it, so the kernel still knows.
        let waited = self::waited(id).saturating_sub(waited).min(MOST_WAITED);
        End {
            total: ended - first,
            quick: ended.saturating_duration_since(quick),
            waited,
            peak_kib,
            killed,
        }
    }

    /// Whether the reply to a request waits for this test.
    fn is_held(&self) -> bool {
        match self.moment {
            Moment::OutageEnds => self.scene.stdout == Stream::Read,
            _ => self.fault.request == UnderWay::Held,
        }
    }
}

/// The most memory that a process had in use; 0 once it has ended, and as long as it is a copy of this one,
/// which has not started its program yet.
fn peak_kib(id: u32) -> u64 {
    let program = |of: &str| std::fs::read_link(format!("/proc/{of}/exe")).ok();
    if program(&id.to_string()) == program("self") {
        return 0;
    }
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// For how long the main thread of a process could have run and had no CPU
/// (Documentation/scheduler/sched-stats.rst: the second field).
fn waited(id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/schedstat")).unwrap_or_default();
    let field = stat.split_whitespace().nth(1).and_then(|field| field.parse().ok());
    Duration::from_nanos(field.unwrap_or(0))
}

impl End {
    /// From what the agent had to wait for, without what the machine kept it from running.
    pub fn own_quick(&self) -> Duration {
        self.quick.saturating_sub(self.waited)
    }
}
