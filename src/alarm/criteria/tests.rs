use std::time::Duration;

use super::*;
use crate::model::Quantity;

mod cases;
mod errors;
mod evaluation;
mod hostile;
mod properties;

/// An available result so many seconds after the first.
fn observed(seconds: u64, values: &[(&str, Quantity)]) -> Observation {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Observation {
        since_start: Duration::from_secs(seconds),
        is_available: true,
        status: "success".to_owned(),
        values: values.collect(),
    }
}

fn number(value: f64) -> Quantity {
    Quantity::Number(value)
}

fn text(value: &str) -> Quantity {
    Quantity::Text(value.to_owned())
}

/// What comes of a condition: whether it holds, or why that is unknown.
fn holds(condition: &str, now: &Observation, before: Option<&Observation>) -> Result<bool, String> {
    let criteria = format!("if ({condition}) {{ return new AlarmStatus(CRITICAL); }}");
    let criteria = Criteria::parse(&criteria).unwrap_or_else(|error| panic!("{criteria}: {error}"));
    match criteria.evaluate(now, before) {
        Evaluation::Known { state, .. } => Ok(state == State::Critical),
        Evaluation::Unknown { reason } => Err(reason),
    }
}
