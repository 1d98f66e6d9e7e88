//! Shows what would be measured and published, and how that is known.

mod text;

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::time::{Instant, sleep};

use crate::auto_dimensions;
use crate::config::{Output, Settings};
use crate::cost::Comparison;
use crate::model::{CpuReading, Evidence, Limit, MemoryReading, ReadError};
use crate::publisher::{self, Choice};
use crate::sampler::{cpu_utilization, memory_utilization};
use crate::shown::shown;
use crate::source::choose::Chosen;
use crate::source::{self, Source};

/// Everything that there is to say, in the form that it is printed in.
#[derive(Debug, Serialize)]
struct Explanation {
    scope: String,
    reason: Text,
    parts: Vec<Part>,
    namespace: String,
    metrics: Vec<&'static str>,
    #[serde(serialize_with = "as_map")]
    dimensions: Vec<(Text, Text)>,
    #[serde(serialize_with = "as_map")]
    publisher: Vec<(&'static str, Text)>,
}

/// A text of whoever wrote it, fit to be shown.
#[derive(Debug, Serialize)]
struct Text(String);

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

/// CPU or memory. What cannot be known is said as `error`.
#[derive(Debug, Serialize)]
struct Part {
    part: &'static str,
    values: Vec<Value>,
    /// What is used, in the names of the values, and with the values put in.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_now: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_origin: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Text>,
}

#[derive(Debug, Serialize)]
struct Value {
    origin: Text,
    name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Text>,
}

/// Looks at everything, and returns what is to be printed.
pub async fn run(settings: &Settings) -> String {
    let settings = &auto_dimensions::complete(settings, std::future::pending()).await;
    let Chosen { mut source, scope, reason } = source::choose::open(settings).await;
    let Looked { cpu: [first, second], memory: in_use } = look(&mut *source, settings).await;
    let evidence = source.explain();
    let mut facts = Vec::new();
    for publish in &settings.publishing.publishers {
        facts.extend(publisher::choose::open(*publish, settings).explain().await);
    }
    facts.push(("cost", Comparison::of(settings).to_string()));
    let explanation = Explanation {
        scope: scope.to_string(),
        reason: Text::from(&*reason),
        parts: vec![cpu(first, second, &evidence), memory(in_use, &evidence)],
        namespace: settings.identity.namespace.clone(),
        metrics: Choice::new(settings).names(),
        dimensions: settings
            .identity
            .dimensions
            .iter()
            .map(|dimension| (Text::from(&*dimension.name), Text::from(&*dimension.value)))
            .collect(),
        publisher: facts.iter().map(|(name, fact)| (*name, Text::from(&**fact))).collect(),
    };
    match settings.publishing.output {
        Output::Text => text::render(&explanation),
        Output::Json => serde_json::to_string_pretty(&explanation)
            .expect("strings and numbers can be written as JSON"),
    }
}

/// The newest of what was read, as far as there was anything.
#[derive(Default)]
struct Looked {
    /// The last but one, and the last.
    cpu: [Option<Result<CpuReading, ReadError>>; 2],
    memory: Option<Result<MemoryReading, ReadError>>,
}

/// Reads until there is memory, and CPU twice, as the sampler would.
async fn look(source: &mut dyn Source, settings: &Settings) -> Looked {
    let (start, mut looked) = (Instant::now(), Looked::default());
    loop {
        let reading = source.read(Instant::now());
        if reading.cpu.is_some() {
            let [_, last] = looked.cpu;
            looked.cpu = [last, reading.cpu];
        }
        looked.memory = reading.memory.or(looked.memory);
        let is_complete = looked.cpu[0].is_some() && looked.memory.is_some();
        let longest = if knows_nothing(source) { NOTHING_KNOWN } else { LONGEST_LOOK };
        if is_complete || start.elapsed() >= longest {
            return looked;
        }
        sleep(settings.measuring.sample_interval.min(LONGEST_INTERVAL)).await;
    }
}

/// Whether all that the source is made of is reasons why there is nothing.
fn knows_nothing(source: &mut dyn Source) -> bool {
    let evidence = source.explain();
    evidence.iter().flat_map(|evidence| &evidence.values).all(|raw| raw.value.is_err())
}

/// CPU needs two readings.
fn cpu(
    first: Option<Result<CpuReading, ReadError>>,
    second: Option<Result<CpuReading, ReadError>>,
    evidence: &[Evidence],
) -> Part {
    let part = Part::new("CPU", evidence);
    let (first, second) = match (first, second) {
        (Some(Ok(first)), Some(Ok(second))) => (first, second),
        (Some(Err(error)), _) | (_, Some(Err(error))) => return part.failed(&error.to_string()),
        _ => return part.failed("there are no figures yet"),
    };
    // The limit is known also where the figure cannot be true.
    let part = part.limited(&second.limit);
    let percent = match cpu_utilization(&first, &second) {
        Ok(Some(percent)) => percent,
        Ok(None) => return part.failed("there are no figures yet"),
        Err(error) => return part.failed(&error.to_string()),
    };
    let elapsed = second.at.duration_since(first.at).as_secs_f64();
    let used = second.used.saturating_sub(first.used).as_secs_f64();
    let cores = second.limit.amount.0;
    let formula =
        format!("{used:.3} s of CPU time in {elapsed:.3} s × {cores} cores = {percent:.2}%");
    Part { percent: Some(formula), ..part }
}

fn memory(reading: Option<Result<MemoryReading, ReadError>>, evidence: &[Evidence]) -> Part {
    let part = Part::new("memory", evidence);
    let memory = match reading {
        Some(Ok(memory)) => memory,
        Some(Err(error)) => return part.failed(&error.to_string()),
        None => return part.failed("there are no figures yet"),
    };
    let part = part.limited(&memory.limit);
    let percent = match memory_utilization(&memory) {
        Ok(percent) => percent,
        Err(error) => return part.failed(&error.to_string()),
    };
    let (used, limit) = (memory.used.0, memory.limit.amount.0);
    let formula = format!("{used} bytes of {limit} bytes = {percent:.2}%");
    Part { percent: Some(formula), ..part }
}

impl Part {
    fn new(part: &'static str, evidence: &[Evidence]) -> Self {
        let evidence = evidence.iter().find(|evidence| evidence.part == part);
        let values = evidence.map(|evidence| evidence.values.iter()).into_iter().flatten();
        let values = values.map(|raw| Value {
            origin: Text::from(&*raw.origin),
            name: Text::from(&*raw.name),
            value: raw.value.as_ref().ok().copied(),
            error: raw.value.as_ref().err().map(|error| Text::from(&**error)),
        });
        Self {
            part,
            values: values.collect(),
            used: evidence.map(|evidence| Text::from(&*evidence.formula)),
            used_now: evidence.and_then(put_in).as_deref().map(Text::from),
            limit: None,
            limit_origin: None,
            percent: None,
            error: None,
            notes: evidence
                .map(|evidence| evidence.notes.iter().map(|note| Text::from(&**note)).collect())
                .unwrap_or_default(),
        }
    }

    fn limited<T: fmt::Display>(self, limit: &Limit<T>) -> Self {
        let limit_origin = Some(Text::from(&*limit.origin));
        Self { limit: Some(limit.amount.to_string()), limit_origin, ..self }
    }

    fn failed(self, error: &str) -> Self {
        Self { error: Some(Text::from(&*format!("unknown: {error}"))), ..self }
    }
}

/// The formula with the values in the places of their names, if all of them are known.
fn put_in(evidence: &Evidence) -> Option<String> {
    // The longest names first: `MemTotal` must not be found in a longer one.
    let mut values: Vec<_> = evidence.values.iter().collect();
    values.sort_by_key(|raw| std::cmp::Reverse(raw.name.len()));
    values.into_iter().try_fold(evidence.formula.to_string(), |formula, raw| {
        Some(formula.replace(&*raw.name, &raw.value.as_ref().ok()?.to_string()))
    })
}

/// Nobody wants to wait longer for an explanation, however long the sample interval is.
const LONGEST_INTERVAL: Duration = Duration::from_secs(1);

/// An endpoint that has not told anything after this is not waited for.
const NOTHING_KNOWN: Duration = Duration::from_secs(4);

/// On Fargate the endpoint has new figures every ten seconds, and the overhead on CPU is known after
/// the second of those that are of after the start. What is not known after this is not told.
const LONGEST_LOOK: Duration = Duration::from_secs(40);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RawValue;

    fn raw(name: &'static str, value: Result<u64, String>) -> RawValue {
        RawValue { name: name.into(), origin: "a file".into(), value }
    }

    #[test]
    fn values_are_put_into_the_formula() {
        let values = vec![raw("file", Ok(5)), raw("file_mapped", Ok(2)), raw("usage", Ok(9))];
        let formula = "usage − (file − file_mapped)".into();
        let notes = Vec::new();
        let mut evidence = Evidence { part: "memory", values, formula, notes };
        assert_eq!(put_in(&evidence).as_deref(), Some("9 − (5 − 2)"));
        evidence.values[0].value = Err("it is not told".into());
        assert_eq!(put_in(&evidence), None);
    }
}
