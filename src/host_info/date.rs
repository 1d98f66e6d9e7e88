//! `date`: what the clock says.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{HostInfo, Unavailable};
use crate::model::Roots;

pub const TYPE: HostInfo = HostInfo {
    name: "date",
    about: "The time of the clock, in milliseconds since 1970 and as text; and how long the machine runs",
    fields: &["timestamp", "utc", "uptime"],
    gather,
};

fn gather(_: &Roots) -> Result<Value, Unavailable> {
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(json!([{
        "timestamp": since.as_millis() as u64,
        "utc": humantime::format_rfc3339_millis(now).to_string(),
        "uptime": sysinfo::System::uptime().ok(),
    }]))
}
