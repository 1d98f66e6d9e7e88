//! `healthcheck`: whether an agent that runs is healthy, for probes that run a command.

use std::time::Duration;

use hyper::Method;

use crate::client::{Client, Unanswered};
use crate::config::cli::Cli;
use crate::config::{AgentApi, Problems, TIMEOUT, healthcheck_timeout};
use crate::ctl::no_address;

/// What is asked.
pub struct Healthcheck {
    api: AgentApi,
    /// For all of it.
    timeout: Duration,
    is_ready: bool,
}

impl Healthcheck {
    pub fn new(cli: &Cli, is_ready: bool) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let api = AgentApi::new(cli, &mut problems);
        if api.is_none() && problems.is_empty() {
            problems.of_several(no_address());
        }
        let timeout = problems.optional(cli, TIMEOUT, healthcheck_timeout);
        match api {
            Some(api) if problems.is_empty() => {
                Ok(Self { api, timeout: timeout.unwrap_or(DEFAULT_TIMEOUT), is_ready })
            }
            _ => Err(problems),
        }
    }

    /// What to say where all is well, or what is wrong. It needs no token.
    pub async fn run(self) -> Result<String, String> {
        let (path, word) =
            if self.is_ready { ("/readyz", "ready") } else { ("/healthz", "healthy") };
        let client = Client::without_token(self.api);
        let answer = client.send(&Method::GET, path, None, self.timeout).await;
        let answer = answer.map_err(|Unanswered { text, .. }| text)?;
        if !answer.is_marked {
            return Err(client.unmarked(answer.status, ""));
        }
        match answer.status.is_success() {
            true => Ok(word.to_owned()),
            false => Err(format!("not {word}: {}; its log says why", client.refusal(&answer))),
        }
    }
}

/// Less than what Docker and ECS wait for a probe.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
