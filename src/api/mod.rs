//! Answers requests about what is measured, over HTTP on a unix socket or on loopback, and those of clients of collectd
//! on a socket of their own. Where neither is asked for nothing of it exists. It owns nothing of the agent: it asks the
//! registry of the checks, and is a sink of the collector.

mod access;
mod asked;
mod certificate;
mod collectd;
mod count;
mod failure;
mod feed;
mod history;
mod keystone;
mod latest;
mod limits;
mod mark;
mod news;
mod openapi;
mod origin;
mod paging;
mod plot;
mod posts;
mod push;
mod query;
mod reply;
mod resource;
mod route;
mod schema;
mod server;
mod socket;
mod state;
mod stream;
mod table;
mod tls;
mod tokens;
mod wire;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use log::{error, info, warn};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::access::Access;
use self::feed::Feed;
use self::history::History;
use self::keystone::Keystone;
use self::latest::Latest;
pub use self::mark::X_AGENT;
use self::server::Server;
pub use self::server::TOO_MANY_CONNECTIONS;
use self::socket::Listener;
use self::state::State;
use self::tls::Tls;
pub use self::tokens::TokenFile;
use self::tokens::{Scope, Tokens};
use crate::blocking::{self, Purpose};
use crate::collector::sink::Sink;
use crate::config::{API_TLS_CERT, API_TOKEN_FILE, ApiAddress, ApiSettings, Settings};
use crate::control::{self, Control, Found};
use crate::shown::shown;
use crate::store::keep::Shared;

/// The API of an agent.
pub struct Api {
    settings: Option<ApiSettings>,
    /// The socket for clients of collectd.
    collectd: Option<PathBuf>,
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
        let (of_api, collectd) = (settings.api.clone(), settings.collectd_socket.clone());
        let address = of_api.as_ref().map(|of| of.address.clone());
        let address = address.or_else(|| collectd.clone().map(ApiAddress::Unix))?;
        let latest = Rc::new(RefCell::new(Latest::default()));
        let history = history.map(|store| Box::new(store) as Box<dyn History>);
        let state = State::of(settings, address, control.clone(), latest.clone(), history);
        let state = Rc::new(state);
        Some((Self { settings: of_api, collectd, state }, Box::new(Feed(latest))))
    }

    /// What is known as soon as the dimensions of all metrics are found.
    pub fn found(&self) -> impl Fn(&Settings) + 'static {
        let state = self.state.clone();
        move |settings| state.found(settings)
    }

    /// Answers requests until `stop` is cancelled. Where that cannot be, the log says why, and the agent goes
    /// on without.
    pub async fn run(self, stop: CancellationToken) {
        let api = async {
            let Some(settings) = &self.settings else { return };
            let answer = self.answer(settings, &stop);
            if let Some(Err(problem)) = stop.run_until_cancelled(answer).await {
                error!("{problem}; the agent runs without the API");
            }
        };
        let collectd = async {
            let Some(path) = &self.collectd else { return };
            let answer = collectd::run(&self.state, path, &stop);
            if let Some(Err(problem)) = stop.run_until_cancelled(answer).await {
                error!("{problem}; the agent runs without the socket for clients of collectd");
            }
        };
        tokio::join!(api, collectd);
    }

    async fn answer(&self, settings: &ApiSettings, stop: &CancellationToken) -> Result<(), String> {
        let state = &self.state;
        let Files { tokens, tls, warnings } = Files::read(settings).await?;
        warnings.iter().for_each(|warning| warn!("{warning}"));
        let keystone = settings.keystone.as_deref().cloned().map(Keystone::new).transpose()?;
        let listener = Listener::bind(&settings.address).await?;
        let is_unix = matches!(settings.address, ApiAddress::Unix(_));
        let has_client_ca = settings.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let tokens = Rc::new(RefCell::new(tokens));
        if settings.token_file.is_some() {
            let rereading = Rereading { settings: settings.clone(), tokens: tokens.clone() };
            state.control.reread(Rc::new(rereading));
        }
        let access = Access { tokens, keystone, is_unix, has_client_ca };
        let address = &settings.address;
        let secured = if tls.is_some() { " with TLS" } else { "" };
        let may = match is_unix || access.has_tokens() {
            true => "",
            false => ", to read only, as there are no tokens",
        };
        info!("the API answers at {address}{secured}{may}");
        if settings.is_exposed() && tls.is_none() {
            warn!(
                "the API answers at {address} without TLS: who is on the way can read tokens and answers, and use the tokens"
            );
        }
        let server = Server { state: state.clone(), access, names: settings.hosts.clone(), tls };
        server::run(server, listener, stop.clone()).await;
        Ok(())
    }
}

/// Tells what is wrong with the files of the API, before anything starts.
pub async fn check(settings: &Settings) -> Result<(), String> {
    match &settings.api {
        Some(settings) => Files::read(settings).await.map(drop),
        None => Ok(()),
    }
}

/// What is in the files of the API.
struct Files {
    tokens: Tokens,
    tls: Option<Tls>,
    warnings: Vec<String>,
}

impl Files {
    /// Reads them. A disk that does not answer is waited for [`LONGEST_READ`] for each option.
    async fn read(settings: &ApiSettings) -> Result<Self, String> {
        let (tokens, mut warnings) = read_tokens(settings).await?;
        let is_unix = matches!(settings.address, ApiAddress::Unix(_));
        let Some(files) = settings.tls.clone().filter(|_| !is_unix) else {
            return Ok(Self { tokens, tls: None, warnings });
        };
        let of = files.clone();
        let read = move || certificate::load(&of);
        let loaded = within(API_TLS_CERT, Some(&files.certificate), read).await?;
        warnings.extend_from_slice(&loaded.warnings);
        Ok(Self { tokens, tls: Some(Tls::new(files, loaded)), warnings })
    }
}

/// All tokens: that of the variable, and those of the file; with what is most likely a mistake.
async fn read_tokens(settings: &ApiSettings) -> Result<(Tokens, Vec<String>), String> {
    let mut tokens = Tokens::default();
    if let Some(token) = &settings.token {
        tokens.add(token, Scope::Write);
    }
    let Some(path) = settings.token_file.clone() else { return Ok((tokens, Vec::new())) };
    let read = move || {
        let warnings = tokens.read(&path)?;
        Ok((tokens, warnings))
    };
    within(API_TOKEN_FILE, settings.token_file.as_deref(), read).await
}

/// Reads the tokens again.
struct Rereading {
    settings: ApiSettings,
    /// Those that are in force.
    tokens: Rc<RefCell<Tokens>>,
}

impl control::Tokens for Rereading {
    fn read(&self) -> LocalBoxFuture<'static, Result<Found, String>> {
        let (settings, tokens) = (self.settings.clone(), self.tokens.clone());
        Box::pin(async move {
            let (read, warnings) = read_tokens(&settings).await?;
            warnings.iter().for_each(|warning| warn!("{warning}"));
            let is_new = *tokens.borrow() != read;
            let put = Box::new(move || drop(tokens.replace(read)));
            Ok(Found { is_new, put })
        })
    }
}

/// What is read of the file of an option, as long as that takes no longer than [`LONGEST_READ`].
async fn within<T: Send + 'static>(
    option: &str,
    path: Option<&Path>,
    read: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let name = path.map(|path| shown(&path.display().to_string())).unwrap_or_default();
    match timeout(LONGEST_READ, blocking::call(Purpose::Files, read)).await {
        Ok(Ok(read)) => read,
        Ok(Err(refused)) => Err(format!("--{option} {name} cannot be read: {refused}")),
        Err(_) => {
            Err(format!("--{option} {name}: its disk has not answered within {LONGEST_READ:?}"))
        }
    }
}

/// A file on a disk that answers is read in far less.
const LONGEST_READ: Duration = Duration::from_secs(5);
