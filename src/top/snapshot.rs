//! What an agent says of itself at one instant.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value as Json;

use crate::model::{Kind, UTILIZATION};
use crate::query::{Metric, a_second, value};
use crate::shown::shown;
use crate::terminal::gauge::Limit;

/// All that is shown, but the samples.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The clock of the agent.
    pub now_ms: i64,
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
    pub last_ms: Option<i64>,
    /// In seconds.
    pub took: Option<f64>,
    pub values: Vec<Value>,
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
}

/// A container of the pod or task, in percent of its own limits.
#[derive(Debug, Default)]
pub struct Container {
    pub name: String,
    pub cpu: Option<f64>,
    pub memory: Option<f64>,
}

/// An alarm, or a threshold of a metric, that is not OK.
#[derive(Debug)]
pub struct Alarm {
    pub id: String,
    pub check: String,
    pub state: String,
    pub status: String,
    pub since_ms: Option<i64>,
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
            Check::of(of, runs.get(id).copied(), values.remove(id).unwrap_or_default(), now_ms)
        });
        let checks = checks.collect();
        let (alarms, all_alarms, unknown_alarms) = alarms(&answers.alarms, &answers.thresholds);
        let publishers = answers.publishers.iter().map(Publisher::of).collect();
        Self { now_ms, agent, checks, containers, alarms, all_alarms, unknown_alarms, publishers }
    }

    /// How many seconds ago something was.
    pub fn ago(&self, ms: i64) -> u64 {
        (self.now_ms - ms).max(0).unsigned_abs() / 1000
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
    fn of(of: &Json, run: Option<&Json>, values: Vec<Value>, now_ms: i64) -> Self {
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
            last_ms: run.map_or(sampled_ms, |run| run["timestamp"].as_i64()),
            took: run.and_then(|run| run["duration"].as_f64()),
            values,
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
        Some(Self { metric, number, text, age, is_stale: of["stale"] == true })
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

/// The alarms and thresholds that are not OK, how many there are in all, and how many of the others are unknown: without a
/// state as yet, or with a metric that has none now.
fn alarms(alarms: &[Json], thresholds: &[Json]) -> (Vec<Alarm>, usize, usize) {
    let is_on = |of: &&Json| of["disabled"] != true;
    let is_bad =
        |of: &&Json| of["state"].as_str().is_some_and(|state| !state.eq_ignore_ascii_case("ok"));
    let alarm = |of: &Json, id: String, check: &Json| Alarm {
        id,
        check: text(check),
        state: text(&of["state"]).to_ascii_uppercase(),
        status: text(&of["status"]),
        since_ms: of["since"].as_i64(),
    };
    let on: Vec<_> = alarms.iter().filter(is_on).collect();
    let of_thresholds: Vec<_> = thresholds.iter().filter(is_on).collect();
    let of_alarms = on.iter().filter(|of| is_bad(of));
    let mut bad: Vec<_> = of_alarms.map(|of| alarm(of, text(&of["id"]), &of["check_id"])).collect();
    for of in &of_thresholds {
        let not_ok = of["not_ok"].as_array().into_iter().flatten().filter(is_bad);
        bad.extend(not_ok.map(|of| alarm(of, text(&of["metric"]), &of["check"])));
    }
    let is_unknown = |of: &Json| of["state"].is_null() || !of["unknown"].is_null() && !is_bad(&of);
    let count = |of: &Json, name: &str| of["counts"][name].as_u64().unwrap_or_default();
    let has_bad = |of: &Json| count(of, "warning") + count(of, "failure") > 0;
    let is_unclear = |of: &Json| !has_bad(of) && (count(of, "unknown") > 0 || count(of, "ok") == 0);
    let unknown = on.iter().filter(|of| is_unknown(of)).count();
    let unknown = unknown + of_thresholds.iter().filter(|of| is_unclear(of)).count();
    (bad, on.len() + of_thresholds.len(), unknown)
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
