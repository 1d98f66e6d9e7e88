//! `date`: what the clock says.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{HostInfo, Unavailable};
use crate::clock::milliseconds;
use crate::model::Roots;

pub const TYPE: HostInfo = HostInfo {
    name: "date",
    about: "The time of the clock, in milliseconds since 1970 and as text; and how long the machine runs",
    fields: &["timestamp", "utc", "uptime"],
    gather,
};

fn gather(_: &Roots) -> Result<Value, Unavailable> {
    let now = SystemTime::now();
    Ok(json!([{
        "timestamp": milliseconds(now),
        "utc": humantime::format_rfc3339_millis(now).to_string(),
        "uptime": sysinfo::System::uptime().ok(),
    }]))
}
