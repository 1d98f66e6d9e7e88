//! What is sent, and by whom.

use std::env;
use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use crate::client::{PATIENCE, encoded};
use crate::config::WHY;
use crate::config::cli::{Cli, variable};
use crate::verb::CHECKS;

/// A request, and how its answer is shown.
pub struct Request {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    pub patience: Duration,
    pub show: Show,
}

/// How an answer is shown to people.
#[derive(Debug, PartialEq, Eq)]
pub enum Show {
    /// This line: all that there is to say is that it is done.
    Done(String),
    /// The id of what was added.
    Added,
    /// Each field of an object.
    Fields,
    /// The results of a check.
    Results,
    /// What has changed in the configuration.
    Configured,
    /// What was published and written.
    Flushed,
    /// What came of a test, and why.
    Tried,
    /// What was taken of values, and what was not.
    Taken,
    /// All of it, indented where it is JSON.
    Whole,
}

impl Show {
    pub fn done(id: &str, what: &str) -> Self {
        Self::Done(format!("{id}: {what}"))
    }
}

impl Request {
    pub fn get(path: String, show: Show) -> Self {
        Self { method: Method::GET, path, body: None, patience: PATIENCE, show }
    }

    pub fn write(method: Method, path: String, show: Show) -> Self {
        Self { method, path, body: None, patience: PATIENCE, show }
    }

    pub fn test(id: &str, by: &str, patience: Duration) -> Self {
        let path = format!("{CHECKS}/{}/test{by}", encoded(id));
        Self { patience, ..Self::write(Method::POST, path, Show::Results) }
    }

    /// A run of what the body describes.
    pub fn test_new(body: Value, by: &str, patience: Duration) -> Self {
        let path = format!("/entities/self/test-check{by}");
        Self { patience, body: Some(body), ..Self::write(Method::POST, path, Show::Results) }
    }

    /// Whether it changes what an agent with `--state` still has after a restart.
    pub fn is_kept(&self) -> bool {
        let is_change = matches!(self.show, Show::Done(_) | Show::Added);
        let passes = ["/values", "/events", "/buffer"];
        is_change && !passes.iter().any(|path| self.path.starts_with(path))
    }

    pub fn add(path: &str, body: Value, by: &str) -> Self {
        let request = Self::write(Method::POST, format!("{path}{by}"), Show::Added);
        Self { body: Some(body), ..request }
    }
}

/// Who changes something and why, as the query of a request.
pub fn source_of_writes(cli: &Cli) -> String {
    let name = |name| env::var(name).ok().filter(|name| !name.trim().is_empty());
    let who = name("USER").or_else(|| name("LOGNAME"));
    let who = who.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let why = cli.value(WHY).filter(|why| !why.text.trim().is_empty());
    let why = why.map(|why| format!("&_why={}", encoded(&why.text))).unwrap_or_default();
    format!("?_who={}{why}", encoded(&who))
}

/// What is said where no agent is named.
pub fn no_address() -> String {
    format!(
        "--api is missing: name the address that the agent has in --api, as in unix:/run/agent.sock, or set {}",
        variable(crate::config::API)
    )
}
