//! Draws on a terminal, and keeps the log and the printed lines apart from the drawing.

pub mod canvas;
pub mod chart;
pub mod full;
pub mod gauge;
pub mod history;
pub mod keys;
pub mod live;
pub mod outage;
pub mod region;
pub mod row;
pub mod screen;

use std::io::stdout;
use std::sync::atomic::{AtomicI32, Ordering};
use std::{env, panic};

use nix::sys::signal::{Signal, raise};

use crate::blocking::stay_if_confined;
use crate::writable::is_writable;

/// Whether the terminal can do more than print.
pub fn can_draw() -> bool {
    env::var("TERM").is_ok_and(|term| !term.is_empty() && term != "dumb")
}

/// Whether colours are wanted. Only a value that is not empty says that they are not (no-color.org).
pub fn has_colours() -> bool {
    env::var("NO_COLOR").unwrap_or_default().is_empty()
}

/// Stops this process, as Ctrl-Z would without a handler. Returns when it is resumed.
fn stop_here() {
    // SIGTSTP has a handler, and SIGSTOP would also stop a process that no shell could resume. A process that is alone
    // in its session is not stopped by SIGTTIN, and goes on, as at SIGTSTP.
    let _ = raise(Signal::SIGTTIN);
}

/// Writes what `erase` gives before a panic's message. What is erased is below the cursor, whatever its state, or a whole
/// screen, so this needs no lock, which the panicking code may hold.
fn erase_before_a_panic(erase: impl Fn() -> String + Send + Sync + 'static) {
    let say = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        stay_if_confined(panic);
        let erase = erase();
        // A terminal that stands still must not keep the command from being looked after.
        if is_writable(&stdout()).unwrap_or(false) {
            let _ = rustix::io::write(stdout(), erase.as_bytes());
        }
        say(panic);
    }));
}

/// Says which process group the command has, for which the terminal is as good as for this one.
pub fn set_command_group(group: i32) {
    COMMAND_GROUP.store(group, Ordering::Relaxed);
}

fn command_group() -> i32 {
    COMMAND_GROUP.load(Ordering::Relaxed)
}

/// 0 without one.
static COMMAND_GROUP: AtomicI32 = AtomicI32::new(0);
