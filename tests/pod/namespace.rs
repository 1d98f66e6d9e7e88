//! A PID namespace with containers in it, made as runtimes do, on a machine with cgroup version 1.

use std::fs;
use std::io::{BufRead, BufReader, PipeWriter, Write, pipe};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use support::{Agent, binary};

/// A namespace whose first process is a container that does nothing. All in it ends with it.
pub struct Namespace {
    first: Child,
    pid: String,
    /// The control group above those of the containers.
    group: String,
    folder: PathBuf,
}

/// A container that runs a shell, which does what it is told line by line.
pub struct Container {
    shell: Child,
    orders: PipeWriter,
    answers: BufReader<std::io::PipeReader>,
    group: String,
}

impl Namespace {
    /// `None` where the machine has no such control groups, or this is not root; that is said.
    pub fn new() -> Option<Self> {
        let has_groups = Path::new("/sys/fs/cgroup/cpuacct/cgroup.procs").exists();
        if !has_groups || !rustix::process::geteuid().is_root() {
            eprintln!("not tested: it needs root and cgroup version 1");
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"));
            return None;
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let group = format!("pod-test-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(&group);
        fs::create_dir(&folder).expect("the temporary directory is writable");
        let pause = folder.join("pause");
        fs::copy("/bin/sleep", &pause).expect("coreutils are there");
        let mut first = Command::new("unshare");
        first.args(["--pid", "--fork", "--kill-child", "sh", SCRIPT, &format!("{group}/pause")]);
        let first = first.arg(&pause).arg("infinity").stdin(Stdio::null()).spawn();
        let first = first.expect("util-linux is there");
        let pid = child_of(first.id());
        let program = format!("/proc/{pid}/comm");
        while fs::read_to_string(&program).expect("it runs") != "pause\n" {
            std::thread::yield_now();
        }
        Some(Self { first, pid, group, folder })
    }

    /// A process of this one's own control group that has entered the namespaces of the first.
    pub fn enter(&self) -> Child {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid, "--pid", "--mount", "--", "sleep", "infinity"]);
        let child = command.stdin(Stdio::null()).spawn().expect("util-linux is there");
        // It forks into the namespace.
        child_of(child.id());
        child
    }

    /// A command in a container of this name.
    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid, "--pid", "--", "sh", SCRIPT]);
        command.arg(format!("{}/{name}", self.group)).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// A container whose shell runs by these means, such as `setpriv …`.
    pub fn container_by(&self, name: &str, means: &[&str], masked: bool) -> Container {
        let (input, orders) = pipe().expect("a pipe");
        let (answers, output) = pipe().expect("a pipe");
        let mut command = self.command(name, &[means, &["sh"]].concat());
        if masked {
            command.env("MASKED", "yes");
        }
        let shell = command.stdin(input).stdout(output).spawn().expect("util-linux is there");
        let group = format!("{}/{name}", self.group);
        let mut container = Container { shell, orders, answers: BufReader::new(answers), group };
        container.run(":");
        container
    }

    pub fn container(&self, name: &str) -> Container {
        self.container_by(name, &[], false)
    }

    /// The agent, in a container by these means.
    pub fn agent(&self, means: &[&str], arguments: &[&str]) -> Agent {
        let program = binary();
        let program = [program.to_str().expect("UTF-8")];
        let common = ["--namespace", "Test", "--service", "Foo", "--dry-run", "--scope", "pod"];
        let all = [means, &program, arguments];
        // The last of an option that is given twice is refused, so a test that has one brings its own.
        let common = if arguments.contains(&"--scope") { &common[..5] } else { &common[..] };
        let mut command = self.command("agent", &[&all.concat(), common].concat());
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("RUST_LOG", "debug");
        Agent::start(&mut command)
    }

    /// What `explain` says in a container.
    pub fn explain(&self, means: &[&str], arguments: &[&str]) -> serde_json::Value {
        self.explain_in("agent", means, arguments)
    }

    /// The same in a container of this name.
    pub fn explain_in(&self, name: &str, means: &[&str], arguments: &[&str]) -> serde_json::Value {
        let program = binary();
        let explain = [program.to_str().expect("UTF-8"), "explain"];
        let common = ["--namespace", "T", "--service", "F", "--dry-run", "--output", "json"];
        let all = [means, &explain, &common, arguments];
        let output = self.command(name, &all.concat()).output().expect("the binary was built");
        let text = String::from_utf8_lossy(&output.stdout);
        let explanation = serde_json::from_str(&text);
        assert!(explanation.is_ok(), "{output:?}");
        explanation.unwrap_or_default()
    }
}

impl Container {
    /// Has the shell run something, to its end.
    pub fn run(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}; echo done").expect("the shell reads");
        let mut all = String::new();
        while !all.ends_with("done\n") {
            assert_ne!(self.answers.read_line(&mut all).expect("text"), 0, "it ended: {all}");
        }
        all.trim_end_matches("done\n").to_owned()
    }

    /// What the kernel says that it has used, in nanoseconds.
    pub fn used(&self) -> u64 {
        let file = format!("/sys/fs/cgroup/cpuacct/{}/cpuacct.usage", self.group);
        let text = fs::read_to_string(file).expect("its group is there");
        text.trim().parse().expect("a number")
    }

    pub fn set(&self, controller: &str, file: &str, value: &str) {
        let path = format!("/sys/fs/cgroup/{controller}/{}/{file}", self.group);
        fs::write(path, value).expect("a limit can be set");
    }

    /// Ends it, and returns what it has used. Its group is there until it is removed.
    pub fn end(mut self, order: &str) -> (u64, String) {
        writeln!(self.orders, "{order}; exit").expect("the shell reads");
        self.shell.wait().expect("it was started");
        (self.used(), self.group)
    }
}

/// Removes a group without a process.
pub fn remove(group: &str) {
    for controller in ["cpu", "cpuacct", "memory"] {
        let _ = fs::remove_dir(format!("/sys/fs/cgroup/{controller}/{group}"));
    }
}

/// The first child of a process, as soon as it has one.
pub fn child_of(pid: u32) -> String {
    loop {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.expect("it runs");
        if let Some(child) = children.split_whitespace().next() {
            return child.to_owned();
        }
        std::thread::yield_now();
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.first.kill();
        let _ = self.first.wait();
        let groups = fs::read_dir(format!("/sys/fs/cgroup/cpuacct/{}", self.group));
        for group in groups.into_iter().flatten().flatten().filter(|group| group.path().is_dir()) {
            let name = group.file_name();
            // The kernel ends the processes of a namespace one after the other.
            let procs = group.path().join("cgroup.procs");
            while fs::read_to_string(&procs).is_ok_and(|text| !text.is_empty()) {
                std::thread::yield_now();
            }
            remove(&format!("{}/{}", self.group, name.to_string_lossy()));
        }
        remove(&self.group);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pod/container.sh");
