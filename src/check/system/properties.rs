//! Whatever the files of the kernel have: no check panics, and each value is a number or has a reason.

use std::time::Duration;

use proptest::prelude::*;

use super::tests::{assert_complete, open, roots};
use crate::check::TABLE;
use crate::properties::{repeatable, text};
use support::tree::Tree;

/// The files that the system checks read, each with a valid text.
const FILES: [(&str, &str); 9] = [
    (
        "proc/stat",
        "cpu  3037257 245253 986150 7753520 31640 0 11066 1568 0 0\ncpu0 1425006 116369 472585 4005749 \
        7850 0 2582 800 0 0\ncpu1 1612251 128884 513565 3747770 23790 0 8484 768 0 0\nintr 5 0\n",
    ),
    (
        "proc/meminfo",
        "MemTotal: 8192 kB\nMemFree: 1024 kB\nBuffers: 512 kB\nCached: 3072 kB\nShmem: 256 kB\n\
        Slab: 600 kB\nSReclaimable: 384 kB\nSwapTotal: 2048 kB\nSwapFree: 1536 kB\n",
    ),
    ("proc/vmstat", "pswpin 123\npswpout 456\n"),
    ("proc/loadavg", "3.00 1.50 0.75 2/345 678\n"),
    ("proc/diskstats", "8 0 sda 300 1 2000 450 100 2 4000 700 3 2000 5000 7 8 9 10 11 12\n"),
    (
        "proc/self/net/dev",
        "Inter-|   Receive |  Transmit\n face |bytes packets|bytes packets\n  \
        eth0: 1 2 3 4 5 6 90 91 10 11 12 13 14 15 16 92\n",
    ),
    (
        "proc/self/mountinfo",
        "1 0 8:1 / / rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n\
        30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
    ),
    (
        "proc/pressure/cpu",
        "some avg10=0.03 avg60=0.63 avg300=0.51 total=8390840881\nfull avg10=0.00 total=0\n",
    ),
    ("proc/pressure/io", "some avg10=0.03 total=839084\nfull avg10=0.00 total=7\n"),
];

/// Texts of all files, of two runs.
fn texts() -> impl Strategy<Value = [[String; 9]; 2]> {
    let all = || FILES.map(|(_, valid)| text(valid));
    [all(), all()]
}

fn write(tree: &Tree, texts: &[String]) {
    for ((path, _), text) in FILES.iter().zip(texts) {
        std::fs::write(tree.root().join(path), text).expect("a folder of this test");
    }
}

proptest! {
    #![proptest_config(repeatable())]

    #[test]
    fn every_check_of_any_files_has_values_or_reasons(texts in texts()) {
        let tree = Tree::new("== proc/self/net/\n== proc/pressure/\n== sys/devices/system/cpu/online\n0-1\n");
        let details = [("target", "sda"), ("scope", "auto")];
        let details = |name| match name {
            "agent.network" => [("target", "eth0"), details[1]],
            _ => details,
        };
        let system = ["cpu", "memory", "filesystem_state", "disk", "network", "load_average", "pressure"];
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            write(&tree, &texts[0]);
            for of in TABLE {
                let name = of.name.strip_prefix("agent.").unwrap_or_default();
                if !system.contains(&name) {
                    continue;
                }
                let mut check = open(of, &details(of.name), &roots(&tree));
                write(&tree, &texts[0]);
                for text in [&texts[0], &texts[1]] {
                    write(&tree, text);
                    match check.run().await {
                        Ok(found) => assert_complete(of, &found),
                        Err(reason) => assert!(!reason.is_empty()),
                    }
                    tokio::time::advance(Duration::from_secs(10)).await;
                }
                if let Some(targets) = of.targets {
                    let _ = targets(&roots(&tree));
                }
            }
        });
    }
}
