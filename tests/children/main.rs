//! No exit code is lost where orphans are reaped beside it: neither that of a command nor those of
//! two hundred other children, of which every second is started by another thread. This program starts them as process
//! 1 and as a subreaper.

use std::cell::Cell;
use std::io::{BufRead, BufReader, PipeReader, Write, pipe};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cloudwatch_metrics_agent::children::{Children, Started, exit_code};
use cloudwatch_metrics_agent::signals::{self, Signals};
use cloudwatch_metrics_agent::{command, logging};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const CHILDREN: usize = 200;
/// Those that nobody waits for any more.
const LET_GO: usize = 20;
/// Those of which nobody wants to know any more when they are started. They would not end by themselves.
const GIVEN_UP: usize = 20;
const OF_COMMAND: usize = 100;

/// A child that leaves an orphan behind.
const CHILD: &str = "(exit 9 &); exit 7";
const COMMAND: &str =
    "i=0; while [ $i -lt 100 ]; do (exit 9 &); i=$((i+1)); done; read line; exit 5";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("supervise") {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        return runtime.expect("a runtime").block_on(supervise());
    }
    if !cfg!(target_os = "linux") {
        println!("skipped: only Linux has subreapers and PID namespaces");
        return ExitCode::SUCCESS;
    }
    loses_nothing(&[]);
    println!("test a_subreaper_loses_no_exit_code ... ok");
    let namespace = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    let probe = Command::new(namespace[0]).args(&namespace[1..]).arg("true").output();
    if probe.as_ref().is_ok_and(|probe| probe.status.success()) {
        loses_nothing(&namespace);
        println!("test process_1_loses_no_exit_code ... ok");
    } else {
        let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!strict, "CI is true, so this must run: {probe:?}");
        println!("\n*** SKIPPED: PROCESS 1 OF A PID NAMESPACE ***\n{namespace:?}: {probe:?}\n");
    }
    ExitCode::SUCCESS
}

/// Runs the command and the children beside each other, and tells how many ended as they should.
async fn supervise() -> ExitCode {
    logging::init().expect("RUST_LOG is right");
    let mut signals = Signals::install(signals::hold()).expect("signals can be taken over");
    let children = Children::default();
    let words = ["-c", COMMAND].map(Into::into);
    let command = command::Command::spawn("sh".as_ref(), &words, &children, &mut signals);
    let mut command = command.expect("there is a shell");
    let right = Cell::new(0);
    let beside = async {
        // Every child is waited for beside all others, and some end while others are started.
        let mut waiting = Vec::new();
        for number in 0..CHILDREN {
            let mut child = if number % 2 == 0 {
                children.spawn(&mut shell(CHILD)).expect("there is a shell")
            } else {
                children.register(started_elsewhere().await)
            };
            let right = &right;
            waiting.push(async move {
                let code = exit_code(child.ended().await);
                right.set(right.get() + usize::from(code == Some(7)));
            });
            if number % (CHILDREN / LET_GO) == 0 {
                drop(children.spawn(&mut shell("exit 8")).expect("there is a shell"));
            } else if number % (CHILDREN / GIVEN_UP) == 1 {
                drop(Started::with_group(&mut shell("exec sleep 600")).expect("there is a shell"));
            }
            yield_now().await;
        }
        let all = futures_util::future::join_all(waiting);
        let _ = timeout(HUNG_TEST, all).await;
        println!("{} of {CHILDREN}", right.get());
    };
    let stop = CancellationToken::new();
    let watch = async {
        tokio::select! {
            () = command.watch(&mut signals, &stop) => {}
            () = stop.cancelled() => {}
        }
    };
    tokio::join!(beside, watch);
    command.exit_code()
}

/// A child that another thread has started, and that has most often ended before this returns.
async fn started_elsewhere() -> Started {
    let (sender, started) = oneshot::channel();
    std::thread::spawn(move || {
        let started = Started::with_group(&mut shell(CHILD)).expect("there is a shell");
        let _ = sender.send(started);
    });
    let started = started.await.expect("it is started");
    // Its end is reaped here in some of them: it is no registered child yet.
    yield_now().await;
    started
}

fn shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).stdin(Stdio::null());
    shell
}

/// Starts this program, with these words before its own.
fn loses_nothing(words: &[&str]) {
    let this = std::env::current_exe().expect("this program has a path");
    let this = this.to_str().expect("a path of the target directory is text");
    let words = [words, &[this, "supervise"]].concat();
    let mut program = Command::new(words[0]);
    program.args(&words[1..]).env("RUST_LOG", "cloudwatch_metrics_agent::command=debug");
    let (output, stdout) = pipe().expect("a pipe");
    let (log, stderr) = pipe().expect("a pipe");
    program.stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
    let mut running = program.spawn().expect("it can be run");
    // It has the other ends of the pipes.
    drop(program);
    let (output, log) = (lines(output), lines(log));
    let told = output.recv_timeout(2 * HUNG_TEST).expect("a line");
    assert_eq!(told, format!("{CHILDREN} of {CHILDREN}"), "{words:?}");
    let (mut orphans, expected) = (Vec::new(), CHILDREN + LET_GO + GIVEN_UP + OF_COMMAND);
    while orphans.len() < expected {
        let Ok(line) = log.recv_timeout(HUNG_TEST) else { break };
        orphans.extend(Some(line).filter(|line| line.contains("orphan process")));
    }
    assert_eq!(orphans.len(), expected, "{words:?}: {orphans:#?}");
    let mut input = running.stdin.take().expect("a pipe");
    input.write_all(b"end\n").expect("the command reads");
    let ended = running.wait().expect("it is a child");
    assert_eq!(ended.code(), Some(5), "{words:?}");
    let more: Vec<_> = log.iter().filter(|line| line.contains("orphan process")).collect();
    assert_eq!(more, [""; 0], "each of them once: {words:?}");
}

/// The lines of a pipe as they come.
fn lines(pipe: PipeReader) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let _ = sender.send(line.expect("text"));
        }
    });
    receiver
}

/// A guard against a test that would hang; nothing is measured by it.
const HUNG_TEST: Duration = Duration::from_secs(60);
