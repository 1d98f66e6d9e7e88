//! Three endpoints: the first, and two that stand by for it. What is said of each row here holds beside all that
//! must hold of every cell.

use std::collections::BTreeSet;
use std::sync::Arc;

use fake_cloudwatch::{Answer, Datum, FakeCloudWatch, Refused};

use crate::cell::{Outcome, Run};
use crate::faults::{Effect, Fault};
use crate::moments::Moment;
use crate::network;
use crate::scene::Scene;
use support::{Agent, windows_of};

/// An endpoint that gets nothing as long as the first works.
pub struct Standby {
    pub url: String,
    /// Absent where it is dead.
    pub server: Option<FakeCloudWatch>,
    /// What it had taken when it died.
    pub before: Vec<Datum>,
}

impl Standby {
    fn answering(answer: Answer) -> Self {
        let server = FakeCloudWatch::start();
        server.answer_always(answer);
        Self { url: server.url(), server: Some(server), before: Vec::new() }
    }
}

impl Scene {
    /// Two stand by: one that is dead, and one that works.
    fn with_a_dead_standby_and_a_good_one(&mut self) {
        let refused = Refused::start().expect("127.0.0.1 has a free port");
        let url = format!("http://{}", refused.address());
        self.standbys.push(Standby { url, server: None, before: Vec::new() });
        self.parts.push(Box::new(refused));
        self.standbys.push(Standby::answering(Answer::Take));
    }

    /// The last of them, which works in each row where one does.
    fn good_standby(&self) -> &FakeCloudWatch {
        let last = self.standbys.last().and_then(|standby| standby.server.as_ref());
        last.expect("the last standby works")
    }
}

/// A probe of the second is what is under way for as long as a probe may take.
pub fn refuses(scene: &mut Scene) {
    network::refused(scene);
    let second = Arc::new(FakeCloudWatch::start());
    second.answer_always(Answer::Hang);
    scene.standbys.push(Standby { url: second.url(), server: None, before: Vec::new() });
    scene.standbys.push(Standby::answering(Answer::Take));
    scene.parts.push(Box::new(Arc::clone(&second)));
    scene.under_way = Some(Box::new(move || {
        second.wait_until("a probe", |seen| !seen.requests.is_empty());
    }));
}

/// The first dies when it has taken a window, and then the one that is the primary in its place.
pub fn die_one_after_another(scene: &mut Scene) {
    scene.standbys.extend([Standby::answering(Answer::Take), Standby::answering(Answer::Take)]);
    scene.begin = Some(Box::new(|agent, scene| {
        agent.wait_for_log_lines(ACCEPTED, 1);
        let first = scene.cloudwatch.take().expect("it works until now");
        let port = first.address().port();
        scene.before = first.data();
        drop(first);
        let line = agent.wait_for_log(CHANGE);
        let is_next = |standby: &Standby| line.contains(&format!(" to {}", standby.url));
        scene.standbys.sort_by_key(|standby| !is_next(standby));
        // The log tells that the reply has arrived: else its window would be sent to another one as well.
        agent.wait_for_log_lines(ACCEPTED, accepted(agent) + 1);
        let next = &mut scene.standbys[0];
        next.before = next.server.take().expect("it works until now").data();
        scene.lift = Some(Box::new(move |scene| {
            let again = FakeCloudWatch::start_on(port, None).expect("the port is free again");
            scene.cloudwatch = Some(again);
        }));
    }));
}

pub fn hangs(scene: &mut Scene) {
    scene.answers(Answer::Hang);
    scene.standbys.push(Standby::answering(Answer::Hang));
    scene.standbys.push(Standby::answering(Answer::Take));
}

pub fn unavailable(scene: &mut Scene) {
    scene.answers(Answer::service_unavailable());
    scene.with_a_dead_standby_and_a_good_one();
}

pub fn loses_replies(scene: &mut Scene) {
    scene.answers(Answer::TakeThenReset);
    scene.standbys.push(Standby::answering(Answer::service_unavailable()));
    scene.standbys.push(Standby::answering(Answer::Take));
}

/// The first takes one request and fails the next ones, in turn: for one send, for two, and for one attempt.
pub fn flaps(scene: &mut Scene) {
    for _ in 0..FLAPS {
        for (times, answer) in [
            (1, Answer::Take),
            (3, Answer::service_unavailable()),
            (1, Answer::Take),
            (1, Answer::Reset),
            (1, Answer::Take),
            (6, Answer::service_unavailable()),
        ] {
            (0..times).for_each(|_| scene.server().answer_next(answer.clone()));
        }
    }
    scene.with_a_dead_standby_and_a_good_one();
}

pub fn all_fail(scene: &mut Scene) {
    scene.answers(Answer::service_unavailable());
    scene.with_a_dead_standby_and_a_good_one();
    scene.good_standby().answer_always(Answer::Hang);
}

/// A standby has become the primary and has taken windows, when the first comes back.
pub fn first_comes_back(run: &mut Run) {
    run.agent().wait_for_log(CHANGE);
    let more = |seen: usize| {
        move |of: &fake_cloudwatch::Seen| windows_of(&of.data).len() >= seen + WINDOWS_OF_A_STANDBY
    };
    let seen = run.scene.good_standby().wait_until("windows", more(0));
    run.scene.end_fault(Answer::Take);
    run.scene.first_had = Some(run.scene.taken()[0].len());
    run.scene.good_standby().wait_until("more windows", more(windows_of(&seen.data).len()));
}

/// Waits until so many windows were accepted, wherever.
pub fn goes_on(agent: &Agent) {
    agent.wait_for_log_lines(ACCEPTED, WINDOWS_OF_FLAPS);
}

fn accepted(agent: &Agent) -> usize {
    agent.log_so_far().lines().filter(|line| line.contains(ACCEPTED)).count()
}

/// What is wrong with where the windows are.
pub fn problems(fault: &Fault, moment: Moment, outcome: &Outcome) -> Vec<String> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
    };
    let [first, standbys @ ..] = &*outcome.endpoints else { return problems };
    let log = &outcome.ended.stderr;
    require(log.contains(START), format!("the log does not say {START:?}"));
    let of_standbys = standbys.concat();
    let set: BTreeSet<_> = of_standbys.iter().collect();
    let is_once = set.len() == of_standbys.len();
    require(is_once, format!("more than once at those that stand by: {of_standbys:?}"));
    if fault.effect == Effect::ElsewhereToo {
        // Each attempt at the first is one that it takes; its reply is what is lost.
        let is_sent_on = first.iter().all(|datum| set.contains(datum));
        require(is_sent_on, format!("no reply, and not sent to another: {first:?}"));
    }
    if let Some((had, has)) = outcome.first_had {
        let what = format!("{} data went to the first as soon as it was back", has - had);
        require(has == had, what);
        let mut changes = log.lines().filter(|line| line.contains(CHANGE));
        let why = fault.says;
        let is_told = changes.all(|line| line.contains(why)) && log.contains(CHANGE);
        require(is_told, format!("the log does not say {CHANGE:?} with {why:?}"));
    }
    if moment == Moment::OutageEnds && fault.works() {
        require(!of_standbys.is_empty(), "no standby has taken anything".to_owned());
    }
    problems
}

/// At the start.
const START: &str = "standing by for http://";

/// When another becomes the primary.
pub const CHANGE: &str = " from now on, and not to http://";

/// In the line of each window that was accepted.
const ACCEPTED: &str = " samples=";

/// Before and after the first has come back.
const WINDOWS_OF_A_STANDBY: usize = 2;

/// More than come in any cell.
const FLAPS: usize = 20;

/// As many as need several of the answers of one that flaps.
const WINDOWS_OF_FLAPS: usize = 8;
