//! Answers requests about what is measured, over HTTP on a unix socket or on loopback. Without `--api` nothing of
//! it exists. It owns nothing of the agent: it asks the registry of the checks, and is a sink of the collector.

mod asked;
mod count;
mod failure;
mod history;
mod latest;
mod limits;
mod openapi;
mod origin;
mod paging;
mod plot;
mod query;
mod reply;
mod resource;
mod route;
mod schema;
mod server;
mod socket;
mod state;
mod table;
mod tokens;
mod wire;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use log::{error, info, warn};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::history::History;
use self::latest::{Feed, Latest};
use self::server::Server;
use self::socket::Listener;
use self::state::State;
pub use self::tokens::TokenFile;
use self::tokens::{Scope, Tokens};
use crate::blocking::{self, Purpose};
use crate::collector::sink::Sink;
use crate::config::{ApiAddress, ApiSettings, Settings};
use crate::control::Control;
use crate::shown::shown;
use crate::store::keep::Shared;

/// The API of an agent.
pub struct Api {
    settings: ApiSettings,
    state: Rc<State>,
}

impl Api {
    /// The API that is asked for, if one is, and the sink that is to take all that is collected. It answers of this
    /// history.
    pub fn of(
        settings: &Settings,
        history: Option<Shared>,
        control: &Rc<Control>,
    ) -> Option<(Self, Box<dyn Sink>)> {
        let of_api = settings.api.clone()?;
        let latest = Rc::new(RefCell::new(Latest::default()));
        let history = history.map(|store| Box::new(store) as Box<dyn History>);
        let address = of_api.address.clone();
        let state = State::of(settings, address, control.clone(), latest.clone(), history);
        Some((Self { settings: of_api, state: Rc::new(state) }, Box::new(Feed(latest))))
    }

    /// What is known as soon as the dimensions of all metrics are found.
    pub fn found(&self) -> impl Fn(&Settings) + 'static {
        let state = self.state.clone();
        move |settings| state.found(settings)
    }

    /// Answers requests until `stop` is cancelled. Where that cannot be, the log says why, and the agent goes
    /// on without.
    pub async fn run(self, stop: CancellationToken) {
        if let Some(Err(problem)) = stop.run_until_cancelled(self.answer(&stop)).await {
            error!("{problem}; the agent runs without the API");
        }
    }

    async fn answer(&self, stop: &CancellationToken) -> Result<(), String> {
        let Self { settings, state } = self;
        let (tokens, warnings) = tokens(settings).await?;
        warnings.iter().for_each(|warning| warn!("{warning}"));
        let listener = Listener::bind(&settings.address).await?;
        let is_unix = matches!(settings.address, ApiAddress::Unix(_));
        let address = &settings.address;
        let may = match is_unix || !tokens.is_empty() {
            true => "",
            false => ", to read only, as there are no tokens",
        };
        info!("the API answers at {address}{may}");
        let names = settings.hosts.clone();
        let server = Server { state: state.clone(), tokens, names, is_unix };
        server::run(server, listener, stop.clone()).await;
        Ok(())
    }
}

/// Tells what is wrong with the files of the API, before anything starts.
pub async fn check(settings: &Settings) -> Result<(), String> {
    match &settings.api {
        Some(settings) => tokens(settings).await.map(drop),
        None => Ok(()),
    }
}

/// The tokens, with warnings. A disk that does not answer is waited for [`LONGEST_READ`].
async fn tokens(settings: &ApiSettings) -> Result<(Tokens, Vec<String>), String> {
    let mut tokens = Tokens::default();
    if let Some(token) = &settings.token {
        tokens.add(token, Scope::Write);
    }
    let Some(path) = settings.token_file.clone() else { return Ok((tokens, Vec::new())) };
    let name = shown(&path.display().to_string());
    let read = blocking::call(Purpose::Files, move || {
        let warnings = tokens.read(&path)?;
        Ok((tokens, warnings))
    });
    match timeout(LONGEST_READ, read).await {
        Ok(Ok(read)) => read,
        Ok(Err(refused)) => Err(format!("--api-token-file {name} cannot be read: {refused}")),
        Err(_) => Err(format!(
            "--api-token-file {name}: its disk has not answered within {LONGEST_READ:?}"
        )),
    }
}

/// A file on a disk that answers is read in far less.
const LONGEST_READ: Duration = Duration::from_secs(5);
