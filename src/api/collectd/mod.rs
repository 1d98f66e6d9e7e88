//! A socket for collectd's own clients, such as `collectdctl`: a line is a command, and each gets one answer.
//!
//! Protocol: collectd-unixsock(5) of collectd 5.12. Where collectd answers nothing, twice, or what is not so, this does
//! not: docs/control.md has the differences.

mod command;
mod identifier;
mod lines;
mod put;
mod read;
mod words;

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use log::{error, info};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::lines::{Line, Lines};
use super::limits::{ANSWER_TIME, CLOSE_TIME, REFUSALS};
use super::socket::Listener;
use super::state::State;
use crate::exchange::Connection;
use crate::shown::shown;

/// What all clients share.
struct Server {
    state: Rc<State>,
    /// One command at a time asks the registry of the checks: it takes few at once, and the API's are among them.
    turn: Mutex<()>,
}

/// What a command is answered: the text of the one line, or why it is not done. Some have lines below that.
type Answer = Result<String, String>;

/// Answers clients at this socket until `stop` is cancelled. The error says why that cannot be.
pub async fn run(state: &Rc<State>, path: &Path, stop: &CancellationToken) -> Result<(), String> {
    let listener = Listener::bind_unix("--collectd-socket ", path).await?;
    info!("clients of collectd are answered at {}", shown(&path.display().to_string()));
    let server = Rc::new(Server { state: state.clone(), turn: Mutex::default() });
    // They end with this.
    let (mut answering, mut refusing) = (JoinSet::new(), JoinSet::new());
    let mut is_failing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            Some(_) = answering.join_next() => continue,
            Some(_) = refusing.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(client) if answering.len() < CLIENTS => {
                answering.spawn_local(serve(server.clone(), client));
            }
            Ok(client) => {
                if refusing.len() < REFUSALS {
                    refusing.spawn_local(refuse(client));
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    error!(
                        "the socket for clients of collectd takes no connection: {error}; it is tried again"
                    );
                }
                // Most likely there is no descriptor to spare.
                sleep(PAUSE).await;
                continue;
            }
        }
        if std::mem::take(&mut is_failing) {
            info!("the socket for clients of collectd takes connections again");
        }
    }
}

/// Answers one client until it goes, or is silent or deaf for too long.
async fn serve(server: Rc<Server>, client: Box<dyn Connection>) {
    let (reading, mut writing) = tokio::io::split(client);
    let mut lines = Lines::of(reading);
    // What goes wrong with a client is for it alone.
    while let Ok(Ok(Some(line))) = timeout(SILENCE, lines.next()).await {
        let answer = match line {
            Line::Whole(text) => command::answer(&server, &text).await,
            Line::TooLong => {
                format!("-1 The line is too long: expected at most {} bytes.\n", lines::LONGEST)
            }
            Line::NoText => "-1 The line is no text in UTF-8.\n".to_owned(),
        };
        match timeout(ANSWER_TIME, writing.write_all(answer.as_bytes())).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

/// Tells a client that there are too many, as far as it listens. Only after it has asked: it would else be the
/// answer to nothing.
async fn refuse(mut client: Box<dyn Connection>) {
    let told = async {
        let _ = client.read(&mut [0; 512]).await?;
        let answer = format!("-1 Too many clients: at most {CLIENTS} are answered at once.\n");
        client.write_all(answer.as_bytes()).await
    };
    let _: Option<io::Result<()>> = timeout(CLOSE_TIME, told).await.ok();
}

/// Clients that are answered at once. One above it is told so, and closed.
const CLIENTS: usize = 16;

/// For a whole line to come. Then the connection is closed.
const SILENCE: Duration = Duration::from_secs(300);

/// Before it is tried again to take a connection, where that has failed.
const PAUSE: Duration = Duration::from_millis(200);
