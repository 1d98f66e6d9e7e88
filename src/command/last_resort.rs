//! What becomes of the command when this process panics: it goes on, gets its signals, and ends with
//! its own exit code. Nothing is measured any more.

use std::panic;
use std::process::exit;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// From here on a panic, which would abort, stays in its hook until the child has ended.
#[expect(clippy::disallowed_methods, reason = "after a panic nothing gets back to main")]
pub fn prepare(child: Pid) {
    let say = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        // Signals wait from here on, and are taken one by one.
        let signals = SigSet::all();
        let _ = signals.thread_block();
        say(panic);
        log::error!("nothing is measured any more; the command goes on");
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
                // Fails where it has just ended, which the next round sees.
                let _ = kill(child, signal);
            }
            // Realtime signals have no name here.
            Err(_) => {}
        }
    }
}

/// Reaps whoever has ended. The exit code of the child, if it is among them.
fn reap(child: Pid) -> Option<i32> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => return Some(code),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Some(128 + signal as i32);
            }
            // There is nobody left, so the child was reaped before, and its code is lost.
            Err(nix::errno::Errno::ECHILD) => return Some(1),
            Ok(WaitStatus::StillAlive) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}
