//! Decides whether a further signal is part of the same stop, or asks to end at once.

use std::io::stdin;
use std::time::Duration;

use log::info;
use nix::unistd::{getpgrp, tcgetpgrp};
use rustix::process::Signal;
use tokio::time::Instant;

/// A stop that is under way.
///
/// An entrypoint script that passes on what its process group got already, an init and a supervisor
/// that both stop the same process: their signals come within moments, and mean one stop.
#[derive(Debug)]
pub struct Stopping {
    first: Signal,
    since: Instant,
}

impl Stopping {
    /// A stop that begins now, by a signal, or by SIGCHLD where it is the end of the command.
    pub fn by(first: Signal) -> Self {
        Self { first, since: Instant::now() }
    }

    /// Whether this signal asks to end at once, without the rest of the stop.
    pub fn is_cut_short_by(&self, signal: Signal) -> bool {
        let asks = asks_for_an_end(signal);
        let cut_short = asks && (self.since.elapsed() >= ONE_STOP || self.is_second_ctrl_c(signal));
        if asks && !cut_short {
            info!("signal {} ignored: already stopping", signal.as_raw());
        }
        cut_short
    }

    /// A person types Ctrl-C a second time; the first may have ended the command.
    fn is_second_ctrl_c(&self, signal: Signal) -> bool {
        let could_be_typed = [Signal::INT, Signal::CHILD].contains(&self.first);
        signal == Signal::INT && could_be_typed && is_in_the_foreground()
    }
}

/// Whether a signal asks this process to end.
pub fn asks_for_an_end(signal: Signal) -> bool {
    [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT].contains(&signal)
}

/// Whether Ctrl-C at the terminal of standard input is for this process.
fn is_in_the_foreground() -> bool {
    tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
}

/// Programs stop the same process again within milliseconds; a second is what a script that waits
/// for something in between may need, and more than a person waits who means it.
const ONE_STOP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn what_comes_within_a_second_is_the_same_stop_and_what_comes_later_is_not() {
        let ends = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];
        for first in [Signal::TERM, Signal::HUP, Signal::QUIT] {
            let stopping = Stopping::by(first);
            assert!(ends.iter().all(|next| !stopping.is_cut_short_by(*next)), "{first:?}");
            advance(ONE_STOP - MILLISECOND).await;
            assert!(ends.iter().all(|next| !stopping.is_cut_short_by(*next)), "{first:?}");
            advance(MILLISECOND).await;
            assert!(ends.iter().all(|next| stopping.is_cut_short_by(*next)), "{first:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_ask_for_an_end_never_cuts_it_short() {
        let stopping = Stopping::by(Signal::TERM);
        advance(ONE_STOP * 2).await;
        for signal in [Signal::CHILD, Signal::XFSZ, Signal::USR1, Signal::CONT, Signal::WINCH] {
            assert!(!stopping.is_cut_short_by(signal), "{signal:?}");
        }
    }
}
