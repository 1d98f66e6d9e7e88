//! An endpoint that fails, and one that fails and comes to itself again.

use rustix::process::Signal;

use super::{figures, fixture, previewing, single_container, statistics};
use support::endpoint::{Answer, Endpoint};
use support::{Agent, Ended, command, run};

/// Makes the answer of one failure, and what the log says of it.
type Failure = (fn() -> Answer, &'static str);

const FAILURES: [Failure; 7] = [
    (|| Answer::Status(429), "HTTP 429 Too Many Requests"),
    (|| Answer::Status(404), "HTTP 404 Not Found"),
    (|| Answer::Ok("<html>".into()), "expected value at line 1 column 1"),
    (|| Answer::Ok(String::new()), "EOF while parsing a value at line 1 column 0"),
    (|| Answer::Ok(" ".repeat((2 << 20) + 1)), "length limit exceeded"),
    (|| Answer::Silence, "no answer within 2s"),
    (|| Answer::Stall, "no answer within 2s"),
];

const FAILS: &str = "the task metadata endpoint fails: ";
const WORKS: &str = "the task metadata endpoint works again";

fn assert_told_once(ended: &Ended, reason: &str, url: &str) {
    let text = &ended.stderr;
    assert_eq!(text.matches(&format!("{FAILS}{url}: {reason}")).count(), 1, "{ended:#?}");
    // One line when it starts, with the address once, and one when it ends.
    for once in [FAILS, WORKS, "ERROR", reason] {
        assert_eq!(text.matches(once).count(), 1, "{once}: {ended:#?}");
    }
    for never in ["WARN", "unavailable", "available again"] {
        assert!(!text.contains(never), "{never}: {ended:#?}");
    }
    assert!(!ended.stdout.contains("=0.00%"), "{ended:#?}");
}

#[test]
fn a_failure_to_tell_what_the_task_is_is_told_once_and_so_is_its_end() {
    let agents = FAILURES.map(|(answer, reason)| {
        let endpoint = Endpoint::start(move |path, before| match (path, before) {
            ("/task", 0..=1) => answer(),
            ("/task", _) => Answer::Ok(fixture("task-ec2.json")),
            _ => Answer::Ok(statistics(0, [1, 1], [500, 12])),
        });
        (Agent::start(&mut previewing(&endpoint.url())), endpoint, reason)
    });
    for (agent, endpoint, reason) in agents {
        agent.wait_for_stdout("MemoryUtilization=50.00%");
        let ended = agent.terminate().expect_code(0);
        assert_told_once(&ended, reason, &format!("{}/task", endpoint.url()));
        assert_eq!(figures(&ended.stdout), [("-".into(), "50.00%".into(), "1".into())]);
    }
}

#[test]
fn a_failure_to_tell_the_usage_is_told_once_and_no_time_is_lost_by_it() {
    let agents = FAILURES.map(|(answer, reason)| {
        let endpoint = Endpoint::start(move |path, before| match (path, before) {
            ("/task", _) => Answer::Ok(fixture("task-ec2.json")),
            (_, 0) => Answer::Ok(statistics(0, [0, 0], [500, 12])),
            (_, 1..=2) => answer(),
            _ => Answer::Ok(statistics(3, [1500, 300], [500, 12])),
        });
        (Agent::start(&mut previewing(&endpoint.url())), endpoint, reason)
    });
    for (agent, endpoint, reason) in agents {
        agent.wait_for_stdout("CPUUtilization=30.00%");
        let ended = agent.terminate().expect_code(0);
        assert_told_once(&ended, reason, &format!("{}/task/stats", endpoint.url()));
        let expected = [("-", "50.00%"), ("30.00%", "50.00%")];
        let expected = expected.map(|(cpu, memory)| (cpu.into(), memory.into(), "1".into()));
        assert_eq!(figures(&ended.stdout), expected, "{ended:#?}");
    }
}

#[test]
fn one_resource_that_fails_is_told_once_while_the_other_works() {
    // Not all containers run, so what the task is goes on being asked.
    let starting = || fixture("task-ec2.json").replace("\"RUNNING\"", "\"PENDING\"");
    let endpoint = Endpoint::start(move |path, before| match (path, before) {
        ("/task", 1..=2) => Answer::Status(500),
        ("/task", _) => Answer::Ok(starting()),
        (_, step) => Answer::Ok(statistics(step as u32, [600 * step as u64, 1], [500, 12])),
    });
    let agent = Agent::start(&mut previewing(&endpoint.url()));
    agent.wait_for_log(WORKS);
    let ended = agent.terminate().expect_code(0);
    let url = format!("{}/task", endpoint.url());
    assert_told_once(&ended, "HTTP 500 Internal Server Error", &url);
    assert!(figures(&ended.stdout).len() >= 3, "{ended:#?}");
}

#[test]
fn explain_tells_why_there_are_no_figures() {
    let endpoint = Endpoint::start(|_, _| Answer::Status(404));
    let mut command = command();
    command.args(["explain", "--namespace", "Test", "--service", "Foo", "--dry-run"]);
    let ended = run(command.env("ECS_CONTAINER_METADATA_URI_V4", endpoint.url())).expect_code(0);
    let line = format!(
        "\n  ECS_CONTAINER_METADATA_URI_V4: task metadata endpoint = unavailable: {}/task: \
         HTTP 404 Not Found\n",
        endpoint.url()
    );
    assert_eq!(ended.stdout.matches(&line).count(), 2, "{ended:#?}");
    assert_eq!(
        ended.stdout.matches("\n  unavailable: not measured yet\n").count(),
        2,
        "{ended:#?}"
    );
}

#[test]
fn an_endpoint_that_never_answers_holds_up_neither_the_samples_nor_the_end() {
    let agents = [Signal::TERM, Signal::INT].map(|signal| {
        let endpoint = Endpoint::start(|_, _| Answer::Silence);
        let agent = Agent::start(previewing(&endpoint.url()).env("RUST_LOG", "debug"));
        (agent, endpoint, signal)
    });
    for (agent, endpoint, signal) in agents {
        endpoint.wait_for_closed(1);
        endpoint.wait_for_requests("/task", 2);
        agent.signal(signal);
        let ended = agent.wait().expect_code(0);
        assert_eq!(ended.stdout, "");
        let (meanwhile, after) = ended.stderr.split_once(FAILS).expect("the failure is told");
        assert!(meanwhile.contains("Sample { cpu: None, memory: None }"), "{ended:#?}");
        assert!(!after.contains(FAILS), "{ended:#?}");
    }
}

#[test]
fn a_signal_while_the_first_answer_is_awaited_is_heeded() {
    let endpoint = Endpoint::start(|_, _| Answer::Silence);
    let agent = Agent::start(&mut previewing(&endpoint.url()));
    endpoint.wait_for_requests("/task", 1);
    let ended = agent.terminate().expect_code(0);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("stopped; windows=0 delivered=0"), "{ended:#?}");
}

#[test]
fn a_slow_answer_is_taken_up_when_it_comes() {
    let endpoint = Endpoint::start(|_, _| Answer::Held(single_container()));
    let agent = Agent::start(previewing(&endpoint.url()).env("RUST_LOG", "debug"));
    agent.wait_for_log("Sample { cpu: None, memory: None }");
    endpoint.release();
    agent.wait_for_log("the task has one container");
    agent.wait_for_stdout("MaxMemoryUtilization=");
    agent.terminate().expect_code(0);
}
