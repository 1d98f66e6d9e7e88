//! `query` beside an agent that runs.

use std::io::{BufRead, BufReader, Write};

use support::folder::Folder;
use support::server::{free_port, wait_until};
use support::{Ended, command, run};

use crate::client::Place;
use crate::{Served, history::oldest_and_newest};

fn query(arguments: &[&str]) -> Ended {
    run(command().arg("query").args(arguments))
}

#[test]
fn the_same_is_printed_of_an_agent_that_runs_and_of_its_folder_later() {
    let folder = Folder::of(&[]);
    let store = folder.path("history");
    let served = Served::at_port(&["--store", &store, "--store-sync", "1"], &[]);
    wait_until("40 points", || oldest_and_newest(&served).2 >= 40);
    let (oldest, newest, _) = oldest_and_newest(&served);
    let range = [format!("--from={}", oldest - 600_000), format!("--to={newest}")];
    let select = "--select=average,min,max,variance";
    let question = |metric, resolution, form| {
        let [from, to] = range.each_ref().map(String::as_str);
        [metric, from, to, select, "--resolution", resolution, "--output", form]
    };
    let mut questions = Vec::new();
    for metric in ["utilization/cpu", "memory"] {
        questions.extend(["text", "json", "csv"].map(|form| question(metric, "FULL", form)));
    }
    let Place::Tcp(port) = served.place else { unreachable!("it is at a port") };
    let address = format!("127.0.0.1:{port}");
    let answers = |place: [&str; 2]| {
        let answer = |question: &[&str; 8]| {
            let ended = query(&[&question[..], &place].concat()).expect_code(0);
            assert_eq!(ended.stderr, "");
            ended.stdout
        };
        questions.iter().map(answer).collect::<Vec<_>>()
    };
    let of_agent = answers(["--api", &address]);
    let list = query(&["--list", "--output", "csv", "--api", &address]).expect_code(0).stdout;
    assert!(list.starts_with("check,metric,unit,kind,newest_ms\nload,15m,,gauge,"), "{list}");
    let rollup = question("cpu", "MIN5", "csv");
    let rollup = query(&[&rollup[..], &["--api", &address]].concat()).expect_code(0).stdout;
    let count = |line: &str| line.split(',').nth(1)?.parse::<u64>().ok();
    let points: u64 = rollup.lines().skip(1).filter_map(count).sum();
    assert!(points >= 40, "{rollup}");
    served.agent.terminate().expect_code(0);
    let of_folder = answers(["--store", &store]);
    assert_eq!(of_agent, of_folder);
    let ended = query(&["cpu", "--api", &address]).expect_code(1);
    let expected = format!(
        "no agent answers at {address}: start the agent, or name the address that it has in --api, or the folder \
         of --store where it has ended\n"
    );
    assert_eq!([ended.stdout, ended.stderr], [String::new(), expected]);
}

#[test]
fn what_was_typed_counts_before_a_variable_and_an_agent_before_a_folder() {
    let [api, store] = ["API", "STORE"].map(|name| format!("CLOUDWATCH_METRICS_AGENT_{name}"));
    let asked = |arguments: &[&str], variables: &[(&str, &str)]| {
        let ended =
            run(command().args(["query", "cpu"]).args(arguments).envs(variables.iter().copied()));
        assert_eq!(ended.stdout, "");
        ended.stderr
    };
    let of_agent = "no agent answers at unix:/nowhere/api.sock: ";
    let of_folder = "no history in /nowhere: ";
    let (socket, folder) = ("unix:/nowhere/api.sock", "/nowhere");
    let both = [(&*api, socket), (&*store, folder)];
    for (arguments, variables, expected) in [
        (&["--api", socket][..], &[][..], of_agent),
        (&[], &both[..1], of_agent),
        (&[], &both[1..], of_folder),
        (&[], &both, of_agent),
        (&["--store", folder], &both, of_folder),
        (&["--api", socket], &both, of_agent),
        (&["--api", socket, "--store", folder], &[], "--api and --store: expected one of them"),
        (&[], &[], "--api or --store is missing: name the address of an agent that runs, as in "),
        (
            &["--api", "10.0.0.1:80"],
            &[],
            "--api \"10.0.0.1:80\": expected an address that only this",
        ),
    ] {
        let told = asked(arguments, variables);
        assert!(told.starts_with(expected), "{arguments:?} {variables:?}: {told}");
    }
}

#[test]
fn a_token_is_sent_and_what_is_missing_is_said() {
    let folder = Folder::of(&[("tokens", "read abcd-1234\n"), ("wrong", "read abcd-1235\n")]);
    let (tokens, wrong) = (folder.path("tokens"), folder.path("wrong"));
    let served = Served::at_port(&["--store", "memory", "--api-token-file", &tokens], &[]);
    let Place::Tcp(port) = served.place else { unreachable!("it is at a port") };
    let address = format!("127.0.0.1:{port}");
    let list = |file: &[&str], token: Option<&str>| {
        let mut command = command();
        command.args(["query", "--list", "--api", &address]).args(file);
        command.envs(token.map(|token| ("CLOUDWATCH_METRICS_AGENT_API_TOKEN", token)));
        let ended = run(&mut command);
        if ended.stdout.is_empty() { Err(ended.stderr) } else { Ok(()) }
    };
    assert_eq!(list(&["--api-token-file", &tokens], None), Ok(()));
    assert_eq!(list(&[], Some("abcd-1234")), Ok(()));
    let needs = format!(
        "the agent at {address} wants a token: set CLOUDWATCH_METRICS_AGENT_API_TOKEN or name a file with \
         --api-token-file\n"
    );
    assert_eq!(list(&[], None), Err(needs));
    let unknown =
        |of: &str| Err(format!("the agent at {address} does not know the token of {of}\n"));
    let variable = "CLOUDWATCH_METRICS_AGENT_API_TOKEN";
    assert_eq!(list(&[], Some("efgh-5678")), unknown(variable));
    assert_eq!(list(&["--api-token-file", &wrong], None), unknown(&wrong));
    assert_eq!(list(&["--api-token-file", &wrong], Some("abcd-1234")), unknown(&wrong), "it wins");
    let none = list(&["--api-token-file", "/nowhere"], None).expect_err("there is no such file");
    assert!(none.starts_with("--api-token-file /nowhere cannot be read: "), "{none}");
}

/// A server that answers each request with what this says of its path.
fn odd_server(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", free_port())).expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            let body = answer(line.split(' ').nth(1).unwrap_or_default());
            let status = if body.contains("\"message\"") { "500 No" } else { "200 OK" };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    address
}

#[test]
fn a_server_that_is_no_agent_costs_neither_memory_nor_time() {
    let point = r#"{"timestamp":-9e15,"numPoints":9e15,"average":1,"min":1,"max":1,"variance":0}"#;
    for (points, expected) in [
        // The same page for ever, an empty one for ever, and texts that would control a terminal.
        (format!(r#"{{"values":[{point}],"metadata":{{"next_marker":5}}}}"#), "next_marker"),
        (r#"{"values":[],"metadata":{"next_marker":6}}"#.to_owned(), "next_marker"),
        (r#"{"message":"\u001b]0;x\u0007\nline"}"#.to_owned(), r"500: \u{1b}]0;x\u{7}\nline"),
        ("{}".to_owned(), "has no valid field values"),
        ("no JSON".to_owned(), "it is no agent of this kind"),
    ] {
        let address = odd_server(move |path| {
            match path {
            "/capabilities" => r#"{"history":{"enabled":true}}"#.to_owned(),
            "/time" => r#"{"timestamp":1795939200000}"#.to_owned(),
            path if path.contains("/plot") => points.clone(),
            _ => r#"{"values":[{"check":"utilization","name":"cpu","unit":"","type":"D","kind":"gauge",
                "history":true}],"metadata":{}}"#
                .to_owned(),
        }
        });
        let ended = query(&["cpu", "--resolution", "FULL", "--api", &address]).expect_code(1);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert!(ended.stdout.is_empty());
    }
}

#[test]
fn an_agent_without_a_history_says_how_it_gets_one() {
    let served = Served::at_socket();
    let Place::Unix(path) = &served.place else { unreachable!("it is at a socket") };
    let address = format!("unix:{path}");
    let ended = query(&["cpu", "--api", &address]).expect_code(1);
    let expected = format!(
        "the agent at {address} keeps no history: start it with --store memory or --store FOLDER\n"
    );
    assert_eq!([ended.stdout, ended.stderr], [String::new(), expected]);
}
