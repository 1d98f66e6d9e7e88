//! What a row is: something that goes wrong, and what is to be expected then.

use crate::clock::OF_THE_CLOCK;
use crate::rows_endpoints::OF_ENDPOINTS;
use crate::rows_machine::OF_THE_MACHINE;
use crate::rows_otlp::OF_OTLP;
use crate::rows_service::OF_THE_SERVICE;
use crate::scene::Scene;

/// All rows, under the headings of the documentation.
pub const GROUPS: [(&str, &[Fault]); 5] = [
    ("CloudWatch and the way to it", OF_THE_SERVICE),
    ("OTLP", OF_OTLP),
    ("Three endpoints", OF_ENDPOINTS),
    ("The machine", OF_THE_MACHINE),
    ("The clock", OF_THE_CLOCK),
];

/// All rows.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    GROUPS.iter().flat_map(|(_, faults)| *faults)
}

/// One thing that goes wrong.
pub struct Fault {
    pub name: &'static str,
    /// What it means for a user.
    pub meaning: &'static str,
    pub build: fn(&mut Scene),
    pub effect: Effect,
    pub request: UnderWay,
    /// What the log says about it as soon as a send or a reading has failed.
    pub says: &'static str,
    pub needs: Needs,
    /// Whether a send tries it again by itself.
    pub retried: bool,
    pub publisher: Publisher,
    /// Whether there are three endpoints.
    pub several: bool,
}

/// Where the summaries go to, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publisher {
    /// CloudWatch, by PutMetricData.
    CloudWatch,
    /// CloudWatch, by OTLP with a signature.
    Otlp,
    /// Another receiver, by OTLP.
    Receiver,
}

impl Fault {
    /// Whether it is one of the whole machine.
    pub fn is_of_the_clock(&self) -> bool {
        matches!(self.effect, Effect::ClockSteps(_) | Effect::Sleeps)
    }

    pub const fn new(
        name: &'static str,
        effect: Effect,
        build: fn(&mut Scene),
        meaning: &'static str,
    ) -> Self {
        let (request, needs) = (UnderWay::Held, Needs::Nothing);
        let publisher = Publisher::CloudWatch;
        Self {
            name,
            meaning,
            build,
            effect,
            request,
            says: "",
            needs,
            retried: false,
            publisher,
            several: false,
        }
    }

    pub const fn request(mut self, request: UnderWay) -> Self {
        self.request = request;
        self
    }

    pub const fn says(mut self, says: &'static str) -> Self {
        self.says = says;
        self
    }

    pub const fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    pub const fn retried(mut self) -> Self {
        self.retried = true;
        self
    }

    pub const fn by(mut self, publisher: Publisher) -> Self {
        self.publisher = publisher;
        self
    }

    pub const fn several(mut self) -> Self {
        self.several = true;
        self
    }

    /// The same by OTLP.
    pub const fn by_otlp(mut self, name: &'static str) -> Self {
        self.name = name;
        self.meaning = "As by PutMetricData.";
        self.publisher = Publisher::Receiver;
        self
    }

    /// Whether the first endpoint does not work, but another one does.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.effect, Effect::Elsewhere | Effect::ElsewhereToo)
    }

    /// Whether an endpoint works.
    pub fn works(&self) -> bool {
        !matches!(self.effect, Effect::Outage | Effect::Forever | Effect::LosesReplies)
    }
}

/// What becomes of the summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// All of them arrive, and the end is quick.
    Works,
    /// As [`Works`](Effect::Works), but where they go nobody can see.
    Unseen,
    /// As [`Works`](Effect::Works), but for one datum that the service never takes.
    RejectsOne,
    /// As [`Works`](Effect::Works), but the service says of each request that it did not take all of it.
    RefusesPart,
    /// As [`Works`](Effect::Works), but these metrics cannot be measured.
    Blind(&'static [&'static str]),
    /// As [`Works`](Effect::Works), and the wall clock is set by so many seconds in a window.
    ClockSteps(i64),
    /// As [`Works`](Effect::Works), and nothing runs for a while.
    Sleeps,
    /// All of them arrive at endpoints that stand by, if not at the first.
    Elsewhere,
    /// They arrive at the first, but the agent cannot know, and so at one that stands by as well.
    ElsewhereToo,
    /// None arrives until the fault ends.
    Outage,
    /// None arrives, and the fault cannot end while the agent runs.
    Forever,
    /// They arrive, but the agent cannot know.
    LosesReplies,
}

/// How SIGTERM can be sent while a request is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderWay {
    /// The endpoint holds its answer back until SIGTERM was sent.
    Held,
    /// The fault itself holds the request.
    Hangs,
    /// It is over as soon as it arrives.
    AtOnce,
    /// It fails before there is one.
    Never,
}

/// What the test itself needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// Network and mounts of its own.
    Namespace,
    /// A control group that can be made and removed.
    Cgroup,
    /// A network of its own, and other users.
    Users,
}
