//! Connections without a network, in a time that is not real.

use std::cell::{Cell, RefCell};

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;

use super::*;
use crate::api::limits::ANSWER_TIME;
use crate::api::tokens::Tokens;
use crate::model::Secret;

fn server(tokens: &[(&str, Scope)]) -> Rc<Server> {
    let mut known = Tokens::default();
    for (token, scope) in tokens {
        known.add(&Secret((*token).to_owned()), *scope);
    }
    let state = Rc::new(State::for_tests());
    let tokens = Rc::new(RefCell::new(known));
    let access = Access { tokens, keystone: None, is_unix: false, has_client_ca: false };
    Rc::new(Server { state, access, names: Vec::new(), tls: None })
}

/// What is answered to this until the connection is closed, and how long that took.
async fn exchange(server: &Rc<Server>, sent: &str) -> (String, Duration) {
    let (mut client, socket) = duplex(1 << 20);
    let start = Instant::now();
    let talking = async {
        client.write_all(sent.as_bytes()).await.expect("there is room");
        let mut answer = String::new();
        let _ = client.read_to_string(&mut answer).await;
        answer
    };
    let ((), answer) =
        tokio::join!(connection(server.clone(), Box::new(socket), Rc::default()), talking);
    (answer, start.elapsed())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_is_given_up() {
    let server = server(&[]);
    for sent in ["", "GET /", "GET / HTTP/1.1\r\nHost: loc"] {
        assert_eq!(exchange(&server, sent).await, (String::new(), HEAD_TIME), "{sent:?}");
    }
    // So is the next one of a connection that is kept.
    let (answer, took) = exchange(&server, &get("/time")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(took, HEAD_TIME);
    assert_eq!(server.state.counts.connections.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_a_byte_at_a_time_has_the_same_time() {
    let (mut client, socket) = duplex(64);
    let start = Instant::now();
    let server = server(&[]);
    let dripping = async {
        while client.write_all(b"x").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::join!(connection(server, Box::new(socket), Rc::default()), dripping);
    assert!(start.elapsed() <= HEAD_TIME + Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn half_a_body_is_given_up_and_told() {
    let server = server(&[]);
    let half = "GET /time HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf";
    let (answer, took) = exchange(&server, half).await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.contains("the body of the request has not come within 10 s"), "{answer}");
    // The client has not closed either.
    assert_eq!(took, BODY_TIME + CLOSE_TIME);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_given_up() {
    let (mut client, socket) = duplex(1000);
    let server = server(&[]);
    let start = Instant::now();
    let sending = async {
        client.write_all(get("/openapi.json").as_bytes()).await.expect("there is room");
    };
    tokio::join!(connection(server.clone(), Box::new(socket), Rc::default()), sending);
    assert_eq!(start.elapsed(), ANSWER_TIME);
    assert_eq!(server.state.counts.requests.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_request_too_many_is_told_and_the_connection_is_kept() {
    let server = server(&[]);
    server.state.counts.requests.set(REQUESTS);
    let (answer, took) = exchange(&server, &get("/time")).await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert_eq!(took, HEAD_TIME);
    server.state.counts.requests.set(REQUESTS - 1);
    let (answer, _) = exchange(&server, &get("/time")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(server.state.counts.requests.get(), REQUESTS - 1);
    assert_eq!(server.state.counts.answers.each_ref().map(Cell::get), [1, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn health_is_told_by_how_long_ago_the_last_sample_was() {
    let server = server(&[]);
    let status = async |path: &str| {
        let (answer, _) = exchange(&server, &get(path)).await;
        answer.split(' ').nth(1).map(str::to_owned)
    };
    assert_eq!(status("/healthz").await.as_deref(), Some("200"), "it has just been started");
    assert_eq!(status("/readyz").await.as_deref(), Some("503"), "there is no value yet");
    server.state.latest.borrow_mut().sampled_at = Some(Instant::now());
    assert_eq!(status("/readyz").await.as_deref(), Some("200"));
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(status("/readyz").await.as_deref(), Some("503"));
    assert_eq!(status("/healthz").await.as_deref(), Some("200"), "it may pass");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(status("/healthz").await.as_deref(), Some("503"));
}

#[tokio::test(start_paused = true)]
async fn a_server_ends_at_once_with_all_of_its_connections() {
    let folder = support::folder::Folder::of(&[]);
    let path = folder.path("api.sock");
    let listener = Listener::bind(&crate::config::ApiAddress::Unix((&*path).into())).await;
    let (stop, server) = (CancellationToken::new(), server(&[]));
    let Ok(server) = Rc::try_unwrap(server) else { panic!("it is the only one") };
    let tasks = tokio::task::LocalSet::new();
    let start = Instant::now();
    let running = tasks.run_until(async {
        let serving = run(server, listener.expect("the path is free"), stop.clone());
        let asking = async {
            let mut client = tokio::net::UnixStream::connect(&path).await.expect("it listens");
            client.write_all(get("/time").as_bytes()).await.expect("there is room");
            client.read_u8().await.expect("an answer");
            stop.cancel();
            let mut rest = Vec::new();
            let _ = client.read_to_end(&mut rest).await;
        };
        tokio::join!(serving, asking);
    });
    running.await;
    assert!(start.elapsed() < HEAD_TIME, "{:?}", start.elapsed());
}
