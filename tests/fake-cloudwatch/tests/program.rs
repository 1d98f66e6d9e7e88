//! The program that scripts use: a URL, then a line for each request taken.

mod client;

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::UNIX_EPOCH;

use client::{Client, body, now, sent_datum};
use serde_json::{Value, json};

#[test]
fn prints_its_url_and_what_it_takes() {
    let mut program = Program::start(&["--port", "0"]);
    let url = program.line();
    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut client = Client::connect(address);
    let length = body(1.5).len();
    assert_eq!(client.put(&body(f64::NAN)).status, 400);
    assert_eq!(client.put(&body(1.5)).status, 200);

    let line: Value = serde_json::from_str(&program.line()).unwrap();
    let expected = json!({
        "received": line["received"],
        "wire_bytes": length,
        "decoded_bytes": length,
        "datums": [{
            "namespace": "Test",
            "name": "CPU",
            "dimensions": [],
            "timestamp": now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64(),
            "values": [1.5],
            "counts": [1.0],
            "unit": null,
            "storage_resolution": null,
        }],
    });
    assert_eq!(line, expected);
    assert!(line["received"].as_f64().unwrap() >= line["datums"][0]["timestamp"].as_f64().unwrap());

    let two = client::put_metric_data("Test", vec![sent_datum(1.0), sent_datum(2.0)]);
    assert_eq!(client.put(&two).status, 200);
    let line: Value = serde_json::from_str(&program.line()).unwrap();
    assert_eq!(line["datums"].as_array().unwrap().len(), 2);
}

#[test]
fn writes_the_authority_to_trust() {
    let name = format!("fake-cloudwatch-ca-{}.pem", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut program = Program::start(&["--tls", "--ca-file", path.to_str().unwrap()]);
    let url = program.line();
    let pem = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();

    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
}

#[test]
fn wrong_use_is_explained() {
    for (arguments, problem) in [
        (&["--tls"][..], "--tls and --ca-file need each other"),
        (&["--port"], "--port needs a value"),
        (&["--port", "65536"], "--port 65536: expected 0 to 65535"),
        (&["--help"], "unknown argument --help"),
    ] {
        let output = command().args(arguments).output().unwrap();
        let expected = format!(
            "fake-cloudwatch: {problem}\nUsage: fake-cloudwatch [--tls --ca-file PATH] [--port N]\n"
        );
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
        assert_eq!(output.status.code(), Some(2));
    }
}

struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command().args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        Self { child, lines: BufReader::new(stdout).lines() }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("the program runs").unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().expect("it runs until it is killed");
        self.child.wait().expect("it is our child");
    }
}

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fake-cloudwatch"))
}
