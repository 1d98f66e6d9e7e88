//! `ctl`: shows and changes what an agent that runs does, through its API.

mod asked;
mod changes;
mod collection;
mod events;
mod list;
mod request;
mod show;
mod stream;
mod time;

use std::time::Duration;

use serde_json::Value;

use self::asked::requests;
use self::events::Events;
pub use self::list::all;
pub use self::request::no_address;
use self::request::{Request, source_of_writes};
use self::show::{Shown, shown_as};
pub use self::stream::Stream;
use crate::client::{Answer, Client, PATIENCE, Unanswered, encoded};
use crate::clock::now_ms;
use crate::config::cli::Cli;
use crate::config::{AgentApi, DISCARD_CHANGES, Output, Problems, arguments};
use crate::shown::shown;
use crate::verb::{CHECKS, Does, OF_BUFFER, OF_VALUE, RELOAD, Verb};

/// What `ctl` is to do.
pub struct Ctl {
    api: AgentApi,
    verb: &'static Verb,
    arguments: Vec<String>,
    output: Output,
    /// Who changes something and why, as the API takes it.
    by: String,
    events: Events,
    /// All that is sent, where that is known before anything is asked.
    requests: Vec<Request>,
}

/// What has come of it.
#[derive(Default)]
pub struct Told {
    /// For standard output.
    pub text: Option<String>,
    /// What is wrong, for standard error.
    pub complaint: Option<String>,
    pub code: u8,
}

impl Told {
    pub fn of(text: String) -> Self {
        Self { text: Some(text), ..Self::default() }
    }

    pub fn failed(complaint: String, code: u8) -> Self {
        Self { text: None, complaint: Some(complaint), code }
    }
}

/// No answer has come.
impl From<Unanswered> for Told {
    fn from(Unanswered { text, .. }: Unanswered) -> Self {
        Self::failed(text, UNANSWERED)
    }
}

impl Ctl {
    /// What the command line asks for, or every problem in it.
    pub fn new(cli: &Cli, verb: &'static Verb, arguments: &[String]) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let api = AgentApi::new(cli, &mut problems);
        if api.is_none() && problems.is_empty() {
            problems.of_several(no_address());
        }
        let events = Events::new(cli, verb, now_ms(), &mut problems);
        let mut by = source_of_writes(cli);
        if verb.does == RELOAD && cli.is_switched_on(DISCARD_CHANGES) {
            by += "&discard_changes=true";
        }
        let requests = requests(verb, arguments, &by).unwrap_or_else(|wrong| {
            wrong.into_iter().for_each(|text| problems.of_several(text));
            Vec::new()
        });
        let output = arguments::output_of(cli);
        let (api, output) = match (api, output) {
            (Some(api), Ok(output)) if problems.is_empty() => (api, output),
            (_, output) => {
                let others = output.err();
                let others = others.iter().flat_map(Problems::iter).map(str::to_owned);
                others.collect::<Vec<_>>().into_iter().for_each(|text| problems.of_several(text));
                return Err(problems);
            }
        };
        let arguments = arguments.to_vec();
        Ok(Self { api, verb, arguments, output, by, events, requests })
    }

    /// Asks the agent.
    pub async fn run(self) -> Told {
        let client = match Client::new(self.api.clone()).await {
            Ok(client) => client,
            Err(why) => return Told::failed(why, WRONG_USE),
        };
        let told = match self.verb.does {
            Does::Run => self.run_check(&client).await,
            Does::Checks => list::checks(&client, self.output).await,
            Does::Add => self.add(&client, CHECKS, "a check").await,
            Does::List(of) if self.arguments.first().is_some_and(|first| first == "add") => {
                self.add(&client, of.path, of.one).await
            }
            Does::Events if !self.arguments.is_empty() => {
                self.add(&client, "/events", "an event").await
            }
            Does::Events => events::run(&self.events, &client, self.output).await,
            Does::Time => time::run(&client, self.output, &self.arguments, &self.by).await,
            Does::List(of) if self.arguments.is_empty() => {
                list::run(&client, of.path, of.columns, self.output).await
            }
            Does::Values if self.arguments.is_empty() => {
                list::run(&client, "/values", OF_VALUE, self.output).await
            }
            Does::Buffer if self.arguments.is_empty() => {
                list::run(&client, "/buffer", OF_BUFFER, self.output).await
            }
            _ => return self.send(&client, self.requests.iter()).await,
        };
        told.unwrap_or_else(Told::from)
    }

    /// Sends each, also after one that was refused. Where no answer comes, none would come to the others.
    async fn send(&self, client: &Client, requests: impl Iterator<Item = &Request>) -> Told {
        let (mut texts, mut complaints, mut code) = (Vec::new(), Vec::new(), 0);
        let mut is_changed = false;
        for request in requests {
            let Request { method, path, body, patience, .. } = request;
            let answer = match client.send(method, path, body.as_ref(), *patience).await {
                Ok(answer) => answer,
                Err(Unanswered { text, .. }) => {
                    complaints.push(text);
                    code = UNANSWERED;
                    break;
                }
            };
            if !answer.status.is_success() {
                complaints.push(refused(client, &answer));
                code = REFUSED;
                continue;
            }
            is_changed |= request.is_kept();
            let Shown { text, is_failed } = shown_as(&request.show, &answer, self.output);
            texts.extend(text);
            if is_failed {
                code = REFUSED;
            }
        }
        if is_changed && self.output == Output::Text && is_forgotten(client).await {
            complaints.push(FORGOTTEN.to_owned());
        }
        let joined = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.join("\n"));
        Told { text: joined(texts), complaint: joined(complaints), code }
    }

    /// A run may take as long as the check's timeout, and so may one that is under way.
    async fn run_check(&self, client: &Client) -> Result<Told, Unanswered> {
        let Some(id) = self.arguments.first() else { return Ok(Told::default()) };
        if id.trim_start().starts_with('{') {
            return self.run_described(client, id).await;
        }
        let check = client.get(&format!("{CHECKS}/{}", encoded(id))).await?;
        if !check.status.is_success() {
            return Ok(Told::failed(refused(client, &check), REFUSED));
        }
        let request = Request::test(id, &self.by, patience(&check.json()));
        Ok(self.send(client, [&request].into_iter()).await)
    }

    /// Runs what the argument describes.
    async fn run_described(&self, client: &Client, json: &str) -> Result<Told, Unanswered> {
        let body = match changes::read(json, "run", "a check").await {
            Ok(body) => body,
            Err(why) => return Ok(Told::failed(why, WRONG_USE)),
        };
        let patience = patience(&body);
        let request = Request::test_new(body, &self.by, patience);
        Ok(self.send(client, [&request].into_iter()).await)
    }

    /// Sends what the last argument has, or the file of this name, to be one more of a path.
    async fn add(&self, client: &Client, path: &str, one: &str) -> Result<Told, Unanswered> {
        let named = self.arguments.last().map(String::as_str).unwrap_or_default();
        let verb = match self.verb.does {
            Does::Add => "add".to_owned(),
            _ => format!("{} add", self.verb.name),
        };
        let body = match changes::read(named, &verb, one).await {
            Ok(body) => body,
            Err(why) => return Ok(Told::failed(why, WRONG_USE)),
        };
        let request = Request::add(path, body, &self.by);
        Ok(self.send(client, [&request].into_iter()).await)
    }
}

/// Whether the agent loses at a restart what was changed. One that does not say so is believed to keep it.
async fn is_forgotten(client: &Client) -> bool {
    let answer = client.get("/agent").await;
    answer.is_ok_and(|answer| answer.json()["kept"] == false)
}

/// Said beside what was done.
const FORGOTTEN: &str =
    "this lasts until the agent restarts: start it with --state FOLDER to keep such changes";

/// Why the agent has refused something: its message, and what it says beside it, a line each.
fn refused(client: &Client, answer: &Answer) -> String {
    let mut lines = vec![client.refusal(answer)];
    let body = answer.json();
    let plain = |value: &Value| match value {
        Value::String(text) => shown(text),
        other => shown(&other.to_string()),
    };
    match &body["details"] {
        Value::Object(details) => {
            for (name, value) in details {
                match value {
                    Value::Array(all) if name == "problems" => lines.extend(all.iter().map(plain)),
                    value => lines.push(format!("{}: {}", shown(name), plain(value))),
                }
            }
        }
        Value::String(text) if !text.is_empty() => lines.push(shown(text)),
        _ => {}
    }
    lines.join("\n")
}

/// How long the result of a check may take: there may be a run under way before it.
fn patience(check: &Value) -> Duration {
    let timeout = check["timeout"].as_f64().unwrap_or(USUAL_TIMEOUT);
    PATIENCE + Duration::from_secs_f64(timeout.clamp(0.0, LONGEST_TIMEOUT)) * 2
}

/// What a check has where nothing is set, in seconds.
const USUAL_TIMEOUT: f64 = 30.0;

/// The agent has refused it or failed.
pub const REFUSED: u8 = 1;
pub const WRONG_USE: u8 = 2;
pub const UNANSWERED: u8 = 3;

/// More than any check has, in seconds.
const LONGEST_TIMEOUT: f64 = 3600.0;
