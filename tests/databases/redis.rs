//! Debian's redis-server.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;

use support::server::{free_port, wait_until};
use support::tree::Tree;

use crate::check::{Found, printed, run};
use crate::server::{REDIS_READY, Server, certificates, output, program};

const TYPE: &str = "agent.redis";

/// No word of the program, and no part of one.
const PASSWORD: &str = "s3cr3t-hunter2";

fn start(options: &[&str]) -> Server {
    let (folder, port) = (Tree::new("== data/\n"), free_port());
    let mut command = Command::new(program("redis-server", "redis-server"));
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
    command.arg("--dir").arg(folder.root().join("data"));
    command.arg("--unixsocket").arg(folder.root().join("socket")).args(options);
    Server::start(command, folder, port, REDIS_READY)
}

impl Server {
    /// Redis's own client. It is given no password where there is none to give.
    fn redis(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(program("redis-cli", "redis-tools"));
        command.args(["-p", &self.port()]).args(arguments);
        output(&mut command)
    }

    fn info(&self) -> BTreeMap<String, String> {
        let text = self.redis(&["INFO"]);
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect()
    }

    fn check(&self, more: &[(&str, &str)]) -> Result<Found, String> {
        let port = self.port();
        let details = [&[("host", "127.0.0.1"), ("port", &port)], more].concat();
        run(TYPE, &details).map_err(|error| error.replace(&format!("127.0.0.1:{port}"), "HERE"))
    }
}

#[test]
fn values_are_those_of_redis_cli_at_the_same_time() {
    let server = start(&["--maxmemory-policy", "allkeys-random"]);
    let socket = server.socket();
    let held = [0; 3].map(|_| UnixStream::connect(&socket).expect("it listens"));
    (&held[0]).write_all(b"BLPOP nothing 0\r\n").expect("it reads");
    wait_until("a blocked client", || server.info()["blocked_clients"] == "1");
    for key in ["a", "b", "c"] {
        server.redis(&["SET", key, "1"]);
    }
    server.redis(&["SET", "d", "1", "PX", "1"]);
    wait_until("an expired key", || server.info()["expired_keys"] == "1");
    server.redis(&["CONFIG", "SET", "maxmemory", "1"]);
    wait_until("evicted keys", || server.info()["evicted_keys"] == "3");

    for details in [&[("host", "127.0.0.1"), ("port", &*server.port())][..], &[("host", &*socket)]]
    {
        let before = server.info();
        let found = run(TYPE, details).expect("it has no password");
        let after = server.info();
        assert_eq!(found.status, None);
        assert_eq!(found.absent.len(), 0, "{found:#?}");
        assert_eq!(found.texts["version"], before["redis_version"]);
        assert_eq!(found.number("connected_clients"), 4.0, "three are held, and one is the check");
        assert_eq!(before["connected_clients"], "4", "that of redis-cli is the fourth");
        for (name, key) in [
            ("blocked_clients", "blocked_clients"),
            ("bgsave_in_progress", "rdb_bgsave_in_progress"),
            ("changes_since_last_save", "rdb_changes_since_last_save"),
            ("expired_keys", "expired_keys"),
            ("evicted_keys", "evicted_keys"),
        ] {
            assert_eq!(found.number(name).to_string(), before[key], "{name}");
        }
        assert!(found.number("changes_since_last_save") >= 3.0);
        for name in ["uptime_in_seconds", "total_connections_received", "total_commands_processed"]
        {
            let number = |info: &BTreeMap<String, String>| info[name].parse::<f64>().expect(name);
            let range = number(&before)..=number(&after);
            assert!(range.contains(&found.number(name)), "{name}: {range:?} {found:#?}");
        }
        let connections = before["total_connections_received"].parse::<f64>().expect("a number");
        assert_eq!(found.number("total_connections_received"), connections + 1.0);
        let memory = before["used_memory"].parse::<f64>().expect("a number");
        let share = found.number("used_memory") / memory;
        assert!((0.8..1.2).contains(&share), "{share}");
    }
}

#[test]
fn a_password_is_needed_and_has_to_be_right() {
    let server = start(&["--requirepass", PASSWORD]);
    let needed = "HERE: the server wants a password: set password".to_owned();
    assert_eq!(server.check(&[]).map(drop), Err(needed));
    let wrong = "HERE: access denied: the password is wrong".to_owned();
    assert_eq!(server.check(&[("password", "wrong")]).map(drop), Err(wrong));
    let found = server.check(&[("password", PASSWORD)]).expect("it is right");
    assert_eq!((found.number("connected_clients"), found.status), (1.0, None));
    let found = server.check(&[("password", PASSWORD), ("user", "default")]);
    assert_eq!(found.expect("the user that has it").number("connected_clients"), 1.0);
}

#[test]
fn a_user_of_an_access_control_list_has_to_be_allowed_to_ask() {
    let password = format!(">{PASSWORD}");
    let server = start(&[]);
    server.redis(&["ACL", "SETUSER", "monitor", "on", &password, "+info"]);
    server.redis(&["ACL", "SETUSER", "reader", "on", &password, "+get", "~*"]);
    server.redis(&["ACL", "SETUSER", "idle", "off", &password, "+info"]);
    server.redis(&["ACL", "SETUSER", "open", "on", "nopass", "+info"]);
    let of = |user, password| server.check(&[("user", user), ("password", password)]).map(drop);
    assert_eq!(of("monitor", PASSWORD), Ok(()));
    assert_eq!(server.check(&[("user", "open")]).map(drop), Ok(()), "it takes any password");
    let denied = "HERE: access denied: user or password is wrong, or the user is off".to_owned();
    for (user, password) in [("monitor", "wrong"), ("idle", PASSWORD), ("nobody", PASSWORD)] {
        assert_eq!(of(user, password), Err(denied.clone()), "{user}");
    }
    let may_not = "HERE: the user may not run INFO: allow it, as with ACL SETUSER NAME +info, or set another user";
    assert_eq!(of("reader", PASSWORD), Err(may_not.to_owned()));
    let status = server.check(&[("password", PASSWORD)]).expect("it wants none").status;
    let needless = "the server wants no password: take password out of details, or set one there";
    assert_eq!(status.as_deref(), Some(needless));
}

#[test]
fn a_server_that_is_full_that_hangs_or_that_is_gone_is_told_apart() {
    let mut server = start(&["--maxclients", "1"]);
    let held = TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
    let full =
        "HERE: the server has as many clients as it takes: raise its maxclients, or close some";
    for details in [&[][..], &[("password", PASSWORD)]] {
        assert_eq!(server.check(details).map(drop), Err(full.to_owned()));
    }
    drop(held);
    wait_until("a place", || server.check(&[]).is_ok());
    server.hang();
    let hangs = "HERE: connected, but no answer within 0.2 s: the server hangs, or another one listens there";
    assert_eq!(server.check(&[("timeout", "200")]).map(drop), Err(hangs.to_owned()));
    server.go_on();
    wait_until("an answer", || server.check(&[]).is_ok());
    server.end();
    let gone = "HERE refused the connection: nothing listens there; start the server, or correct host and port";
    assert_eq!(server.check(&[]).map(drop), Err(gone.to_owned()));
    let socket = server.socket();
    let at = |path: &str| run(TYPE, &[("host", path)]).map(drop);
    let left = format!("{socket}: connection refused: start the server");
    assert_eq!(at(&socket), Err(left), "a server that is killed leaves its socket");
    let none = format!(
        "{socket}2: there is no such socket: start the server, or correct the path of its socket"
    );
    assert_eq!(at(&format!("{socket}2")), Err(none));
}

#[test]
fn a_server_of_another_kind_and_a_forbidden_address_are_said() {
    let server = start(&[]);
    let details = [("host", "127.0.0.1"), ("port", &*server.port()), ("user", "x")];
    let error = run("agent.mysql", &[&details[..], &[("timeout", "200")]].concat());
    let error = error.map(drop).expect_err("Redis waits to be asked");
    assert!(error.contains("no answer within 0.2 s: the server hangs, or another"), "{error}");
    let error = run(TYPE, &[("host", "169.254.169.254")]).map(drop);
    let refused = "169.254.169.254 is a link-local address: checks do not connect to these, where clouds give out credentials";
    assert_eq!(error, Err(refused.to_owned()));
}

#[test]
fn a_port_with_tls_is_told_from_one_without() {
    let (folder, port) = (Tree::new(""), free_port());
    certificates(&folder);
    let mut command = Command::new(program("redis-server", "redis-server"));
    command.args(["--port", "0", "--tls-port", &port.to_string(), "--save", ""]);
    command.args(["--tls-cert-file", "server.pem", "--tls-key-file", "server.key"]);
    command.args(["--tls-ca-cert-file", "ca.pem"]).current_dir(folder.root());
    let server = Server::start(command, folder, port, REDIS_READY);
    let error = server.check(&[("password", PASSWORD)]).map(drop).expect_err("it speaks TLS");
    assert!(error.contains("TLS") && error.contains("set port to one without"), "{error}");
}

#[test]
fn no_output_of_the_program_has_the_password() {
    let server = start(&["--requirepass", PASSWORD]);
    let port = server.port();
    let details = |password| [("host", "127.0.0.1"), ("port", &*port), ("password", password)];
    let [text, json] = printed(TYPE, &details(PASSWORD), PASSWORD, None);
    let [text, json] = [text.expect_code(0).stdout, json.expect_code(0).stdout];
    assert!(text.contains("evicted_keys = INFO: evicted_keys"), "{text}");
    assert!(json.contains("\"available\":true"), "{json}");
    server.redis(&["-a", PASSWORD, "--no-auth-warning", "CONFIG", "SET", "requirepass", "other"]);
    let [text, json] = printed(TYPE, &details(PASSWORD), PASSWORD, None);
    let [text, json] = [text.expect_code(1).stdout, json.expect_code(1).stdout];
    let wrong = "access denied: the password is wrong";
    assert!(text.contains(wrong) && json.contains(wrong), "{text}{json}");
}
