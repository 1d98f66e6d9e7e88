//! Runs that are asked for while another one is under way.

use std::net::{Ipv4Addr, TcpListener};

use serde_json::{Value, json};
use support::server::free_port;

use crate::Served;
use crate::client::Client;

const CHECK: &str = "/entities/self/checks/silent";

/// Asks for a run, on a connection of its own.
fn asks_for_run(served: &Served) -> Client {
    let mut client = Client::at(&served.place);
    let request = "HTTP/1.1\r\nHost: localhost\r\ncontent-length: 0\r\n\r\n";
    client.send(&format!("POST {CHECK}/test {request}"));
    client
}

#[test]
fn a_run_that_waits_for_a_longer_one_is_refused_with_the_reason_and_never_made() {
    let served = Served::at_socket();
    let port = free_port();
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a free port");
    // Disabled, it runs only when it is asked to. It waits for what never comes.
    let details = json!({ "host": "127.0.0.1", "port": port, "banner_match": "x" });
    let body = json!({ "id": "silent", "type": "remote.tcp", "disabled": true, "timeout": 8, "details": details });
    let created = served.send("POST", "/entities/self/checks", "", &body);
    assert_eq!(created.status, 201, "{created:?}");
    let mut first = asks_for_run(&served);
    let (first_run, _) = silent.accept().expect("it runs");
    let shorter = json!({ "timeout": 0.5 });
    assert_eq!(served.send("PUT", CHECK, "", &shorter).status, 204);
    let refused = asks_for_run(&served).answer().expect("an answer");
    let message = "an earlier run of the check, which may take longer, has not ended yet";
    assert_eq!((refused.status, &refused.json()["message"]), (503, &json!(message)));
    let ended = |client: &mut Client| -> Value {
        let answer = client.answer().expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()[0]["status"].clone()
    };
    let status = ended(&mut first);
    assert!(status.as_str().expect("a text").starts_with("timed out after 8 s"), "{status}");
    // What was refused is not made up for: the next one that is asked for is the next one that runs.
    let mut third = asks_for_run(&served);
    let (third_run, _) = silent.accept().expect("it runs");
    let status = ended(&mut third);
    assert!(status.as_str().expect("a text").starts_with("timed out after 0.5 s"), "{status}");
    silent.set_nonblocking(true).expect("a listener can be so");
    assert!(silent.accept().is_err(), "there was no other run");
    drop((first_run, third_run));
}
