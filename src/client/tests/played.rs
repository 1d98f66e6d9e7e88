//! A port at which no agent answers, but a test.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn_local};

use crate::config::{AgentApi, ApiAddress};
use crate::model::Secret;

/// What answers, until it is dropped.
pub struct Played {
    pub api: AgentApi,
    listening: JoinHandle<()>,
    asked: Rc<RefCell<Vec<Asked>>>,
}

/// A request, with the number of its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub connection: usize,
    /// The first line without the version of HTTP.
    pub line: String,
    pub has_token: bool,
}

/// The answer to the nth request of all, as it goes over the wire, and whether the connection is closed after it.
pub type Answer = (String, bool);

impl Played {
    /// Answers with what is made of a request. In a `LocalSet`.
    pub async fn start(answer: impl Fn(&Asked) -> Answer + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = ApiAddress::Tcp(listener.local_addr().expect("it is bound"));
        let token = Some(Secret("good-token-of-a-test".to_owned()));
        let api = AgentApi { address, certificate: None, token, token_file: None };
        let asked = Rc::<RefCell<Vec<Asked>>>::default();
        let (told, answer) = (asked.clone(), Rc::new(answer));
        let listening = spawn_local(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (told, answer) = (told.clone(), answer.clone());
                spawn_local(async move { serve(stream, connection, &told, &*answer).await });
            }
        });
        Self { api, listening, asked }
    }

    /// All requests since this was asked last.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.take()
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Answers what comes over a connection, which has no bodies.
async fn serve(
    mut stream: TcpStream,
    connection: usize,
    told: &RefCell<Vec<Asked>>,
    answer: &dyn Fn(&Asked) -> Answer,
) {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    loop {
        while let Some((head, rest)) = text.split_once("\r\n\r\n") {
            let line = head.split(" HTTP/").next().unwrap_or_default().to_owned();
            let has_token = head.to_lowercase().contains("\r\nauthorization: ");
            let asked = Asked { connection, line, has_token };
            text = rest.to_owned();
            let (answer, closes) = answer(&asked);
            told.borrow_mut().push(asked);
            if stream.write_all(answer.as_bytes()).await.is_err() || closes {
                return;
            }
        }
        match stream.read(&mut bytes).await {
            Ok(count) if count > 0 => text += &String::from_utf8_lossy(&bytes[..count]),
            _ => return,
        }
    }
}

/// An answer with JSON, or to HEAD without it, by an agent that has this mark.
pub fn json(asked: &Asked, mark: &str, body: &str) -> String {
    let (length, body) = (body.len(), if asked.line.starts_with("HEAD ") { "" } else { body });
    format!("HTTP/1.1 200 OK\r\nX-Agent: {mark}\r\nContent-Length: {length}\r\n\r\n{body}")
}
