//! The plugins of Debian's package monitoring-plugins-basic.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use super::*;

const FOLDER: &str = "/usr/lib/nagios/plugins";

/// One run of a real plugin.
fn real(file: &str, args: &[&str]) -> Value {
    assert!(Path::new(FOLDER).is_dir(), "install the package monitoring-plugins-basic");
    let mut command = support::command();
    command.env("PATH", "/usr/bin:/bin").args([
        "check",
        "agent.plugin",
        "--output=json",
        "format=nagios",
        "--plugins",
        FOLDER,
    ]);
    command.arg(format!("file={file}")).args(args.iter().map(|arg| format!("args={arg}")));
    result_of(&mut command).0
}

/// What a real plugin measures.
fn available(file: &str, args: &[&str], state: f64, metrics: &[&str]) -> Value {
    let object = real(file, args);
    assert_eq!(
        (&object["available"], value(&object, "state")),
        (&true.into(), &state.into()),
        "{object}"
    );
    for metric in metrics {
        assert!(value(&object, metric).is_number(), "{object}");
    }
    object
}

#[test]
fn their_states_texts_and_numbers_are_understood() {
    let old = Folder::of(&[("file", "abc")]);
    let load = available(
        "check_load",
        &["-w", "1000,1000,1000", "-c", "2000,2000,2000"],
        0.0,
        &["load1", "load5", "load15"],
    );
    let own = std::fs::read_to_string("/proc/loadavg").expect("readable");
    let own: f64 = own.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    let theirs = value(&load, "load1").as_f64().expect("a number");
    assert!((own - theirs).abs() < 2.0, "{own} {theirs}");
    let disk = available("check_disk", &["-w", "0%", "-c", "0%", "-p", "/"], 0.0, &["/"]);
    let of_root =
        disk["metrics"].as_array().expect("a list").iter().find(|metric| metric["name"] == "/");
    assert_eq!(of_root.expect("it is there")["unit"], "bytes");
    available("check_procs", &["-w", "1:100000"], 0.0, &["procs"]);
    available("check_procs", &["-w", "0:0", "-c", "1:100000"], 1.0, &["procs"]);
    available("check_procs", &["-c", "0:0"], 2.0, &["procs"]);
    available("check_users", &["-w", "10000", "-c", "20000"], 0.0, &["users"]);
    available(
        "check_file_age",
        &["-w", "1000", "-c", "2000", "-f", &old.path("file")],
        0.0,
        &["age", "size"],
    );
    for (argument, state) in [("0", 0.0), ("1", 1.0), ("2", 2.0)] {
        available("check_dummy", &[argument, "a text"], state, &[]);
    }
    let unknown = real("check_dummy", &["3", "nobody knows"]);
    assert_eq!(
        (&unknown["available"], &unknown["status"]),
        (&false.into(), &"UNKNOWN: nobody knows".into())
    );
}

#[test]
fn those_that_ask_a_server_are_understood() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port().to_string();
    let server = std::thread::spawn(move || {
        // One request of a plugin, and a connection without one.
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 4096];
            if stream.read(&mut request).expect("a request") > 0 {
                let answer = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello";
                stream.write_all(answer.as_bytes()).expect("it is read");
            }
        }
    });
    available("check_http", &["-I", "127.0.0.1", "-p", &port], 0.0, &["time", "size"]);
    available("check_tcp", &["-H", "127.0.0.1", "-p", &port], 0.0, &["time"]);
    server.join().expect("both were answered");
    let refused = real("check_tcp", &["-H", "127.0.0.1", "-p", &port]);
    assert_eq!((&refused["available"], value(&refused, "state")), (&true.into(), &2.0.into()));
}
