//! Changes of the configuration while the agent runs: by its files read again, and through the API. What is changed
//! lasts where there is a state folder.

mod begin;
mod changes;
mod discarded;
mod flush;
mod keeping;
mod kept;
mod outcome;
mod tokens;
mod watch;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::SystemTime;

use log::{error, warn};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio_util::sync::CancellationToken;

pub use self::begin::with_last_good;
pub use self::flush::{Ends, Part, Ways};
use self::keeping::Keeping;
use self::kept::OVERLAY;
pub use self::outcome::{Outcome, Unloaded};
pub use self::tokens::{Found, Tokens};
use crate::blacklist::Blacklist;
use crate::check::TABLE;
use crate::config::cli::Cli;
use crate::config::files::Files;
use crate::config::{Checks, Settings};
use crate::event::journal::Journal;
use crate::lookout::{Watchers, thresholds};
use crate::overlay::{Difference, Reloading};
use crate::schedule::{Refused, Reload, Request, Requests, To};
use crate::state_folder::StateFolder;
use crate::{lookout, notify};

/// Owns what the files said last, and says what is in force.
pub struct Control {
    /// What was typed, with the files that are in force.
    cli: RefCell<Cli>,
    /// What was in force before the last reload.
    before: RefCell<Option<Before>>,
    /// The files of the start: their options are those in force.
    started_with: Files,
    pub requests: Requests,
    pub alarms: lookout::Shared,
    pub ways: Ways,
    /// What is not collected.
    pub blacklist: Rc<RefCell<Blacklist>>,
    /// What the last reload has discarded of the blacklist and the limits.
    discarded: discarded::Shared,
    pub thresholds: thresholds::Shared,
    pub notifications: notify::Shared,
    /// Where changes are to be kept.
    path: Option<PathBuf>,
    watches: bool,
    folder: OnceCell<StateFolder>,
    /// How many times what is in force has changed; what is kept of it counts.
    generation: Cell<u64>,
    /// When it changed last.
    since: Cell<SystemTime>,
    last: RefCell<Option<Attempt>>,
    /// Reloads one at a time.
    turn: Mutex<()>,
    keeping: Keeping,
    has_warned: Cell<bool>,
    /// Is told when the checks begin.
    begun: Notify,
    /// The tokens of the API, where they are in a file.
    tokens: RefCell<Option<Rc<dyn Tokens>>>,
}

/// What a reload has replaced.
struct Before {
    cli: Cli,
    /// When, and who.
    by: (SystemTime, String),
}

/// What a reload has changed beside the checks.
#[derive(Default)]
struct Others {
    alarms: Difference,
    thresholds: Difference,
    /// Those of notifications, their plans and suppressions.
    notifications: Difference,
    blacklist: Difference,
}

/// The last reload.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub time: SystemTime,
    pub by: String,
    /// What is wrong with the files.
    pub result: Result<Outcome, Vec<String>>,
}

impl Control {
    /// Of what was typed, with the files that are in force.
    pub fn of(
        cli: &Cli,
        settings: &Settings,
        requests: Requests,
        watchers: Watchers,
        ways: Ways,
        notifications: notify::Shared,
    ) -> Self {
        let Watchers { alarms, thresholds } = watchers;
        Self {
            cli: RefCell::new(cli.clone()),
            before: RefCell::default(),
            started_with: Files { options: cli.files.options.clone(), ..Files::default() },
            requests,
            alarms,
            ways,
            blacklist: Rc::default(),
            discarded: Rc::default(),
            thresholds,
            notifications,
            path: settings.state.clone(),
            watches: settings.watches_config,
            folder: OnceCell::new(),
            generation: Cell::new(1),
            since: Cell::new(SystemTime::now()),
            last: RefCell::default(),
            turn: Mutex::default(),
            keeping: Keeping::of(&cli.files.sources, !settings.errors.is_empty()),
            has_warned: Cell::default(),
            begun: Notify::new(),
            tokens: RefCell::default(),
        }
    }

    /// Reads the files again. All of what they say is in force then, or nothing of it. `by` says who wants that.
    pub async fn reload(&self, by: &str, discards: bool) -> Result<Outcome, Unloaded> {
        let _turn = self.turn.lock().await;
        // What is in hand for it is large: who waits for a reload does not hold that all the time.
        let loaded = Box::pin(self.load(by, discards)).await;
        self.conclude(by, loaded).await
    }

    /// Goes back to what was in force before the last reload. What was changed through the API since stays.
    pub async fn undo(&self, by: &str) -> Result<Outcome, Unloaded> {
        let _turn = self.turn.lock().await;
        let (alarms, thresholds) = (self.alarms.clone(), self.thresholds.clone());
        let notifications = self.notifications.clone();
        let (blacklist, discarded) = (self.blacklist.clone(), self.discarded.clone());
        let then = move |checks| Others {
            blacklist: discarded.borrow_mut().undo(&blacklist),
            thresholds: thresholds.borrow_mut().undo(&checks),
            alarms: alarms.borrow_mut().undo(checks),
            notifications: Difference::of_all(notifications.undo()),
        };
        let mut outcome = self.swap(To::Before, then).await;
        if let Ok(outcome) = &mut outcome {
            outcome.buffers = self.bring_limits_back().await;
            if let Some(Before { cli, by: undone }) = self.before.take() {
                self.replace(cli, by);
                outcome.undone = Some(undone);
                outcome.needs_restart = self.needs_restart();
            }
        }
        self.conclude(by, outcome).await
    }

    async fn load(&self, by: &str, discards: bool) -> Result<Outcome, Unloaded> {
        let mut cli = self.cli.borrow().clone();
        let tokens = self.tokens.borrow().clone();
        if !cli.has_files() && tokens.is_none() {
            return Err(Unloaded::NoFiles);
        }
        cli.read_files(TABLE).await;
        let tokens = match tokens {
            Some(tokens) => tokens.read().await.map(Some),
            None => Ok(None),
        };
        let (tokens, of_tokens) = match tokens {
            Ok(tokens) => (tokens, None),
            Err(problem) => (None, Some(problem)),
        };
        let invalid = |problems: Vec<String>| {
            Err(Unloaded::Invalid(problems.into_iter().chain(of_tokens.clone()).collect()))
        };
        let settings = match Settings::new(&cli) {
            // Beside a command these keep it from nothing at the start; here the old ones are better.
            Ok(settings) if !settings.errors.is_empty() => return invalid(settings.errors),
            Ok(_) if of_tokens.is_some() => return invalid(Vec::new()),
            Ok(settings) => settings,
            Err(problems) => return invalid(problems.iter().map(str::to_owned).collect()),
        };
        settings.warnings.iter().for_each(|warning| warn!("{warning}"));
        let how = match discards {
            true => Reloading::FilesAlone,
            false if cli.files.sources == self.cli.borrow().files.sources => Reloading::SameFiles,
            false => Reloading::Files,
        };
        let Checks { all: checks, alarms: of_alarms, thresholds: of_thresholds, .. } =
            settings.checks;
        let (alarms, thresholds) = (self.alarms.clone(), self.thresholds.clone());
        let (notifications, told) = (self.notifications.clone(), settings.notifications);
        let (blacklist, discarded) = (self.blacklist.clone(), self.discarded.clone());
        let then = move |checks| Others {
            blacklist: discarded.borrow_mut().begin(&blacklist, how),
            thresholds: thresholds.borrow_mut().reload(of_thresholds, how, &checks),
            alarms: alarms.borrow_mut().reload(of_alarms, how, checks),
            notifications: Difference::of_all(notifications.reload(told, how)),
        };
        let outcome = self.swap(To::Files { checks, how }, then).await?;
        let mut buffers = Difference::default();
        if discards {
            self.keeping.discard_unused();
            buffers = self.discard_limits().await;
        }
        let tokens = tokens.is_some_and(|Found { is_new, put }| {
            put();
            is_new
        });
        if how != Reloading::SameFiles {
            self.replace(cli, by);
        }
        Ok(Outcome { buffers, needs_restart: self.needs_restart(), tokens, ..outcome })
    }

    /// From now on these tokens are read again with the configuration.
    pub fn reread(&self, tokens: Rc<dyn Tokens>) {
        self.tokens.replace(Some(tokens));
    }

    /// Changes checks, alarms and thresholds at one instant.
    async fn swap(
        &self,
        to: To,
        then: impl FnOnce(BTreeSet<String>) -> Others + 'static,
    ) -> Result<Outcome, Unloaded> {
        let others = Rc::new(Cell::new(Others::default()));
        let found = others.clone();
        let reload = Reload { to, then: Box::new(move |checks| found.set(then(checks))) };
        let checks = self.requests.order(|reply| Request::Reload(reload, reply)).await?;
        let Others { alarms, thresholds, notifications, blacklist } = others.take();
        let all = Outcome::default();
        Ok(Outcome { checks, alarms, thresholds, notifications, blacklist, ..all })
    }

    /// From now on these files are in force.
    fn replace(&self, cli: Cli, by: &str) {
        let before = Before { cli: self.cli.replace(cli), by: (SystemTime::now(), by.to_owned()) };
        self.before.replace(Some(before));
    }

    /// The options of the files that are other ones than those at the start, and that only a restart puts in force.
    pub fn needs_restart(&self) -> Vec<String> {
        self.cli.borrow().files.other_options(&self.started_with)
    }

    async fn conclude(
        &self,
        by: &str,
        loaded: Result<Outcome, Unloaded>,
    ) -> Result<Outcome, Unloaded> {
        let mut loaded = loaded;
        if let Ok(outcome) = &mut loaded {
            if !outcome.changes_nothing() {
                self.count();
            }
            outcome.generation = self.generation.get();
            if let Err(problem) = self.keep().await {
                error!("{problem}; {LOST}");
                outcome.unkept = Some(problem);
            }
        }
        if let Err(Unloaded::NoFiles | Unloaded::Refused(Refused::NothingBefore)) = loaded {
            // Nothing was attempted.
            return loaded;
        }
        outcome::tell(by, &loaded);
        outcome::raise(by, &loaded, self.notifications.events());
        let result = match &loaded {
            Ok(outcome) => Ok(outcome.clone()),
            Err(Unloaded::Invalid(problems)) => Err(problems.clone()),
            Err(other) => Err(vec![other.to_string()]),
        };
        let attempt = Attempt { time: SystemTime::now(), by: by.to_owned(), result };
        self.last.replace(Some(attempt));
        loaded
    }

    /// Notes a change through the API, and keeps it. The error says why it cannot be kept: it is in force all the same.
    pub async fn changed(&self) -> Result<(), String> {
        self.count();
        if self.path.is_none() && !self.has_warned.replace(true) {
            warn!("{LOST}, because there is no --state FOLDER to keep it in");
        }
        self.keep().await
    }

    fn count(&self) {
        self.generation.set(self.generation.get() + 1);
        self.since.set(SystemTime::now());
    }

    pub fn generation(&self) -> u64 {
        self.generation.get()
    }

    pub fn since(&self) -> SystemTime {
        self.since.get()
    }

    pub fn last(&self) -> Option<Attempt> {
        self.last.borrow().clone()
    }

    /// The paths of the files that are in force.
    pub fn files(&self) -> Vec<String> {
        self.cli.borrow().files.sources.iter().map(|source| source.name.clone()).collect()
    }

    /// Notes what was found of this machine.
    pub fn found(&self, settings: &Settings) {
        if let Some(id) = settings.identity.found_id() {
            self.notifications.events().borrow_mut().found(id);
        }
    }

    /// Whether what is changed lasts over a restart.
    pub fn keeps(&self) -> bool {
        self.folder.get().is_some_and(|folder| folder.takes(OVERLAY))
    }

    /// Reads the files again when that is asked for, and keeps where alarms stand, until `stop` is cancelled.
    /// Then waits for `last`, until when alarms may change, and keeps that, too.
    pub async fn run(
        &self,
        hangups: Option<mpsc::Receiver<()>>,
        stop: &CancellationToken,
        last: &CancellationToken,
    ) {
        let mut journal = None;
        let works = async {
            self.begun.notified().await;
            // The files of the start are good.
            if let Err(problem) = self.keep().await {
                error!("{problem}; the configuration of now is not kept");
            }
            let keep_events = async {
                if let Some(folder) = self.folder.get() {
                    let journal = journal.insert(Journal::of(self.notifications.events()));
                    journal.run(folder).await;
                }
            };
            let keep =
                async { tokio::join!(self.keep_standings(), keep_events, self.keep_again()) };
            tokio::join!(self.take(hangups), self.watch(), keep);
        };
        // None of them ends by itself, as long as signals can come.
        stop.run_until_cancelled(works).await;
        last.cancelled().await;
        self.write_at_last(journal).await;
    }

    #[cfg(test)]
    pub fn for_tests(settings: &Settings) -> Self {
        let cli = Cli::parse(["agent".into()]).expect("nothing is typed");
        let mut collector = crate::Collector::of(settings, crate::HandOut::to(Vec::new()));
        let events = crate::event::open(&mut collector);
        let watchers = lookout::open(settings, &events, &mut collector);
        let (notifications, _) = notify::open(settings, &events);
        let ways = Ways::open(settings, collector.shift(), None).0;
        Self::of(&cli, settings, Requests::open().0, watchers, ways, notifications)
    }

    async fn take(&self, hangups: Option<mpsc::Receiver<()>>) {
        let Some(mut hangups) = hangups else { return };
        while hangups.recv().await.is_some() {
            // The log has what came of it.
            let _ = self.reload("SIGHUP", false).await;
        }
    }
}

/// What is said where a change cannot be kept.
const LOST: &str = "what is changed through the API is lost when the agent ends";
