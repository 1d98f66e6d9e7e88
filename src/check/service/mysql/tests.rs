//! Servers that speak the protocol as MySQL does, or nearly.

use super::super::stream::Stream;
use super::super::tests::{Listening, absent, run, silence, value};
use super::TYPE;
use super::password::{caching_sha2, native};
use crate::model::Findings;

/// A greeting of MySQL 8 that names this way to log in.
fn greeting(plugin: &str) -> Vec<u8> {
    let capabilities = 0x0008_8200_u32.to_le_bytes();
    let [a, b, c, d] = capabilities;
    let mut packet = b"\x0a8.4.9-fake\0\x07\0\0\0".to_vec();
    packet.extend(&CHALLENGE[..8]);
    packet.extend([0, a, b, 45, 2, 0, c, d, 21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    packet.extend([&CHALLENGE[8..], &[0], plugin.as_bytes(), &[0]].concat());
    packet
}

/// The server's end of a connection: the first packet is its own.
struct Fake<'a>(&'a mut Stream, u8);

impl Fake<'_> {
    async fn send(&mut self, payload: &[u8]) {
        let [first, second, third, ..] = (payload.len() as u32).to_le_bytes();
        let packet = [&[first, second, third, self.1], payload].concat();
        self.0.send(&packet).await.expect("the check listens");
        self.1 = self.1.wrapping_add(1);
    }

    async fn receive(&mut self) -> Vec<u8> {
        let head = self.0.take(4).await.expect("a packet");
        let length = usize::from(head[0]) | usize::from(head[1]) << 8;
        self.1 = head[3].wrapping_add(1);
        self.0.take(length).await.expect("its payload")
    }

    /// Greets, and takes the response: what stands behind the user's name, its length first.
    async fn greet(&mut self, plugin: &str) -> Vec<u8> {
        self.send(&greeting(plugin)).await;
        let response = self.receive().await;
        assert_eq!(&response[32..36], b"joe\0");
        let length = usize::from(response[36]);
        let (answer, plugin_of_client) = response[37..].split_at(length);
        let own = [plugin.as_bytes(), &[0]].concat();
        let known = ["mysql_native_password", "caching_sha2_password"].contains(&plugin);
        assert_eq!(plugin_of_client == own, known, "{plugin_of_client:?}");
        answer.to_vec()
    }

    /// Answers the three queries and waits for the end.
    async fn serve(&mut self, status: &[[&str; 2]], replica: Replica) {
        self.send(OK).await;
        for rows in [status, &[["max_connections", "151"]]] {
            let query = self.receive().await;
            assert!(query.starts_with(b"\x03SHOW GLOBAL "), "{query:?}");
            let rows: Vec<Vec<_>> =
                rows.iter().map(|row| row.iter().map(|text| Some(*text)).collect()).collect();
            self.table(&["Variable_name", "Value"], &rows).await;
        }
        assert_eq!(self.receive().await, b"\x03SHOW REPLICA STATUS");
        match replica {
            Replica::Error(packet) => self.send(packet).await,
            Replica::Rows(columns, rows) => self.table(columns, &rows).await,
        }
        assert_eq!(self.receive().await, [1], "it takes leave");
    }

    async fn table(&mut self, columns: &[&str], rows: &[Vec<Option<&str>>]) {
        self.send(&[columns.len() as u8]).await;
        for column in columns {
            let mut packet = b"\x03def\0\0\0".to_vec();
            packet.extend(text(column));
            packet.extend(b"\0\x0c\x2d\0\0\0\0\0\xfd\0\0\0\0\0");
            self.send(&packet).await;
        }
        self.send(END).await;
        for row in rows {
            let cell = |cell: &Option<&str>| cell.map_or_else(|| vec![0xfb], text);
            self.send(&row.iter().flat_map(cell).collect::<Vec<_>>()).await;
        }
        self.send(END).await;
    }
}

fn text(text: &str) -> Vec<u8> {
    [&[text.len() as u8], text.as_bytes()].concat()
}

enum Replica {
    Error(&'static [u8]),
    Rows(&'static [&'static str], Vec<Vec<Option<&'static str>>>),
}

impl Replica {
    fn none() -> Self {
        Self::Rows(&["Replica_IO_State"], Vec::new())
    }
}

/// What a server with this password of joe finds.
async fn tried(
    listening: Listening,
    serve: impl AsyncFnOnce(&mut Fake<'_>),
) -> Result<Findings, String> {
    let details = [("user", "joe"), ("password", "hunter2")];
    let serve = async |stream: &mut Stream| serve(&mut Fake(stream, 0)).await;
    run(&TYPE, listening, &details, serve).await
}

#[tokio::test]
async fn caching_sha2_password_works_by_its_hash_where_the_server_remembers_the_user() {
    let found = tried(Listening::tcp().await, async |fake| {
        let answer = fake.greet("caching_sha2_password").await;
        assert_eq!(answer, caching_sha2("hunter2", CHALLENGE));
        fake.send(&[1, 3]).await;
        fake.serve(&[["Threads_connected", "4"], ["Uptime", "x"]], Replica::none()).await;
    });
    let found = found.await.expect("it logs in");
    assert_eq!(value(&found, "threads.connected").as_deref(), Some("4"));
    assert_eq!(value(&found, "max.connections").as_deref(), Some("151"));
    for (name, reason) in [
        ("core.uptime", "the server says \"x\": expected a whole number"),
        ("core.queries", "this server has no Queries"),
        ("qcache.hits", "this server has no query cache, as MySQL since 8.0"),
        ("replication.seconds_behind_master", "this server is no replica"),
    ] {
        assert_eq!(absent(&found, name), Some(reason));
    }
    assert_eq!(found.values.len() + found.absent.len(), TYPE.metrics.len());
    assert!(found.raw.contains(&("the server's version".to_owned(), "8.4.9-fake".to_owned())));
}

#[tokio::test]
async fn the_password_itself_is_sent_to_a_socket_and_not_over_the_network() {
    let error = tried(Listening::tcp().await, async |fake| {
        fake.greet("caching_sha2_password").await;
        fake.send(&[1, 4]).await;
        assert_eq!(fake.receive().await, [0], "no password");
        fake.send(b"\xff\x15\x04#28000Access denied").await;
    });
    let expected = "HERE: caching_sha2_password: the server does not remember the user and wants the password itself, \
                    which is not sent without TLS: set socket in place of host, or tls: verified";
    assert_eq!(error.await, Err(expected.to_owned()));
    let found = tried(Listening::unix(), async |fake| {
        fake.greet("caching_sha2_password").await;
        fake.send(&[1, 4]).await;
        assert_eq!(fake.receive().await, b"hunter2\0");
        fake.serve(&[["Threads_connected", "4"]], Replica::none()).await;
    });
    assert!(found.await.is_ok());
}

#[tokio::test]
async fn a_server_may_ask_for_another_way_to_log_in() {
    let found = tried(Listening::tcp().await, async |fake| {
        fake.greet("sha256_password").await;
        let other: Vec<u8> = (101..=120).collect();
        fake.send(&[b"\xfemysql_native_password\0", &other[..], &[0]].concat()).await;
        assert_eq!(fake.receive().await, native("hunter2", &other));
        fake.serve(&[["Threads_connected", "4"]], Replica::none()).await;
    });
    assert!(found.await.is_ok());
    for (switch, expected) in [
        (
            &b"\xfeclient_ed25519\0abc"[..],
            "the server wants the user to log in with \"client_ed25519\", which this check cannot: create a user \
             with caching_sha2_password or mysql_native_password",
        ),
        (
            b"\xfe",
            "the server wants a password of before MySQL 4.1, which is not safe: set the user's password anew",
        ),
        (b"\x02", "the server sent a packet that is not expected there"),
        (
            b"\xff\x15\x04#28000Access denied for user 'joe' hunter2",
            "access denied: user or password is wrong, or the user may not log in from here, or only with TLS (1045: Access denied \
             for user 'joe' ***)",
        ),
        (
            b"\xff\x57\x0c#HY000Connections using insecure transport are prohibited",
            "the server wants TLS: set tls: verified (3159: Connections using insecure transport are prohibited)",
        ),
    ] {
        let error = tried(Listening::tcp().await, async |fake| {
            fake.greet("mysql_native_password").await;
            fake.send(switch).await;
        });
        let error = error.await.expect_err("it does not log in");
        assert_eq!(error, format!("HERE: {expected}"));
        assert!(error.len() < 256);
    }
}

#[tokio::test]
async fn replication_has_the_names_of_all_versions() {
    let columns = &[
        "Slave_IO_Running",
        "Seconds_Behind_Source",
        "Last_Error",
        "Last_Errno",
        "Relay_Log_Space",
    ];
    let error = "Error 'Duplicate entry' on query. Default database: 'x'. Query: 'INSERT secret'";
    let row = vec![Some("Yes"), None, Some(error), Some("1062"), Some("512")];
    let serve = async |replica| {
        let found = tried(Listening::tcp().await, async |fake| {
            fake.greet("mysql_native_password").await;
            fake.serve(&[["Slave_open_temp_tables", "3"]], replica).await;
        });
        found.await.expect("it logs in")
    };
    let found = serve(Replica::Rows(columns, vec![row.clone()])).await;
    for (name, expected) in [
        ("replication.slave_io_running", "Yes"),
        ("replication.last_error", "Error 'Duplicate entry' on query. Default database: 'x'."),
        ("replication.last_errno", "1062"),
        ("replication.relay_log_size", "512"),
        ("replication.slave_open_temp_tables", "3"),
    ] {
        assert_eq!(value(&found, name).as_deref(), Some(expected), "{name}");
    }
    let null = "the server returned NULL: replication does not run";
    assert_eq!(absent(&found, "replication.seconds_behind_master"), Some(null));
    assert!(!format!("{found:?}").contains("INSERT"), "the statement is nobody's business");
    let found = serve(Replica::Rows(columns, vec![row.clone(), row])).await;
    let two = "the server replicates from 2 servers, and these values are of one";
    assert_eq!(absent(&found, "replication.last_errno"), Some(two));
    let found = serve(Replica::Error(b"\xff\xcb\x04#42000Access denied")).await;
    let denied =
        "the user may not see replication: grant it REPLICATION CLIENT, in MariaDB REPLICA MONITOR";
    assert_eq!(absent(&found, "replication.last_errno"), Some(denied));
}

#[tokio::test]
async fn what_is_no_mysql_is_told_from_a_server_that_refuses() {
    let nothing = "HERE: what answers there is neither MySQL nor MariaDB: correct host and port";
    for (sent, expected) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], nothing),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", nothing),
        (b"\x05\0\0\0\x09old\0", nothing),
        (b"\0\0\0\0", nothing),
        (b"\xff\xff\xff\0", nothing),
        (b"\x40\0\0\0\x0a8.4", "HERE: the server closed the connection"),
        (b"", "HERE: the server closed the connection"),
        (
            b"\x17\0\0\0\xff\x10\x04Too many connections",
            "HERE: too many connections: raise max_connections, or close some (1040: Too many connections)",
        ),
        (
            b"\x0f\0\0\0\xff\x6a\x04Host 'x' is ",
            "HERE: this machine may not connect: create the user for it, as NAME@HOST (1130: Host 'x' is )",
        ),
    ] {
        let error = tried(Listening::tcp().await, async |fake| {
            fake.0.send(sent).await.expect("the check listens");
        });
        assert_eq!(error.await, Err(expected.to_owned()), "{sent:?}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_or_too_much_is_given_up() {
    let late = "HERE: connected, but no answer within 0.5 s: the server hangs, or another one listens there";
    let silent = tried(Listening::tcp().await, async |fake| silence(fake.0).await).await;
    assert_eq!(silent, Err(late.to_owned()));
    let head = tried(Listening::tcp().await, async |fake| {
        fake.greet("mysql_native_password").await;
        fake.0.send(b"\xff\xff\xff\x02\0").await.expect("the check listens");
    });
    let long = "HERE: a packet of the server has 16777215 bytes, and 262144 are read at most";
    assert_eq!(head.await, Err(long.to_owned()));
    let rows = tried(Listening::tcp().await, async |fake| {
        fake.greet("mysql_native_password").await;
        fake.send(OK).await;
        fake.receive().await;
        fake.table(&["a", "b"], &vec![vec![Some("x"), Some("1")]; 300]).await;
    });
    let odd = "HERE: the server sent a packet that is not expected there";
    assert_eq!(rows.await, Err(odd.to_owned()));
    let order = tried(Listening::tcp().await, async |fake| {
        fake.greet("mysql_native_password").await;
        fake.1 = 9;
        fake.send(OK).await;
    });
    assert_eq!(order.await, Err(odd.to_owned()));
}

#[tokio::test]
async fn tls_that_is_wanted_and_not_offered_is_an_error() {
    let serve = async |stream: &mut Stream| Fake(stream, 0).send(&greeting("x")).await;
    let details = [("user", "joe"), ("tls", "verified")];
    let error = run(&TYPE, Listening::tcp().await, &details, serve).await;
    let expected = "HERE: the server offers no TLS: set it up there, or set tls: off";
    assert_eq!(error, Err(expected.to_owned()));
}

/// A packet of any bytes is no more than an error.
#[tokio::test]
async fn damaged_greetings_are_errors() {
    let whole = greeting("caching_sha2_password");
    for end in 1..whole.len() {
        let listening = Listening::tcp().await;
        let error = tried(listening, async |fake| {
            fake.send(&whole[..end]).await;
        });
        assert!(error.await.is_err(), "{end}");
    }
}

const CHALLENGE: &[u8] = b"abcdefghijklmnopqrst";
const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const END: &[u8] = &[0xfe, 0, 0, 2, 0];
