//! No check reaches an address where clouds give out credentials, whoever asks for it and however it is written.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};
use support::namespace::is_inside;

use crate::Served;

/// As a host stands in a URL.
const LITERALS: &[&str] = &[
    "169.254.169.254",
    "169.254.170.2",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::169.254.169.254]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[FD00:0EC2:0::23]",
    // As older programs write an address: the lookup knows it all the same.
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
];

/// Each kind of check that connects to something, pointed at this.
fn checks(host: &str, port: u16) -> Vec<Value> {
    let (plain, url) = (host.trim_matches(['[', ']']), format!("http://{host}:{port}/latest/"));
    let tls = format!("https://{host}:{port}/");
    vec![
        json!({ "type": "remote.http", "details": { "url": url } }),
        json!({ "type": "remote.http", "details": { "url": tls } }),
        json!({ "type": "remote.tcp", "details": { "host": plain, "port": port } }),
        json!({ "type": "agent.redis", "details": { "host": plain, "port": port } }),
        json!({ "type": "agent.mysql", "details": { "host": plain, "port": port, "user": "a", "password": "b" } }),
        json!({ "type": "agent.apache", "details": { "url": url } }),
        json!({ "type": "agent.prometheus", "details": { "url": url, "metrics": ["up"] } }),
    ]
}

impl Served {
    /// What a run that is only tried says.
    #[track_caller]
    fn tried(&self, check: &Value) -> Value {
        let answer = self.send("POST", "/entities/self/test-check", "", check);
        assert_eq!(answer.status, 200, "{check}: {answer:?}");
        answer.json()[0].clone()
    }
}

#[track_caller]
fn assert_refused(result: &Value, check: &Value) {
    let status = result["status"].as_str().unwrap_or_default();
    assert_eq!(result["available"], false, "{check}: {result}");
    assert!(status.contains("is a link-local address: checks do not connect"), "{check}: {result}");
}

#[test]
fn each_kind_of_check_refuses_each_form_of_such_an_address() {
    let served = Served::at_socket();
    for host in LITERALS {
        for check in checks(host, 80) {
            assert_refused(&served.tried(&check), &check);
        }
    }
    // One that is kept, and one that becomes so by a change, say so when they run.
    for (number, mut check) in checks("169.254.169.254", 80).into_iter().enumerate() {
        (check["id"], check["disabled"]) = (json!(format!("c{number}")), json!(true));
        assert_eq!(served.send("POST", "/entities/self/checks", "", &check).status, 201);
        let path = format!("/entities/self/checks/c{number}/test");
        assert_refused(&served.send("POST", &path, "", &Value::Null).json()[0], &check);
    }
    let body = json!({ "details": { "host": "fe80::1" } });
    assert_eq!(served.send("PUT", "/entities/self/checks/tcp", "", &body).status, 204);
    let ran = served.send("POST", "/entities/self/checks/tcp/test", "", &Value::Null).json();
    assert_refused(&ran[0], &body);
}

#[test]
fn no_name_and_no_redirect_leads_to_such_an_address() {
    let name = "link_local::no_name_and_no_redirect_leads_to_such_an_address";
    let script = "\
        ip link set lo up
        ip address add 169.254.169.254/32 dev lo
        ip -6 address add fd00:ec2::254/128 dev lo nodad
        {
          echo '127.0.0.1 localhost'
          echo '169.254.169.254 four.example'
          echo 'fd00:ec2::254 six.example'
          echo '169.254.169.254 both.example'
          echo 'fd00:ec2::254 both.example'
        } > \"$folder/hosts\"
        mount --bind \"$folder/hosts\" /etc/hosts";
    if !is_inside(name, &["--net"], script) {
        return;
    }
    // It would take a connection at each of its addresses.
    let credentials = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("a port");
    let port = credentials.local_addr().expect("it is bound").port();
    drop(TcpStream::connect("127.0.0.1:1").expect_err("nothing is there"));
    for host in ["169.254.169.254", "fd00:ec2::254"] {
        drop(TcpStream::connect((host, port)).expect("it can be reached from here"));
        credentials.accept().expect("a connection");
    }
    credentials.set_nonblocking(true).expect("it can be set");
    let was_asked = || match credentials.accept() {
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        Ok((_, peer)) => panic!("{peer} has connected"),
    };
    let served = Served::at_socket();
    for host in ["four.example", "six.example", "both.example"].iter().chain(LITERALS) {
        for check in checks(host, port) {
            assert_refused(&served.tried(&check), &check);
        }
        was_asked();
    }
    for host in ["four.example", "2852039166", "[fd00:ec2::254]", "[::ffff:169.254.169.254]"] {
        let redirecting = redirecting_to(format!("http://{host}:{port}/role"));
        let url = format!("http://127.0.0.1:{redirecting}/");
        let check = json!({ "type": "remote.http", "details": { "url": url } });
        assert_refused(&served.tried(&check), &check);
        for kind in ["agent.apache", "agent.prometheus"] {
            let mut check = json!({ "type": kind, "details": { "url": url } });
            if kind == "agent.prometheus" {
                check["details"]["metrics"] = json!(["up"]);
            }
            assert_eq!(served.tried(&check)["available"], false, "{check}");
        }
        was_asked();
    }
    // It was nothing else that kept them from it.
    let check = json!({ "type": "remote.tcp", "details": { "host": "127.0.0.1", "port": port } });
    assert_eq!(served.tried(&check)["available"], true);
    credentials.accept().expect("a connection");
}

/// The port of a server that sends each request elsewhere.
fn redirecting_to(target: String) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let answer = format!(
                "HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            // What it asks for is all the same.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}
