//! Runs the real binary as its user would, and looks at it from outside.

pub mod authority;
pub mod endpoint;
pub mod folder;
pub mod http;
pub mod namespace;
pub mod server;
pub mod terminal;
pub mod tree;

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write, pipe};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fake_cloudwatch::Datum;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};

/// The binary that Cargo built for the tests, or another build that is to be tried, by its absolute path.
pub fn binary() -> PathBuf {
    let other = std::env::var_os("AGENT_BINARY").map(PathBuf::from);
    other.unwrap_or_else(|| built().join("cloudwatch_metrics_agent"))
}

/// The folder of what Cargo built with this profile: a test is in `deps` there. A test that was copied
/// to the root of another machine is given the binary by its name, and has its files below that root.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its file");
    let folder = test.ancestors().nth(2).or_else(|| test.parent());
    folder.expect("a file is in a folder").to_owned()
}

/// The command line of the binary, in an environment that holds nothing of this machine's.
pub fn command() -> Command {
    let mut command = Command::new(binary());
    command.env_clear().stdin(Stdio::null());
    command
}

/// As [`command`], with credentials and a region, publishing to `url` each second.
pub fn publishing_to(url: &str) -> Command {
    let mut command = command();
    command
        .args(["--namespace", "TestNamespace", "--service", "FooService", "--endpoint-url", url])
        // A test's own arguments win over these.
        .env("CLOUDWATCH_METRICS_AGENT_PERIOD", "1")
        .env("CLOUDWATCH_METRICS_AGENT_SAMPLE_INTERVAL", "0.1")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", SECRET);
    command
}

/// A secret that must never be seen in any output.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// An agent that runs. It is killed when it is dropped.
pub struct Agent {
    child: Child,
    stdout: Output,
    stderr: Output,
}

/// How an agent ended, and all that it said.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Agent {
    pub fn start(command: &mut Command) -> Self {
        Self::start_with_stdout(command, Stdio::piped())
    }

    /// With a standard output of the test's own, which is then not collected.
    pub fn start_with_stdout(command: &mut Command, stdout: impl Into<Stdio>) -> Self {
        Self::start_with(command, stdout, Stdio::piped())
    }

    /// With both outputs of the test's own; what is not a pipe made here is not collected.
    pub fn start_with(
        command: &mut Command,
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
    ) -> Self {
        let mut child =
            command.stdout(stdout).stderr(stderr).spawn().expect("the binary was built");
        let stdout = match child.stdout.take() {
            Some(pipe) => Output::collect(pipe),
            None => Output::collect(std::io::empty()),
        };
        let stderr = match child.stderr.take() {
            Some(pipe) => Output::collect(pipe),
            None => Output::collect(std::io::empty()),
        };
        Self { child, stdout, stderr }
    }

    /// Waits until a line that contains `text` is on standard output.
    pub fn wait_for_stdout(&self, text: &str) -> String {
        self.stdout.wait_for(text, 1)
    }

    /// Waits until as many lines that contain `text` are on standard output.
    pub fn wait_for_stdout_lines(&self, text: &str, count: usize) {
        self.stdout.wait_for(text, count);
    }

    /// Waits until a line that contains `text` is in the log.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.stderr.wait_for(text, 1)
    }

    /// Waits until as many lines that contain `text` are in the log, and returns the last of them.
    pub fn wait_for_log_lines(&self, text: &str, count: usize) -> String {
        self.stderr.wait_for(text, count)
    }

    /// The log as far as it has come.
    pub fn log_so_far(&self) -> String {
        self.stderr.so_far()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the agent is this process's child");
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait()
    }

    pub fn wait(mut self) -> Ended {
        let status = self.child.wait().expect("the agent is this process's child");
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        Ended { status, stdout, stderr }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Fails where it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The lines of the log beside those that say that all is well.
    pub fn troubles(&self) -> Vec<&str> {
        let is_start = |line: &&str| line.contains("cloudwatch_metrics_agent::start]");
        self.stderr.lines().filter(|line| !is_start(line)).collect()
    }

    /// Asserts the exit code, with all output in the message.
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        self
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ended {
    Agent::start(command).wait()
}

/// What a process writes to a pipe, read as it comes.
pub struct Output {
    lines: Arc<(Mutex<Lines>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Lines {
    text: Vec<String>,
    ended: bool,
}

impl Output {
    pub fn collect(pipe: impl Read + Send + 'static) -> Self {
        let lines = Arc::<(Mutex<Lines>, Condvar)>::default();
        let shared = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                let line = line.expect("the output is text");
                shared.0.lock().expect("no reader panics").text.push(line);
                shared.1.notify_all();
            }
            shared.0.lock().expect("no reader panics").ended = true;
            shared.1.notify_all();
        });
        Self { lines, reader: Some(reader) }
    }

    /// The line that is the `count`th with the wanted text.
    pub fn wait_for(&self, wanted: &str, count: usize) -> String {
        let (found, all) = self.find(wanted, count);
        found.unwrap_or_else(|| panic!("no {count} lines with {wanted:?} in {all:#?}"))
    }

    /// The same, as soon as it is there or can no longer come, and all lines.
    fn find(&self, wanted: &str, count: usize) -> (Option<String>, Vec<String>) {
        let find = |lines: &Lines| {
            lines.text.iter().filter(|line| line.contains(wanted)).nth(count - 1).cloned()
        };
        let lines = self.lines.0.lock().expect("no reader panics");
        let going_on = |lines: &mut Lines| find(lines).is_none() && !lines.ended;
        let (lines, _) =
            self.lines.1.wait_timeout_while(lines, HUNG_TEST, going_on).expect("no reader panics");
        (find(&lines), lines.text.clone())
    }

    pub fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no reader panics");
        }
        self.so_far()
    }

    fn so_far(&self) -> String {
        let lines = self.lines.0.lock().expect("no reader panics");
        lines.text.iter().map(|line| line.clone() + "\n").collect()
    }
}

/// The lines that the console prints for what CloudWatch took, in order.
pub fn lines_of(data: &[Datum]) -> Vec<String> {
    let mut lines = Vec::new();
    for window in data.chunk_by(|a, b| a.timestamp == b.timestamp) {
        let value = |name| match window.iter().find(|datum| datum.name == name) {
            Some(datum) => format!("{:.2}%", datum.values[0]),
            None => "-".to_owned(),
        };
        lines.push(format!(
            "{} CPUUtilization={} MaxCPUUtilization={} MemoryUtilization={} MaxMemoryUtilization={}",
            humantime::format_rfc3339_seconds(window[0].timestamp),
            value("CPUUtilization"),
            value("MaxCPUUtilization"),
            value("MemoryUtilization"),
            value("MaxMemoryUtilization"),
        ));
    }
    lines
}

/// The windows that CloudWatch took: their starts, in seconds since the epoch, in order.
pub fn windows_of(data: &[Datum]) -> Vec<u64> {
    let mut starts: Vec<_> = data
        .iter()
        .map(|datum| datum.timestamp.duration_since(std::time::UNIX_EPOCH))
        .map(|start| start.expect("after the epoch").as_secs())
        .collect();
    starts.dedup();
    starts
}

/// Asserts that every second has its window exactly once, in order, and that the agent counts as many, and
/// none of them as dropped or undelivered. Returns the windows.
#[track_caller]
pub fn assert_nothing_is_lost(ended: &Ended, data: &[Datum]) -> Vec<u64> {
    let windows = windows_of(data);
    let (Some(first), Some(last)) = (windows.first(), windows.last()) else {
        panic!("no window was taken: {ended:#?}");
    };
    let expected: Vec<_> = (*first..=*last).collect();
    assert_eq!(windows, expected, "every second has its window, once: {ended:#?}");
    // What is lost before the first that was taken, only the agent's own count shows.
    let all = format!(" windows={0} delivered={0} dropped=0 undelivered=0 ", windows.len());
    assert!(ended.stderr.contains(&all), "no line with {all:?}: {ended:#?}");
    windows
}

/// Compares with the stored copy in tests/expected. `UPDATE_EXPECTED=1` stores it anew.
pub fn assert_expected(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../expected").join(name);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, actual).expect("tests/expected is writable");
    }
    let expected = std::fs::read_to_string(&path).expect("there is a stored copy");
    assert_eq!(actual, expected, "differs from {}", path.display());
}

/// A pipe that takes no more, as when its reader has stopped reading.
pub fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().expect("a pipe");
    let flags = fcntl_getfl(&writer).expect("the flags of a pipe");
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).expect("a pipe can be non-blocking");
    while writer.write(&[b'x'; 512]).is_ok() {}
    fcntl_setfl(&writer, flags).expect("a pipe can be blocking");
    (reader, writer)
}

/// A file that is gone when it is dropped.
pub struct TemporaryFile(PathBuf);

impl TemporaryFile {
    pub fn new(name: &str, text: &str) -> Self {
        let thread = std::thread::current();
        let test = thread.name().expect("tests run in named threads");
        let path = built().join("../tmp").join(format!("{test}-{name}"));
        std::fs::write(&path, text).expect("the target directory is writable");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A guard against a test that would hang; nothing is measured by it.
const HUNG_TEST: Duration = Duration::from_secs(60);
