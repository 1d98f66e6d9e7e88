//! `agent.process`, of real processes that come, work and go.

use std::os::unix::process::CommandExt;
use std::time::Duration;

use cloudwatch_metrics_agent::Roots;
use fake_cloudwatch::FakeCloudWatch;
use support::{Agent, command, publishing_to};
use tokio::time::Instant;

use crate::worker::{BURN, WAIT, Worker, name};
use crate::{Found, configured, output, read, run, runtime};
use support::namespace::{is_inside, skip};

/// What a run found, and the fewest and the most seconds of CPU that its percentage stands for.
type Run = (Found, f64, f64);

/// A check of processes that runs again and again. The first run is done, and one behind it, of which it is
/// known well when it was.
fn again(texts: &[(&str, &str)]) -> impl FnMut() -> Run + use<> {
    let mut check = configured("agent.process", texts).open(&Roots::default());
    let runtime = runtime();
    let mut before: Option<(Instant, Instant)> = None;
    let mut run = move || {
        let began = Instant::now();
        let found = Found::of(runtime.block_on(check.run()).expect("it can be read"));
        let ended = Instant::now();
        let (least, most) = match before.replace((began, ended)) {
            Some((earliest, latest)) => (began - latest, ended - earliest),
            None => (Duration::ZERO, ended - began),
        };
        let share = found.numbers.get("cpu_percent").map_or(0.0, |percent| percent / 100.0);
        (found, share * least.as_secs_f64(), share * most.as_secs_f64())
    };
    run();
    run();
    run
}

/// Two counters in ticks of 10 ms are read twice, and `times` rounds as well.
const TICKS: f64 = 0.06;

/// Loops of a shell: a third of a second and more.
const ROUNDS: u32 = 800_000;

fn assert_used((found, least, most): &Run, used: f64) {
    assert!(
        least - TICKS <= used && used <= most + TICKS,
        "{used} s of {least}-{most} s: {found:#?}"
    );
}

#[test]
fn processes_are_found_by_name_and_by_command_line() {
    let (one, other) = (name('a'), name('b'));
    let secret = format!("--id={one} two  blanks");
    let workers = [
        Worker::start(&one, WAIT, &["x", &secret]),
        Worker::start(&one, WAIT, &["x", "--port=80"]),
    ];
    let _other = Worker::start(&other, WAIT, &["x", &secret]);
    let count = |texts: &[(&str, &str)]| run("agent.process", texts).map(|of| of.number("count"));
    assert_eq!(count(&[("name", &one)]), Ok(2.0));
    assert_eq!(count(&[("name", &one[..one.len() - 1])]), Ok(0.0), "the whole name");
    let id = format!("--id={one}");
    assert_eq!(count(&[("command", &secret)]), Ok(2.0), "with its blanks");
    assert_eq!(count(&[("command", &format!("{id}*blanks"))]), Ok(2.0));
    assert_eq!(count(&[("command", &format!("blanks*{id}"))]), Ok(0.0), "in this order");
    assert_eq!(count(&[("name", &one), ("command", &id)]), Ok(1.0), "both hold");
    assert_eq!(count(&[("name", &one), ("command", "--port=8*0")]), Ok(1.0));
    drop(workers);
    assert_eq!(count(&[("name", &one)]), Ok(0.0));
    assert_eq!(count(&[("name", &other)]), Ok(1.0));
}

#[test]
fn processes_are_found_by_user() {
    let test = "processes::processes_are_found_by_user";
    if !rustix::process::geteuid().is_root() {
        return skip(test, "it needs root");
    }
    let this = name('u');
    // Also the name of a user is understood whose shell is /bin/false or nologin, and of all numbers.
    let worker = Worker::start_as(&this, WAIT, &[], |command| {
        command.uid(NOBODY);
    });
    let count = |user: &str| {
        let found = run("agent.process", &[("name", &this), ("user", user)]);
        found.map(|found| found.number("count"))
    };
    let named = output("id", &["-un", &NOBODY.to_string()]);
    assert_eq!([count(named.trim()), count(&NOBODY.to_string())], [Ok(1.0), Ok(1.0)]);
    assert_eq!([count("root"), count("0"), count("4000000000")], [Ok(0.0), Ok(0.0), Ok(0.0)]);
    assert!(count("no such user").is_err_and(|error| error.contains("no such user")));
    let alone = run("agent.process", &[("user", "nobody")]).expect("it can be read");
    assert!(alone.number("count") >= 1.0);
    assert_memory(&this, &[worker.id()]);
}

/// As debian and the kernel have it.
pub const NOBODY: u32 = 65_534;

#[test]
fn users_of_services_and_with_high_numbers_are_known_by_name() {
    let test = "processes::users_of_services_and_with_high_numbers_are_known_by_name";
    let script = "{ cat /etc/passwd; echo service:x:4242:1::/:/bin/false; echo high:x:70000:1::/:/bin/sh; } \
        > \"$folder/passwd\"; mount --bind \"$folder/passwd\" /etc/passwd";
    if !is_inside(test, &[], script) {
        return;
    }
    let this = name('v');
    let as_user = |number| {
        Worker::start_as(&this, WAIT, &[], |command| {
            command.uid(number);
        })
    };
    let _workers = [as_user(4242), as_user(70_000), as_user(70_000)];
    for (user, expected) in [("service", 1.0), ("high", 2.0), ("70000", 2.0), ("root", 0.0)] {
        let found = run("agent.process", &[("name", &this), ("user", user)]);
        assert_eq!(found.map(|found| found.number("count")), Ok(expected), "{user}");
    }
}

#[test]
fn many_checks_at_the_same_instant_all_have_a_result() {
    let this = name('k');
    let _worker = Worker::start(&this, WAIT, &[]);
    let open = |_| configured("agent.process", &[("name", &this)]).open(&Roots::default());
    let mut checks: Vec<_> = (0..20).map(open).collect();
    let runs = futures_util::future::join_all(checks.iter_mut().map(|check| check.run()));
    for found in runtime().block_on(runs) {
        assert_eq!(Found::of(found.expect("it waits for its turn")).number("count"), 1.0);
    }
}

#[test]
fn cpu_is_what_a_process_says_of_itself() {
    let this = name('c');
    let mut worker = Worker::start(&this, BURN, &[]);
    let before = worker.burn(1);
    let mut run = again(&[("name", &this)]);
    let used = worker.burn(ROUNDS) - before;
    assert!(used > 5.0 * TICKS, "it takes a while: {used}");
    assert_used(&run(), used);
    assert_used(&run(), 0.0);
}

#[test]
fn processes_that_come_and_go_between_two_runs_are_counted_right() {
    let this = name('g');
    let mut stays = Worker::start(&this, BURN, &[]);
    let mut goes = Worker::start(&this, BURN, &[]);
    let before = stays.burn(1);
    let mut run = again(&[("name", &this)]);
    // What this one used since the run before is not known when it has ended.
    goes.burn(ROUNDS);
    drop(goes);
    let mut comes = Worker::start(&this, BURN, &[]);
    // This one was never seen.
    drop(Worker::start(&this, WAIT, &[]));
    let used = comes.burn(ROUNDS) + stays.burn(1) - before;
    let third = run();
    assert_eq!(third.0.number("count"), 2.0);
    assert_used(&third, used);
    drop((stays, comes));
    let (found, ..) = run();
    assert_eq!(found.number("count"), 0.0);
    assert_eq!(found.absent["oldest_age"], "there is no such process");
}

#[test]
fn a_pid_that_is_used_again_is_another_process() {
    let test = "processes::a_pid_that_is_used_again_is_another_process";
    let namespaces = ["--pid", "--fork", "--mount-proc"];
    if !is_inside(test, &namespaces, "") {
        return;
    }
    let this = name('p');
    let start = || {
        std::fs::write("/proc/sys/kernel/ns_last_pid", "4000").expect("its own namespace");
        let worker = Worker::start(&this, BURN, &[]);
        assert_eq!(worker.id(), 4001, "the next number");
        worker
    };
    let mut first = start();
    first.burn(ROUNDS);
    let mut run = again(&[("name", &this)]);
    drop(first);
    let mut second = start();
    let used = second.burn(ROUNDS / 2);
    let third = run();
    assert_eq!(third.0.number("count"), 1.0);
    assert_used(&third, used);
}

#[test]
fn memory_that_is_shared_counts_once_in_all_where_it_may_be_read() {
    let this = name('m');
    // 16 MB, which the child shares with its parent.
    let script = "x=$(head -c 16777216 /dev/zero | tr '\\0' x); exec 3<&0
        (exec <&3; echo ready; read -r end; :) & read -r end; :";
    let worker = Worker::start(&this, script, &[]);
    let child = read(&format!("/proc/{0}/task/{0}/children", worker.id()));
    let child = child.trim().parse().expect("one child");
    let found = assert_memory(&this, &[worker.id(), child]);
    let resident = found.number("memory_resident");
    assert!(resident > 32e6, "{resident}");
    if let Some(proportional) = found.numbers.get("memory_proportional") {
        assert!((16e6..0.7 * resident).contains(proportional), "{proportional} of {resident}");
    }
}

/// The figures of these processes are those of the kernel's files, or absent where those cannot be read.
fn assert_memory(name: &str, pids: &[u32]) -> Found {
    let asked = run("agent.process", &[("name", name)]).expect("it can be read");
    let not_asked = &asked.absent["memory_proportional"];
    assert!(not_asked.starts_with("set proportional: yes"), "{not_asked}");
    let details = [("name", name), ("proportional", "yes")];
    let found = run("agent.process", &details).expect("it can be read");
    let count = |found: &Found| found.number("count") as usize;
    assert_eq!(count(&found), pids.len(), "{found:#?}");
    let folder = |pid: &u32, file: &str| format!("/proc/{pid}/{file}");
    let pages = |pid| {
        let text = read(&folder(pid, "statm"));
        text.split(' ').nth(1).expect("resident").parse::<f64>().expect("a number")
    };
    let page = output("getconf", &["PAGESIZE"]).trim().parse::<f64>().expect("a number");
    assert_eq!(found.number("memory_resident"), page * pids.iter().map(pages).sum::<f64>());
    assert_eq!(found.number("threads"), pids.len() as f64);
    let proportional = |pid| {
        let text = std::fs::read_to_string(folder(pid, "smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).expect("its line");
        Some(1024.0 * line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number"))
    };
    match pids.iter().map(proportional).sum::<Option<f64>>() {
        // Others that start and end share the libraries in between.
        Some(sum) => {
            assert!((found.number("memory_proportional") - sum).abs() < 1e6, "{sum}: {found:#?}");
        }
        None => {
            let reason = &found.absent["memory_proportional"];
            assert!(reason.contains("smaps_rollup cannot be read: Permission denied"), "{reason}");
            assert!(reason.contains("SYS_PTRACE"), "it has the cure: {reason}");
        }
    }
    let files = |pid| Some(std::fs::read_dir(folder(pid, "fd")).ok()?.count() as f64);
    match pids.iter().map(files).sum::<Option<f64>>() {
        Some(sum) => assert_eq!(found.number("open_files"), sum),
        None => assert!(found.absent["open_files"].contains("SYS_PTRACE"), "{found:#?}"),
    }
    found
}

#[test]
fn a_process_that_has_ended_and_waits_for_its_parent_is_not_counted() {
    let this = name('z');
    let mut ended = Worker::start(&this, WAIT, &[]);
    let _other = Worker::start(&this, WAIT, &[]);
    let mut run = again(&[("name", &this)]);
    ended.end_as_zombie();
    let state = read(&format!("/proc/{}/stat", ended.id()));
    assert!(state.contains(") Z "), "{state}");
    let (found, ..) = run();
    assert_eq!([found.number("count"), found.number("threads")], [1.0, 1.0]);
    assert!(found.numbers.contains_key("open_files"), "{found:#?}");
}

#[test]
fn a_name_of_any_bytes_is_counted() {
    let this = name('o');
    // The name is cut within a letter, so that it is no text.
    let odd = format!("{this}{}", "é".repeat(8));
    let odd = if this.len().is_multiple_of(2) { odd } else { format!("x{odd}") };
    let _worker = Worker::start(&odd, WAIT, &[&this]);
    let found = run("agent.process", &[("command", &format!("end; : {this}"))]);
    assert_eq!(found.expect("it can be read").number("count"), 1.0);
}

#[test]
fn the_age_is_that_of_the_oldest() {
    let this = name('e');
    let began = Instant::now();
    let _worker = Worker::start(&this, WAIT, &[]);
    let started = Instant::now();
    let mut run = again(&[("name", &this)]);
    let _younger = Worker::start(&this, WAIT, &[]);
    let least = started.elapsed().as_secs_f64();
    let (found, ..) = run();
    let age = found.number("oldest_age");
    let now = std::time::UNIX_EPOCH.elapsed().expect("the clock is set").as_secs_f64();
    let start = found.number("oldest_start");
    assert!((now - start - age).abs() < 2.0, "{start} is {age} s ago at {now}");
    let most = began.elapsed().as_secs_f64();
    // In whole seconds at worst.
    assert!(least - 1.0 <= age && age <= most + 1.0, "{age} s of {least} to {most}");
}

#[test]
fn hidden_processes_are_an_error_and_not_left_out() {
    let test = "processes::hidden_processes_are_an_error_and_not_left_out";
    let script = "mount -t proc -o hidepid=2 none /proc";
    if !is_inside(test, &["--pid", "--fork"], script) {
        return;
    }
    // Of another user and group: the group of root sees all. The file has to be in reach.
    let folder = std::env::temp_dir().join(format!("hidden-{}-{}", name('h'), unique()));
    std::fs::create_dir_all(&folder).expect("the temporary directory is writable");
    let agent = folder.join("agent");
    std::fs::copy(support::binary(), &agent).expect("there is room");
    let check = |user: &str| {
        let mut command = std::process::Command::new(&agent);
        command
            .args(["check", "agent.process", "name=no-such", user])
            .env_clear()
            .uid(NOBODY)
            .gid(NOBODY);
        support::run(&mut command)
    };
    let (others, own) = (check("user=0"), check(&format!("user={NOBODY}")));
    let _ = std::fs::remove_dir_all(&folder);
    let others = others.expect_code(1);
    assert!(others.stdout.contains("hidden (hidepid"), "{others:#?}");
    own.expect_code(0);
}

/// A number that no other process outside of the namespace has had.
fn unique() -> u128 {
    std::time::UNIX_EPOCH.elapsed().expect("the clock is set").as_nanos()
}

#[test]
fn a_command_line_and_an_environment_are_shown_nowhere() {
    let (this, secret) = (name('s'), "hunter2-of-the-test");
    let _worker = Worker::start_as(&this, WAIT, &["x", secret], |command| {
        command.env("PASSWORD", "correct-horse");
    });
    let setting = format!("command=hunter2*{}", "test");
    for how in [&["--explain"][..], &["--output", "json"]] {
        let mut command = command();
        command.args(["check", "agent.process", &setting, &format!("name={this}")]).args(how);
        let ended = support::run(command.env("RUST_LOG", "trace")).expect_code(0);
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(all.contains("count"), "{all}");
        assert!(!all.contains(secret) && !all.contains("correct-horse"), "{all}");
    }
}

#[test]
fn the_count_of_processes_that_come_and_go_is_published() {
    let this = name('q');
    let file = std::env::temp_dir().join(format!("{this}.yaml"));
    let check = format!(
        "checks:\n  it:\n    type: agent.process\n    period: 1\n    details: {{name: {this}}}\n"
    );
    std::fs::write(&file, check).expect("the temporary directory is writable");
    let cloudwatch = FakeCloudWatch::start();
    let mut publishing = publishing_to(&cloudwatch.url());
    let agent = Agent::start(publishing.arg("--config").arg(&file));
    let wait_for = |count: f64| {
        cloudwatch.wait_until("the count", |seen| {
            let newest = seen.data.iter().rev().find(|datum| datum.name == "ProcessCount");
            newest.and_then(|datum| datum.set).is_some_and(|set| set.maximum == count)
        });
    };
    wait_for(0.0);
    let one = Worker::start(&this, WAIT, &[]);
    wait_for(1.0);
    let two = Worker::start(&this, WAIT, &[]);
    wait_for(2.0);
    drop((one, two));
    wait_for(0.0);
    let ended = agent.terminate().expect_code(0);
    let _ = std::fs::remove_file(&file);
    assert!(!ended.stderr.contains("WARN") && !ended.stderr.contains("ERROR"), "{ended:#?}");
}
