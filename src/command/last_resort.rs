//! Keeps the command running after a panic of this process: forwards signals to it and exits with its
//! exit code. Measuring has ended.

use std::panic;
use std::process::exit;

use nix::sys::signal::{SigSet, Signal, kill};
use rustix::process::Pid;

use crate::blocking::stay_if_confined;
use crate::children::{exit_code, for_each_change};

/// From here on a panic, which would abort, stays in its hook until the child has ended.
#[expect(clippy::disallowed_methods, reason = "after a panic nothing gets back to main")]
pub fn prepare(child: Pid) {
    let say = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        stay_if_confined(panic);
        // Blocked, so that `supervise` takes them one by one.
        let signals = SigSet::all();
        let _ = signals.thread_block();
        say(panic);
        log::error!("the agent crashed, no more metrics; the command keeps running");
        exit(supervise(child, signals));
    }));
}

/// Passes signals on and reaps until the child has ended. Returns its exit code.
fn supervise(child: Pid, signals: SigSet) -> i32 {
    loop {
        if let Some(code) = reap(child) {
            return code;
        }
        match signals.wait() {
            Ok(Signal::SIGCHLD) => {}
            Ok(signal) => {
                // Fails if the child has just ended, which the next round sees.
                let _ = kill(nix::unistd::Pid::from_raw(child.as_raw_nonzero().get()), signal);
            }
            // A realtime signal, which `nix` has no name for.
            Err(_) => {}
        }
    }
}

/// Reaps all that have ended. The exit code of the child, if it is among them.
fn reap(child: Pid) -> Option<i32> {
    let mut code = None;
    let reaped = for_each_change(|pid, status| {
        code = code.or(exit_code(status).filter(|_| pid == child));
    });
    // An error means that there are no children: the child was reaped before the panic, and its code is
    // lost.
    code.or(reaped.is_err().then_some(1))
}
