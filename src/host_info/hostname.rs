//! `hostname`: the name of this machine or container.

use serde_json::{Value, json};
use sysinfo::System;

use super::{HostInfo, Unavailable};
use crate::model::Roots;

pub const TYPE: HostInfo = HostInfo {
    name: "hostname",
    about: "The name of this machine, or of the container",
    fields: &["hostname"],
    gather,
};

fn gather(_: &Roots) -> Result<Value, Unavailable> {
    let name = System::host_name();
    let name = name.map_err(|error| Unavailable::Failed(format!("the host name: {error}")))?;
    Ok(json!([{ "hostname": name }]))
}
