//! What must hold of every cell.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, UNIX_EPOCH};

use rustix::process::Signal;

use crate::cell::{BUFFER_OF_ONE, Outcome, SAMPLE_INTERVAL, SHUTDOWN_TIMEOUT};
use crate::clock::EMULATED;
use crate::endpoints;
use crate::faults::{Effect, Fault, Publisher};
use crate::log::{self, Counts, Datum, Measured};
use crate::moments::Moment;
use crate::network::POISON;
use support::SECRET;

/// Beyond the shutdown timeout, whatever happens.
const LATEST: Duration = Duration::from_millis(200);

/// Where the endpoint works, and after a second signal.
const QUICK: Duration = Duration::from_millis(100);

/// No agent may ever use more than this: about twice what one uses that publishes over TLS.
pub const MOST_MEMORY_KIB: u64 = 8 * 1024;

/// Everything that is wrong with a cell.
pub fn problems(fault: &Fault, moment: Moment, outcome: &Outcome) -> Vec<String> {
    let mut check = Check { fault, moment, outcome, problems: Vec::new() };
    if moment == Moment::First10Ms && was_killed_before_its_handlers(outcome) {
        return Vec::new();
    }
    check.times();
    check.log();
    check.samples();
    check.exit_code();
    check.attempts();
    check.data();
    if fault.several {
        check.problems.extend(endpoints::problems(fault, moment, outcome));
    }
    check.problems
}

/// The windows and names of what was taken, in order; the names are those of CloudWatch.
pub fn arrived(data: &[fake_cloudwatch::Datum], publisher: Publisher) -> Vec<Datum> {
    let of = |datum: &fake_cloudwatch::Datum| {
        if publisher == Publisher::CloudWatch {
            let start = datum.timestamp.duration_since(UNIX_EPOCH).expect("after the epoch");
            return Some((start.as_secs(), datum.name.clone()));
        }
        // By OTLP the time is the end of the window, which is cut short at the end of the agent.
        let window = log::window_of(datum.timestamp - Duration::from_secs(1));
        // A histogram is of all windows before, too: what is looked at are the others.
        log::name_of_otlp(&datum.name).map(|name| (window, name.to_owned()))
    };
    data.iter().filter_map(of).collect()
}

/// The longest time without a sample, from the start of the process on.
pub fn longest_gap(fault: &Fault, outcome: &Outcome) -> Option<Duration> {
    let mut before = outcome.started;
    let mut gaps = Vec::new();
    for time in log::sample_times(&outcome.ended.stderr) {
        let gap = match time.duration_since(before) {
            Ok(gap) => gap.as_secs_f64(),
            Err(error) => -error.duration().as_secs_f64(),
        };
        gaps.push(gap);
        before = time;
    }
    // Of the one gap that has the step in it, the step is no part.
    let stepped = gaps.iter_mut().max_by(|a, b| a.abs().total_cmp(&b.abs()));
    match (fault.effect, stepped) {
        (Effect::ClockSteps(step), Some(gap)) => *gap -= step as f64,
        (Effect::Sleeps, Some(gap)) => *gap = 0.0,
        _ => {}
    }
    let longest = gaps.into_iter().max_by(f64::total_cmp)?;
    Some(Duration::from_secs_f64(longest.max(0.0)))
}

/// A signal that comes while the kernel still starts the program ends it as it ends any other.
/// Nothing was measured yet.
pub fn was_killed_before_its_handlers(outcome: &Outcome) -> bool {
    let ended = &outcome.ended;
    ended.status.signal() == Some(Signal::TERM.as_raw())
        && ended.stderr.is_empty()
        && outcome.arrived.is_empty()
}

/// Whether it ended at once by its own share only.
pub fn machine_was_slow(outcome: &Outcome) -> bool {
    outcome.end.quick > QUICK && outcome.end.own_quick() <= QUICK
}

struct Check<'a> {
    fault: &'a Fault,
    moment: Moment,
    outcome: &'a Outcome,
    problems: Vec<String>,
}

impl Check<'_> {
    fn require(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(problem());
        }
    }

    /// What is added to the bounds in an emulated machine.
    fn emulation(&self) -> Duration {
        if self.fault.is_of_the_clock() { EMULATED } else { Duration::ZERO }
    }

    fn log_text(&self) -> &str {
        &self.outcome.ended.stderr
    }

    /// Whether the endpoint works at the end.
    fn works(&self) -> bool {
        self.fault.works() || self.moment == Moment::OutageEnds
    }

    fn second_signal_ended_it(&self) -> bool {
        self.moment == Moment::AgainAfterASecond
            && (self.log_text().contains("second signal: stopped at once")
                || (!self.outcome.log_is_seen && self.outcome.ended.status.code() == Some(1)))
    }

    /// The bounds hold for the agent's own share: what the machine did not let it run is not its.
    fn times(&mut self) {
        let end = self.outcome.end;
        self.require(!end.killed, || format!("it did not end, and was killed: {end:?}"));
        let slower = self.emulation();
        let (total, quick) = (end.total - end.waited.min(end.total), end.own_quick());
        self.require(total <= SHUTDOWN_TIMEOUT + LATEST + slower, || {
            format!("it ended late: {end:?}")
        });
        // Where the first does not work, it has its share of the time.
        let at_once = self.works() && !self.fault.is_elsewhere();
        let is_quick = at_once || self.moment == Moment::AgainAfterASecond;
        self.require(!is_quick || quick <= QUICK + slower, || {
            format!("it did not end at once: {end:?}")
        });
        self.require(end.peak_kib <= MOST_MEMORY_KIB, || format!("too much memory: {end:?}"));
    }

    fn log(&mut self) {
        let log = self.log_text().to_owned();
        self.require(!log.contains("panicked"), || "it panicked".to_owned());
        self.require(!log.contains(SECRET), || "the log shows a secret".to_owned());
        let ended_by_timeout = log.contains("--shutdown-timeout ended the last send");
        if ended_by_timeout {
            let total = self.outcome.end.total;
            self.require(total >= SHUTDOWN_TIMEOUT, || format!("too early a timeout: {total:?}"));
        }
        let failed = match self.fault.effect {
            Effect::Works | Effect::Unseen => false,
            // At a stop each has its share of the time, and may not have come to its own failure.
            Effect::Elsewhere | Effect::ElsewhereToo => false,
            Effect::ClockSteps(_) | Effect::Sleeps => true,
            Effect::RejectsOne | Effect::RefusesPart => !self.outcome.arrived.is_empty(),
            Effect::Blind(_) => log.contains(log::SAMPLE),
            _ => {
                log.contains("publishing failed")
                    || (log.contains("stopped; ") && !ended_by_timeout)
            }
        };
        // What is not seen cannot be looked at, and an outage that is over may have left no trace.
        let failed = failed && self.outcome.log_is_seen && !self.second_signal_ended_it();
        let failed = failed && (self.moment != Moment::OutageEnds || self.fault.works());
        let says = self.fault.says;
        self.require(!failed || log.contains(says), || format!("the log does not say {says:?}"));
        let ends = self.moment == Moment::OutageEnds && !self.fault.is_elsewhere();
        if ends && self.outcome.log_is_seen {
            let end = "publishing works again";
            self.require(log.contains(end), || format!("the log does not say {end:?}"));
        }
    }

    fn samples(&mut self) {
        let most = SAMPLE_INTERVAL.mul_f64(1.5) + self.emulation();
        let gap = longest_gap(self.fault, self.outcome);
        self.require(gap.is_none_or(|gap| gap <= most), || format!("no sample for {gap:?}"));
    }

    /// Two seconds are enough for at least one retry: the first waits for a second at most.
    fn attempts(&mut self) {
        let alone = self.fault.retried && self.moment == Moment::BeforeFirstSample;
        let requests = self.outcome.requests;
        self.require(!alone || requests >= 2, || format!("{requests} attempt only"));
    }

    fn exit_code(&mut self) {
        let status = self.outcome.ended.status;
        let expected: &[i32] = match self.second_signal_ended_it() {
            true => &[1],
            false if self.works() => &[0],
            false => &[1],
        };
        let fits = status.code().is_some_and(|code| expected.contains(&code));
        self.require(fits, || format!("{status}, expected code {expected:?}"));
    }

    fn data(&mut self) {
        let measured = log::measured(self.log_text());
        let arrived = self.outcome.arrived.clone();
        let set: BTreeSet<_> = arrived.iter().cloned().collect();
        self.nothing_twice(&arrived);
        self.nothing_from_nowhere(&set, &measured);
        if self.second_signal_ended_it() || self.outcome.end.killed {
            return;
        }
        let stopped = log::stopped(self.log_text()).map(|(counts, _)| counts);
        if !self.outcome.log_is_seen {
            let windows = Measured::windows(&set);
            let whole = windows.iter().zip(windows.iter().skip(1)).all(|(a, b)| b - a <= 2);
            self.require(!set.is_empty() && whole, || format!("windows are missing: {set:?}"));
            return;
        }
        let Some(counts) = stopped else {
            return self.problems.push("the log does not end with the counts".to_owned());
        };
        self.counts(counts, &set, &measured);
        self.everything_arrived(counts, &set, &measured);
    }

    fn nothing_twice(&mut self, arrived: &[Datum]) {
        let mut times = BTreeMap::new();
        for datum in arrived {
            *times.entry(datum).or_insert(0) += 1;
        }
        let twice: Vec<_> = times.iter().filter(|(_, count)| **count > 1).collect();
        let may = matches!(self.fault.effect, Effect::LosesReplies | Effect::ElsewhereToo);
        self.require(may || twice.is_empty(), || format!("arrived more than once: {twice:?}"));
    }

    fn nothing_from_nowhere(&mut self, set: &BTreeSet<Datum>, measured: &Measured) {
        if !self.outcome.log_is_seen {
            return;
        }
        let unknown: Vec<_> = set.difference(&measured.perhaps).collect();
        self.require(unknown.is_empty(), || format!("was never measured: {unknown:?}"));
        // A fault of the control group begins late, and that of a file may have ended.
        if let Effect::Blind(names) = self.fault.effect
            && self.moment != Moment::OutageEnds
            && self.fault.needs != crate::faults::Needs::Cgroup
        {
            let blind: Vec<_> = set.iter().filter(|(_, name)| names.contains(&&**name)).collect();
            self.require(blind.is_empty(), || format!("could not be measured: {blind:?}"));
        }
    }

    fn counts(&mut self, counts: Counts, set: &BTreeSet<Datum>, measured: &Measured) {
        let (least, most) =
            (Measured::windows(&measured.surely), Measured::windows(&measured.perhaps));
        let range = least.len() as u64..=most.len() as u64;
        self.require(range.contains(&counts.windows), || format!("{range:?} windows: {counts:?}"));
        self.require(counts.add_up(), || format!("does not add up: {counts:?}"));
        let delivered = Measured::windows(set).len() as u64;
        // A lost reply is a window that arrived and could not be counted.
        let counted = match self.fault.effect {
            Effect::LosesReplies | Effect::Unseen => true,
            // Whether a window without one of its data counts as delivered is for the agent to say.
            Effect::RejectsOne => {
                (delivered.saturating_sub(1)..=delivered).contains(&counts.delivered)
            }
            _ => counts.delivered == delivered,
        };
        self.require(counted, || format!("{delivered} windows arrived: {counts:?}"));
        if self.fault.effect == Effect::RejectsOne {
            let said = counts.rejected_metrics.is_none_or(|rejected| rejected == 1);
            self.require(said, || format!("one datum was rejected: {counts:?}"));
        }
        let may_drop = self.moment == Moment::FullBacklog;
        self.require((counts.dropped > 0) == may_drop || self.is_rejected(counts), || {
            format!("dropped: {counts:?}")
        });
        let kept = counts.windows.min(BUFFER_OF_ONE);
        let left = counts.undelivered >= kept || counts.windows == 0;
        self.require(self.works() || left, || format!("less was kept than fits: {counts:?}"));
    }

    /// Whether what was dropped is the datum that is never taken.
    fn is_rejected(&self, counts: Counts) -> bool {
        self.fault.effect == Effect::RejectsOne && counts.dropped <= 1
    }

    /// Exactly the oldest windows are missing, as many as were dropped.
    fn everything_arrived(&mut self, counts: Counts, set: &BTreeSet<Datum>, measured: &Measured) {
        if !self.works() {
            let none = set.is_empty() || self.fault.effect == Effect::LosesReplies;
            return self.require(none, || format!("arrived through the fault: {set:?}"));
        }
        if self.fault.effect == Effect::Unseen {
            let all = counts.delivered == counts.windows;
            return self.require(all, || format!("not all delivered: {counts:?}"));
        }
        let dropped = if self.moment == Moment::FullBacklog { counts.dropped } else { 0 };
        let surely = Measured::windows(&measured.surely);
        let windows = measured.order.iter().copied().filter(|window| surely.contains(window));
        let mut windows = windows.collect::<Vec<_>>();
        let gone: BTreeSet<_> = windows.drain(..windows.len().min(dropped as usize)).collect();
        let kept: BTreeSet<_> = windows.into_iter().collect();
        let mut missing: Vec<_> =
            measured.surely.difference(set).filter(|(window, _)| kept.contains(window)).collect();
        if self.fault.effect == Effect::RejectsOne {
            let before = missing.len();
            missing.retain(|(_, name)| name != POISON);
            let gone = before - missing.len();
            // So near to a boundary that its window is not sure, nothing is expected of it.
            let expected = usize::from(measured.surely.iter().any(|(_, name)| name == POISON));
            let said = || format!("{gone} data were rejected, expected {expected}");
            self.require(gone == expected, said);
        }
        self.require(missing.is_empty(), || format!("did not arrive: {missing:?}"));
        let early: Vec<_> = set.iter().filter(|(window, _)| gone.contains(window)).collect();
        // At a boundary a window may be in the log or not; it is the oldest or the newest then.
        self.require(early.len() <= 4, || format!("arrived, though dropped: {early:?}"));
    }
}
