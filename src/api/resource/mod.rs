//! The resources, a file for each kind of them. Each is a row of the table of routes.

pub mod about;
pub mod agent;
pub mod alarm;
pub mod change;
pub mod check;
pub mod check_type;
pub mod entity;
pub mod host_info;
pub mod metric;
pub mod numbers;
pub mod value;

use serde_json::Value;

pub use crate::clock::milliseconds;

/// A number of JSON; null for what JSON has no number for.
fn number(value: f64) -> Value {
    // Whole numbers are easier to read without a fraction, and exact up to here.
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        return (value as i64).into();
    }
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::from)
}
