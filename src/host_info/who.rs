//! `who`: who is logged in, of the file that logins write (utmp(5)).
//!
//! sysinfo lists the accounts that there are, and not the sessions.

use serde_json::Value;

use super::{HostInfo, Unavailable};
use crate::model::Roots;

pub const TYPE: HostInfo = HostInfo {
    name: "who",
    about: "Who is logged in on a terminal, since when in seconds since 1970, and from where",
    fields: &["user", "device", "time", "host"],
    gather,
};

#[cfg(target_os = "linux")]
fn gather(roots: &Roots) -> Result<Value, Unavailable> {
    for path in ["/run/utmp", "/var/run/utmp"] {
        if let Some(bytes) = super::file::bytes(path.as_ref())? {
            return linux::of_bytes(path, &bytes, &roots.proc);
        }
    }
    let why = "/run/utmp not found: containers have none, and newer systems no longer write it";
    Err(Unavailable::NotOnThisSystem(why.to_owned()))
}

#[cfg(not(target_os = "linux"))]
fn gather(_: &Roots) -> Result<Value, Unavailable> {
    let why = "macOS tells only programs that use its C library who is logged in";
    Err(Unavailable::NotOnThisSystem(why.to_owned()))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::Unavailable;

    /// The records of those who are logged in, and whose process still is.
    pub fn of_bytes(path: &str, bytes: &[u8], proc: &Path) -> Result<Value, Unavailable> {
        if !bytes.len().is_multiple_of(LENGTH) {
            return Err(Unavailable::Failed(format!(
                "{path} has {} bytes: expected records of {LENGTH}",
                bytes.len()
            )));
        }
        let sessions = bytes.chunks_exact(LENGTH).filter_map(|record| session(record, proc));
        Ok(sessions.collect())
    }

    fn session(record: &[u8], proc: &Path) -> Option<Value> {
        let kind = i16::from_ne_bytes(record.get(..2)?.try_into().ok()?);
        let process = i32::from_ne_bytes(record.get(4..8)?.try_into().ok()?);
        let user = text(record.get(44..76)?);
        let is_there = proc.join(process.to_string()).exists();
        (kind == USER_PROCESS && !user.is_empty() && is_there).then_some(())?;
        Some(json!({
            "user": user,
            "device": text(record.get(8..40)?),
            "time": time(record)?,
            "host": text(record.get(76..332)?),
        }))
    }

    /// glibc keeps seconds in 32 bits where programs of 32 bits may have written them.
    fn time(record: &[u8]) -> Option<u64> {
        if LENGTH == 384 {
            return Some(u32::from_ne_bytes(record.get(340..344)?.try_into().ok()?).into());
        }
        Some(u64::from_ne_bytes(record.get(344..352)?.try_into().ok()?))
    }

    /// Up to the first zero.
    fn text(bytes: &[u8]) -> String {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }

    const USER_PROCESS: i16 = 7;

    /// Of a record, in the layout of glibc.
    pub const LENGTH: usize = if cfg!(target_arch = "x86_64") { 384 } else { 400 };
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::linux::{LENGTH, of_bytes};
    use super::*;
    use support::tree::Tree;

    fn record(kind: i16, process: i32, texts: [&str; 3], time: u32) -> Vec<u8> {
        let mut record = vec![0; LENGTH];
        record[..2].copy_from_slice(&kind.to_ne_bytes());
        record[4..8].copy_from_slice(&process.to_ne_bytes());
        for (at, text) in [8, 44, 76].into_iter().zip(texts) {
            record[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        let at = if LENGTH == 384 { 340 } else { 344 };
        record[at..at + 4].copy_from_slice(&time.to_ne_bytes());
        record
    }

    #[test]
    fn those_who_are_logged_in_are_listed_and_no_others() {
        let tree = Tree::new("== proc/71/\n== proc/72/\n== proc/1/\n");
        let proc = tree.root().join("proc");
        let long = "u".repeat(32);
        let file = [
            record(2, 1, ["~", "reboot", "6.1"], 5),
            record(7, 71, ["pts/0", "joe", "10.0.0.9"], 1_700_000_000),
            record(8, 72, ["pts/1", "ended", ""], 7),
            record(7, 73, ["pts/2", "killed", ""], 7),
            record(7, 72, ["tty1", &long, ""], u32::MAX),
        ]
        .concat();
        let expected = json!([
            { "user": "joe", "device": "pts/0", "time": 1_700_000_000, "host": "10.0.0.9" },
            { "user": long, "device": "tty1", "time": u32::MAX, "host": "" },
        ]);
        assert_eq!(of_bytes("utmp", &file, &proc), Ok(expected));
        assert_eq!(of_bytes("utmp", &[], &proc), Ok(json!([])));
        let error = format!("utmp has {} bytes: expected records of {LENGTH}", LENGTH - 1);
        assert_eq!(of_bytes("utmp", &file[1..LENGTH], &proc), Err(Unavailable::Failed(error)));
    }
}
