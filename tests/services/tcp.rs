//! `remote.tcp`, with nginx.

use support::server::free_port;

use crate::program::{Ran, check};
use crate::web::Nginx;

fn run(host: &str, port: u16, args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let (host, port) = (format!("host={host}"), format!("port={port}"));
    check(&[&["remote.tcp", &*host, &*port], args].concat(), variables)
}

#[test]
fn a_port_is_open_and_answers_with_and_without_tls() {
    let nginx = Nginx::start();
    let root = nginx.authority.root();
    let trusted = [("SSL_CERT_FILE", &*root)];
    let ran = run("127.0.0.1", nginx.plain, &[], &[]).available();
    assert!(ran.number("duration") >= ran.number("tt_connect"));
    assert_eq!(ran.absent("banner"), "neither send_body nor banner_match is set in details");
    let asked = ["send_body=GET / HTTP/1.0\\r\\n\\r\\n", "banner_match=^HTTP/1.1 200 OK"];
    let ran = run("127.0.0.1", nginx.plain, &asked, &[]).available();
    assert!(ran.text("banner").starts_with("HTTP/1.1 200 OK\r\nServer: nginx/"), "{ran:?}");
    assert!(ran.number("tt_firstbyte") >= ran.number("tt_connect"));
    let tls = [&asked[..], &["tls=yes"]].concat();
    run("localhost", nginx.tls, &tls, &trusted).available();
    let ran = run("localhost", nginx.tls, &tls, &[]);
    assert!(ran.unavailable().contains("is not trusted"), "{ran:?}");
    run("localhost", nginx.tls, &[&tls[..], &["verify=no"]].concat(), &[]).available();
    let ran = run("localhost", nginx.plain, &tls, &trusted);
    assert!(ran.unavailable().starts_with("no TLS at this port"), "{ran:?}");
}

#[test]
fn a_port_that_is_closed_or_says_something_else_is_unavailable() {
    let nginx = Nginx::start();
    let port = free_port();
    let ran = run("127.0.0.1", port, &[], &[]);
    assert!(
        ran.unavailable().starts_with(&format!("127.0.0.1:{port} refused the connection")),
        "{ran:?}"
    );
    let ran =
        run("127.0.0.1", nginx.plain, &["send_body=x\\r\\n\\r\\n", "banner_match=^220 "], &[]);
    let start = "banner_match is not in what the server says, which begins with \"HTTP/1.1 400 ";
    assert!(ran.unavailable().starts_with(start), "{ran:?}");
}
