//! Tokens that OpenStack Keystone knows. Each is asked for with itself, which Keystone's own rules allow, so that
//! this agent needs no account there.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::{Duration, SystemTime};

use hyper::StatusCode;
use log::{error, info};
use serde_json::Value;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout};

use super::failure::Failure;
use super::tokens::{Scope, hash};
use crate::check::connect::Awaited;
use crate::check::http::{Asked, Url, Wanted, fetch};
use crate::config;
use crate::config::Project;
use crate::shown::shown;

/// A Keystone, and what it has said of late.
pub struct Keystone {
    settings: config::Keystone,
    tokens_url: Url,
    known: RefCell<BTreeMap<Hash, Known>>,
    /// Tokens that it is being asked for: all who wait for one have the same answer.
    asked: RefCell<BTreeMap<Hash, Weak<OnceCell<Found>>>>,
    turns: Semaphore,
    is_away: Cell<bool>,
}

type Hash = [u8; 32];

/// What is known of a token, and until when.
struct Known {
    scope: Option<Scope>,
    until: Instant,
}

/// What was found of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// What it allows, and for how long that may be remembered.
    Valid(Scope, Duration),
    Refused,
    /// Keystone could not be asked.
    Unknown,
}

impl Keystone {
    /// The error is a sentence.
    pub fn new(settings: config::Keystone) -> Result<Self, String> {
        let tokens_url = format!("{}/v3/auth/tokens?nocatalog", settings.url);
        let tokens_url =
            Url::parse(&tokens_url).map_err(|problem| format!("--keystone-url: {problem}"))?;
        Ok(Self {
            settings,
            tokens_url,
            known: RefCell::default(),
            asked: RefCell::default(),
            turns: Semaphore::new(AT_ONCE),
            is_away: Cell::new(false),
        })
    }

    /// Where clients get tokens.
    pub fn url(&self) -> &str {
        &self.settings.url
    }

    /// What a token allows; nothing where Keystone does not know it or it is of another project.
    pub async fn scope_of(&self, token: &[u8]) -> Result<Option<Scope>, Failure> {
        let token = match std::str::from_utf8(token) {
            Ok(text)
                if text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                text
            }
            _ => return Ok(None),
        };
        if token.is_empty() {
            return Ok(None);
        }
        let key = hash(token.as_bytes());
        if let Some(known) = self.known.borrow().get(&key).filter(|of| Instant::now() < of.until) {
            return Ok(known.scope);
        }
        let shared = self.shared(key);
        let ask = shared.get_or_init(|| self.ask(key, token));
        match timeout(LONGEST_WAIT, ask).await {
            Ok(Found::Valid(scope, _)) => Ok(Some(*scope)),
            Ok(Found::Refused) => Ok(None),
            Ok(Found::Unknown) | Err(_) => Err(Failure::unavailable(AWAY)),
        }
    }

    /// The place for the answer that all wait for who have sent this token.
    fn shared(&self, key: Hash) -> Rc<OnceCell<Found>> {
        let mut asked = self.asked.borrow_mut();
        asked.retain(|_, of| of.strong_count() > 0);
        if let Some(shared) = asked.get(&key).and_then(Weak::upgrade) {
            return shared;
        }
        let shared = Rc::new(OnceCell::new());
        asked.insert(key, Rc::downgrade(&shared));
        shared
    }

    async fn ask(&self, key: Hash, token: &str) -> Found {
        // It is never closed.
        let _turn = self.turns.acquire().await.ok();
        let awaited = Awaited::default();
        let answer = match timeout(ANSWER_TIME, Box::pin(self.fetch(token, &awaited))).await {
            Ok(answer) => answer,
            Err(_) => Err(format!(
                "waited {} s for {}",
                ANSWER_TIME.as_secs(),
                awaited.get().unwrap_or("the connection")
            )),
        };
        let was_away = self.is_away.replace(answer.is_err());
        let url = shown(self.url());
        match &answer {
            Err(reason) if !was_away => error!(
                "Keystone at {url} cannot be asked, and the API answers its tokens with 503: {}",
                shown(reason)
            ),
            Ok(_) if was_away => info!("Keystone at {url} can be asked again"),
            _ => {}
        }
        let found = answer.unwrap_or(Found::Unknown);
        self.remember(key, found);
        found
    }

    async fn fetch(&self, token: &str, awaited: &Awaited) -> Result<Found, String> {
        let mut asked = Asked::get(self.tokens_url.clone(), LARGEST_ANSWER);
        for name in ["X-Auth-Token", "X-Subject-Token"] {
            asked.add_header(&format!("{name}: {token}"))?;
        }
        let mut body = Vec::new();
        let mut take = |piece: &[u8]| {
            body.extend_from_slice(piece);
            Wanted::More
        };
        let answer = fetch(&asked, awaited, &mut take).await?;
        match answer.status {
            StatusCode::OK if answer.is_cut => {
                Err(format!("its answer is longer than {LARGEST_ANSWER} bytes"))
            }
            StatusCode::OK => judged(&body, &self.settings, SystemTime::now()),
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND if is_error(&body) => Ok(Found::Refused),
            StatusCode::FORBIDDEN => Err(
                "it answers 403 Forbidden: its rule identity:validate_token has to allow that a token is asked for with itself"
                    .to_owned(),
            ),
            _ => Err(format!("it answers {}: expected 200 or 401", answer.status_in_words())),
        }
    }

    /// Remembers what was found. Where there is no room, what was refused goes first, then what ends first.
    fn remember(&self, key: Hash, found: Found) {
        let (scope, time) = match found {
            Found::Valid(scope, time) => (Some(scope), time),
            Found::Refused => (None, REFUSED_TIME),
            Found::Unknown => return,
        };
        let (now, mut known) = (Instant::now(), self.known.borrow_mut());
        known.retain(|_, of| now < of.until);
        if known.len() >= MOST_KNOWN {
            let first = known.iter().min_by_key(|(_, of)| (of.scope.is_some(), of.until));
            if let Some(key) = first.map(|(key, _)| *key) {
                known.remove(&key);
            }
        }
        known.insert(key, Known { scope, until: now + time });
    }
}

/// Whether a body is an error of Keystone, and not one of something else that answers in its place.
fn is_error(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["error"]["code"].is_number()
}

/// What Keystone's description of a token means here.
fn judged(body: &[u8], settings: &config::Keystone, now: SystemTime) -> Result<Found, String> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| format!("its answer is no JSON: {error}"))?;
    let token = &body["token"];
    let end = token["expires_at"].as_str().and_then(|text| humantime::parse_rfc3339(text).ok());
    let end = end.ok_or("its answer has no token with a time expires_at")?;
    let Ok(left) = end.duration_since(now) else { return Ok(Found::Refused) };
    let project = &token["project"];
    let is_ours = match &settings.project {
        Project::Id(id) => project["id"] == **id,
        Project::Name(name) => {
            project["name"] == **name && project["domain"]["id"] == DEFAULT_DOMAIN
        }
    };
    let roles = token["roles"].as_array().map_or(&[][..], |roles| roles);
    if !is_ours || roles.is_empty() {
        return Ok(Found::Refused);
    }
    let may_write = roles.iter().any(|role| role["name"] == *settings.write_role);
    let scope = if may_write { Scope::Write } else { Scope::Read };
    Ok(Found::Valid(scope, left.min(VALID_TIME)))
}

const AWAY: &str = "Keystone cannot be asked for the token now";

const DEFAULT_DOMAIN: &str = "default";

/// How many tokens Keystone is asked for at once. Others wait, so that a crowd of unknown tokens is no crowd there.
const AT_ONCE: usize = 4;

/// For an answer of Keystone.
const ANSWER_TIME: Duration = Duration::from_secs(4);

/// For a request, with the wait for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long a token is taken without asking again, and so at most goes on to work after it was revoked.
const VALID_TIME: Duration = Duration::from_secs(20);

/// How long it is refused without asking again: a role may be given.
const REFUSED_TIME: Duration = Duration::from_secs(5);

/// Tokens that are remembered: some 20 kB.
const MOST_KNOWN: usize = 256;

/// Of a token. Those of Fernet have 200 to 300 bytes, signed ones 1,000 and more.
const LONGEST: usize = 4096;

/// Without the catalog an answer has some 500 bytes, and 70 for each role.
const LARGEST_ANSWER: usize = 64 << 10;

#[cfg(test)]
mod tests;
