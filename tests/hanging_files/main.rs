//! Files that cannot be read to their end: pipes that nobody writes to, and a mount that never
//! answers. Neither holds up the samples, the signals or the end.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::mem::MaybeUninit;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use fake_cloudwatch::{Certificate, Datum, FakeCloudWatch};
use rustix::fs::inotify;
use rustix::process::Signal;
use support::http::{Reply, Server};
use support::{Agent, TemporaryFile, command, publishing_to, run, windows_of};

/// The variables that name a file that is read for a send.
const FILES: [&str; 4] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("the target directory is writable");
    folder
}

/// A pipe with a name, which nobody writes to.
fn silent_pipe(name: &str) -> PathBuf {
    let path = folder("hanging_files").join(name);
    let _ = std::fs::remove_file(&path);
    let made = Command::new("mkfifo").arg(&path).status().expect("coreutils has mkfifo");
    assert!(made.success(), "{made}");
    path
}

/// The same command in a mount namespace where a folder is a mount whose server never answers.
fn with_dead_mount(agent: &Command, folder: &Path) -> Command {
    // The server of the mount would read the requests from this descriptor.
    let script = "exec 3<>/dev/fuse
        mount -i -t fuse none \"$0\" -o fd=3,rootmode=40000,user_id=0,group_id=0
        exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-e", "-c", script]).arg(folder);
    command.arg(agent.get_program()).args(agent.get_args()).env_clear();
    command.envs(agent.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if agent.get_envs().all(|(name, _)| name != "PATH") {
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    }
    command
}

/// Whether things can be mounted. If not, that is said loudly; where everything is meant to be
/// checked, it is a failure.
fn can_mount() -> bool {
    let can = rustix::process::geteuid().is_root() && Path::new("/dev/fuse").exists();
    if !can {
        let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!strict, "CI is true, so this must run, as root and with FUSE");
        // Past the capture of the test's output.
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: A MOUNT THAT NEVER ANSWERS ***\n");
    }
    can
}

/// The agent says what it cannot read, measures on, and ends when it is told to.
fn lives_on(agent: Agent, level: &str, expected: &str) {
    let line = agent.wait_for_log(expected);
    assert!(line.contains(level), "{expected}: {line}");
    agent.wait_for_log("publishing failed");
    agent.wait_for_log_lines("] Sample {", 30);
    let ended = agent.terminate().expect_code(1);
    assert!(ended.stderr.contains(" dropped=0 "), "{ended:#?}");
}

fn measuring(url: &str) -> Command {
    let mut agent = publishing_to(url);
    agent.args(["--shutdown-timeout", "1"]).env("RUST_LOG", "cloudwatch_metrics_agent=debug");
    agent
}

#[test]
fn a_pipe_in_place_of_a_file_is_refused_and_never_read() {
    let cloudwatch = FakeCloudWatch::start();
    let token = silent_pipe("token_of_a_profile");
    let text = format!(
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = {}\n",
        token.display()
    );
    let config = TemporaryFile::new("config", &text);
    let mut pipes: Vec<_> = FILES.map(|name| (name, silent_pipe(name))).into();
    let mut values = pipes.clone();
    values.push((FILES[0], config.path().to_owned()));
    pipes.push((FILES[0], token));
    let start = |(variable, value)| {
        let mut agent = measuring(&cloudwatch.url());
        Agent::start(agent.env(variable, value))
    };
    let agents: Vec<_> = values.into_iter().map(start).collect();
    let text = "is not a regular file, and reading it could hang)";
    for (agent, (_, pipe)) in agents.into_iter().zip(pipes) {
        lives_on(agent, "ERROR", &format!("{} {text}", pipe.display()));
    }
    assert_eq!(cloudwatch.requests(), []);
}

#[test]
fn no_file_at_all_is_named_as_ever() {
    let cloudwatch = FakeCloudWatch::start();
    let mut agent = measuring(&cloudwatch.url());
    agent.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    let agent = Agent::start(&mut agent);
    cloudwatch.nth_taken(1);
    agent.terminate().expect_code(0);
}

/// How often a file was opened since `watch` was made.
fn opened(watch: &OwnedFd) -> usize {
    let mut buffer = [const { MaybeUninit::uninit() }; 4096];
    let mut events = inotify::Reader::new(watch, &mut buffer);
    let mut count = 0;
    // There are no more events where it would block.
    while let Ok(event) = events.next() {
        count += usize::from(event.events().contains(inotify::ReadFlags::OPEN));
    }
    count
}

/// Runs an agent that finds a token file which no provider of credentials reads, so that it is only
/// opened to look at it. Returns how often it was.
fn looks_of(agent: &mut Command, cloudwatch: &FakeCloudWatch, windows: usize) -> usize {
    let token = TemporaryFile::new("token", "token");
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).expect("inotify");
    // With the closings between them, as equal events that follow each other are told as one.
    let both = inotify::WatchFlags::OPEN | inotify::WatchFlags::CLOSE_NOWRITE;
    inotify::add_watch(&watch, token.path(), both).expect("the file can be watched");
    let agent = Agent::start(agent.env("AWS_WEB_IDENTITY_TOKEN_FILE", token.path()));
    cloudwatch.nth_taken(windows);
    agent.terminate().expect_code(0);
    opened(&watch)
}

#[test]
fn the_files_are_looked_at_once_for_a_client_and_once_for_each_reading_of_credentials() {
    let cloudwatch = FakeCloudWatch::start();
    let looks = looks_of(&mut measuring(&cloudwatch.url()), &cloudwatch, 3);
    // The check, and what is in them as the client is made: not again for its first credentials.
    assert_eq!(looks, 2);
    let cloudwatch = FakeCloudWatch::start();
    let expiring = Server::start((Ipv4Addr::LOCALHOST, 0), |_| {
        Reply::ok(
            r#"{"AccessKeyId": "ASIAROLE", "SecretAccessKey": "secret", "Token": "token",
                "Expiration": "2001-01-01T00:00:00Z"}"#,
        )
    });
    let mut agent = measuring(&cloudwatch.url());
    agent.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let url = format!("http://{}/role", expiring.address());
    let looks = looks_of(agent.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", url), &cloudwatch, 3);
    let readings = expiring.finish().requests.len();
    assert!(readings >= 3, "they have expired at each send: {readings}");
    // Each reading after the first has a check of its own.
    assert_eq!(looks, 2 + (readings - 1));
}

#[test]
fn explain_tells_of_a_pipe_and_ends() {
    let pipe = silent_pipe("explained");
    let mut explain = command();
    explain.args(["explain", "-n", "Test", "-s", "Foo", "--scope", "host"]);
    let explained = run(explain.env("AWS_CONFIG_FILE", &pipe)).expect_code(0);
    let text = format!("{} is not a regular file", pipe.display());
    assert!(explained.stdout.contains(&text), "{explained:#?}");
}

#[test]
fn a_mount_that_never_answers_is_an_outage() {
    if !can_mount() {
        return;
    }
    let cloudwatch = FakeCloudWatch::start();
    let mount = folder("dead_mount");
    let agents = [FILES.as_slice(), &["HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"]].concat();
    let agents = agents.into_iter().map(|variable| {
        let value = match variable {
            "HOME" | "SSL_CERT_DIR" => mount.clone(),
            _ => mount.join("file"),
        };
        let mut agent = measuring(&cloudwatch.url());
        let agent = Agent::start(&mut with_dead_mount(agent.env(variable, value), &mount));
        let named = match variable {
            "HOME" => mount.join(".aws/config").display().to_string(),
            "SSL_CERT_FILE" | "SSL_CERT_DIR" => "trusted roots".to_owned(),
            _ => mount.join("file").display().to_string(),
        };
        (agent, format!("{named}: the disk does not answer within 2s"))
    });
    for (agent, expected) in agents.collect::<Vec<_>>() {
        lives_on(agent, "WARN", &expected);
    }
    assert_eq!(cloudwatch.requests(), []);
}

#[test]
fn beside_a_mount_that_never_answers_signals_reach_the_command() {
    if !can_mount() {
        return;
    }
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let mount = folder("dead_mount_of_a_command");
    let mut agent = measuring(&cloudwatch.url());
    agent
        .env("SSL_CERT_FILE", mount.join("roots.pem"))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let script =
        "trap 'echo got it' USR1; trap 'exit 7' TERM; echo ready; while :; do sleep 1 & wait; done";
    agent.args(["--", "sh", "-c", script]);
    let agent = Agent::start(&mut with_dead_mount(&agent, &mount));
    agent.wait_for_stdout("ready");
    agent.wait_for_log("the disk does not answer within 2s");
    agent.signal(Signal::USR1);
    agent.wait_for_stdout("got it");
    agent.terminate().expect_code(7);
    assert_eq!(windows_of(&cloudwatch.data()), [0_u64; 0]);
}

#[test]
fn configuration_on_a_mount_that_never_answers_is_an_error_and_no_hang() {
    if !can_mount() {
        return;
    }
    let mount = folder("dead_mount_of_configuration");
    let path = mount.join("agent.yaml");
    let expected = format!("--config {}: its disk has not answered within 2s", path.display());
    let mut agent = command();
    agent.arg("--dry-run").arg("--config").arg(&path);
    let ended = run(&mut with_dead_mount(&agent, &mount)).expect_code(2);
    assert_eq!(ended.stderr.trim_end(), expected);
    agent.args(["--", "sh", "-c", "echo runs; exit 7"]).env("PATH", "/usr/bin:/bin");
    let ended = run(&mut with_dead_mount(&agent, &mount)).expect_code(7);
    assert_eq!(ended.stdout, "runs\n");
    assert!(ended.stderr.contains(&expected), "{ended:#?}");
}

#[test]
fn a_check_of_a_mount_that_never_answers_delays_no_other_no_sample_and_no_stop() {
    if !can_mount() {
        return;
    }
    let mount = folder("dead_mount_of_a_check");
    let check = format!(
        "type: agent.filesystem\nperiod: 2\ntimeout: 1\ndetails: {{target: {}}}\n",
        mount.display()
    );
    let checks = folder("checks_of_a_dead_mount");
    std::fs::write(checks.join("dead.yaml"), check).expect("a file");
    let load = "type: agent.load_average\nperiod: 1\n";
    std::fs::write(checks.join("load.yaml"), load).expect("a file");
    let cloudwatch = FakeCloudWatch::start();
    let mut agent = measuring(&cloudwatch.url());
    agent.arg("--config").arg(&checks);
    let agent = Agent::start(&mut with_dead_mount(&agent, &mount));
    agent.wait_for_log("check dead is unavailable: timed out after 1 s");
    let of_load =
        |data: &[Datum]| data.iter().filter(|datum| datum.name == "LoadAverage1mPerCore").count();
    let before = of_load(&cloudwatch.data());
    cloudwatch.wait_until("five windows more", |seen| of_load(&seen.data) >= before + 5);
    let ended = agent.terminate().expect_code(0);
    let data = cloudwatch.data();
    let loads: Vec<_> = data.iter().filter(|datum| datum.name == "LoadAverage1mPerCore").collect();
    let windows = windows_of(&loads.into_iter().cloned().collect::<Vec<_>>());
    assert!(
        windows.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "each second has one: {windows:?}"
    );
    let samples: Vec<_> =
        data.iter().filter(|datum| datum.name == "CPUUtilization").cloned().collect();
    let windows = windows_of(&samples);
    assert!(
        windows.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "each second has samples: {windows:?}"
    );
    assert!(!ended.stderr.contains("check load is unavailable"), "{ended:#?}");
}
