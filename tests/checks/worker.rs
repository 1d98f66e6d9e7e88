//! Processes with a name of their own, which do what a test tells them.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{WaitId, WaitIdOptions, waitid};

/// A shell of a name. It ends with its standard input, so it never outlives the test.
pub struct Worker {
    child: Child,
    lines: BufReader<ChildStdout>,
    link: PathBuf,
}

/// Says that it is there. Then it burns CPU at each line, and says how much it has used (`times`).
pub const BURN: &str = "echo ready; while read -r rounds; do
    i=0; while [ $i -lt $rounds ]; do i=$((i+1)); done; times; done";

/// Says that it is there, and then waits.
pub const WAIT: &str = "echo ready; read -r end; :";

impl Worker {
    /// One of this name that runs a script with these arguments.
    pub fn start(name: &str, script: &str, arguments: &[&str]) -> Self {
        Self::start_as(name, script, arguments, |_| ())
    }

    /// The same as another user or with more.
    pub fn start_as(
        name: &str,
        script: &str,
        arguments: &[&str],
        also: impl FnOnce(&mut Command),
    ) -> Self {
        Self::start_program_as("/bin/sh", name, script, arguments, also)
    }

    /// Another program than a shell, which takes a script behind `-c` as well.
    pub fn start_program(program: &str, name: &str, script: &str, arguments: &[&str]) -> Self {
        Self::start_program_as(program, name, script, arguments, |_| ())
    }

    /// Another program, whose command `also` may change first.
    pub fn start_program_as(
        program: &str,
        name: &str,
        script: &str,
        arguments: &[&str],
        also: impl FnOnce(&mut Command),
    ) -> Self {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("worker-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary directory is writable");
        // The kernel names a process after the path that was started, and not what a link leads to.
        let link = folder.join(name);
        symlink(program, &link).expect("the folder is new");
        let mut command = Command::new(&link);
        command.args(["-c", script]).args(arguments);
        also(&mut command);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("there is a shell");
        let lines = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut worker = Self { child, lines, link };
        assert_eq!(worker.line(), "ready");
        worker
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Burns CPU, and returns how many seconds of it it has used since its start.
    pub fn burn(&mut self, rounds: u32) -> f64 {
        let stdin = self.child.stdin.as_mut().expect("it is a pipe");
        writeln!(stdin, "{rounds}").expect("it reads");
        let own = self.line();
        let _children = self.line();
        own.split_ascii_whitespace().map(seconds).sum()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("it writes lines");
        line.trim_end().to_owned()
    }

    /// Ends it, and waits until it has ended, but leaves it as a zombie.
    pub fn end_as_zombie(&mut self) {
        self.child.kill().expect("it runs");
        let pid = rustix::process::Pid::from_child(&self.child);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), options).expect("it is a child");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(self.link.parent().unwrap_or(&self.link));
    }
}

/// Such as `1m2.50s`.
fn seconds(text: &str) -> f64 {
    let (minutes, seconds) = text.trim_end_matches('s').split_once('m').expect("minutes");
    60.0 * minutes.parse::<f64>().expect("a number") + seconds.parse::<f64>().expect("a number")
}

/// A name that no other process has, of the 15 bytes that the kernel keeps at most.
pub fn name(letter: char) -> String {
    format!("w{letter}{}", std::process::id())
}
