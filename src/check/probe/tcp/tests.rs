//! Ports that a thread answers at.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::thread;

use super::*;
use crate::check::system::tests::{absent, assert_complete, number, text};
use crate::check::tests::open;

/// The port of a server that waits for this, says that, and ends what it says.
fn server(waits_for: &'static [u8], says: &'static [&'static [u8]]) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut asked = vec![0; waits_for.len()];
        stream.read_exact(&mut asked).expect("a question");
        assert_eq!(asked, waits_for);
        for piece in says {
            // The client may have had enough.
            let _ = stream.write_all(piece);
        }
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read(&mut [0; 16]);
    });
    port
}

async fn run(port: &str, details: &[(&str, &str)]) -> Result<Findings, String> {
    let details = [&[("host", "127.0.0.1"), ("port", port)], details].concat();
    let found = open(&TYPE, &details).run().await;
    found.inspect(|found| assert_complete(&TYPE, found))
}

#[tokio::test]
async fn a_connection_is_enough_where_nothing_is_waited_for() {
    let found = run(&server(b"", &[]), &[]).await.expect("it listens");
    assert!(number(&found, "duration") >= number(&found, "tt_connect"));
    for name in ["banner", "tt_firstbyte"] {
        assert_eq!(absent(&found, name), "neither send_body nor banner_match is set in details");
    }
}

#[tokio::test]
async fn a_banner_may_come_in_pieces_and_is_shown_in_part() {
    let port = server(b"", &[b"220 mail", b".example ESMTP\r\n"]);
    let found = run(&port, &[("banner_match", "^220 .*ESMTP")]).await.expect("it matches");
    assert_eq!(text(&found, "banner"), "220 mail.example ESMTP\r\n");
    let times = ["tt_connect", "tt_firstbyte", "duration"].map(|name| number(&found, name));
    assert!(times.is_sorted(), "{times:?}");
    let found =
        run(&server(b"", &[&[b'x'; 500]]), &[("banner_match", "x")]).await.expect("it does");
    assert_eq!(text(&found, "banner").len(), 80);
}

#[tokio::test]
async fn what_is_sent_is_answered() {
    let port = server(b"PING\r\n\x1b\\", &[b"+PONG\r\n"]);
    let found = run(&port, &[("send_body", r"PING\r\n\x1b\\")]).await.expect("it answers");
    assert_eq!(text(&found, "banner"), "+PONG\r\n");
    for text in [r"\", r"\q", r"\x1", r"\xg0", r"\xé"] {
        assert!(
            run("1", &[("send_body", text)])
                .await
                .is_err_and(|error| error.starts_with("send_body: "))
        );
    }
}

#[tokio::test]
async fn what_is_not_expected_is_an_error_that_shows_it() {
    let pattern = [("banner_match", "^220")];
    let error = run(&server(b"", &[b"554 no"]), &pattern).await.expect_err("it does not match");
    assert_eq!(error, "banner_match is not in what the server says, which begins with \"554 no\"");
    let error = run(&server(b"", &[&[b'x'; 4096]]), &pattern).await.expect_err("it is too long");
    assert!(error.starts_with("banner_match is not in what the server says"), "{error}");
    let error = run(&server(b"", &[]), &pattern).await.expect_err("it is silent");
    assert_eq!(error, "the server closed the connection and said nothing");
    let error = open(&TYPE, &[("host", "http://h"), ("port", "1")]).run().await;
    assert!(error.is_err_and(|error| error.starts_with("host \"http://h\": expected a name")));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_is_waited_for_until_the_timeout() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port().to_string();
    let details = [("host", "127.0.0.1"), ("port", &*port), ("banner_match", "x")];
    let mut check = open(&TYPE, &details);
    let waited = tokio::time::timeout(std::time::Duration::from_secs(3600), check.run()).await;
    assert!(waited.is_err());
    assert_eq!(check.awaited(), Some("the first byte from the server"));
}
