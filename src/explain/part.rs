//! What CPU and memory are made of.

use serde::Serialize;

use super::{NO_FIGURES, Text};
use crate::model::{CpuReading, Evidence, Limit, MemoryReading, Origin, Part, ReadError};
use crate::sampler::{cpu_utilization, larger_limit};
use crate::sorted::sort_by_key;

/// CPU or memory. What cannot be known is said as `error`.
#[derive(Debug, Serialize)]
pub struct Explained {
    pub part: Part,
    pub values: Vec<Figure>,
    /// What is used, in the names of the values, and with the values put in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_now: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<PartLimit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// How the percent comes about, in numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calculation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Text>,
}

/// What the percent is of.
#[derive(Debug, Serialize)]
pub struct PartLimit {
    pub amount: f64,
    pub unit: &'static str,
    /// `file`, `endpoint`, `call`, or `containers` for a sum of their limits.
    pub kind: &'static str,
    pub origin: Text,
}

/// A number as a file or an endpoint has it.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub origin: Text,
    pub name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Text>,
}

/// CPU needs two readings.
pub fn cpu(
    first: Option<Result<CpuReading, ReadError>>,
    second: Option<Result<CpuReading, ReadError>>,
    evidence: &[Evidence],
) -> Explained {
    let part = Explained::new(Part::Cpu, evidence);
    let (first, second) = match (first, second) {
        (Some(Ok(first)), Some(Ok(second))) => (first, second),
        (Some(Err(error)), _) | (_, Some(Err(error))) => return part.failed(&error.to_string()),
        _ => return part.failed(NO_FIGURES),
    };
    // The limit is known also where the figure cannot be true.
    let part = part.limited(second.limit.amount.0, "cores", &second.limit);
    let percent = match cpu_utilization(&first, &second) {
        Ok(Some(percent)) => percent,
        Ok(None) => return part.failed(NO_FIGURES),
        Err(error) => return part.failed(&error.to_string()),
    };
    let elapsed = second.at.duration_since(first.at).as_secs_f64();
    let used = second.used.saturating_sub(first.used).as_secs_f64();
    let cores = larger_limit(&first, &second);
    let formula =
        format!("{used:.3} s CPU time / ({elapsed:.3} s × {cores} cores) = {percent:.2}%");
    Explained { percent: Some(f64::from(percent)), calculation: Some(formula), ..part }
}

pub fn memory(
    reading: Option<Result<MemoryReading, ReadError>>,
    evidence: &[Evidence],
) -> Explained {
    let part = Explained::new(Part::Memory, evidence);
    let memory = match reading {
        Some(Ok(memory)) => memory,
        Some(Err(error)) => return part.failed(&error.to_string()),
        None => return part.failed(NO_FIGURES),
    };
    let part = part.limited(memory.limit.amount.0 as f64, "bytes", &memory.limit);
    let percent = match memory.percent() {
        Ok(percent) => percent,
        Err(error) => return part.failed(&error.to_string()),
    };
    let (used, limit) = (memory.used.0, memory.limit.amount.0);
    let formula = format!("{used} bytes / {limit} bytes = {percent:.2}%");
    Explained { percent: Some(percent), calculation: Some(formula), ..part }
}

impl Explained {
    fn new(part: Part, evidence: &[Evidence]) -> Self {
        let evidence = evidence.iter().find(|evidence| evidence.part == part);
        let values = evidence.map(|evidence| evidence.values.iter()).into_iter().flatten();
        let values = values.map(|raw| Figure {
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
            percent: None,
            calculation: None,
            error: None,
            notes: evidence
                .map(|evidence| evidence.notes.iter().map(|note| Text::from(&**note)).collect())
                .unwrap_or_default(),
        }
    }

    fn limited<T>(self, amount: f64, unit: &'static str, limit: &Limit<T>) -> Self {
        let kind = match limit.origin {
            Origin::File(_) => "file",
            Origin::Endpoint(_) => "endpoint",
            Origin::Call(_) => "call",
            Origin::Containers => "containers",
        };
        let origin = Text::from(&*limit.origin.to_string());
        Self { limit: Some(PartLimit { amount, unit, kind, origin }), ..self }
    }

    fn failed(self, error: &str) -> Self {
        Self { error: Some(Text::from(error)), ..self }
    }
}

/// The formula with the values in the places of their names, if all of them are known.
fn put_in(evidence: &Evidence) -> Option<String> {
    // The longest names first: `MemTotal` must not be found in a longer one.
    let mut values: Vec<_> = evidence.values.iter().collect();
    sort_by_key(&mut values, |raw| std::cmp::Reverse(raw.name.len()));
    values.into_iter().try_fold(evidence.formula.to_string(), |formula, raw| {
        Some(formula.replace(&*raw.name, &raw.value.as_ref().ok()?.to_string()))
    })
}

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
        let mut evidence = Evidence { part: Part::Memory, values, formula, notes };
        assert_eq!(put_in(&evidence).as_deref(), Some("9 − (5 − 2)"));
        evidence.values[0].value = Err("it is not told".into());
        assert_eq!(put_in(&evidence), None);
    }
}
