//! `memory`: what the check `agent.memory` finds, as one record.

use futures_util::FutureExt;
use serde_json::Value;

use super::{HostInfo, Unavailable};
use crate::check::system::memory;
use crate::model::{Configured, Details, Roots};
use crate::sorted::object_of;

pub const TYPE: HostInfo = HostInfo {
    name: "memory",
    about: "The memory and swap of the machine, in bytes; ram is in megabytes, and pages are counted since the start",
    fields: &[
        "total",
        "used",
        "free",
        "actual_used",
        "actual_free",
        "ram",
        "used_percent",
        "free_percent",
        "swap_total",
        "swap_used",
        "swap_free",
        "swap_page_in",
        "swap_page_out",
    ],
    gather,
};

fn gather(roots: &Roots) -> Result<Value, Unavailable> {
    let mut check = Configured::of(&memory::TYPE, Details::default()).open(roots);
    // It only reads files, and waits for nothing.
    let found = check.run().now_or_never();
    let found = found.unwrap_or_else(|| Err("the memory gave no answer at once".to_owned()));
    let found = found.map_err(Unavailable::Failed)?;
    let number = |name: &str| {
        let value = found.values.iter().find(|value| value.name == name);
        value.and_then(|value| value.quantity.number())
    };
    let of_field = |name: &&str| {
        let value = match *name {
            "free_percent" => number("used_percent").map(|used| 100.0 - used).map(Value::from),
            "used_percent" => number(name).map(Value::from),
            // Bytes, megabytes and pages are whole.
            _ => number(name).map(|number| Value::from(number as u64)),
        };
        ((*name).to_owned(), value.unwrap_or_default())
    };
    let record = object_of(TYPE.fields.iter().map(of_field));
    Ok(Value::from(vec![Value::from(record)]))
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host_info::tests::{failed, gathered};

    #[test]
    fn it_has_the_values_of_the_check() {
        let info = gathered(
            &TYPE,
            "== proc/meminfo\nMemTotal: 8192 kB\nMemFree: 1024 kB\nBuffers: 512 kB\nCached: 3072 kB\n\
             Shmem: 256 kB\nSReclaimable: 384 kB\nSwapTotal: 2048 kB\nSwapFree: 1536 kB\n\
             == proc/vmstat\npswpin 123\npswpout 456\n",
        );
        let used = 8192 - 1024 - 512 - 3072 - 384 + 256;
        let percent = 100.0 * f64::from(used) / 8192.0;
        let expected = json!([{
            "total": 8192 << 10, "used": 7168 << 10, "free": 1024 << 10, "ram": 8,
            "actual_used": used << 10, "actual_free": (8192 - used) << 10,
            "used_percent": percent, "free_percent": 100.0 - percent,
            "swap_total": 2048 << 10, "swap_used": 512 << 10, "swap_free": 1536 << 10,
            "swap_page_in": 123, "swap_page_out": 456,
        }]);
        assert_eq!(info, expected);
    }

    #[test]
    fn what_cannot_be_told_is_null() {
        let info = gathered(&TYPE, "== proc/meminfo\nMemTotal: 8192 kB\nMemFree: 1024 kB\n");
        assert_eq!(info[0]["used"], json!(7168 << 10));
        for name in ["actual_used", "used_percent", "free_percent", "swap_total", "swap_page_in"] {
            assert_eq!(info[0][name], Value::Null, "{name}");
        }
        let error = Unavailable::Failed("proc/meminfo not found".to_owned());
        assert_eq!(failed(&TYPE, "== proc/\n"), error);
    }
}
