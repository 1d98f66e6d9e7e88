//! Moves process groups to the foreground of the terminal: of all groups of a session, only this one
//! may read the terminal, and gets Ctrl-C.

use std::io::{Write, stdin, stdout};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

use crate::terminal::region;
use crate::writable::is_writable;

/// The terminal of this session. A group is 0 where it is in another PID namespace.
#[derive(Debug)]
pub struct ControllingTerminal {
    own_group: Pid,
}

impl ControllingTerminal {
    /// Standard input, if that is the terminal of this session.
    pub fn of_standard_input() -> Option<Self> {
        tcgetpgrp(stdin()).ok()?;
        // This process takes the terminal back from the background, for which SIGTTOU would stop it
        // (tcsetpgrp(3)), as for a line of its log with `stty tostop`. The command does not inherit this
        // mask.
        SigSet::from(Signal::SIGTTOU).thread_block().ok()?;
        Some(Self { own_group: getpgrp() })
    }

    /// Puts a child's group into the foreground, if this process is there. If not, a shell has put
    /// it into the background.
    pub fn give_to(&self, child: rustix::process::Pid) {
        if self.foreground() == Some(self.own_group) {
            move_to_foreground(group_of(child));
        }
    }

    /// Puts this process into the foreground again, if the child's group or a group without processes
    /// is there. If neither, a shell has taken the terminal back.
    pub fn take_back_from(&self, child: rustix::process::Pid) {
        let Some(foreground) = self.foreground() else { return };
        // No signal (`None`) only checks whether the group has a process (kill(2)).
        if foreground == group_of(child) || killpg(foreground, None) == Err(Errno::ESRCH) {
            move_to_foreground(self.own_group);
        }
    }

    /// Whether a child's group is in the foreground.
    pub fn is_of(&self, child: rustix::process::Pid) -> bool {
        self.foreground() == Some(group_of(child))
    }

    fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(stdin()).ok()
    }
}

/// The process group that a child was started in.
fn group_of(child: rustix::process::Pid) -> Pid {
    Pid::from_raw(child.as_raw_nonzero().get())
}

/// Takes away the region of the live view, where there is one.
pub fn give_back() {
    let text = region::take_away();
    if !text.is_empty() && is_writable(&stdout()).unwrap_or(false) {
        // Fails where the terminal is closed. Then there is no prompt either.
        let _ = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
    }
}

fn move_to_foreground(group: Pid) {
    // Fails where the terminal was closed. Then it sends no Ctrl-C to anything.
    if let Err(error) = tcsetpgrp(stdin(), group) {
        log::debug!("cannot foreground process group {group}: {error}");
    }
}
