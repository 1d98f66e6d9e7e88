//! Steps of the wall clock, and a system that sleeps. They are everybody's, so all cells of such a
//! row run at once and share one step, in a machine of their own: tests/kernel/clock.sh.

use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::time::Duration;

use fake_cloudwatch::{Certificate, FakeCloudWatch};
use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime, clock_settime};

use crate::faults::{Effect, Fault};
use crate::scene::Scene;

pub const OF_THE_CLOCK: &[Fault] = &[
    Fault::new(
        "clock +1 h",
        Effect::ClockSteps(HOUR),
        |s| steps(s, HOUR),
        "The open window is closed, the next sample opens the one that it belongs to.",
    )
    .says("the wall clock jumped forward"),
    Fault::new(
        "clock −1 h",
        Effect::ClockSteps(-HOUR),
        |s| steps(s, -HOUR),
        "As a step forward; CloudWatch takes what is up to two hours ahead.",
    )
    .says("the wall clock jumped back"),
    Fault::new("clock +3 days", Effect::ClockSteps(72 * HOUR), |s| steps(s, 72 * HOUR), "As +1 h.")
        .says("the wall clock jumped forward"),
    Fault::new(
        "system suspended for 10 minutes",
        Effect::Sleeps,
        sleeps,
        "As a step forward: no sample is made up for the time in between.",
    )
    .says("the wall clock jumped forward"),
];

const HOUR: i64 = 60 * 60;

/// Where the cells of a row meet.
static MEETING: Mutex<Option<Arc<Barrier>>> = Mutex::new(None);

/// So many cells run at once from now on.
pub fn meet(cells: usize) {
    *MEETING.lock().expect("no cell panics here") = Some(Arc::new(Barrier::new(cells)));
}

/// Does this once, when all cells have come here.
fn together(once: impl FnOnce()) {
    let meeting = MEETING.lock().expect("no cell panics here").clone();
    let meeting = meeting.expect("rows of the clock run with --clock only");
    if meeting.wait().is_leader() {
        once();
    }
    meeting.wait();
}

fn steps(scene: &mut Scene, seconds: i64) {
    small_roots(scene);
    scene.begin = Some(Box::new(move |_, _| together(|| step(seconds))));
}

/// The kernel really suspends to memory; a sleep of two seconds becomes one of ten minutes by a
/// step before anybody has woken up. A process sees no difference: its monotonic clock stood still.
fn sleeps(scene: &mut Scene) {
    small_roots(scene);
    scene.begin = Some(Box::new(move |agent, _| {
        let pid = agent.id().try_into().ok().and_then(Pid::from_raw).expect("a process has an id");
        kill_process(pid, Signal::STOP).expect("it runs");
        together(|| {
            let alarm = "/sys/class/rtc/rtc0/wakealarm";
            std::fs::write(alarm, "0").expect("the machine has a clock that wakes it");
            std::fs::write(alarm, "+2").expect("the machine has a clock that wakes it");
            std::fs::write("/sys/power/state", "mem").expect("the machine can sleep");
            step(10 * 60);
        });
        kill_process(pid, Signal::CONT).expect("it is stopped");
    }));
}

fn step(seconds: i64) {
    let mut now = clock_gettime(ClockId::Realtime);
    now.tv_sec += seconds;
    clock_settime(ClockId::Realtime, now).expect("the machine is this test's own");
}

/// An emulated machine would take a second to decode all of the bundled roots.
fn small_roots(scene: &mut Scene) {
    static AUTHORITY: OnceLock<String> = OnceLock::new();
    let authority = AUTHORITY.get_or_init(|| {
        let server = FakeCloudWatch::start_tls(Certificate::Valid);
        server.ca_pem().expect("TLS has a CA").to_owned()
    });
    let roots = scene.folder.join("roots.pem");
    std::fs::write(&roots, authority).expect("the folder is writable");
    scene.environment.push(("SSL_CERT_FILE", Some(roots.into())));
}

/// So many cells share a step: an emulated machine cannot bear more at a time.
pub const AT_ONCE: usize = 3;

/// Beyond the bounds of a real machine: software emulation is slower, by so much at the most.
pub const EMULATED: Duration = Duration::from_secs(1);
