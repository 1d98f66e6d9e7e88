//! `ctl events`: what has happened, and what happens.

use hyper::header::HeaderName;
use serde_json::Value;

use super::list;
use super::show::{cell, table};
use super::stream::{Sent, Stream};
use super::{REFUSED, Told, UNANSWERED, refused};
use crate::client::{Client, Unanswered, encoded};
use crate::config::cli::Cli;
use crate::config::{FOLLOW, FROM, Output, Problems, SEVERITY};
use crate::printing::print;
use crate::query::moment;
use crate::verb::{Does, OF_EVENT, Verb};

/// Which events are shown.
#[derive(Debug, Default)]
pub struct Events {
    from_ms: Option<i64>,
    severity: Option<String>,
    /// Whether also those are shown that are still to come.
    is_followed: bool,
}

impl Events {
    pub fn new(cli: &Cli, verb: &Verb, now_ms: i64, problems: &mut Problems) -> Self {
        if verb.does != Does::Events {
            return Self::default();
        }
        let from_ms = problems.optional(cli, FROM, moment).map(|from| from.at(now_ms));
        let severity = cli.value(SEVERITY).map(|severity| severity.text);
        Self { from_ms, severity, is_followed: cli.is_switched_on(FOLLOW) }
    }

    fn query(&self, from_ms: Option<i64>) -> String {
        let from = from_ms.map(|ms| format!("from={}", ms.max(0)));
        let severity = self.severity.as_ref().map(|of| format!("severity={}", encoded(of)));
        let all: Vec<_> = from.into_iter().chain(severity).collect();
        if all.is_empty() { String::new() } else { format!("?{}", all.join("&")) }
    }
}

/// Lists events. Those to come are printed one by one; where it is asked from when on, all since then before them.
pub async fn run(events: &Events, client: &Client, output: Output) -> Result<Told, Unanswered> {
    let mut last = None;
    if !events.is_followed || events.from_ms.is_some() {
        let list =
            match list::all(client, &format!("/events{}", events.query(events.from_ms))).await? {
                Ok(list) => list,
                Err(complaint) => return Ok(Told::failed(complaint, REFUSED)),
            };
        let Some(values) = list.body["values"].as_array() else {
            return Ok(Told::failed(client.odd("values"), REFUSED));
        };
        if !events.is_followed {
            return Ok(Told::of(match output {
                Output::Json => list.text,
                Output::Text => table(values, OF_EVENT),
            }));
        }
        for event in values {
            if !print(line(event, &event.to_string(), output)).await {
                return Ok(Told { code: REFUSED, ..Told::default() });
            }
        }
        // So that none is missing between the list and the stream.
        last = values.last().map(|event| match &event["id"] {
            Value::String(id) => id.clone(),
            other => other.to_string(),
        });
    }
    follow(events, client, output, last).await
}

async fn follow(
    events: &Events,
    client: &Client,
    output: Output,
    last: Option<String>,
) -> Result<Told, Unanswered> {
    let address = &client.address;
    let mut told =
        Told::failed(format!("the agent at {address} has ended the stream of events"), UNANSWERED);
    let mut stream = Stream::default();
    let take = async |piece: &[u8]| {
        let Some(sent) = stream.events(piece) else {
            told = Told::failed(client.odd("data"), REFUSED);
            return false;
        };
        for Sent { kind, data } in sent {
            let text = match kind.as_str() {
                "gap" => match output {
                    Output::Text => "some events are missing here".to_owned(),
                    Output::Json => data,
                },
                _ => {
                    let event: Value = serde_json::from_str(&data).unwrap_or_default();
                    line(&event, &data, output)
                }
            };
            // Nobody reads it any more.
            if !print(text).await {
                told = Told { code: REFUSED, ..Told::default() };
                return false;
            }
        }
        true
    };
    let headers = last.map(|id| (LAST_EVENT_ID, id));
    let path = format!("/events/stream{}", events.query(None));
    let refusal = client.follow(&path, headers.as_slice(), take).await?;
    Ok(match refusal {
        Some(answer) => Told::failed(refused(client, &answer), REFUSED),
        None => told,
    })
}

/// An event on its line.
fn line(event: &Value, raw: &str, output: Output) -> String {
    if output == Output::Json {
        return raw.replace('\n', " ");
    }
    let cells = OF_EVENT.iter().map(|(_, name, form)| cell(&event[*name], *form));
    cells.collect::<Vec<_>>().join("  ")
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
