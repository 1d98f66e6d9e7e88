//! Programs that the tests run: servers, tools, and the agent.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

/// A folder of a test, which is removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("services-{}-{number}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir(&folder.0).expect("a folder");
        folder
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.0.join(name), text).expect("a file");
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that runs. It is ended when it is dropped.
pub struct Server(Child);

impl Server {
    /// Starts a program of a Debian package and waits until it listens at all of these ports.
    pub fn start(program: &str, package: &str, args: &[&str], ports: &[u16]) -> Self {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{program}: {error}: install {package}"));
        let mut server = Self(child);
        let start = Instant::now();
        for port in ports {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_err() {
                let ended = server.0.try_wait().expect("it is a child of this process");
                assert_eq!(ended, None, "{program} {args:?} has ended");
                assert!(start.elapsed() < HUNG_TEST, "{program} does not listen at {port}");
                std::thread::yield_now();
            }
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        // A server with processes of its own ends them then.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.0.wait();
    }
}

/// The standard output of a tool that has to succeed.
pub fn output(program: &str, package: &str, folder: &Folder, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(&folder.0).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}: install {package}"));
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8(output.stdout).expect("the tools write text")
}

/// What a run of a check gave, as the binary prints it.
#[derive(Debug)]
pub struct Ran(Value);

/// Runs `check` with these arguments, and these variables in the environment.
pub fn check(args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = support::command();
    command.arg("check").args(args).args(["--output", "json"]);
    let ended = support::run(command.envs(variables.iter().copied()));
    let json: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:#?}"));
    let is_available = json["available"].as_bool().expect("yes or no");
    assert_eq!(ended.status.code(), Some(i32::from(!is_available)), "{ended:#?}");
    assert!(!ended.stdout.contains("hunter2") && !ended.stderr.contains("hunter2"), "{ended:#?}");
    Ran(json)
}

impl Ran {
    /// Asserts that there is a result.
    #[track_caller]
    pub fn available(self) -> Self {
        assert_eq!(self.0["available"], true, "{:#}", self.0);
        self
    }

    /// Asserts that there is none, and returns why.
    #[track_caller]
    pub fn unavailable(&self) -> &str {
        assert_eq!(self.0["available"], false, "{:#}", self.0);
        self.status()
    }

    pub fn status(&self) -> &str {
        self.0["status"].as_str().expect("a text")
    }

    #[track_caller]
    pub fn metric(&self, name: &str) -> &Value {
        let metrics = self.0["metrics"].as_array().expect("a list");
        let found = metrics.iter().find(|metric| metric["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {:#}", self.0))
    }

    #[track_caller]
    pub fn number(&self, name: &str) -> f64 {
        let metric = self.metric(name);
        metric["value"].as_f64().unwrap_or_else(|| panic!("{metric} is no number"))
    }

    #[track_caller]
    pub fn text(&self, name: &str) -> &str {
        let metric = self.metric(name);
        metric["value"].as_str().unwrap_or_else(|| panic!("{metric} is no text"))
    }

    /// Why a metric has no value.
    #[track_caller]
    pub fn absent(&self, name: &str) -> &str {
        let metric = self.metric(name);
        metric["reason"].as_str().unwrap_or_else(|| panic!("{metric} has a value"))
    }

    pub fn names(&self) -> Vec<&str> {
        let metrics = self.0["metrics"].as_array().expect("a list");
        metrics.iter().map(|metric| metric["name"].as_str().expect("a text")).collect()
    }
}

/// A guard against a test that would hang; nothing is measured by it.
const HUNG_TEST: Duration = Duration::from_secs(60);
