//! A program of the folder that is handed a text, and whose output means nothing.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::unix::pipe::Sender;
use tokio::time::timeout;

use super::process::{Lines, Process, Start, TooMuch};
use super::{AFTER_END, file, how_it_ended};
use crate::blocking::Purpose;
use crate::check::asking::in_turn;

/// Runs a program of the folder of plugins once, with this on its standard input. What it prints is thrown away, but
/// for the last line of its standard error where it fails. The error is a sentence.
pub async fn hand_over(
    folder: &Path,
    name: &str,
    args: &[String],
    variables: &[(String, String)],
    input: &str,
    limit: Duration,
) -> Result<(), String> {
    let run = async {
        let (place, of) = (folder.to_owned(), name.to_owned());
        let found = in_turn(Purpose::Plugins, move || file::find(&place, &of)).await;
        let program = found.map_err(|refused| refused.to_string())??.path;
        let cannot = |error: io::Error| file::cannot_run(&program, &error);
        let (its_input, sender) = io::pipe().map_err(cannot)?;
        let sender = Sender::from_owned_fd(sender.into()).map_err(cannot)?;
        let (args, variables) = (args.to_vec(), variables.to_vec());
        let input_end = Some(Arc::new(its_input));
        let process = Process::start(Start { program, args, variables, input: input_end }).await?;
        watched(process, sender, input).await
    };
    let late = || Err(format!("{name} timed out after {} s", limit.as_secs_f64()));
    // What it started is ended with it.
    timeout(limit, run).await.unwrap_or_else(|_| late())
}

/// Reads to the end, and keeps the last line.
async fn read_last(errors: &mut Lines, last: &mut String) {
    loop {
        match errors.next().await {
            Ok(Some(line)) => *last = String::from_utf8_lossy(&line).into_owned(),
            Ok(None) | Err(TooMuch::Output) => return,
            Err(TooMuch::Line) => {}
        }
    }
}

async fn watched(process: Process, sender: Sender, input: &str) -> Result<(), String> {
    let Process { mut group, mut output, mut errors } = process;
    let mut last = String::new();
    let writing = async {
        let mut rest = input.as_bytes();
        while !rest.is_empty() {
            // It may end without having read all.
            if sender.writable().await.is_err() {
                break;
            }
            match sender.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        drop(sender);
        pending::<Infallible>().await
    };
    let printing = async {
        while !matches!(output.next().await, Ok(None)) {
            output.forget_bytes();
        }
        pending::<Infallible>().await
    };
    let complaining = async {
        read_last(&mut errors, &mut last).await;
        pending::<Infallible>().await
    };
    let status = tokio::select! {
        biased;
        never = complaining => match never {},
        never = printing => match never {},
        never = writing => match never {},
        status = group.ended() => status,
    };
    // All of its group has ended with it. Only what left the group may hold the pipe.
    let _ = timeout(AFTER_END, read_last(&mut errors, &mut last)).await;
    match status.exit_status() {
        Some(0) => Ok(()),
        _ if last.is_empty() => Err(how_it_ended(status)),
        _ => Err(format!("{}: {last}", how_it_ended(status))),
    }
}
