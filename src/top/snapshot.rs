//! What an agent says of itself at one instant.

mod alarm;
mod unavailable;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value as Json;

pub use self::alarm::Alarm;
use self::alarm::alarms;
pub use self::unavailable::Unavailable;
use crate::check::TABLE;
use crate::model::{Kind, UTILIZATION};
use crate::query::{Metric, a_second, value};
use crate::shown::shown;
use crate::terminal::gauge::Limit;

/// All that is shown, but the samples.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The clock of the agent.
    pub now_ms: i64,
    /// What has passed since it said this, in seconds: ages go on where it does not answer any more.
    pub passed: f64,
    pub agent: Agent,
    pub checks: Vec<Check>,
    pub containers: Vec<Container>,
    /// Those that are not OK.
    pub alarms: Vec<Alarm>,
    /// How many there are, with thresholds.
    pub all_alarms: usize,
    /// How many of them have no state, or have one of which nothing is known now, and are no alarm above.
    pub unknown_alarms: usize,
    pub publishers: Vec<Publisher>,
}

/// The process, and what its percents are of.
#[derive(Debug, Default)]
pub struct Agent {
    /// Service, dimensions and scope.
    pub names: Vec<String>,
    pub scope: String,
    pub version: String,
    /// In seconds.
    pub uptime: f64,
    pub sample_interval: f64,
    pub cpu: Option<Limit>,
    pub memory: Option<Limit>,
}

/// How a check stands, the worst first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Unavailable,
    #[default]
    NotRun,
    Available,
    Disabled,
}

#[derive(Debug, Default)]
pub struct Check {
    pub id: String,
    pub kind: String,
    /// In seconds.
    pub period: f64,
    pub state: State,
    pub status: String,
    /// Since when it stands so, where that is known.
    pub since_ms: Option<i64>,
    pub last_ms: Option<i64>,
    /// In seconds.
    pub took: Option<f64>,
    pub values: Vec<Value>,
    pub unavailable: Vec<Unavailable>,
}

/// The newest value of a metric.
#[derive(Debug)]
pub struct Value {
    pub metric: Metric,
    pub number: Option<f64>,
    /// With its unit; of a counter how much it grows in a second.
    pub text: String,
    /// In seconds.
    pub age: f64,
    pub is_stale: bool,
    /// Whether it is one of those that the type of its check publishes by default.
    pub is_headline: bool,
}

/// A container of the pod or task, in percent of its own limits.
#[derive(Debug, Default)]
pub struct Container {
    pub name: String,
    pub cpu: Option<f64>,
    pub memory: Option<f64>,
}

#[derive(Debug)]
pub struct Publisher {
    pub name: String,
    pub waiting: u64,
    pub limit: u64,
    pub delivered: u64,
    pub dropped: u64,
    pub oldest_ms: Option<i64>,
    pub failing_since_ms: Option<i64>,
    pub failure: String,
}

/// The answers that a snapshot is made of.
pub struct Answers {
    pub time: Json,
    pub agent: Json,
    pub checks: Vec<Json>,
    pub runs: Vec<Json>,
    pub values: Vec<Json>,
    pub alarms: Vec<Json>,
    pub thresholds: Vec<Json>,
    pub suppressions: Vec<Json>,
    pub publishers: Vec<Json>,
}

impl Snapshot {
    pub fn of(answers: &Answers) -> Self {
        let mut values = HashMap::<&str, Vec<Value>>::new();
        let agent = Agent::of(&answers.agent);
        let fresh = FRESH.max(agent.sample_interval * 3.0);
        for of in &answers.values {
            if let Some(mut value) = Value::of(of) {
                // An endpoint that is asked every few seconds has nothing newer in between.
                if of["check"] == UTILIZATION {
                    value.is_stale &= value.age > fresh;
                }
                values.entry(of["check"].as_str().unwrap_or_default()).or_default().push(value);
            }
        }
        let containers = values.get(UTILIZATION).map(|of| containers(of)).unwrap_or_default();
        let runs = answers.runs.iter().filter_map(|run| Some((run["check"].as_str()?, run)));
        let runs: HashMap<_, _> = runs.collect();
        let now_ms = answers.time["timestamp"].as_i64().unwrap_or_default();
        let checks = answers.checks.iter().map(|of| {
            let id = of["id"].as_str().unwrap_or_default();
            let run = runs.get(id).copied();
            let values = values.remove(id).unwrap_or_default();
            let unavailable = if id == UTILIZATION { Some(&answers.agent) } else { run };
            let unavailable = unavailable.map(Unavailable::all).unwrap_or_default();
            Check { unavailable, ..Check::of(of, run, values, now_ms) }
        });
        let checks = checks.collect();
        let (alarms, all_alarms, unknown_alarms) = alarms(answers, now_ms);
        let publishers = answers.publishers.iter().map(Publisher::of).collect();
        let passed = 0.0;
        Self {
            now_ms,
            passed,
            agent,
            checks,
            containers,
            alarms,
            all_alarms,
            unknown_alarms,
            publishers,
        }
    }

    /// How many seconds ago something was.
    pub fn ago(&self, ms: i64) -> u64 {
        let now_ms = self.now_ms + (self.passed * 1000.0) as i64;
        (now_ms - ms).max(0).unsigned_abs() / 1000
    }

    /// How long it takes until all is read again. The agent answers in the thread that measures, so long lists are read
    /// less often.
    pub fn pause(&self) -> Duration {
        let values: usize = self.checks.iter().map(|of| of.values.len()).sum();
        let rows = self.checks.len() + values + self.all_alarms;
        (PAUSE * u32::try_from(1 + rows / MANY).unwrap_or(u32::MAX)).min(LONGEST_PAUSE)
    }

    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|of| of.id == id)
    }
}

impl Agent {
    fn of(of: &Json) -> Self {
        let mut names = Vec::new();
        match of["service"].as_str() {
            Some(service) => names.push(format!("service {}", shown(service))),
            None => names.push(text(&of["id"])),
        }
        for (name, value) in of["dimensions"].as_object().into_iter().flatten() {
            if name != "ServiceName" {
                names.push(format!("{}={}", shown(name), text(value)));
            }
        }
        let measured = &of["measured"];
        let scope = text(&measured["scope"]);
        if !scope.is_empty() {
            names.push(format!("scope {scope}"));
        }
        let limit = |of: &Json, unit| {
            Some(Limit { amount: of[unit].as_f64()?, origin: text(&of["origin"]) })
        };
        Self {
            names,
            scope,
            version: text(&of["version"]),
            uptime: of["uptime"].as_f64().unwrap_or_default(),
            sample_interval: of["sample_interval"].as_f64().unwrap_or(0.9).clamp(0.1, 60.0),
            cpu: limit(&measured["cpu"], "cores"),
            memory: limit(&measured["memory"], "bytes"),
        }
    }
}

impl Check {
    fn of(of: &Json, run: Option<&Json>, mut values: Vec<Value>, now_ms: i64) -> Self {
        let kind = TABLE.iter().find(|kind| of["type"] == kind.name);
        for declared in kind.iter().flat_map(|kind| kind.metrics).filter(|of| of.is_headline) {
            let found = values.iter_mut().filter(|value| value.metric.name == declared.name);
            found.for_each(|value| value.is_headline = true);
        }
        let newest = values.iter().map(|value| value.age).fold(f64::INFINITY, f64::min);
        let is_fresh = values.iter().any(|value| !value.is_stale);
        let state = match run {
            _ if of["disabled"] == true => State::Disabled,
            Some(run) if run["available"] == false => State::Unavailable,
            Some(_) => State::Available,
            // The source has no runs, but samples.
            None if is_fresh => State::Available,
            None if newest.is_finite() => State::Unavailable,
            None => State::NotRun,
        };
        let old = "there are no newer values: the log of the agent says why";
        let status = match run {
            Some(run) => text(&run["status"]),
            None if state == State::Unavailable => old.to_owned(),
            None => String::new(),
        };
        let sampled_ms = newest.is_finite().then(|| now_ms - (newest * 1000.0) as i64);
        Self {
            id: text(&of["id"]),
            kind: text(&of["type"]),
            period: of["period"].as_f64().unwrap_or_default(),
            state,
            status,
            since_ms: run.and_then(|run| run["since"].as_i64()),
            last_ms: run.map_or(sampled_ms, |run| run["timestamp"].as_i64()),
            took: run.and_then(|run| run["duration"].as_f64()),
            values,
            unavailable: Vec::new(),
        }
    }
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::NotRun => "not run yet",
            Self::Available => "available",
            Self::Disabled => "disabled",
        }
    }
}

impl Value {
    fn of(of: &Json) -> Option<Self> {
        let word = |name: &str| of[name].as_str().map(str::to_owned);
        let is_counter = of["kind"] == Kind::Counter.name();
        let letter = word("type")?.chars().next()?;
        let metric = Metric {
            check: word("check")?,
            name: word("metric")?,
            unit: word("unit").unwrap_or_default(),
            letter,
            is_counter,
            newest_ms: of["timestamp"].as_i64(),
        };
        let number = match &of["value"] {
            Json::Object(many) => many.get("mean").and_then(Json::as_f64),
            one => one.as_f64(),
        };
        let figure = if is_counter { of["rate"].as_f64() } else { number };
        let text = match (figure, &of["value"]) {
            (Some(rate), _) if is_counter => value(&a_second(&metric.unit), rate),
            (Some(number), _) => value(&metric.unit, number),
            (None, Json::String(text)) => shown(text),
            (None, _) => "-".to_owned(),
        };
        let age = of["age"].as_f64().unwrap_or_default();
        let (is_stale, is_headline) = (of["stale"] == true, false);
        Some(Self { metric, number, text, age, is_stale, is_headline })
    }

    /// Percents first, and texts last.
    pub fn rank(&self) -> i64 {
        match &*self.metric.unit {
            _ if self.metric.is_text() => 2,
            "percent" => 0,
            _ => 1,
        }
    }
}

impl Publisher {
    fn of(of: &Json) -> Self {
        let count = |name: &str| of[name].as_u64().unwrap_or_default();
        Self {
            name: text(&of["publisher"]),
            waiting: count("waiting"),
            limit: count("limit"),
            delivered: count("delivered"),
            dropped: count("dropped"),
            oldest_ms: of["oldest"].as_i64(),
            failing_since_ms: of["failing_since"].as_i64(),
            failure: text(&of["failure"]),
        }
    }

    pub fn is_failing(&self) -> bool {
        self.failing_since_ms.is_some()
    }
}

/// The containers of which there are numbers beside those of the whole: their names stand before the number's.
fn containers(values: &[Value]) -> Vec<Container> {
    let mut all = Vec::<Container>::new();
    for value in values {
        let Some((name, number)) = value.metric.name.rsplit_once('.') else { continue };
        let place = all.iter().position(|of| of.name == name).unwrap_or_else(|| {
            all.push(Container { name: name.to_owned(), ..Container::default() });
            all.len() - 1
        });
        let of = &mut all[place];
        let current = value.number.filter(|_| !value.is_stale);
        match number {
            "cpu" => of.cpu = current,
            "memory" => of.memory = current,
            _ => {}
        }
    }
    all
}

/// From one look to the next where there is little to read, and before the next try after a failure.
pub const PAUSE: Duration = Duration::from_secs(2);

/// Checks, values and alarms of which each so many make the pause longer.
const MANY: usize = 500;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Seconds after which a value of the source is no longer the current one, where samples are taken each second.
const FRESH: f64 = 15.0;

/// A text of an agent, fit to be shown.
fn text(value: &Json) -> String {
    match value {
        Json::String(text) => shown(text),
        Json::Null => String::new(),
        other => shown(&other.to_string()),
    }
}

#[cfg(test)]
mod tests;
