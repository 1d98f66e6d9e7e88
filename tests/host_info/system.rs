//! The system: its name, its clock, its packages, and who is logged in.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::{info, number, output, run, single};
use support::namespace::is_inside;

#[test]
fn the_system_is_what_uname_and_its_own_file_say() {
    let system = single("system");
    let word = |program: &str, arguments: &[&str]| output(program, arguments).trim().to_owned();
    for (name, option) in [("name", "-s"), ("arch", "-m"), ("version", "-r")] {
        assert_eq!(system[name], word("uname", &[option]), "{name}");
    }
    let files = ["vendor ID", "vendor_name NAME", "vendor_version VERSION_ID"];
    for (name, variable) in files.iter().filter_map(|pair| pair.split_once(' ')) {
        let script = format!(". /etc/os-release; printf %s \"${variable}\"");
        assert_eq!(system[name], output("sh", &["-c", &script]), "{name}");
    }
    assert_eq!(single("hostname")["hostname"], word("uname", &["-n"]));
}

#[test]
fn the_date_is_that_of_the_clock() {
    let now =
        || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
    let before = now();
    let date = single("date");
    let after = now();
    assert!((before..=after).contains(&number(&date, "timestamp")), "{date:#}");
    let seconds = format!("@{}", number(&date, "timestamp") / 1000);
    let text = output("date", &["-u", "-d", &seconds, "+%Y-%m-%dT%H:%M:%S"]);
    assert!(
        date["utc"].as_str().is_some_and(|utc| utc.starts_with(text.trim())),
        "{date:#} {text}"
    );
}

#[test]
fn packages_are_those_of_dpkg_query() {
    if !Path::new("/var/lib/dpkg/status").exists() {
        return;
    }
    let format = "${db:Status-Status} ${Package} ${Version} ${Architecture}\\n";
    let text = output("dpkg-query", &["-W", "-f", format]);
    let expected: BTreeSet<_> =
        text.lines().filter_map(|line| line.strip_prefix("installed ")).collect();
    let packages = info("packages");
    let line = |package: &Value| {
        let words = ["name", "version", "architecture"].map(|name| package[name].as_str());
        words.map(Option::unwrap_or_default).join(" ")
    };
    let found: Vec<_> = packages.iter().map(line).collect();
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|package| expected.contains(&**package)), "{found:?}");
}

#[test]
fn who_is_logged_in_stands_in_utmp() {
    let test = "system::who_is_logged_in_stands_in_utmp";
    // As a login writes it: the first is a session whose process is this one, the second one has ended.
    let script = "mount -t tmpfs none /run
        python3 - $$ <<'END'
import struct, sys
def record(kind, pid, line, user, host, time):
    if sys.byteorder == 'little' and struct.calcsize('l') == 8:
        import platform
        wide = platform.machine() != 'x86_64'
    times = struct.pack('<8xqq', time, 0) if wide else struct.pack('<4xii', time, 0)
    start = struct.pack('<hxxi32s4s32s256s4x', kind, pid, line, b'ts', user, host)
    return (start + times).ljust(400 if wide else 384, b'\\0')
own = int(sys.argv[1])
with open('/run/utmp', 'wb') as file:
    file.write(record(7, own, b'pts/3', b'joe', b'198.51.100.7', 1700000000))
    file.write(record(8, own, b'pts/4', b'gone', b'', 1700000000))
    file.write(record(6, own, b'tty1', b'LOGIN', b'', 1700000000))
END";
    if !is_inside(test, &[], script) {
        return;
    }
    let session = single("who");
    let expected = serde_json::json!({
        "user": "joe", "device": "pts/3", "time": 1_700_000_000, "host": "198.51.100.7",
    });
    assert_eq!(session, expected);
    let text = output("who", &["/run/utmp"]);
    assert!(
        text.starts_with("joe") && text.contains("pts/3") && text.contains("198.51.100.7"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
    std::fs::remove_file("/run/utmp").expect("it was written");
    let (code, text, error) = run(&["host-info", "who"]);
    assert_eq!(code, Some(1));
    let start = "who: not on this system: /run/utmp not found: ";
    assert!([text, error].concat().starts_with(start));
}
