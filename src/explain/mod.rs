//! Shows what would be measured and published, and how that is known.

mod check;
mod formula;
mod part;
mod published;
mod text;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::join_all;
use log::LevelFilter;
use serde::{Serialize, Serializer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use self::check::ExplainedCheck;
use self::part::Explained;
use self::published::{Published, Unavailable};
use crate::HOST_AGENT;
use crate::auto_dimensions;
use crate::collector::Collector;
use crate::collector::series::Table;
use crate::config::{Output, Settings, ValueForm};
use crate::cost::{self, Comparison};
use crate::model::{CpuReading, Evidence, MemoryReading, Number, ReadError, Summary};
use crate::publisher::{self, Retries};
use crate::sampler::Sampler;
use crate::shown::shown;
use crate::source::choose::{self, Chosen};

/// Everything that there is to say, in the form that it is printed in.
#[derive(Debug, Serialize)]
struct Explanation {
    /// Whether all is there that is needed to publish.
    ready: bool,
    missing: Vec<Text>,
    warnings: Vec<Text>,
    scope: String,
    reason: Text,
    parts: Vec<Explained>,
    /// `null` without one.
    namespace: Option<String>,
    #[serde(serialize_with = "as_map")]
    settings: Vec<(&'static str, String)>,
    /// Those of all metrics.
    #[serde(serialize_with = "as_map")]
    dimensions: Vec<(Text, Text)>,
    /// Each metric with each set of dimensions, as it would be sent.
    metrics: Vec<Published>,
    /// How those metrics come about that are not of CPU and memory.
    #[serde(serialize_with = "as_map", skip_serializing_if = "Vec::is_empty")]
    formulas: Vec<(&'static str, &'static str)>,
    /// What was asked for and has no value.
    unavailable: Vec<Unavailable>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<ExplainedCheck>,
    publishers: Vec<Facts>,
    /// Unknown where nothing could be measured.
    cost: Option<Comparison>,
}

/// To where and as whom a publisher would publish.
#[derive(Debug, Serialize)]
struct Facts {
    name: &'static str,
    #[serde(flatten, serialize_with = "as_map")]
    facts: Vec<(&'static str, FactShown)>,
    /// What is needed and not known, each with what to do or why.
    #[serde(skip)]
    missing: Vec<Text>,
}

/// Something about a publisher: the value alone, for machines, and what else there is to say.
#[derive(Debug, Serialize)]
struct FactShown {
    value: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Text>,
}

/// A text from outside, made safe to print.
#[derive(Clone, Debug, Serialize)]
pub struct Text(String);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(shown(text))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Pairs, in their order, as an object.
fn as_map<K, V, S>(pairs: &[(K, V)], serializer: S) -> Result<S::Ok, S::Error>
where
    K: Serialize,
    V: Serialize,
    S: Serializer,
{
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// What is to be printed, and whether all is there that is needed to publish.
pub struct Printed {
    pub text: String,
    pub is_ready: bool,
}

/// Looks at everything; with `--check` also whether the endpoint answers.
pub async fn run(settings: &Settings) -> Printed {
    let settings = &auto_dimensions::complete(settings, std::future::pending()).await;
    let chosen = choose::open(&settings.measuring, watch::Sender::default()).await;
    // A command would be in the same container.
    let warning = chosen.source.warning().filter(|_| settings.command.is_empty());
    let (scope, reason) = (chosen.source.scope(), chosen.reason.clone());
    let (summaries, hand_out) = published::hand_out();
    // One window for all of it, however long it takes and whatever the clock does.
    let with_values = settings.publishing.form == ValueForm::Distribution;
    let table = Table::new(MOST_SAMPLES, with_values);
    let mut collector = Collector::new(LONGEST_LOOK, table, hand_out);
    let looked = look(chosen, settings, &mut collector).await;
    let Looked { cpu: [first, second], memory, evidence, missing, containers } = looked;
    collector.finish();
    let summary = published::summary(summaries);
    let (checks, of_checks, discovered) = match HOST_AGENT {
        true => check::all(settings).boxed_local().await,
        false => Default::default(),
    };
    let mut metrics = published::all(settings, &summary);
    metrics.extend(of_checks);
    let opened = settings.publishing.publishers.iter();
    let opened =
        opened.map(|publish| publisher::choose::open(*publish, settings, &Retries::default()));
    let opened: Vec<_> = opened.collect();
    let explained = join_all(opened.iter().map(|of| of.explain(settings.check))).await;
    let publishers = opened.iter().zip(explained);
    let mut publishers: Vec<_> =
        publishers.map(|(of, facts)| Facts::of(of.name(), facts)).collect();
    let mut lacking: Vec<_> =
        settings.missing_names().into_iter().map(|of| Text::from(&*of)).collect();
    lacking.extend(publishers.iter_mut().flat_map(|of| std::mem::take(&mut of.missing)));
    let parts = [part::cpu(first, second, &evidence), part::memory(memory, &evidence)];
    let reason_of = |number| {
        let part = match number {
            Number::Cpu => parts[0].error.as_ref(),
            Number::Memory => parts[1].error.as_ref(),
            _ => None,
        };
        let missing = missing.iter().find(|(of, _)| *of == number).map(|(_, why)| why.clone());
        let of_part = part.map(|error| error.to_string());
        of_part.or(missing).unwrap_or_else(|| NO_FIGURES.to_owned())
    };
    let mut unavailable = published::unavailable(settings, &summary, reason_of);
    unavailable.extend(published::unavailable_of_containers(settings, &summary, &containers));
    if summary.entries.is_empty() {
        lacking.push(Text::from("nothing can be measured"));
    }
    let warnings = settings.warnings.iter().map(String::as_str).chain(warning);
    let explanation = Explanation {
        ready: lacking.is_empty(),
        missing: lacking,
        warnings: warnings.map(Text::from).collect(),
        settings: settings_of(settings),
        scope: scope.to_string(),
        reason: Text::from(&*reason),
        parts: parts.into(),
        namespace: settings.identity.namespace.clone(),
        dimensions: settings
            .identity
            .dimensions
            .iter()
            .map(|dimension| (Text::from(&*dimension.name), Text::from(&*dimension.value)))
            .collect(),
        metrics,
        formulas: formulas(settings),
        unavailable,
        checks,
        publishers,
        cost: (!summary.entries.is_empty()).then(|| {
            let mut summary = Summary::clone(&summary);
            summary.entries.extend(discovered);
            Comparison::of(&cost::with_place(settings), &summary)
        }),
    };
    let text = match settings.publishing.output {
        Output::Text => text::render(&explanation),
        Output::Json => serde_json::to_string_pretty(&explanation)
            .expect("strings and numbers can be written as JSON"),
    };
    Printed { text, is_ready: explanation.ready }
}

/// How often and in which form it is published, and what becomes of what is not accepted.
fn settings_of(settings: &Settings) -> Vec<(&'static str, String)> {
    let (measuring, publishing) = (&settings.measuring, &settings.publishing);
    let statistics = match publishing.form {
        ValueForm::MedianMax => "median-max",
        ValueForm::Distribution => "distribution",
    };
    let off = || "off".to_owned();
    let mut all = vec![
        ("period", format!("{} s", measuring.period.as_secs())),
        ("sample_interval", format!("{} s", measuring.sample_interval.as_secs_f64())),
        ("statistics", statistics.to_owned()),
        ("buffer", format!("{} periods", publishing.buffer)),
        ("shutdown_timeout", format!("{} s", publishing.shutdown_timeout.as_secs_f64())),
    ];
    // A build without the host agent has none of these.
    let of_host_agent = [
        ("history", settings.history.as_ref().map_or_else(off, ToString::to_string)),
        ("api", settings.api.as_ref().map_or_else(off, |api| api.address.to_string())),
        (
            "collectd_socket",
            settings
                .collectd_socket
                .as_ref()
                .map_or_else(off, |path| shown(&path.display().to_string())),
        ),
    ];
    all.extend(of_host_agent.into_iter().filter(|_| HOST_AGENT));
    all
}

/// The formulas of the numbers that were asked for, by their names.
fn formulas(settings: &Settings) -> Vec<(&'static str, &'static str)> {
    let numbers = settings.measuring.metrics.iter();
    numbers.filter_map(|number| Some((number.published(), formula::of(number)?))).collect()
}

impl Facts {
    fn of(name: &'static str, facts: Vec<publisher::Fact>) -> Self {
        let missing = facts.iter().filter(|fact| fact.value.is_none()).map(|fact| {
            let why = fact.cure.as_ref().or(fact.note.as_ref()).map_or("unknown", String::as_str);
            Text::from(&*format!("{name} {}: {why}", fact.name.replace('_', " ")))
        });
        let missing = missing.collect();
        let facts = facts.into_iter().map(|fact| {
            let (value, note) = (fact.value.as_deref().map(Text::from), fact.note);
            (fact.name, FactShown { value, note: note.as_deref().map(Text::from) })
        });
        Self { name, facts: facts.collect(), missing }
    }
}

/// The newest of what was read, as far as there was anything.
#[derive(Default)]
struct Looked {
    /// The last but one, and the last.
    cpu: [Option<Result<CpuReading, ReadError>>; 2],
    memory: Option<Result<MemoryReading, ReadError>>,
    evidence: Vec<Evidence>,
    /// The numbers that have no value, each with the reason.
    missing: Vec<(Number, String)>,
    /// Those of each container that runs, each with why it cannot be read, where that is so.
    containers: Vec<(Arc<str>, Number, Option<ReadError>)>,
}

/// Samples until there is memory, and CPU twice. The collector gets all of it.
async fn look(chosen: Chosen, settings: &Settings, collector: &mut Collector) -> Looked {
    let (start, now, mut looked) = (Instant::now(), SystemTime::now(), Looked::default());
    let numbers = settings.measuring.metrics;
    let mut sampler = quietly(|| Sampler::new(chosen, numbers, collector));
    loop {
        let reading = sampler.read(Instant::now());
        quietly(|| sampler.take(reading.clone(), now, collector));
        if reading.cpu.is_some() {
            let [_, last] = looked.cpu;
            looked.cpu = [last, reading.cpu];
        }
        looked.memory = reading.memory.or(looked.memory);
        let is_complete = looked.cpu[0].is_some() && looked.memory.is_some();
        let evidence = sampler.explain();
        let is_silent = evidence.iter().flat_map(|of| &of.values).all(|raw| raw.value.is_err());
        let longest = if is_silent { NOTHING_KNOWN } else { LONGEST_LOOK };
        if is_complete || start.elapsed() >= longest {
            quietly(|| sampler.report(collector));
            let missing = sampler.missing();
            let containers = sampler.containers();
            return Looked { evidence, missing, containers, ..looked };
        }
        sleep(settings.measuring.sample_interval.min(LONGEST_INTERVAL)).await;
    }
}

/// Runs something whose failures stand in the explanation, so the log need not have them, too.
fn quietly<T>(run: impl FnOnce() -> T) -> T {
    let level = log::max_level();
    log::set_max_level(LevelFilter::Off);
    let result = run();
    log::set_max_level(level);
    result
}

/// Where nothing could be measured yet.
const NO_FIGURES: &str = "not measured yet";

/// Nobody wants to wait longer for an explanation, however long the sample interval is.
const LONGEST_INTERVAL: Duration = Duration::from_secs(1);

/// An endpoint that has not told anything after this is not waited for.
const NOTHING_KNOWN: Duration = Duration::from_secs(4);

/// A sample each tenth of a second at most, as long as it may take.
const MOST_SAMPLES: usize = 400;

/// On Fargate the endpoint has new values every ten seconds, and the CPU overhead needs two of them
/// from after the start. What is missing after this time is shown as unavailable.
const LONGEST_LOOK: Duration = Duration::from_secs(40);
