//! Owns the checks: which there are, how they are, and what they found last.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::rc::Rc;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use log::{error, info, warn};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::instance::{Instance, Order, Trial};
use super::phase::{Moments, Phase};
use super::remarks::Remarks;
use super::request::{Changing, Expecting, Listed, Refused, Reload, Reply, Request, To};
use crate::blacklist::Blacklist;
use crate::logging::CHECKS;
use crate::model::{Configured, Mailbox, Report, Roots};
use crate::overlay::{Difference, Overlay};
use crate::sorted::{map_of, set_of};

/// All checks. They run while [`run`](Self::run) is polled.
pub struct Registry {
    /// What the files say, and what was changed beside them.
    overlay: Overlay<Rc<Configured>>,
    /// One for each check that is in force.
    pub(super) entries: BTreeMap<String, Entry>,
    running: FuturesUnordered<Pin<Box<dyn Future<Output = ()>>>>,
    reports: Reports,
    roots: Roots,
    /// What is not collected.
    pub(super) blacklist: Rc<RefCell<Blacklist>>,
    /// How many metrics all checks may publish together, and how many they do at present.
    pub(super) most_metrics: usize,
    pub(super) published: Rc<Cell<usize>>,
    moments: Moments,
    /// How many instances there ever were.
    opened: u64,
    /// Cancelled as the agent ends, for all instances.
    end: CancellationToken,
}

/// The way of the reports: from the instances to the registry, and from there on.
struct Reports {
    sender: mpsc::Sender<(u64, Rc<Report>)>,
    receiver: mpsc::Receiver<(u64, Rc<Report>)>,
    collector: mpsc::Sender<Rc<Report>>,
    /// How many the collector could not take.
    dropped: u64,
}

pub(super) struct Entry {
    pub(super) configured: Rc<Configured>,
    /// How many metrics it may publish. To count them takes as long as some runs, and each change of any check asks
    /// for those of all.
    metrics: usize,
    phase: Phase,
    orders: mpsc::Sender<Order>,
    number: u64,
    last: Option<Rc<Report>>,
    remarks: Remarks,
    /// Where it takes what others have measured.
    pub(super) mailbox: Option<Rc<dyn Mailbox>>,
    /// Ends the instance when this is dropped.
    _end: DropGuard,
}

impl Registry {
    /// A registry without checks, whose reports go to `collector`.
    pub fn new(collector: mpsc::Sender<Rc<Report>>, most_metrics: usize, roots: Roots) -> Self {
        // RandomState has random keys, so this is a random number without a crate for it.
        let chance = || RandomState::new().hash_one(0) as f64 / u64::MAX as f64;
        Self::with(collector, most_metrics, roots, Box::new(chance))
    }

    pub(super) fn with(
        collector: mpsc::Sender<Rc<Report>>,
        most_metrics: usize,
        roots: Roots,
        chance: Box<dyn FnMut() -> f64>,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(REPORTS_DEPTH);
        let reports = Reports { sender, receiver, collector, dropped: 0 };
        let (overlay, entries, running) =
            (Overlay::default(), BTreeMap::new(), FuturesUnordered::new());
        let end = CancellationToken::new();
        let blacklist = Rc::default();
        let published = Rc::default();
        Self {
            overlay,
            entries,
            running,
            reports,
            roots,
            blacklist,
            most_metrics,
            published,
            moments: Moments::of(chance),
            opened: 0,
            end,
        }
    }

    /// The same registry, which runs each check for the first time at once.
    pub fn starting_at_once(self) -> Self {
        Self { moments: Moments::at_once(), ..self }
    }

    /// The same registry, which collects nothing that is on this list.
    pub fn without(self, blacklist: Rc<RefCell<Blacklist>>) -> Self {
        Self { blacklist, ..self }
    }

    /// The same registry, which learns from this how many metrics the checks publish.
    pub fn counting(self, published: Rc<Cell<usize>>) -> Self {
        Self { published, ..self }
    }

    /// Runs the checks and answers requests until `stop` is cancelled; then all runs are given up.
    pub async fn run(mut self, mut requests: mpsc::Receiver<Request>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some((number, report)) = self.reports.receiver.recv() => self.take(number, report),
                Some(request) = requests.recv() => self.answer(request),
                Some(()) = self.running.next() => {}
            }
        }
        // What checks have taken since their last runs is not to be lost. None is waited for.
        self.end.cancel();
        loop {
            while let Ok((number, report)) = self.reports.receiver.try_recv() {
                self.take(number, report);
            }
            if !matches!(self.running.next().now_or_never(), Some(Some(()))) {
                break;
            }
        }
        while let Ok((number, report)) = self.reports.receiver.try_recv() {
            self.take(number, report);
        }
    }

    /// Begins with these checks. One with which there would be too many metrics does not run, and the log says so.
    pub fn begin(&mut self, overlay: Overlay<Rc<Configured>>) {
        for (id, configured) in overlay.effective() {
            match self.fits(&configured) {
                Ok(()) => self.put(configured),
                Err(refused) => error!("check {id} does not run: {refused}"),
            }
        }
        self.overlay = overlay;
    }

    fn add(&mut self, configured: Configured) -> Result<(), Refused> {
        if self.entries.contains_key(&configured.id) {
            return Err(Refused::Exists(configured.id));
        }
        if self.entries.len() >= MOST_CHECKS {
            return Err(Refused::TooManyChecks(MOST_CHECKS));
        }
        self.fits(&configured)?;
        let configured = Rc::new(configured);
        self.overlay.set(configured.id.clone(), configured.clone());
        self.put(configured);
        Ok(())
    }

    /// Has a check run as this says, whether it was there before or not. What does not change of it goes on; the
    /// first run of a new one is at a random part of its period.
    fn put(&mut self, next: Rc<Configured>) {
        let now = Instant::now();
        let entry = self.entries.get(&next.id);
        let before = entry.map(|entry| (entry.configured.clone(), entry.phase));
        let phase = match &before {
            Some((before, _)) if *before == next => return,
            Some((before, phase)) if before.period == next.period => *phase,
            _ => {
                let others = self.entries.values().map(|entry| &entry.phase);
                self.moments.choose(now, next.period, others)
            }
        };
        // Disabled checks keep no descriptors and no readings; and what was read long ago is no baseline.
        let is_same = |before: &Configured| {
            before.kind == next.kind
                && before.details == next.details
                && before.is_disabled == next.is_disabled
        };
        if before.is_some_and(|(before, _)| is_same(&before))
            && let Some(entry) = self.entries.get_mut(&next.id)
            && entry.orders.try_send(Order::Change(next.clone(), phase)).is_ok()
        {
            entry.metrics = next.declared().len();
            (entry.configured, entry.phase) = (next, phase);
            return;
        }
        self.open(next, phase, now);
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::List(reply) => {
                // Who asked may be gone; so below.
                let _ = reply.send(self.list());
            }
            Request::Changes(reply) => {
                let _ = reply.send(self.overlay.changes().clone());
            }
            Request::Reload(reload, reply) => self.obey(reply, |own| own.reload(reload)),
            Request::Add(configured, reply) => self.obey(reply, |own| own.add(configured)),
            Request::Remove(id, expecting, reply) => {
                self.obey(reply, |own| own.remove(id, expecting));
            }
            Request::Change(id, changing, reply) => {
                self.obey(reply, |own| own.change(id, changing));
            }
            Request::Restart(id, reply) => self.obey(reply, |own| own.restart(id)),
            Request::RunNow(id, reply) => self.run_now(id, reply),
            Request::Push(id, values, reply) => self.obey(reply, |own| own.push(id, &values)),
        }
    }

    /// Carries out an order, unless who gave it has given up and believes that it was not.
    fn obey<T>(&mut self, reply: Reply<T>, order: impl FnOnce(&mut Self) -> Result<T, Refused>) {
        if !reply.is_closed() {
            let _ = reply.send(order(self));
        }
    }

    fn list(&self) -> Vec<Listed> {
        let now = Instant::now();
        let listed = |entry: &Entry| Listed {
            configured: entry.configured.clone(),
            origin: self.overlay.origin(&entry.configured.id),
            next: (!entry.configured.is_disabled).then(|| entry.phase.next(now)),
            last: entry.last.clone(),
        };
        self.entries.values().map(listed).collect()
    }

    fn remove(&mut self, id: String, expecting: Expecting) -> Result<(), Refused> {
        let Some(entry) = self.entries.get(&id) else { return Err(Refused::NotFound(id)) };
        expecting(&entry.configured)?;
        self.overlay.remove(&id);
        self.entries.remove(&id);
        Ok(())
    }

    fn restart(&mut self, id: String) -> Result<(), Refused> {
        let Some(entry) = self.entries.get(&id) else { return Err(Refused::NotFound(id)) };
        if entry.configured.is_disabled {
            return Err(Refused::Disabled(id));
        }
        self.open(entry.configured.clone(), entry.phase, Instant::now());
        Ok(())
    }

    fn change(&mut self, id: String, changing: Changing) -> Result<(), Refused> {
        let Some(entry) = self.entries.get(&id) else { return Err(Refused::NotFound(id)) };
        let before = entry.configured.clone();
        let next = Configured { id, ..changing(&before)? };
        if *before == next {
            return Ok(());
        }
        self.fits(&next)?;
        let next = Rc::new(next);
        self.overlay.set(next.id.clone(), next.clone());
        self.put(next);
        Ok(())
    }

    /// Has the checks be those that the files have now, with the changes beside them; or those of before. Nothing
    /// has changed where that is refused.
    fn reload(&mut self, Reload { to, then }: Reload) -> Result<Difference, Refused> {
        let mut overlay = self.overlay.clone();
        let overridden = match to {
            To::Files { checks, how } => {
                let by_id = checks.into_iter().map(|check| (check.id.clone(), Rc::new(check)));
                overlay.reload(map_of(by_id), how)
            }
            To::Before if overlay.undo() => Vec::new(),
            To::Before => return Err(Refused::NothingBefore),
        };
        let all = overlay.effective();
        let metrics = all.values().map(|of| of.declared().len()).sum::<usize>();
        if metrics > self.most_metrics {
            return Err(Refused::TooManyMetrics { metrics, most: self.most_metrics });
        }
        let difference = Difference::between(&self.overlay.effective(), &all);
        let difference = difference.with_overridden(overridden);
        self.entries.retain(|id, _| all.contains_key(id));
        let ids = set_of(all.keys().cloned());
        all.into_values().for_each(|configured| self.put(configured));
        self.overlay = overlay;
        then(ids);
        Ok(difference)
    }

    fn run_now(&mut self, id: String, reply: Reply<Rc<Report>>) {
        let refused = match self.entries.get(&id) {
            None => (reply, Refused::NotFound(id)),
            Some(entry) => match entry.orders.try_send(Order::Run(reply)) {
                Ok(()) => return,
                Err(error) => match error.into_inner() {
                    Order::Run(reply) => (reply, Refused::Busy(id)),
                    Order::Change(..) => return,
                },
            },
        };
        let (reply, why) = refused;
        let _ = reply.send(Err(why));
    }

    /// Whether the metrics of all checks are few enough with this one.
    fn fits(&self, next: &Configured) -> Result<(), Refused> {
        let others = self.entries.values().filter(|entry| entry.configured.id != next.id);
        let others = others.map(|entry| entry.metrics).sum::<usize>();
        let (metrics, most) = (others + next.declared().len(), self.most_metrics);
        if metrics > most { Err(Refused::TooManyMetrics { metrics, most }) } else { Ok(()) }
    }

    /// Starts an instance in place of the one of the same id, if there is one. It runs at the first instant
    /// from `now` on, which is a little ago when it begins.
    fn open(&mut self, configured: Rc<Configured>, phase: Phase, now: Instant) {
        self.opened += 1;
        let number = self.opened;
        let (orders, received) = mpsc::channel(ORDERS_DEPTH);
        let trial = Trial::of(configured.clone(), &self.roots);
        let mailbox = trial.mailbox();
        let reports = self.reports.sender.clone();
        let instance = Instance::new(
            trial,
            phase,
            phase.next(now),
            received,
            reports,
            number,
            self.end.clone(),
        );
        let end = CancellationToken::new();
        let ended = end.clone();
        self.running.push(Box::pin(async move {
            // A removed check does not end its run first.
            ended.run_until_cancelled(instance.run()).await;
        }));
        let (id, _end, last) = (configured.id.clone(), end.drop_guard(), None);
        let (metrics, remarks) = (configured.declared().len(), Remarks::default());
        let entry =
            Entry { configured, metrics, phase, orders, number, last, remarks, mailbox, _end };
        self.entries.insert(id, entry);
    }

    /// Notes a report, and says when a check becomes unavailable, and when it is available again.
    fn take(&mut self, number: u64, report: Rc<Report>) {
        let entry = self.entries.get_mut(&*report.check).filter(|entry| entry.number == number);
        // It is of a check that was removed since.
        let Some(entry) = entry else { return };
        let was_available = entry.last.as_ref().is_none_or(|last| last.is_available);
        match (was_available, report.is_available) {
            (true, false) => warn!("check {} is unavailable: {}", report.check, report.status),
            (false, true) => info!(target: CHECKS, "check {} is available again", report.check),
            _ => {}
        }
        if report.is_available {
            entry.remarks.say(&entry.configured, &report);
        }
        let filtered = self.blacklist.borrow().filtered(&report);
        let report = filtered.map_or(report, Rc::new);
        entry.last = Some(report.clone());
        if entry.configured.is_disabled {
            // Somebody has asked for this run; it is no measurement.
            return;
        }
        let Reports { collector, dropped, .. } = &mut self.reports;
        // At the end nobody takes them any more.
        if let Err(mpsc::error::TrySendError::Full(_)) = collector.try_send(report) {
            *dropped += 1;
            error!(
                "dropped the result of a check, {dropped} so far: more results wait than the agent can take"
            );
        }
    }
}

/// With so many, none is added. Most types need no room of --max-metrics, and each takes memory, also of the answers.
const MOST_CHECKS: usize = 1000;

/// How many reports may wait. They are taken as fast as they come, so this is never reached; if it is, a
/// check that has run waits before it runs again.
const REPORTS_DEPTH: usize = 64;

/// How many orders may wait while a check runs. More are refused.
const ORDERS_DEPTH: usize = 4;
