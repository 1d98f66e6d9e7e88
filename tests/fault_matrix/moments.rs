//! The columns: when SIGTERM comes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fake_cloudwatch::{Answer, Seen};
use tokio::time::Instant;

use crate::cell::{PERIOD, Run};
use crate::endpoints;
use crate::faults::{Effect, UnderWay};
use crate::log;
use crate::scene::Stream;
use support::windows_of;

/// When the signal comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    First10Ms,
    BeforeFirstSample,
    MidWindow,
    Boundary,
    PublishDelay,
    DuringRequest,
    RetryWait,
    FullBacklog,
    TwiceIn50Ms,
    AgainAfterASecond,
    Interrupt,
    Hangup,
    Quit,
    OutageEnds,
}

use Moment::{
    AgainAfterASecond, BeforeFirstSample, Boundary, DuringRequest, First10Ms, FullBacklog, Hangup,
    Interrupt, MidWindow, OutageEnds, PublishDelay, Quit, RetryWait, TwiceIn50Ms,
};

pub const MOMENTS: [(Moment, &str); 14] = [
    (First10Ms, "first 10 ms"),
    (BeforeFirstSample, "before first sample"),
    (MidWindow, "mid-window"),
    (Boundary, "at the boundary"),
    (PublishDelay, "publish delay"),
    (DuringRequest, "during a request"),
    (RetryWait, "waiting for a retry"),
    (FullBacklog, "full backlog"),
    (TwiceIn50Ms, "twice within 50 ms"),
    (AgainAfterASecond, "again after 1 s"),
    (Interrupt, "SIGINT instead"),
    (Hangup, "SIGHUP instead"),
    (Quit, "SIGQUIT instead"),
    (OutageEnds, "outage ends"),
];

/// How long after the start the signal is sent, in the runs that make up the first column.
pub const FIRST_10_MS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
    Duration::from_millis(7),
    Duration::from_millis(10),
];

/// A delay under this is over before a signal surely lies in it. The agent draws it by lot, so
/// another one is started then.
const LEAST_PUBLISH_DELAY: Duration = Duration::from_millis(300);

/// What precedes the fault, or is part of the moment, from before the start.
pub fn prepare(run: &mut Run) {
    if matches!(run.moment, Hangup | Quit) && !run.fault.is_of_the_clock() {
        // A script that runs this in the background would have them ignored, and so the agent.
        run.scene.wrapper.splice(0..0, ["env", "--default-signal=HUP,QUIT"].map(Into::into));
    }
    let Some(cloudwatch) = &run.scene.cloudwatch else { return };
    let works = run.fault.works() && !run.fault.is_elsewhere();
    match run.moment {
        DuringRequest if run.fault.request == UnderWay::Held => {
            cloudwatch.answer_next(Answer::hold_then(run.scene.answer.clone()));
        }
        // By OTLP a 500 is not tried again at once.
        RetryWait if works => cloudwatch.answer_next(Answer::service_unavailable()),
        // Where the fault is no outage, there was another one before.
        FullBacklog | OutageEnds if works => {
            cloudwatch.answer_always(Answer::internal_failure());
        }
        _ => {}
    }
}

/// Returns when the signal is to be sent.
pub fn reach(run: &mut Run, offset: Duration) {
    if run.fault.is_of_the_clock() {
        if run.moment == PublishDelay {
            publish_delay(run);
        }
        begin(run);
    }
    match run.moment {
        First10Ms => until(run.started + offset),
        BeforeFirstSample => drop(run.agent().wait_for_log(" measures the ")),
        MidWindow | TwiceIn50Ms | AgainAfterASecond | Interrupt | Hangup | Quit => {
            begin(run);
            until_next(run, PERIOD / 2);
        }
        Boundary => {
            begin(run);
            until_next(run, Duration::ZERO);
        }
        PublishDelay => {
            let delay = publish_delay(run);
            begin(run);
            window_closes(run);
            until(Instant::now() + delay / 2);
        }
        DuringRequest => match (run.fault.request, &run.scene.under_way) {
            (UnderWay::Hangs, Some(under_way)) => under_way(),
            _ => drop(run.scene.server().wait_until("a request", |seen| !seen.requests.is_empty())),
        },
        RetryWait => match run.fault.request {
            UnderWay::Held | UnderWay::AtOnce => {
                run.scene.server().wait_until("an attempt", |seen| !seen.requests.is_empty());
            }
            UnderWay::Hangs | UnderWay::Never => {
                begin(run);
                run.agent().wait_for_log("publishing failed");
            }
        },
        FullBacklog => {
            begin(run);
            if run.log_is_seen() {
                run.agent().wait_for_log(": dropping the oldest");
            } else {
                run.scene.server().wait_until("a request without the oldest", oldest_is_gone);
            }
            if run.fault.works() && !run.fault.is_elsewhere() {
                run.scene.server().answer_always(run.scene.answer.clone());
            }
        }
        OutageEnds if run.fault.is_elsewhere() => {
            begin(run);
            match run.scene.lift {
                Some(_) => endpoints::first_comes_back(run),
                None => endpoints::goes_on(run.agent()),
            }
        }
        OutageEnds => {
            begin(run);
            if run.log_is_seen() {
                run.agent().wait_for_log("publishing failed");
                window_closes(run);
            } else {
                run.scene.server().wait_until("a request with two windows", |seen| {
                    seen.requests.iter().any(|request| windows_of(&request.data).len() >= 2)
                });
            }
            outage_ends(run);
        }
    }
    // Where the fault has not begun it does now, at the last moment.
    run.bring_on();
}

/// The fault ends, and the first request after it waits for its answer.
fn outage_ends(run: &mut Run) {
    if run.scene.stdout != Stream::Read {
        run.scene.end_fault(Answer::Take);
        return;
    }
    let before = run.scene.cloudwatch.as_ref().map_or(0, |server| server.requests().len());
    // What the fault itself answers, once it is over, is set by its end.
    let answer = match run.fault.effect {
        Effect::RejectsOne | Effect::RefusesPart => run.scene.answer.clone(),
        _ => Answer::Take,
    };
    run.scene.end_fault(Answer::hold_then(answer));
    run.scene
        .server()
        .wait_until("a request after the outage", |seen| seen.requests.len() > before);
}

fn oldest_is_gone(seen: &Seen) -> bool {
    let first = |request: &fake_cloudwatch::Request| request.data.first().map(|d| d.timestamp);
    seen.requests.first().and_then(first) < seen.requests.last().and_then(first)
}

/// Waits for a sample with CPU, and brings on a fault that begins later than the agent. What takes
/// away the samples themselves must not do so before there is a window.
fn begin(run: &mut Run) {
    if run.log_is_seen() {
        run.agent().wait_for_log_lines(log::SAMPLE, 2);
    }
    let needs_windows = matches!(run.moment, PublishDelay | FullBacklog | OutageEnds);
    if needs_windows && matches!(run.fault.effect, Effect::Blind(_)) {
        return;
    }
    run.bring_on();
}

/// Waits until a window has closed after this.
fn window_closes(run: &Run) {
    let now = log::window_of(SystemTime::now());
    // Where the clock was set back, what was before it lies far ahead.
    let next = now + 1..now + 60;
    let mut count = 1;
    let window = |count| log::sampled(&run.agent().wait_for_log_lines(log::SAMPLE, count));
    while !window(count).is_some_and(|window| next.contains(&window)) {
        count += 1;
    }
}

/// The delay that this agent has drawn.
fn publish_delay(run: &mut Run) -> Duration {
    loop {
        let line = run.agent().wait_for_log(" sends each window ");
        let after = line.split_once(" sends each window ").map_or("", |(_, after)| after);
        let seconds = after.split(' ').next().and_then(|text| text.parse().ok());
        let delay = Duration::from_secs_f64(seconds.expect("the line tells the delay"));
        if delay >= LEAST_PUBLISH_DELAY {
            return delay;
        }
        run.restart();
    }
}

/// Waits for the next time at which a window is this old, but not for one that is too near.
fn until_next(run: &Run, age: Duration) {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("after the epoch");
    let since = run.started.elapsed();
    // Where no log tells that there was a sample, the time must do.
    let least = Duration::from_millis(100).max(Duration::from_millis(700).saturating_sub(since));
    let mut next = Duration::from_secs(log::window_of(SystemTime::now())) + age;
    while next < since_epoch + least {
        next += PERIOD;
    }
    until(Instant::now() + (next - since_epoch));
}

/// Waits for a moment: it is what the test is about, not something that will have happened by then.
pub fn until(moment: Instant) {
    while let Some(left) = moment.checked_duration_since(Instant::now()).filter(|d| !d.is_zero()) {
        std::thread::park_timeout(left);
    }
}
