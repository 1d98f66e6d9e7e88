pub mod played;

use std::cell::Cell;
use std::rc::Rc;

use tokio::task::LocalSet;

use self::played::{Asked, Played, json};
use super::*;

/// The connection and the line of each request, and which of them had the token.
fn told(asked: Vec<Asked>) -> Vec<(usize, String, bool)> {
    asked.into_iter().map(|of| (of.connection, of.line, of.has_token)).collect()
}

fn expected(of: &[(usize, &str, bool)]) -> Vec<(usize, String, bool)> {
    of.iter().map(|(number, line, has)| (*number, (*line).to_owned(), *has)).collect()
}

async fn client(of: &Played) -> Client {
    Client::new(of.api.clone()).await.expect("it has a token")
}

#[tokio::test]
async fn each_connection_is_greeted_before_the_token_goes_over_it() {
    let test = async {
        // The first connection is closed after its answer, without a word of that before.
        let played = Played::start(|asked| {
            let closes = asked.line.starts_with("GET ") && asked.connection == 0;
            (json(asked, "a", "{}"), closes)
        });
        let played = played.await;
        let client = client(&played).await;
        for _ in 0..3 {
            assert!(client.get("/agent").await.is_ok());
        }
        let requests = [
            (0, "HEAD /", false),
            (0, "GET /agent", true),
            (1, "HEAD /", false),
            (1, "GET /agent", true),
            (1, "GET /agent", true),
        ];
        assert_eq!(told(played.asked()), expected(&requests));
    };
    LocalSet::new().run_until(test).await;
}

/// Between two requests of a client, of which none has failed.
#[tokio::test]
async fn who_takes_the_port_between_two_requests_gets_no_token() {
    let test = async {
        let mark = Rc::new(Cell::new("a"));
        let shown = mark.clone();
        let played = Played::start(move |asked| {
            (json(asked, shown.get(), "{}"), asked.line.starts_with("GET "))
        });
        let played = played.await;
        let client = client(&played).await;
        assert!(client.get("/agent").await.is_ok());
        played.asked();
        mark.set("b");
        let why = client.get("/agent").await.expect_err("it is another one").text;
        assert!(why.starts_with("another agent answers at 127.0.0.1:"), "{why}");
        let mut take = async |_: &[u8]| true;
        assert!(client.follow("/values/stream", &[], &mut take).await.is_err());
        assert!(client.send(&Method::POST, "/flush", None, PATIENCE).await.is_err());
        let heads = [(1, "HEAD /", false), (2, "HEAD /", false), (3, "HEAD /", false)];
        assert_eq!(told(played.asked()), expected(&heads));
        mark.set("a");
        assert!(client.get("/agent").await.is_ok(), "it is back");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn who_shows_no_mark_gets_no_token_not_even_at_first() {
    let test = async {
        for status in ["200 OK", "404 Not Found", "503 Service Unavailable"] {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            let played = Played::start(move |_| (answer.clone(), false)).await;
            let why = client(&played).await.get("/agent").await.expect_err("it has no mark");
            let ApiAddress::Tcp(address) = played.api.address else { panic!("it is a port") };
            let said = format!(
                "what answers at {address} does not say that it is an agent ({status}), and has not got the token: name the address that the agent has in --api"
            );
            assert_eq!((why.text, why.is_nobody), (said, false));
            assert_eq!(told(played.asked()), expected(&[(0, "HEAD /", false)]));
            // Who has no token keeps no secret.
            let client = Client::without_token(played.api.clone());
            assert!(client.get("/agent").await.is_ok());
            assert_eq!(told(played.asked()), expected(&[(1, "GET /agent", false)]));
        }
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn an_agent_with_too_many_connections_gets_no_token_and_is_named_as_such() {
    let test = async {
        let full = "HTTP/1.1 503 Service Unavailable\r\nX-Agent: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let played = Played::start(move |_| (full.to_owned(), true)).await;
        let why = client(&played).await.get("/agent").await.expect_err("it has no room").text;
        let ApiAddress::Tcp(address) = played.api.address else { panic!("it is a port") };
        let said = format!("the agent at {address} answered 503: too many connections are open");
        assert_eq!(why, said);
        assert_eq!(told(played.asked()), expected(&[(0, "HEAD /", false)]));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_change_is_not_sent_twice_and_a_question_is() {
    let test = async {
        // The second request of a connection is read, and not answered.
        let seen = Rc::new(Cell::new(0));
        let played = Played::start(move |asked| {
            seen.set(seen.get() + 1);
            let is_cut = matches!(seen.get(), 3 | 6);
            (if is_cut { String::new() } else { json(asked, "a", "{}") }, is_cut)
        });
        let played = played.await;
        let client = client(&played).await;
        assert!(client.get("/agent").await.is_ok());
        assert!(client.get("/time").await.is_ok(), "it is asked again");
        assert!(client.send(&Method::POST, "/flush", None, PATIENCE).await.is_err());
        let requests = [
            (0, "HEAD /", false),
            (0, "GET /agent", true),
            (0, "GET /time", true),
            (1, "HEAD /", false),
            (1, "GET /time", true),
            (1, "POST /flush", true),
        ];
        assert_eq!(told(played.asked()), expected(&requests));
    };
    LocalSet::new().run_until(test).await;
}
