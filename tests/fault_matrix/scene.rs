//! What surrounds one agent: the endpoint, its files and its outputs, whole or broken.

use std::any::Any;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use fake_cloudwatch::{Answer, Datum, FakeCloudWatch};

use crate::cell::{BUFFER_OF_ONE, PERIOD, SAMPLE_INTERVAL, SHUTDOWN_TIMEOUT};
use crate::endpoints::Standby;
use crate::faults::Publisher;
use support::{Agent, publishing_to};

/// Everything about one run but the agent itself.
pub struct Scene {
    /// A folder of its own.
    pub folder: PathBuf,
    /// What the agent is started by, such as a shell that mounts something first.
    pub wrapper: Vec<OsString>,
    pub arguments: Vec<OsString>,
    /// Set, or removed where there is no value.
    pub environment: Vec<(&'static str, Option<OsString>)>,
    /// Where the summaries arrive. Absent while nothing listens, and in a dry run.
    pub cloudwatch: Option<FakeCloudWatch>,
    pub url: String,
    pub publisher: Publisher,
    /// What this endpoint had taken before it died.
    pub before: Vec<Datum>,
    /// Those that stand by for it.
    pub standbys: Vec<Standby>,
    /// How much the first has taken when its fault ends and a standby is the primary.
    pub first_had: Option<usize>,
    /// What the endpoint answers as long as the fault lasts, and if it works.
    pub answer: Answer,
    pub stdout: Stream,
    pub stderr: Stream,
    /// Servers and files that live as long as the run.
    pub parts: Vec<Box<dyn Any + Send>>,
    /// Waits until the fault has hold of a request, where no answer can be held back.
    pub under_way: Option<Box<dyn Fn() + Send>>,
    /// Brings on a fault that cannot be there from the start.
    pub begin: Option<Begin>,
    /// Ends the fault.
    pub lift: Option<Lift>,
    /// The pipe that is full, to be read at last.
    full: Option<OwnedFd>,
    reading: Option<JoinHandle<String>>,
    /// The id of the agent, once it runs.
    pub id: Option<u32>,
}

/// What brings on a fault while the agent runs.
pub type Begin = Box<dyn FnOnce(&Agent, &mut Scene) + Send>;

/// What ends a fault.
pub type Lift = Box<dyn FnOnce(&mut Scene) + Send>;

/// What standard output or standard error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// A pipe that is read.
    Read,
    Closed,
    /// A pipe whose reader has gone.
    ReaderGone,
    /// A pipe that is full and is not read.
    Full,
}

impl Scene {
    /// Nothing is wrong.
    pub fn new(publisher: Publisher) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fault_matrix");
        let folder = folder.join(number.to_string());
        fs::create_dir_all(&folder).expect("the target directory is writable");
        let cloudwatch = FakeCloudWatch::start();
        Self {
            folder,
            wrapper: Vec::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            url: cloudwatch.url(),
            publisher,
            before: Vec::new(),
            standbys: Vec::new(),
            first_had: None,
            cloudwatch: Some(cloudwatch),
            answer: Answer::Take,
            stdout: Stream::Read,
            stderr: Stream::Read,
            parts: Vec::new(),
            under_way: None,
            begin: None,
            lift: None,
            full: None,
            reading: None,
            id: None,
        }
    }

    /// Starts an agent here.
    pub fn start(&mut self, buffer_of_one: bool) -> Agent {
        let mut command = self.command(buffer_of_one);
        let stdout = self.stdio(self.stdout);
        let stderr = self.stdio(self.stderr);
        let agent = Agent::start_with(&mut command, stdout, stderr);
        self.id = Some(agent.id());
        agent
    }

    fn command(&self, buffer_of_one: bool) -> Command {
        let agent = publishing_to(&self.url);
        let program = std::env::var_os(BINARY).expect("main has looked at it");
        let mut words = self.wrapper.clone();
        words.extend(closing(self.stdout, self.stderr).into_iter().flatten().map(OsString::from));
        words.push(program);
        words.extend(agent.get_args().map(OsString::from));
        if self.publisher != Publisher::CloudWatch {
            words.extend(["--publish", "otlp"].map(OsString::from));
        }
        // That of the first is there already, but for another receiver.
        let is_receiver = self.publisher == Publisher::Receiver;
        let (option, path) = match is_receiver {
            true => ("--otlp-endpoint", "/v1/metrics"),
            false => ("--endpoint-url", ""),
        };
        let first = is_receiver.then_some(&self.url);
        for url in first.into_iter().chain(self.standbys.iter().map(|standby| &standby.url)) {
            words.extend([option, &format!("{url}{path}")].map(OsString::from));
        }
        words.extend(self.arguments.iter().cloned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["--period", &PERIOD.as_secs().to_string()]);
        command.args(["--sample-interval", &SAMPLE_INTERVAL.as_secs_f64().to_string()]);
        command.args(["--shutdown-timeout", &SHUTDOWN_TIMEOUT.as_secs().to_string()]);
        if !self.arguments.contains(&"--scope".into()) {
            command.args(["--scope", "host"]);
        }
        if buffer_of_one {
            command.args(["--buffer", &BUFFER_OF_ONE.to_string()]);
        }
        command.env_clear().stdin(Stdio::null());
        for (name, value) in agent.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        // For the wrapper.
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("RUST_LOG", "cloudwatch_metrics_agent=debug");
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    fn stdio(&mut self, stream: Stream) -> Stdio {
        if matches!(stream, Stream::Read | Stream::Closed) {
            return Stdio::piped();
        }
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .expect("a pipe needs two descriptors");
        if stream == Stream::Full {
            fill(&writer);
            self.full = Some(reader);
        }
        writer.into()
    }

    /// The endpoint, where there is one.
    pub fn server(&self) -> &FakeCloudWatch {
        self.cloudwatch.as_ref().expect("this moment is only for faults with an endpoint")
    }

    /// What each endpoint has taken, the first first.
    pub fn taken(&self) -> Vec<Vec<Datum>> {
        let first = (&self.cloudwatch, &self.before);
        let standbys = self.standbys.iter().map(|standby| (&standby.server, &standby.before));
        let taken = std::iter::once(first).chain(standbys).map(|(server, before)| {
            let now = server.as_ref().map(FakeCloudWatch::data);
            before.iter().cloned().chain(now.into_iter().flatten()).collect()
        });
        taken.collect()
    }

    /// The fault ends, and the next request is answered so.
    pub fn end_fault(&mut self, next: Answer) {
        if let Some(lift) = self.lift.take() {
            lift(self);
        }
        if let Some(cloudwatch) = &self.cloudwatch {
            cloudwatch.answer_next(next);
            cloudwatch.answer_always(self.answer.clone());
            cloudwatch.release();
        }
    }

    /// Reads the pipe that was full from now on.
    pub fn read_on(&mut self) {
        let Some(reader) = self.full.take() else { return };
        self.reading = Some(thread::spawn(move || {
            let mut text = String::new();
            File::from(reader).read_to_string(&mut text).expect("the output is text");
            text
        }));
    }

    /// All that the agent wrote into the pipe that was full, once it has ended.
    pub fn written(&mut self) -> Option<String> {
        self.read_on();
        let text = self.reading.take()?.join().expect("reading does not panic");
        Some(text.trim_start_matches(FILLER).to_owned())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The words that start a program with its standard output or error closed.
fn closing(stdout: Stream, stderr: Stream) -> Option<[&'static str; 4]> {
    let script = match (stdout, stderr) {
        (Stream::Closed, _) => r#"exec "$@" >&-"#,
        (_, Stream::Closed) => r#"exec "$@" 2>&-"#,
        _ => return None,
    };
    Some(["sh", "-c", script, "sh"])
}

/// Writes to the pipe until it is full.
fn fill(writer: &OwnedFd) {
    let before = rustix::fs::fcntl_getfl(writer).expect("a pipe has flags");
    let nonblocking = before | rustix::fs::OFlags::NONBLOCK;
    rustix::fs::fcntl_setfl(writer, nonblocking).expect("a pipe can be made not to block");
    let filler = [FILLER as u8; 4096];
    for piece in [filler.len(), 1] {
        while rustix::io::write(writer, &filler[..piece]).is_ok() {}
    }
    rustix::fs::fcntl_setfl(writer, before).expect("a pipe can be made to block");
}

/// Not in any output of the agent's.
const FILLER: char = '~';

/// Names the binary to test: the one that is released, since times and memory are looked at.
pub const BINARY: &str = "FAULT_MATRIX_BINARY";
