//! Several endpoints, one of which gets everything: the primary. The first is the primary until it fails, and
//! again when it has answered for a while.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use log::{Level, info, log};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Explaining, Fact, Failure, Parcel, Place, Preparing, Primary, PublishError, Publisher, Sending,
    Size, Terms,
};
use crate::clock::Exchange;
use crate::logging::{DELIVERY, START};
use crate::model::{Datum, Summary};

/// A publisher to one endpoint.
pub trait Endpoint: Publisher {
    /// Whether it answers a request without data. That goes the way of a send, so it also tells what is wrong
    /// between here and there: a proxy, a certificate.
    fn probe(&mut self) -> Probing<'_>;
}

/// A probe that is under way.
pub type Probing<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), PublishError>> + 'a>>;

/// Publishers to endpoints, the first of which is the one that is wanted.
pub struct Endpoints {
    members: Vec<Member>,
    primary: usize,
    why: String,
    since: SystemTime,
    /// How many sends to the primary have failed in a row.
    failures: u32,
    /// How often another became the primary since something was accepted.
    switches: usize,
    /// Since when each probe of the first was answered, while it is not the primary.
    first_answers: Option<Instant>,
    /// The time for the last sends. One that is under way at the stop has its share of it.
    shutdown_timeout: Duration,
    /// Since when a stop waited for a send, and whether that was given up.
    stopped: Option<Instant>,
    is_given_up: bool,
    /// How long each may take where what is sent now is the last.
    last_share: Option<Duration>,
}

struct Member {
    /// For people.
    name: String,
    publisher: Box<dyn Endpoint>,
    probed: Option<Probed>,
}

/// The newest probe of an endpoint. A failed send counts as one.
#[derive(Clone, Copy)]
struct Probed {
    at: Instant,
    /// How long the answer took, where there was one.
    took: Option<Duration>,
}

impl Endpoints {
    /// At least one, each with a name for people.
    pub fn new(members: Vec<(String, Box<dyn Endpoint>)>, shutdown_timeout: Duration) -> Self {
        let member = |(name, publisher)| Member { name, publisher, probed: None };
        Self {
            members: members.into_iter().map(member).collect(),
            primary: 0,
            why: FIRST.to_owned(),
            since: SystemTime::now(),
            failures: 0,
            switches: 0,
            first_answers: None,
            shutdown_timeout,
            stopped: None,
            is_given_up: false,
            last_share: None,
        }
    }

    /// The part of a time that each of so many endpoints has.
    fn share(time: Duration, endpoints: usize) -> Duration {
        time / u32::try_from(endpoints.max(1)).unwrap_or(u32::MAX)
    }

    fn publisher(&self) -> &dyn Endpoint {
        &*self.members[self.primary].publisher
    }

    async fn deliver(
        &mut self,
        parcels: &[Parcel<'_>],
        hurry: &CancellationToken,
    ) -> Result<super::Accepted, PublishError> {
        // Each is tried once at most. At the end the delivery begins again as long as there is time.
        let mut left = self.members.len();
        loop {
            left -= 1;
            let share = Self::share(self.shutdown_timeout, self.members.len());
            let sending = self.members[self.primary].publisher.send(parcels, hurry);
            let stopped = Cell::new(self.stopped);
            // One that hangs while the agent is stopped must leave time for the others.
            let is_late = async {
                hurry.cancelled().await;
                stopped.set(Some(stopped.get().unwrap_or_else(Instant::now)));
                sleep(share).await;
            };
            let sent = match self.last_share {
                Some(share) => timeout(share, sending).await.map_err(|_| share),
                None => tokio::select! {
                    biased;
                    sent = sending => Ok(sent),
                    () = is_late => Err(share),
                },
            };
            self.stopped = stopped.get();
            if sent.is_err() && self.last_share.is_none() {
                let error = late(share);
                self.is_given_up = self.leave_for_another(&error, hurry).await;
                return Err(error);
            }
            let error = match sent.unwrap_or_else(|share| Err(late(share))) {
                Ok(accepted) => {
                    (self.failures, self.switches) = (0, 0);
                    self.look_for_the_first(hurry).await;
                    return Ok(accepted);
                }
                Err(error) => error,
            };
            let is_of_data = error.kind == Failure::Rejected;
            let is_of_here = error.kind == Failure::OutOfResources || error.at == Place::Here;
            if is_of_data || is_of_here || hurry.is_cancelled() {
                return Err(error);
            }
            self.failures += 1;
            let is_over = self.failures >= FAILURES_IN_A_ROW
                || error.at == Place::Refused
                || self.last_share.is_some();
            if !is_over || !self.leave_for_another(&error, hurry).await || left == 0 {
                return Err(error);
            }
        }
    }

    /// Makes that endpoint the primary which answers fastest. At the end there is no time to ask: the next one
    /// is tried.
    async fn leave_for_another(&mut self, error: &PublishError, hurry: &CancellationToken) -> bool {
        let left = self.primary;
        self.members[left].probed = Some(Probed { at: Instant::now(), took: None });
        // A stop ends the probes, or keeps them from beginning: one that hangs takes seconds.
        let is_asked = self.last_share.is_none() && {
            let others = self.members.iter_mut().enumerate().filter(|(at, _)| *at != left);
            let due = others.filter(|(_, member)| member.is_due()).map(|(_, member)| member);
            hurry.run_until_cancelled(join_all(due.map(Member::probe))).await.is_some()
        };
        let next = if is_asked {
            let answers = self.members.iter().enumerate();
            let answers = answers.filter_map(|(at, member)| Some((member.probed?.took?, at)));
            let Some((_, fastest)) = answers.min() else { return false };
            fastest
        } else {
            (left + 1) % self.members.len()
        };
        let what = if error.at == Place::Refused { "it refuses connections" } else { "it failed" };
        let name = &self.members[left].name;
        self.why = format!("{name}: {what}: {error}");
        // Where none of them takes anything, they are told once.
        let level = if self.switches < self.members.len() { Level::Warn } else { Level::Debug };
        let to = &self.members[next].name;
        log!(target: DELIVERY, level, "publishing to {to} from now on, and not to {name}: {what} ({error})");
        self.becomes_primary(next);
        self.switches += 1;
        true
    }

    /// Probes the first now and then, and returns to it when it has answered long enough.
    async fn look_for_the_first(&mut self, hurry: &CancellationToken) {
        let first = &mut self.members[0];
        if self.primary == 0 || self.last_share.is_some() || !first.is_due() {
            return;
        }
        if hurry.run_until_cancelled(first.probe()).await.is_none() {
            return;
        }
        let is_there = first.probed.is_some_and(|probed| probed.took.is_some());
        let since = is_there.then(|| self.first_answers.unwrap_or_else(Instant::now));
        self.first_answers = since;
        if since.is_some_and(|since| since.elapsed() >= PROVEN) {
            let name = &self.members[0].name;
            let minutes = PROVEN.as_secs() / 60;
            info!(target: DELIVERY, "publishing to {name} again, which has answered for {minutes} minutes");
            self.why = format!("the first, which has answered for {minutes} minutes");
            self.becomes_primary(0);
        }
    }

    fn becomes_primary(&mut self, at: usize) {
        (self.primary, self.failures, self.first_answers) = (at, 0, None);
        self.since = SystemTime::now();
    }
}

impl Member {
    fn is_due(&self) -> bool {
        self.probed.is_none_or(|probed| probed.at.elapsed() >= BETWEEN_PROBES)
    }

    async fn probe(&mut self) {
        let at = Instant::now();
        let answer = timeout(LONGEST_PROBE, self.publisher.probe()).await;
        let took = matches!(answer, Ok(Ok(()))).then(|| at.elapsed());
        self.probed = Some(Probed { at, took });
    }
}

impl Publisher for Endpoints {
    fn name(&self) -> &'static str {
        self.members[0].publisher.name()
    }

    fn terms(&self) -> Terms {
        let all = self.members.iter().map(|member| member.publisher.terms());
        let bytes = all.map(|terms| terms.most.bytes).min().unwrap_or_default();
        let terms = self.members[0].publisher.terms();
        Terms { most: Size { bytes, ..terms.most }, ..terms }
    }

    fn size(&self, summary: &Summary, datum: Datum) -> Size {
        self.publisher().size(summary, datum)
    }

    fn send<'a>(
        &'a mut self,
        parcels: &'a [Parcel<'a>],
        hurry: &'a CancellationToken,
    ) -> Sending<'a> {
        Box::pin(self.deliver(parcels, hurry))
    }

    fn prepare(&mut self) -> Preparing<'_> {
        let names: Vec<_> = self.members[1..].iter().map(|member| &*member.name).collect();
        let (first, others) = (&self.members[0].name, names.join(", "));
        info!(
            target: START,
            "standing by for {first}: {others}; alarms at {first} do not see what is sent there"
        );
        self.members[0].publisher.prepare()
    }

    fn sees(&mut self, summary: &Rc<Summary>) {
        self.members.iter_mut().for_each(|member| member.publisher.sees(summary));
    }

    fn waits(&self, summary: &Summary) -> bool {
        self.publisher().waits(summary)
    }

    fn ends(&mut self, left: Duration) {
        // So that each of them can be tried. One that takes longer may have the data all the same.
        let left = left.saturating_sub(self.stopped.map_or(Duration::ZERO, |at| at.elapsed()));
        let untried = self.members.len() - usize::from(self.is_given_up);
        self.last_share = Some(Self::share(left, untried));
    }

    fn endpoint_clock(&self) -> Option<Exchange> {
        self.publisher().endpoint_clock()
    }

    fn primary(&self) -> Option<Primary> {
        let endpoint = self.members[self.primary].name.clone();
        Some(Primary { endpoint, why: self.why.clone(), since: self.since })
    }

    fn explain(&self, connecting: bool) -> Explaining<'_> {
        Box::pin(async move {
            let note = Some(FIRST.to_owned());
            let mut facts = vec![Fact { note, ..Fact::known("primary", &*self.members[0].name) }];
            // All at once: one that hangs takes ten seconds.
            let all = self.members.iter().map(|member| member.publisher.explain(connecting));
            let mut all = join_all(all).await.into_iter();
            facts.extend(all.next().into_iter().flatten());
            for (Member { name, .. }, missing) in self.members[1..].iter().zip(all) {
                let missing = missing.into_iter().find(|fact| fact.value.is_none());
                facts.push(match missing {
                    Some(Fact { name: what, note, cure, .. }) => {
                        let note = note.unwrap_or_default();
                        Fact { cure, ..Fact::noted(STANDBY, format!("{name}: {what}: {note}")) }
                    }
                    None => {
                        let note = connecting.then(|| "the endpoint answers".to_owned());
                        Fact { note, ..Fact::known(STANDBY, name) }
                    }
                });
            }
            facts
        })
    }
}

fn late(share: Duration) -> PublishError {
    let what = format!("no answer within {share:.1?}, and the next endpoint is tried");
    PublishError::new(Failure::TryAgain, what)
}

const STANDBY: &str = "standby";

const FIRST: &str = "it is the first";

/// After so many failed sends in a row another endpoint is tried.
const FAILURES_IN_A_ROW: u32 = 2;

/// Each endpoint that is not the primary is probed this often at most.
const BETWEEN_PROBES: Duration = Duration::from_mins(5);

/// The first becomes the primary again when it has answered each probe for this long.
const PROVEN: Duration = Duration::from_mins(10);

/// An endpoint that takes longer for an answer is none to change to.
const LONGEST_PROBE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests;
