//! `kernel_modules`: the modules that are loaded.

use serde_json::Value;

use super::{HostInfo, Unavailable};
use crate::model::Roots;

pub const TYPE: HostInfo = HostInfo {
    name: "kernel_modules",
    about: "The modules of the machine's kernel that are loaded; size in bytes",
    fields: &["name", "size", "used", "used_by", "state"],
    gather,
};

#[cfg(target_os = "linux")]
fn gather(roots: &Roots) -> Result<Value, Unavailable> {
    let path = roots.proc.join("modules");
    let text = match super::file::required(&path) {
        Err(Unavailable::NotOnThisSystem(why)) => {
            let why = format!("{why}: the kernel loads no modules, or hides them");
            return Err(Unavailable::NotOnThisSystem(why));
        }
        text => text?,
    };
    let records = text.lines().map(record).collect::<Option<Vec<_>>>();
    records.map(Value::from).ok_or_else(|| {
        Unavailable::Failed(format!("{} has a line without five columns", path.display()))
    })
}

#[cfg(not(target_os = "linux"))]
fn gather(_: &Roots) -> Result<Value, Unavailable> {
    let why = "macOS lists its kernel extensions to programs of its own alone";
    Err(Unavailable::NotOnThisSystem(why.to_owned()))
}

/// Of a line such as `ext4 1105920 1 - Live 0x0000000000000000`, without the address.
#[cfg(target_os = "linux")]
fn record(line: &str) -> Option<Value> {
    let mut columns = line.split_ascii_whitespace();
    let (name, size, used) = (columns.next()?, columns.next()?, columns.next()?);
    let (used_by, state) = (columns.next()?, columns.next()?);
    let used_by = used_by.trim_end_matches(',');
    Some(serde_json::json!({
        "name": name,
        "size": size.parse::<u64>().ok()?,
        // A kernel that cannot unload modules counts nothing.
        "used": used.parse::<u64>().ok(),
        "used_by": if used_by == "-" { "" } else { used_by },
        "state": state.to_lowercase(),
    }))
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host_info::tests::{failed, gathered};

    #[test]
    fn each_line_is_a_module() {
        let info = gathered(
            &TYPE,
            "== proc/modules\noverlay 151552 12 - Live 0xffffffffc0a00000\n\
             x_tables 53248 3 ip_tables,xt_conntrack, Live 0x0 (OE)\nodd 1 - - Loading 0x0\n",
        );
        let expected = json!([
            { "name": "overlay", "size": 151552, "used": 12, "used_by": "", "state": "live" },
            { "name": "x_tables", "size": 53248, "used": 3, "used_by": "ip_tables,xt_conntrack", "state": "live" },
            { "name": "odd", "size": 1, "used": null, "used_by": "", "state": "loading" },
        ]);
        assert_eq!(info, expected);
        assert_eq!(gathered(&TYPE, "== proc/modules\n"), json!([]));
    }

    #[test]
    fn a_kernel_without_modules_is_no_failure_and_a_garbled_line_is() {
        let missing = failed(&TYPE, "== proc/\n");
        assert!(matches!(missing, Unavailable::NotOnThisSystem(_)), "{missing:?}");
        let garbled = failed(&TYPE, "== proc/modules\noverlay 151552\n");
        let text = "proc/modules has a line without five columns".to_owned();
        assert_eq!(garbled, Unavailable::Failed(text));
    }
}
