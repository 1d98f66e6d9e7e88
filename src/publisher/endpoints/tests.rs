//! Endpoints on paused time, each of which does as a test tells it.

use std::cell::RefCell;

use tokio::time::{advance, sleep};

use super::*;
use crate::publisher::Accepted;
use crate::publisher::stdout::PRINTED;

const PERIOD: Duration = Duration::from_secs(60);
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(9);

/// What an endpoint does with a send, and whether it answers a probe.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Take,
    Fail,
    Refuse,
    /// Neither an answer nor an end, until the send gives up.
    Hang,
    /// It fails for a reason that the endpoint has no part in.
    FailHere,
    Reject,
    LackResources,
    /// The same, also when the agent is stopped meanwhile.
    HangOn,
    /// It answers probes, and fails.
    Pretend,
    /// It answers probes, and takes nothing until a person does something about it.
    Deny,
}

#[derive(Debug)]
struct State {
    does: Does,
    latency: Duration,
    sends: Vec<Instant>,
    probes: Vec<Instant>,
}

#[derive(Clone, Debug)]
struct Fake(Rc<RefCell<State>>);

impl Fake {
    fn new(millis: u64) -> Self {
        let latency = Duration::from_millis(millis);
        let state = State { does: Does::Take, latency, sends: Vec::new(), probes: Vec::new() };
        Self(Rc::new(RefCell::new(state)))
    }

    fn does(&self, does: Does) {
        self.0.borrow_mut().does = does;
    }

    fn counts(&self) -> (usize, usize) {
        let state = self.0.borrow();
        (state.sends.len(), state.probes.len())
    }

    fn is_spared(&self) -> bool {
        let probes = &self.0.borrow().probes;
        probes.windows(2).all(|two| two[1] - two[0] >= BETWEEN_PROBES)
    }

    async fn answer(&self, is_probe: bool) -> Result<(), PublishError> {
        let (does, latency) = (self.0.borrow().does, self.0.borrow().latency);
        let error = |kind| PublishError::new(kind, "as told".into());
        let fails = error(Failure::TryAgain);
        sleep(latency).await;
        match does {
            Does::Take => Ok(()),
            Does::Fail => Err(fails),
            Does::Refuse => Err(PublishError { at: Place::Refused, ..fails }),
            Does::Hang | Does::HangOn => {
                sleep(Duration::from_secs(12)).await;
                Err(fails)
            }
            _ if is_probe => Ok(()),
            Does::Pretend => Err(fails),
            Does::Deny => Err(error(Failure::Misconfigured).advising("allow it")),
            Does::FailHere => Err(fails.here()),
            Does::Reject => Err(error(Failure::Rejected)),
            Does::LackResources => Err(error(Failure::OutOfResources)),
        }
    }
}

impl Endpoint for Fake {
    fn probe(&mut self) -> Probing<'_> {
        self.0.borrow_mut().probes.push(Instant::now());
        Box::pin(self.answer(true))
    }
}

impl Publisher for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn terms(&self) -> Terms {
        PRINTED
    }

    fn send<'a>(&'a mut self, _: &'a [Parcel<'a>], hurry: &'a CancellationToken) -> Sending<'a> {
        self.0.borrow_mut().sends.push(Instant::now());
        Box::pin(async move {
            if self.0.borrow().does == Does::HangOn {
                return self.answer(false).await.map(|()| Accepted::default());
            }
            match hurry.run_until_cancelled(self.answer(false)).await {
                Some(answer) => answer.map(|()| Accepted::default()),
                None => Err(PublishError::new(Failure::TryAgain, "hurry".into())),
            }
        })
    }

    fn explain(&self, connecting: bool) -> Explaining<'_> {
        Box::pin(async move {
            let answer = if connecting { self.answer(true).await } else { Ok(()) };
            vec![match answer {
                Ok(()) => Fact::known("connection", "the endpoint answers"),
                Err(error) => Fact::noted("connection", error.to_string()),
            }]
        })
    }
}

struct World {
    fakes: [Fake; 3],
    endpoints: Endpoints,
    hurry: CancellationToken,
}

/// Three endpoints: a, and the faster c and the slower b that stand by.
fn world() -> World {
    let fakes = [Fake::new(50), Fake::new(90), Fake::new(20)];
    let members = ["a", "b", "c"].into_iter().zip(&fakes);
    let members = members.map(|(name, fake)| {
        let endpoint: Box<dyn Endpoint> = Box::new(fake.clone());
        (name.to_owned(), endpoint)
    });
    let endpoints = Endpoints::new(members.collect(), SHUTDOWN_TIMEOUT);
    World { fakes, endpoints, hurry: CancellationToken::new() }
}

impl World {
    fn primary(&self) -> String {
        self.endpoints.primary().expect("one of several").endpoint
    }

    /// A period passes, and a window is sent: whether it was accepted, and what is primary then.
    async fn period(&mut self) -> (bool, String) {
        advance(PERIOD).await;
        let sent = self.endpoints.send(&[], &self.hurry).await;
        (sent.is_ok(), self.primary())
    }

    async fn periods(&mut self, count: usize) -> Vec<(bool, String)> {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(self.period().await);
        }
        all
    }
}

fn is(accepted: bool, primary: &str) -> (bool, String) {
    (accepted, primary.to_owned())
}

#[tokio::test(start_paused = true)]
async fn as_long_as_the_first_works_no_other_is_asked() {
    let mut world = world();
    assert_eq!(world.periods(100).await, vec![is(true, "a"); 100]);
    assert_eq!(world.fakes.clone().map(|fake| fake.counts()), [(100, 0), (0, 0), (0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn after_the_second_failure_the_fastest_gets_what_failed() {
    for does in [Does::Fail, Does::Hang, Does::Pretend, Does::Deny] {
        let mut world = world();
        world.fakes[0].does(does);
        assert_eq!(
            world.periods(3).await,
            [is(false, "a"), is(true, "c"), is(true, "c")],
            "{does:?}"
        );
        assert_eq!(world.fakes.clone().map(|fake| fake.counts()), [(2, 0), (0, 1), (2, 1)]);
        let why = world.endpoints.primary().expect("one").why;
        assert_eq!(
            why,
            if does == Does::Deny {
                "a: it failed: allow it (as told)"
            } else {
                "a: it failed: as told"
            }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_failure_changes_nothing() {
    let mut world = world();
    for _ in 0..5 {
        world.fakes[0].does(Does::Fail);
        assert_eq!(world.period().await, is(false, "a"));
        world.fakes[0].does(Does::Take);
        assert_eq!(world.period().await, is(true, "a"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_changes_the_endpoint_at_once() {
    let mut world = world();
    world.fakes[0].does(Does::Refuse);
    world.fakes[2].does(Does::Refuse);
    assert_eq!(world.period().await, is(true, "b"));
    // b refuses, too, and the probes of the others are not old enough to be made again.
    world.fakes[1].does(Does::Refuse);
    assert_eq!(world.period().await, is(false, "b"));
    assert_eq!(world.fakes.clone().map(|fake| fake.counts()), [(1, 0), (2, 1), (0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_no_endpoint_has_a_part_in_changes_none() {
    for does in [Does::FailHere, Does::Reject, Does::LackResources] {
        let mut world = world();
        world.fakes[0].does(does);
        assert_eq!(world.periods(5).await, vec![is(false, "a"); 5], "{does:?}");
        assert_eq!(world.fakes[2].counts(), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn it_returns_when_the_first_has_answered_for_ten_minutes() {
    let mut world = world();
    world.fakes[0].does(Does::Refuse);
    assert_eq!(world.period().await, is(true, "c"));
    world.periods(7).await;
    world.fakes[0].does(Does::Take);
    // The next probe is ten minutes after the failure, and two more follow.
    let after = world.periods(20).await;
    let returned = after.iter().position(|(_, primary)| primary == "a").expect("it returns");
    assert!((12..=14).contains(&returned), "{returned}");
    assert!(after.iter().all(|(accepted, _)| *accepted), "nothing fails meanwhile");
    assert!(after[returned..].iter().all(|(_, primary)| primary == "a"));
    assert!(world.fakes.iter().all(Fake::is_spared));
    let why = world.endpoints.primary().expect("one").why;
    assert_eq!(why, "the first, which has answered for 10 minutes");
}

#[tokio::test(start_paused = true)]
async fn it_does_not_return_to_one_that_comes_and_goes() {
    let mut world = world();
    world.fakes[0].does(Does::Refuse);
    world.period().await;
    for _ in 0..20 {
        for does in [Does::Take, Does::Fail] {
            world.fakes[0].does(does);
            assert_eq!(world.periods(5).await, vec![is(true, "c"); 5]);
        }
    }
    assert!(world.fakes[0].counts().1 > 30 && world.fakes[0].is_spared());
}

#[tokio::test(start_paused = true)]
async fn where_all_fail_the_first_that_comes_back_gets_everything() {
    for back in [0, 1, 2] {
        let mut world = world();
        world.fakes.iter().for_each(|fake| fake.does(Does::Hang));
        assert!(world.periods(30).await.iter().all(|(accepted, _)| !accepted));
        world.fakes[back].does(Does::Take);
        let after = world.periods(8).await;
        let found = after.iter().position(|(accepted, _)| *accepted).expect("it is found");
        assert!(found <= 6, "{back}: {found}");
        assert_eq!(after[found], is(true, ["a", "b", "c"][back]));
        assert!(world.fakes.iter().all(Fake::is_spared));
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_end_each_is_tried_and_none_is_asked() {
    let mut world = world();
    world.fakes[0].does(Does::Hang);
    world.fakes[1].does(Does::Fail);
    world.endpoints.ends(Duration::from_secs(8));
    let begin = Instant::now() + PERIOD;
    assert_eq!(world.period().await, is(true, "c"));
    assert!(begin.elapsed() < Duration::from_secs(3), "the one that hangs is not waited for");
    assert_eq!(world.fakes.clone().map(|fake| fake.counts()), [(1, 0), (1, 0), (1, 0)]);
    // What is wrong with the last is told, and not that none was left.
    world.fakes[2].does(Does::Deny);
    world.fakes[0].does(Does::Deny);
    world.fakes[1].does(Does::Deny);
    let error = world.endpoints.send(&[], &world.hurry).await.expect_err("all fail");
    assert_eq!((error.kind, error.advice), (Failure::Misconfigured, Some("allow it")));
    assert_eq!(world.fakes.clone().map(|fake| fake.counts()), [(2, 0), (2, 0), (2, 0)]);
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_for_a_hurry_is_no_failure_of_the_endpoint() {
    let mut world = world();
    world.fakes[0].does(Does::Hang);
    world.hurry.cancel();
    assert_eq!(world.periods(3).await, vec![is(false, "a"); 3]);
    assert_eq!(world.fakes[2].counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn all_probes_together_take_no_longer_than_one() {
    let mut world = world();
    world.fakes.iter().for_each(|fake| fake.does(Does::Hang));
    world.fakes[0].does(Does::Refuse);
    advance(PERIOD).await;
    let begin = Instant::now();
    assert!(world.endpoints.send(&[], &world.hurry).await.is_err());
    assert_eq!(begin.elapsed(), Duration::from_millis(50) + LONGEST_PROBE);
}

#[tokio::test(start_paused = true)]
async fn a_first_that_answers_and_takes_nothing_is_tried_again_at_most_every_ten_minutes() {
    let mut world = world();
    world.fakes[0].does(Does::Deny);
    let all = world.periods(180).await;
    let returns = all.windows(2).filter(|two| two[0].1 == "c" && two[1].1 == "a").count();
    assert!((5..=17).contains(&returns), "{returns}");
    // One window waits for the second failure, each time.
    let failed = all.iter().filter(|(accepted, _)| !accepted).count();
    assert!(failed <= returns + 1, "{failed} of {returns}");
    assert!(world.fakes.iter().all(Fake::is_spared));
}

/// What is under way at a stop, and then the last send.
async fn stop(world: &mut World) -> Result<(), PublishError> {
    let stopping = async {
        sleep(Duration::from_secs(1)).await;
        world.hurry.cancel();
    };
    let (sent, ()) = tokio::join!(world.endpoints.send(&[], &world.hurry), stopping);
    assert!(sent.is_err(), "it is sent again at the end");
    world.endpoints.ends(SHUTDOWN_TIMEOUT);
    world.endpoints.send(&[], &CancellationToken::new()).await.map(|_| ())
}

#[tokio::test(start_paused = true)]
async fn a_send_that_hangs_at_a_stop_leaves_its_share_to_each_of_the_others() {
    for (second, primary, seconds) in [(Does::Take, "b", 4), (Does::HangOn, "c", 7)] {
        let mut world = world();
        world.fakes[0].does(Does::HangOn);
        world.fakes[1].does(second);
        let begin = Instant::now();
        stop(&mut world).await.expect("one of them takes it");
        // A second until the stop, and three for each that hangs.
        assert_eq!((world.primary(), begin.elapsed().as_secs()), (primary.to_owned(), seconds));
        assert_eq!(world.fakes[0].counts(), (1, 0), "it is the last that is tried again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_given_up_at_a_stop_begins_again_at_the_same_endpoint() {
    let mut world = world();
    world.fakes[0].does(Does::Hang);
    let begin = Instant::now();
    stop(&mut world).await.expect("the next takes it");
    assert_eq!((world.primary(), begin.elapsed().as_secs()), ("b".to_owned(), 4));
    assert_eq!(world.fakes[0].counts(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_the_probe_of_one_that_hangs() {
    let mut world = world();
    world.fakes[0].does(Does::Refuse);
    world.fakes[2].does(Does::HangOn);
    let begin = Instant::now();
    stop(&mut world).await.expect("the next takes it");
    assert_eq!((world.primary(), begin.elapsed().as_secs()), ("b".to_owned(), 1));
}

#[tokio::test(start_paused = true)]
async fn an_explanation_asks_all_at_once_and_keeps_their_order() {
    let world = world();
    world.fakes[0].does(Does::Hang);
    world.fakes[1].does(Does::Hang);
    let begin = Instant::now();
    let facts = world.endpoints.explain(true).await;
    assert_eq!(begin.elapsed().as_secs(), 12, "as long as one that hangs");
    let told: Vec<_> = facts.iter().map(|fact| (fact.name, fact.value.as_deref())).collect();
    let expected =
        [("primary", Some("a")), ("connection", None), (STANDBY, None), (STANDBY, Some("c"))];
    assert_eq!(told, expected);
}
