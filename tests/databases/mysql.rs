//! Debian's mariadb-server.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::process::{Command, Stdio};

use cloudwatch_metrics_agent::check::Kind;
use support::server::{free_port, wait_until};
use support::tree::Tree;

use crate::check::{Found, of_type, printed, run};
use crate::server::{Server, certificates, output, program};

const TYPE: &str = "agent.mysql";

/// No word of the program, and no part of one.
const PASSWORD: &str = "s3cr3t-hunter2";

const HANGS: &str =
    "HERE: connected, but no answer within 0.3 s: the server hangs, or another one listens there";

/// A server of its own data, which the user that runs this test may log in to by its socket.
fn start(options: impl Fn(&Tree) -> Vec<String>) -> Server {
    let (folder, port) = (Tree::new("== tmp/\n"), free_port());
    let (me, data) = (me(), folder.root().join("data"));
    let mut install = Command::new(program("mariadb-install-db", "mariadb-server"));
    install.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=socket"]);
    install.arg(format!("--auth-root-socket-user={me}")).arg(format!("--user={me}"));
    // One that starts removes the temporary tables of all others in a folder that they share.
    let temporary = format!("--tmpdir={}", folder.root().join("tmp").display());
    output(install.arg(format!("--datadir={}", data.display())).arg(&temporary));
    let options = options(&folder);
    let mut command = Command::new(program("mariadbd", "mariadb-server"));
    command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    command.arg(format!("--socket={}", folder.root().join("socket").display()));
    command.arg(format!("--pid-file={}", folder.root().join("pid").display()));
    command.args([&format!("--user={me}"), "--bind-address=127.0.0.1", "--skip-name-resolve"]);
    command.args(["--innodb-buffer-pool-size=16M", "--query-cache-type=1"]);
    command.arg(format!("--port={port}")).arg(temporary).args(options);
    Server::start(command, folder, port, "ready for connections")
}

fn me() -> String {
    output(Command::new("id").arg("-un")).trim().to_owned()
}

impl Server {
    /// MariaDB's own client, at the socket.
    fn client(&self) -> Command {
        let mut command = Command::new(program("mariadb", "mariadb-client"));
        command.args(["--no-defaults", "--batch", "--skip-column-names"]);
        command.arg(format!("--socket={}", self.socket())).arg(format!("--user={}", me()));
        command
    }

    fn sql(&self, statements: &str) -> String {
        output(self.client().args(["--execute", statements]))
    }

    /// Status and variables as the client has them.
    fn values(&self) -> BTreeMap<String, String> {
        let text = self.sql("SHOW GLOBAL STATUS; SHOW GLOBAL VARIABLES");
        let pairs = text.lines().filter_map(|line| line.split_once('\t'));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn at_socket(&self, more: &[(&str, &str)]) -> Result<Found, String> {
        let socket = self.socket();
        let found = run(TYPE, &[&[("socket", &*socket)], more].concat());
        found.map_err(|error| error.replace(&socket, "HERE"))
    }

    fn at_port(&self, more: &[(&str, &str)]) -> Result<Found, String> {
        let port = self.port();
        let found = run(TYPE, &[&[("host", "127.0.0.1"), ("port", &*port)], more].concat());
        found.map_err(|error| error.replace(&format!("127.0.0.1:{port}"), "HERE"))
    }
}

const USERS: &str = "CREATE USER monitor@'%' IDENTIFIED BY 's3cr3t-hunter2'; \
    CREATE USER replica@'%' IDENTIFIED BY 's3cr3t-hunter2'; \
    GRANT REPLICA MONITOR ON *.* TO replica@'%'; \
    CREATE USER open@'%'; \
    CREATE USER tls@'%' IDENTIFIED BY 's3cr3t-hunter2' REQUIRE SSL; \
    CREATE USER locked@'%' IDENTIFIED BY 's3cr3t-hunter2' ACCOUNT LOCK; \
    INSTALL SONAME 'auth_ed25519'; \
    CREATE USER modern@'%' IDENTIFIED VIA ed25519 USING PASSWORD('s3cr3t-hunter2')";

fn user(name: &'static str) -> [(&'static str, &'static str); 2] {
    [("user", name), ("password", PASSWORD)]
}

/// The check takes the socket, where nothing listens on a port.
#[test]
fn values_are_those_of_the_client_at_the_same_time() {
    let server = start(|_| vec!["--skip-networking".to_owned()]);
    let me = me();
    let sleep = |_| {
        let mut command = server.client();
        command.args(["--execute", "SELECT SLEEP(600)"]).stdout(Stdio::null());
        Held(command.spawn().expect("it was looked for before"))
    };
    let held = [0; 3].map(sleep);
    wait_until("three clients", || server.values()["Threads_running"] == "4");
    server.sql(
        "CREATE DATABASE d; CREATE TABLE d.t (n INT PRIMARY KEY); INSERT INTO d.t VALUES (1), (2)",
    );
    server.sql("SELECT * FROM d.t; SELECT * FROM d.t; UPDATE d.t SET n = 3 WHERE n = 1");

    let before = server.values();
    let found = server.at_socket(&[("user", &me)]).expect("the system's user may log in");
    let after = server.values();
    assert_eq!(before["Threads_connected"], "4", "the client is the fourth");
    assert_eq!(found.number("threads.connected"), 4.0, "three are held, and one is the check");
    assert_eq!(found.number("threads.running"), 4.0);
    assert!(found.number("handler.write") >= 2.0, "{found:#?}");
    let mut compared = 0;
    for metric in of_type(TYPE).metrics.iter().filter(|of| !of.is_text) {
        let name = metric.source.split(": ").nth(1).and_then(|rest| {
            rest.split([',', ':', ';'])
                .next()?
                .split(" or ")
                .find(|name| before.contains_key(*name))
        });
        let Some(name) = name.filter(|_| !metric.source.contains("REPLICA")) else { continue };
        let number = |values: &BTreeMap<String, String>| values[name].parse::<f64>().expect(name);
        let (least, most, found) = (number(&before), number(&after), found.number(metric.name));
        let grows = metric.kind == Kind::Counter || name == "Uptime";
        let is_held = least == most || grows;
        assert!(!is_held || (least..=most).contains(&found), "{name}: {least} {found} {most}");
        compared += usize::from(is_held);
    }
    assert!(compared >= 50, "{compared}");
    // Both clients say good-bye.
    assert_eq!(found.number("core.aborted_clients").to_string(), before["Aborted_clients"]);
    assert_eq!(after["Aborted_clients"], before["Aborted_clients"]);
    assert_eq!(found.texts["replication.slave_running"], "OFF");
    let reasons: Vec<_> = found.absent.values().map(String::as_str).collect();
    assert!(!reasons.is_empty(), "this one is no replica");
    for (name, reason) in &found.absent {
        let expected = match name.starts_with("innodb.") {
            true => "this server has no Innodb_",
            false => "this server is no replica",
        };
        assert!(reason.starts_with(expected), "{name}: {reason}");
    }
    drop(held);
    let refused = server.at_port(&[("user", &me)]).map(drop);
    let nothing = "HERE refused the connection: nothing listens there; start the server, or correct host and port";
    assert_eq!(refused, Err(nothing.to_owned()));
}

/// A client that is killed when it is dropped.
struct Held(std::process::Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn who_may_log_in_and_what_is_wrong_with_others() {
    let mut server = start(|_| Vec::new());
    server.sql(USERS);
    for at in [Server::at_socket, Server::at_port] {
        let logged_in = |details: &[(&str, &str)]| at(&server, details).map(drop);
        assert_eq!(logged_in(&user("monitor")), Ok(()));
        assert_eq!(logged_in(&[("user", "open")]), Ok(()));
        for details in [[("user", "monitor"), ("password", "wrong")], user("nobody"), user("tls")] {
            let error = logged_in(&details).expect_err("it may not log in");
            let denied = "HERE: access denied: user or password is wrong, or the user may not log in from here, or only with TLS (1045: ";
            assert!(error.starts_with(denied) && error.len() < 256, "{error}");
        }
        let plugin = "HERE: the server wants the user to log in with \"client_ed25519\", which this check cannot: \
                      create a user with caching_sha2_password or mysql_native_password";
        assert_eq!(logged_in(&user("modern")), Err(plugin.to_owned()));
        let locked = logged_in(&user("locked")).expect_err("it is locked");
        assert!(locked.starts_with("HERE: the user is locked: "), "{locked}");
    }
    // The server counts none of them as a broken connection.
    let values = server.values();
    assert_eq!(values["Aborted_clients"], "0");
    let expected = "the server offers no TLS: set it up there, or set tls: off";
    let error = server.at_port(&[&user("monitor")[..], &[("tls", "verified")]].concat());
    assert_eq!(error.map(drop), Err(format!("HERE: {expected}")));
    let both = server.at_port(&[("socket", "/x"), ("user", "x")]).map(drop);
    let none = "/x: there is no such socket: start the server, or correct the path of its socket";
    assert_eq!(both, Err(none.to_owned()), "the socket is taken where both are set");
    let redis = run("agent.redis", &[("host", "127.0.0.1"), ("port", &server.port())]).map(drop);
    let redis = redis.expect_err("it is none");
    assert!(redis.contains("what answers there is not Redis: correct host and port"), "{redis}");
    replication(&server);
    full(&server);
    server.hang();
    let hangs = [&user("monitor")[..], &[("timeout", "300")]].concat();
    assert_eq!(server.at_port(&hangs).map(drop), Err(HANGS.to_owned()));
    assert_eq!(server.at_socket(&hangs).map(drop), Err(HANGS.to_owned()));
    server.go_on();
    server.end();
    let gone = server.at_socket(&user("monitor")).map(drop);
    assert_eq!(gone, Err("HERE: connection refused: start the server".to_owned()));
}

/// A replica whose source is not there.
fn replication(server: &Server) {
    server.sql(
        "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=1, MASTER_USER='x', \
         MASTER_LOG_FILE='log.000007', MASTER_LOG_POS=1234; START SLAVE",
    );
    wait_until("a try", || server.sql("SHOW SLAVE STATUS").contains("error connecting"));
    let found = server.at_port(&user("replica")).expect("it logs in");
    assert_eq!(found.texts["replication.slave_io_running"], "Connecting");
    assert_eq!(found.texts["replication.slave_sql_running"], "Yes");
    assert_eq!(found.number("replication.last_io_errno"), 2003.0);
    assert_eq!(found.number("replication.last_errno"), 0.0);
    assert_eq!(found.number("replication.read_master_log_pos"), 1234.0);
    assert!(found.texts["replication.last_io_error"].contains("error connecting"), "{found:#?}");
    let null = "the server returned NULL: replication does not run";
    assert_eq!(found.absent["replication.seconds_behind_master"], null);
    assert_eq!(found.absent["replication.last_error"], "the server returned an empty value");
    let found = server.at_port(&user("monitor")).expect("it logs in");
    let may_not =
        "the user may not see replication: grant it REPLICATION CLIENT, in MariaDB REPLICA MONITOR";
    assert_eq!(found.absent["replication.last_errno"], may_not);
    assert!(found.number("threads.connected") >= 1.0, "all else is there");
    server.sql("STOP SLAVE; RESET SLAVE ALL");
}

/// A server that takes no more connections.
fn full(server: &Server) {
    server.sql("SET GLOBAL max_connections = 10");
    let connect = |_| TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
    let held = [0; 11].map(connect);
    let error = || server.at_port(&user("monitor")).map(drop).err();
    wait_until("a full server", || error().is_some());
    let text = error().unwrap_or_default();
    let full = "HERE: too many connections: raise max_connections, or close some (1040: Too many connections)";
    assert_eq!(text, full);
    drop(held);
    wait_until("a place", || server.at_port(&user("monitor")).is_ok());
}

/// The options for a certificate of an authority that no machine trusts.
fn with_tls(folder: &Tree) -> Vec<String> {
    certificates(folder);
    let option = |(name, file)| format!("--ssl-{name}={}", folder.root().join(file).display());
    [("ca", "ca.pem"), ("cert", "server.pem"), ("key", "server.key")].map(option).to_vec()
}

/// The user may log in by TLS alone, so that the server proves that there is some.
#[test]
fn tls_is_verified_or_not_as_the_details_say_and_no_output_has_the_password() {
    let server = start(with_tls);
    server.sql(USERS);
    let tls = |word| [&user("tls")[..], &[("tls", word)]].concat();
    assert_eq!(server.at_port(&tls("unverified")).map(drop), Ok(()));
    let error = server.at_port(&tls("verified")).map(drop).expect_err("its authority is unknown");
    let unknown = "HERE: the issuer of the certificate of 127.0.0.1 is not trusted: ";
    assert!(error.starts_with(unknown) && error.contains("tls: unverified"), "{error}");
    assert!(error.len() < 256, "{error}");

    let port = server.port();
    let roots = server.folder.root().join("ca.pem").display().to_string();
    let details = [&[("host", "127.0.0.1"), ("port", &*port)], &*tls("verified")].concat();
    let [text, json] = printed(TYPE, &details, PASSWORD, Some(&roots));
    let [text, json] = [text.expect_code(0).stdout, json.expect_code(0).stdout];
    assert!(text.contains("threads.connected = SHOW GLOBAL STATUS: Threads_connected"), "{text}");
    assert!(json.contains("\"available\":true"), "{json}");
    let [text, _] = printed(TYPE, &details, PASSWORD, None);
    assert!(text.expect_code(1).stdout.contains("is not trusted"));
    let other = [&[("host", "localhost"), ("port", &*port)], &*tls("verified")].concat();
    let [text, _] = printed(TYPE, &other, PASSWORD, Some(&roots));
    let text = text.expect_code(1).stdout;
    assert!(
        text.contains("the certificate is for 127.0.0.1, not for localhost: "),
        "the certificate is for another name: {text}"
    );

    server.sql("SET PASSWORD FOR tls@'%' = PASSWORD('other')");
    for text in printed(TYPE, &details, PASSWORD, Some(&roots)) {
        assert!(text.expect_code(1).stdout.contains("access denied"));
    }
    server.sql("SET GLOBAL require_secure_transport = ON");
    let error = server.at_port(&user("monitor")).map(drop).expect_err("it wants TLS");
    assert!(error.contains("or only with TLS (1045: "), "{error}");
}

/// MariaDB has no such login, so a small server in its place does.
#[test]
fn caching_sha2_password_sends_the_password_over_tls_and_not_without() {
    let (folder, port) = (Tree::new(""), free_port());
    certificates(&folder);
    let file = |name: &str| folder.root().join(name).display().to_string();
    let mut command = Command::new(program("python3", "python3"));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/databases/caching_sha2.py"));
    command.args([&file("server.pem"), &file("server.key"), PASSWORD, &port.to_string()]);
    let roots = file("ca.pem");
    let server = Server::start(command, folder, port, "listens");
    let port = server.port();
    let details = |tls, password| {
        [
            ("host", "127.0.0.1"),
            ("port", &*port),
            ("user", "joe"),
            ("password", password),
            ("tls", tls),
        ]
    };
    let [text, json] = printed(TYPE, &details("verified", PASSWORD), PASSWORD, Some(&roots));
    assert!(text.expect_code(0).stdout.contains("threads.connected"), "it is logged in");
    assert!(json.expect_code(0).stdout.contains("\"value\":7.0"), "the answer is read");
    let [text, _] = printed(TYPE, &details("unverified", PASSWORD), PASSWORD, None);
    text.expect_code(0);
    let [text, _] = printed(TYPE, &details("off", PASSWORD), PASSWORD, None);
    let text = text.expect_code(1).stdout;
    assert!(text.contains("which is not sent without TLS"), "{text}");
    let [text, _] = printed(TYPE, &details("verified", "wrong"), "wrong-not-shown", Some(&roots));
    let text = text.expect_code(1).stdout;
    assert!(text.contains("access denied"), "{text}");
}
