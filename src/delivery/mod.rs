//! Brings summaries to one publisher: keeps a backlog, retries each period, flushes at the end.

mod backlog;
pub mod choice;
pub mod orders;
mod outage;
mod running;
mod search;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use log::{Level, debug, error, info, log, log_enabled};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::backlog::sends;
use self::backlog::{Backlog, Plan, Unsent};
use self::choice::Choice;
use self::orders::Served;
use self::outage::Outage;
use self::search::Search;
use crate::config::{Publish, Settings};
use crate::logging::START;
use crate::model::{Datum, Health, PublisherState, Summary};
use crate::publisher::choose;
use crate::publisher::line::LineFormat;
use crate::publisher::names::label;
use crate::publisher::{Accepted, Failure, PublishError, Publisher, Retries, Terms};

/// Owns a publisher and what it has not accepted yet.
pub struct Delivery {
    publisher: Box<dyn Publisher>,
    terms: Terms,
    choice: Choice,
    retries: Retries,
    /// How the log shows a window that was accepted.
    format: LineFormat,
    backlog: Backlog,
    /// How many summaries outlast a failed send.
    buffer: usize,
    /// The time for the last sends.
    shutdown_timeout: Duration,
    /// How long after the end of a window it is sent.
    delay: Duration,
    /// Tells how old a window is.
    wall_clock: WallClock,
    /// The failure since which nothing was accepted.
    outage: Option<Outage>,
    /// The data that were rejected since the last window of which none was.
    rejected: BTreeSet<String>,
    counts: Counts,
    /// Whether data were accepted.
    has_delivered: bool,
    /// The live view, which shows whether data are accepted.
    health: Option<watch::Sender<Option<Health>>>,
    /// Those who ask and order, where there can be such.
    served: Option<Served>,
}

/// Tells the time of day.
pub type WallClock = Box<dyn Fn() -> SystemTime>;

/// What became of the summaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub delivered: u64,
    /// Not accepted before the backlog was full.
    pub overflowed: u64,
    /// Older than the service accepts.
    pub expired: u64,
    /// Refused for good by the service, with all of their data.
    pub rejected: u64,
    /// Single data that were refused for good.
    pub rejected_data: u64,
}

impl Delivery {
    /// A delivery to one of the publishers of the settings, at once when a window ends.
    pub fn open(publish: Publish, settings: &Settings) -> Self {
        let retries = Retries::default();
        let publisher = choose::open(publish, settings, &retries);
        let delivery = Self::new(publisher, settings, Box::new(SystemTime::now));
        Self { retries, ..delivery }
    }

    fn new(publisher: Box<dyn Publisher>, settings: &Settings, wall_clock: WallClock) -> Self {
        Self {
            choice: Choice::of(settings).under(&publisher.terms()),
            terms: publisher.terms(),
            publisher,
            retries: Retries::default(),
            format: LineFormat::new(settings),
            backlog: Backlog::default(),
            buffer: settings.publishing.buffer,
            shutdown_timeout: settings.publishing.shutdown_timeout,
            delay: Duration::ZERO,
            wall_clock,
            outage: None,
            rejected: BTreeSet::new(),
            counts: Counts::default(),
            has_delivered: false,
            health: None,
            served: None,
        }
    }

    /// The same delivery, which sends a window so long after its end.
    pub fn delayed_by(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same delivery, which reports its health to `health`.
    pub fn telling(self, health: Option<watch::Sender<Option<Health>>>) -> Self {
        let delivery = Self { health, ..self };
        delivery.tell(PublisherState::Untried);
        delivery
    }

    /// The same delivery, which takes these orders and tells how it stands.
    pub fn serving(self, served: Option<Served>) -> Self {
        Self { served, ..self }
    }

    /// The part of a period over which the sends of a fleet are spread.
    pub fn spread(&self) -> f64 {
        self.terms.spread
    }

    /// Makes the list of the summary's data, once for all of its sends.
    fn add(&mut self, summary: Rc<Summary>) {
        self.publisher.sees(&summary);
        let data = self.choice.data(&summary, self.terms.sets);
        self.backlog.push(summary, data);
    }

    /// Whether what is left may be accepted if it is only tried long enough: the network, the service or
    /// this machine fails, and nobody has to do anything about it. The shutdown timeout sets the limit.
    fn may_still_be_accepted(&self) -> bool {
        !self.backlog.is_empty() && self.outage.as_ref().is_some_and(Outage::may_pass)
    }

    /// What became of the summaries so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What its publisher is chosen by.
    pub fn publisher(&self) -> &'static str {
        self.publisher.name()
    }

    /// How many attempts were made beside the first of each send.
    pub fn retries(&self) -> u64 {
        self.retries.count()
    }

    /// The failure since which nothing was accepted.
    pub fn failure(&self) -> Option<&PublishError> {
        self.outage.as_ref().map(|outage| &outage.error)
    }

    /// Offers the backlog to the publisher, oldest first, until it is empty or a send fails.
    async fn send(&mut self, hurry: &CancellationToken) {
        self.drop_expired();
        self.backlog.put_last(|summary| self.publisher.waits(summary));
        // Not beyond this send: what fails in between is offered as a whole again.
        let mut search = None::<Search>;
        while let Some(plan) = self.plan(search.as_ref()) {
            let sent = if plan.is_sent(&self.terms) {
                let parcels = self.backlog.parcels(&plan);
                self.publisher.send(&parcels, hurry).await.map(Some)
            } else {
                Ok(None)
            };
            match sent {
                Ok(accepted) => {
                    self.settle(&plan, accepted);
                    search.iter_mut().for_each(|search| search.accepts(plan.len()));
                }
                // The service refuses a request as a whole.
                Err(error) if error.kind == Failure::Rejected && plan.len() > 1 => {
                    debug!("{} metrics rejected together: {error}", plan.len());
                    let search = search.get_or_insert_with(|| Search::of(plan.len(), &error));
                    if search.is_over() {
                        search.begins_again(plan.len());
                    }
                    if search.refuses(plan.len()) {
                        self.settle(&plan, Some(Accepted { refused: plan.len() as u64 }));
                    }
                }
                Err(error) if error.kind == Failure::Rejected => {
                    self.reject(&error, search.as_mut());
                }
                Err(error) => {
                    self.end(search);
                    return self.fails(error, hurry);
                }
            }
        }
        self.end(search);
    }

    /// What the next request has: while rejected data are looked for, those that are known already go alone.
    fn plan(&self, search: Option<&Search>) -> Option<Plan> {
        let search = search.filter(|search| !search.is_over());
        let most = search.map_or(usize::MAX, Search::most);
        let is_looked_for = search.is_some_and(|search| !search.is_given_up());
        let goes_alone = |summary: &Summary, datum: Datum| {
            is_looked_for && self.rejected.contains(&label(summary, datum))
        };
        self.backlog.plan(&*self.publisher, &self.terms, most, goes_alone)
    }

    /// Says what a search has dropped without its name, once as long as that goes on.
    fn end(&mut self, search: Option<Search>) {
        if let Some(rest) = search.and_then(|search| search.rest()) {
            let is_new = self.rejected.insert(MANY.to_owned());
            log!(if is_new { Level::Error } else { Level::Debug }, "{rest}");
        }
    }

    /// What a plan sent was accepted, but for those data that are counted as refused, which may be all.
    fn settle(&mut self, plan: &Plan, accepted: Option<Accepted>) {
        let refused = accepted.map_or(0, |accepted| accepted.refused.min(plan.len() as u64));
        self.counts.rejected_data += refused;
        // Of some it is not known which they are.
        let all_refused = refused > 0 && refused == plan.len() as u64;
        let done = self.backlog.settle(plan, all_refused);
        done.iter().for_each(|window| self.is_done(window));
        // A part of a window may be accepted while the service still fails now and then.
        if accepted.is_some() && !done.is_empty() {
            self.outage_ends();
        }
    }

    /// Drops a datum that is rejected by itself. It is told once, and not again in each window.
    fn reject(&mut self, error: &PublishError, mut search: Option<&mut Search>) {
        if let Some((summary, datum)) = self.backlog.next() {
            let name = label(summary, datum);
            let start = humantime::format_rfc3339_seconds(summary.start);
            let is_new = self.rejected.insert(name.clone());
            let is_told = is_new && search.as_deref_mut().is_none_or(Search::tells);
            let level = if is_told { Level::Error } else { Level::Debug };
            log!(level, "{name} of window {start} was rejected and dropped: {error}");
        }
        search.into_iter().for_each(Search::drops);
        self.counts.rejected_data += 1;
        if let Some(window) = self.backlog.reject() {
            self.outage_ends();
            self.is_done(&window);
        }
    }

    /// All data of a window were accepted or rejected.
    fn is_done(&mut self, window: &Unsent) {
        if window.rejected > 0 {
            match window.rejected >= window.data.len() {
                true => self.counts.rejected += 1,
                false => self.counts.delivered += 1,
            }
            return;
        }
        self.counts.delivered += 1;
        if window.data.is_empty() {
            return;
        }
        let is_first = !std::mem::replace(&mut self.has_delivered, true);
        if is_first && self.terms.log.is_some() {
            info!(target: START, "{} has taken the first window", self.publisher.name());
        }
        if let Some(target) = self.terms.log.filter(|of| log_enabled!(target: of, Level::Info)) {
            for line in self.format.lines(&window.summary) {
                info!(target: target, "{line}");
            }
        }
        if !std::mem::take(&mut self.rejected).is_empty() {
            let count = self.counts.rejected_data;
            info!("all metrics are accepted again ({count} rejected in total)");
        }
    }

    fn drop_expired(&mut self) {
        let Some(oldest) = self.terms.oldest else { return };
        let now = (self.wall_clock)();
        // Where the clock was set they need not be in the order of their times.
        let is_expired =
            |summary: &Summary| now.duration_since(summary.start).is_ok_and(|age| age >= oldest);
        let expired = self.backlog.retain(|summary| !is_expired(summary));
        self.counts.expired += expired as u64;
        if expired > 0 {
            let days = oldest.as_secs() / 86_400;
            error!(
                "dropped {expired} windows older than {days} days (the endpoint would refuse them)"
            );
        }
    }

    fn drop_overflow(&mut self) {
        let overflow = self.backlog.len().saturating_sub(self.buffer);
        self.backlog.drop_oldest(overflow);
        self.counts.overflowed += overflow as u64;
        if let (Some(outage), 1..) = (&mut self.outage, overflow) {
            if outage.overflowed == 0 {
                error!("backlog full ({} windows): dropping the oldest", self.buffer);
            }
            outage.overflowed += overflow as u64;
        }
    }

    fn fails(&mut self, error: PublishError, hurry: &CancellationToken) {
        if hurry.is_cancelled() {
            return;
        }
        let kept = self.backlog.len().min(self.buffer);
        let (what, advice) = (error.what().to_owned(), error.advice);
        let outage = Outage::goes_on(self.outage.take(), error, kept);
        let elapsed = outage.since.elapsed();
        self.outage = Some(outage);
        let since = (self.wall_clock)().checked_sub(elapsed).unwrap_or(SystemTime::UNIX_EPOCH);
        self.tell(PublisherState::Failing { since, what, advice });
    }

    fn tell(&self, state: PublisherState) {
        if let Some(health) = &self.health {
            health.send_replace(Some(Health { publisher: self.publisher.name(), state }));
        }
    }

    fn outage_ends(&mut self) {
        self.tell(PublisherState::Works);
        if let Some(outage) = self.outage.take() {
            outage.ends();
        }
    }
}

/// Stands among the names of rejected data for those that were told without a name.
const MANY: &str = "";

#[cfg(test)]
mod tests;
