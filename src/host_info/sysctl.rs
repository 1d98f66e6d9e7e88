//! `sysctl`: the settings of the kernel.

use serde_json::Value;

use super::{HostInfo, Unavailable};
use crate::model::Roots;

pub const TYPE: HostInfo = HostInfo {
    name: "sysctl",
    about: "The settings of the kernel that can be read, without keys and other secrets",
    fields: &["name", "value"],
    gather,
};

#[cfg(not(target_os = "linux"))]
fn gather(_: &Roots) -> Result<Value, Unavailable> {
    let why = "macOS has no files of its settings, and sysinfo does not list them";
    Err(Unavailable::NotOnThisSystem(why.to_owned()))
}

#[cfg(target_os = "linux")]
fn gather(roots: &Roots) -> Result<Value, Unavailable> {
    let root = roots.proc.join("sys");
    if !root.is_dir() {
        let why = format!("{} not found", root.display());
        return Err(Unavailable::NotOnThisSystem(why));
    }
    let mut settings = Vec::new();
    linux::add(&root, "", &mut settings);
    crate::sorted::sort(&mut settings);
    let record = |(name, value)| serde_json::json!({ "name": name, "value": value });
    Ok(settings.into_iter().map(record).collect())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use crate::secret::is_secret_key;

    /// Adds the settings of a folder and those in it. `before` is its name, with a dot at the end.
    pub fn add(folder: &Path, before: &str, settings: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            // As sysctl(8) writes names: a dot in the name of an interface is a slash.
            let own = entry.file_name().to_string_lossy().replace('.', "/");
            let name = format!("{before}{own}");
            let Ok(kind) = entry.file_type() else { continue };
            if is_left_out(&name) || settings.len() >= MOST {
                continue;
            }
            if kind.is_dir() {
                add(&entry.path(), &format!("{name}."), settings);
            } else if kind.is_file()
                && let Some(value) = value(&entry.path())
            {
                settings.push((name, value));
            }
        }
    }

    /// `None` for what cannot be read, also by root: it starts something when it is written to.
    fn value(path: &Path) -> Option<String> {
        let file = File::open(path).ok()?;
        (file.metadata().ok()?.permissions().mode() & READABLE != 0).then_some(())?;
        let mut value = Vec::new();
        file.take(LONGEST).read_to_end(&mut value).ok()?;
        let value = String::from_utf8_lossy(&value);
        // Several numbers have tabs between them.
        Some(value.trim_end().replace('\t', " "))
    }

    fn is_left_out(name: &str) -> bool {
        is_secret_key(name) || LEFT_OUT.contains(&name)
    }

    /// Another value with each reading, or an action.
    const LEFT_OUT: &[&str] =
        &["kernel.random", "kernel.ns_last_pid", "fs.binfmt_misc", "vm.stat_refresh"];

    const READABLE: u32 = 0o444;

    /// A machine has some thousand, and thirty more for each interface.
    const MOST: usize = 100_000;

    const LONGEST: u64 = 4096;
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::*;
    use crate::host_info::tests::{failed, gathered};
    use support::tree::Tree;

    #[test]
    fn settings_have_dots_and_secrets_are_left_out() {
        let info = gathered(
            &TYPE,
            "== proc/sys/vm/swappiness\n60\n== proc/sys/kernel/printk\n4\t4\t1\t7\n\
             == proc/sys/kernel/random/uuid\n1-2-3\n== proc/sys/kernel/random/boot_id\n4-5-6\n\
             == proc/sys/net/ipv6/conf/eth0.5/stable_secret\nfd00::1\n\
             == proc/sys/net/ipv6/conf/eth0.5/mtu\n1500\n\
             == proc/sys/net/ipv4/tcp_fastopen_key\n0-1-2-3\n== proc/sys/kernel/domainname\n\n\
             == proc/sys/fs/binfmt_misc/status\nenabled\n",
        );
        let expected = json!([
            { "name": "kernel.domainname", "value": "" },
            { "name": "kernel.printk", "value": "4 4 1 7" },
            { "name": "net.ipv6.conf.eth0/5.mtu", "value": "1500" },
            { "name": "vm.swappiness", "value": "60" },
        ]);
        assert_eq!(info, expected);
        assert!(matches!(failed(&TYPE, "== proc/\n"), Unavailable::NotOnThisSystem(_)));
    }

    #[test]
    fn what_can_only_be_written_is_left_out_for_root_too() {
        let tree = Tree::new("== sys/vm/compact_memory\n1\n== sys/vm/swappiness\n60\n");
        let path = tree.root().join("sys/vm/compact_memory");
        set_permissions(path, Permissions::from_mode(0o200)).expect("it is ours");
        let mut settings = Vec::new();
        linux::add(&tree.root().join("sys"), "", &mut settings);
        assert_eq!(settings, [("vm.swappiness".to_owned(), "60".to_owned())]);
    }
}
