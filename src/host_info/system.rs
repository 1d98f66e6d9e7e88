//! `system`: the kernel and the distribution.

use serde_json::{Value, json};
use sysinfo::System;

use super::{HostInfo, Unavailable};
use crate::model::Roots;

pub const TYPE: HostInfo = HostInfo {
    name: "system",
    about: "The kernel of the machine, and the distribution of this container or machine",
    fields: &["name", "arch", "version", "vendor", "vendor_name", "vendor_version"],
    gather,
};

fn gather(_: &Roots) -> Result<Value, Unavailable> {
    let name = if cfg!(target_os = "linux") { "Linux" } else { "Darwin" };
    Ok(json!([{
        "name": name,
        "arch": System::cpu_arch(),
        "version": System::kernel_version().ok(),
        // Without a file that says it, such as in an image from scratch, there is none.
        "vendor": Some(System::distribution_id()).filter(|id| id != std::env::consts::OS),
        "vendor_name": System::name().ok(),
        "vendor_version": System::os_version().ok(),
    }]))
}
