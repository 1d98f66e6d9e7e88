//! The cells that make no sense, and those that are known to fail.

use crate::faults::{self, Effect, Fault, Needs, UnderWay};
use crate::moments::Moment;

/// Cells that fail because of the agent as it is: fault, moments, and what is wrong. They stay as
/// they should be, fail loudly, and do not fail the run. One that no longer fails is to be taken
/// off.
pub const KNOWN: &[(&str, Option<Moment>, &str)] = &[];

/// Why this moment makes no sense for this fault.
pub fn senseless(fault: &Fault, moment: Moment) -> Option<&'static str> {
    use Moment::{
        AgainAfterASecond, BeforeFirstSample, DuringRequest, First10Ms, FullBacklog, Hangup,
        Interrupt, OutageEnds, PublishDelay, Quit, RetryWait,
    };
    let is = |name: &str| fault.name.starts_with(name);
    let dies = fault.several && fault.name.contains(" die ");
    let late = dies || fault.is_of_the_clock() || fault.needs == Needs::Cgroup || is("out of ");
    match moment {
        First10Ms | Interrupt | Hangup | Quit if fault.several => Some("as for one endpoint"),
        RetryWait if fault.is_elsewhere() && fault.says == REFUSED => {
            Some("another takes its place at once")
        }
        FullBacklog if fault.is_elsewhere() => Some("another takes its place before that"),
        First10Ms | BeforeFirstSample if late => Some("the fault begins after it"),
        First10Ms if is("/proc") => Some("the mounts are still being made"),
        BeforeFirstSample | PublishDelay if is("stderr") => Some("only the log tells this moment"),
        PublishDelay if is("stdout") => Some("a dry run has no publish delay"),
        RetryWait | FullBacklog | OutageEnds if is("stdout closed") => Some("nothing fails"),
        PublishDelay | DuringRequest | RetryWait | FullBacklog | OutageEnds
            if is("/proc vanishes") =>
        {
            Some("there is no window to send")
        }
        DuringRequest if fault.request == UnderWay::Never => {
            Some("it fails before there is a request")
        }
        DuringRequest if fault.request == UnderWay::AtOnce => {
            Some("the request is over as soon as it arrives")
        }
        AgainAfterASecond if fault.works() => Some("it has ended by then"),
        OutageEnds if fault.effect == Effect::Forever => Some("it cannot end while the agent runs"),
        _ => None,
    }
}

/// As soon as it is known, another endpoint is tried.
pub const REFUSED: &str = "it refuses connections";

/// What is known of this cell.
pub fn known(fault: &Fault, moment: Moment) -> Option<&'static str> {
    let fits = |known: &&(&str, Option<Moment>, &str)| {
        known.0 == fault.name && known.1.is_none_or(|m| m == moment)
    };
    KNOWN.iter().find(fits).map(|known| known.2)
}

/// A name in the list that no fault has would hide nothing and be believed to.
pub fn check_names() {
    for (name, ..) in KNOWN {
        assert!(faults::all().any(|fault| fault.name == *name), "no fault is called {name:?}");
    }
}
