//! A terminal with someone at it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use support::Output;

/// Someone at a terminal, with a command in a session of its own there.
pub struct Terminal {
    session: Child,
    keyboard: File,
    screen: Output,
}

impl Terminal {
    pub fn start(command: &Command) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a new terminal");
        grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("it is ours");
        let name = ptsname(&ours, Vec::new()).expect("it has a name");
        let theirs = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its end");
        // What is typed is not to be found among what is answered.
        let mut modes = tcgetattr(&theirs).expect("a terminal has modes");
        modes.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&theirs, OptionalActions::Now, &modes).expect("they can be set");
        let copy = || Stdio::from(theirs.try_clone().expect("it can be copied"));
        // A terminal becomes that of a session by its leader.
        let mut session = Command::new("setsid");
        session.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        session.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("PS1", "");
        let session = session.stdin(copy()).stdout(copy()).stderr(copy()).spawn();
        let keyboard = File::from(ours);
        let screen = Screen(keyboard.try_clone().expect("it can be copied"));
        Self {
            session: session.expect("util-linux has setsid"),
            keyboard,
            screen: Output::collect(screen),
        }
    }

    pub fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal is there");
    }

    pub fn shows(&self, text: &str) {
        self.screen.wait_for(text, 1);
    }

    pub fn shows_times(&self, text: &str, count: usize) {
        self.screen.wait_for(text, count);
    }

    /// All that was on the screen, when the session has ended with a code.
    pub fn ends_with(mut self, code: i32) -> String {
        let status = self.session.wait().expect("it is a child");
        let screen = self.screen.finish();
        assert_eq!(status.code(), Some(code), "{screen}");
        screen
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Where it has ended already, as it should, this fails.
        let _ = self.session.kill();
        let _ = self.session.wait();
    }
}

/// What a terminal shows. Its end is an error on Linux: nobody has it open any more.
struct Screen(File);

impl Read for Screen {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                Ok(0)
            }
            result => result,
        }
    }
}

pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";
pub const CTRL_Z: &str = "\x1a";
