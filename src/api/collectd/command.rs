//! What is answered to a command.

use super::words::words;
use super::{Answer, Server, put, read};
use crate::shown::shown;

/// The whole answer to a line.
pub async fn answer(server: &Server, line: &str) -> String {
    match done(server, line).await {
        Ok(text) => format!("{text}\n"),
        Err(why) => format!("-1 {}\n", shown(&why)),
    }
}

async fn done(server: &Server, line: &str) -> Answer {
    let state = &server.state;
    let words = words(line)?;
    let Some((verb, rest)) = words.split_first() else {
        return Err("The line has no command.".to_owned());
    };
    let verb = verb.to_ascii_uppercase();
    if verb == "FLUSH" {
        // It may take a while, and the others need not wait for it.
        return read::flush(state, rest).await;
    }
    let _turn = server.turn.lock().await;
    match verb.as_str() {
        "GETVAL" => read::value(state, rest).await,
        "LISTVAL" => read::list(state, rest).await,
        "GETTHRESHOLD" => read::threshold(state, rest).await,
        "PUTVAL" => put::value(state, rest).await,
        "PUTNOTIF" => put::notification(state, rest).await,
        _ => Err(format!("Unknown command: {}", words[0])),
    }
}
