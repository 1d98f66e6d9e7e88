//! The machine: CPUs, memory, disks, modules and settings of the kernel.

use std::path::Path;

use serde_json::Value;

use crate::{find, info, number, output, python, run, single};

const CPUS: &str = "
import json
rows = [line.split() for line in open('/proc/stat') if line.startswith('cpu') and line[3] != ' ']
print(json.dumps({'cpu.' + row[0][3:]: [10 * int(n) for n in row[1:9]] for row in rows}))
";

#[test]
fn the_time_of_each_cpu_is_what_the_kernel_says_before_and_after() {
    let names = ["user", "nice", "sys", "idle", "wait", "irq", "soft_irq", "stolen"];
    let before = python(CPUS, &[]);
    let cpus = info("cpus");
    let after = python(CPUS, &[]);
    assert_eq!(cpus.len(), before.as_object().expect("by name").len());
    for cpu in &cpus {
        let own = cpu["name"].as_str().expect("a name");
        let mut total = 0;
        for (at, name) in names.into_iter().enumerate() {
            let limits = [&before, &after].map(|of| of[own][at].as_u64().expect("a number"));
            let value = number(cpu, name);
            // The kernel may count idle time back a little.
            assert!(
                value + 50 >= limits[0] && value <= limits[1] + 50,
                "{name} {value} {limits:?}"
            );
            total += value;
        }
        assert_eq!(number(cpu, "total"), total);
        assert_eq!(number(cpu, "total_cores"), cpus.len() as u64);
        assert!(number(cpu, "mhz") < 100_000);
    }
    let online = output("getconf", &["_NPROCESSORS_ONLN"]);
    assert_eq!(cpus.len().to_string(), online.trim());
}

#[test]
fn memory_is_that_of_meminfo() {
    let script = "
import json
print(json.dumps({line.split(':')[0]: int(line.split()[1]) * 1024 for line in open('/proc/meminfo')}))
";
    let (memory, meminfo) = (single("memory"), python(script, &[]));
    assert_eq!(
        [&memory["total"], &memory["swap_total"]],
        [&meminfo["MemTotal"], &meminfo["SwapTotal"]]
    );
    assert_eq!(number(&memory, "used") + number(&memory, "free"), number(&memory, "total"));
    let actual = number(&memory, "actual_used") + number(&memory, "actual_free");
    assert_eq!(actual, number(&memory, "total"));
    assert_eq!(number(&memory, "ram"), number(&memory, "total") >> 20);
    let percents = ["used_percent", "free_percent"].map(|name| memory[name].as_f64());
    let sum = percents[0].zip(percents[1]).map(|(used, free)| used + free);
    assert!(sum.is_some_and(|sum| (sum - 100.0).abs() < 1e-9), "{memory:#}");
}

#[test]
fn disks_are_those_of_diskstats() {
    let script = "
import json
rows = [line.split() for line in open('/proc/diskstats')]
print(json.dumps([[row[2], int(row[3]), int(row[5]) * 512, int(row[7]), int(row[9]) * 512] for row in rows]))
";
    let before = python(script, &[]);
    let disks = info("disks");
    let after = python(script, &[]);
    let names = ["reads", "read_bytes", "writes", "write_bytes"];
    for (before, after) in
        before.as_array().into_iter().flatten().zip(after.as_array().into_iter().flatten())
    {
        let disk = find(&disks, "name", before[0].clone());
        for (at, name) in (1..).zip(names) {
            let limits = [before, after].map(|of| of[at].as_u64().expect("a number"));
            assert!(
                (limits[0]..=limits[1]).contains(&number(disk, name)),
                "{name} {disk:#} {limits:?}"
            );
        }
    }
    assert_eq!(disks.len(), before.as_array().map_or(0, Vec::len));
}

#[test]
fn modules_are_those_of_lsmod_where_the_kernel_has_any() {
    if !Path::new("/proc/modules").exists() {
        let (code, text, error) = run(&["host-info", "kernel_modules", "--output", "json"]);
        let said = [text, error].concat();
        let start = "kernel_modules: not on this system: /proc/modules not found: ";
        assert!(code == Some(1) && said.starts_with(start), "{said}");
        return;
    }
    let script = "
import json
rows = [line.split() for line in open('/proc/modules')]
print(json.dumps({row[0]: [int(row[1]), row[4].lower()] for row in rows}))
";
    let (modules, expected) = (info("kernel_modules"), python(script, &[]));
    assert_eq!(modules.len(), expected.as_object().expect("by name").len());
    for (name, expected) in expected.as_object().into_iter().flatten() {
        let module = find(&modules, "name", &**name);
        assert_eq!([&module["size"], &module["state"]], [&expected[0], &expected[1]], "{name}");
    }
}

#[test]
fn settings_of_the_kernel_are_those_of_its_files_and_none_is_a_secret() {
    let settings = info("sysctl");
    for (name, file) in [
        ("kernel.osrelease", "/proc/sys/kernel/osrelease"),
        ("vm.swappiness", "/proc/sys/vm/swappiness"),
        ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"),
        ("net.ipv4.conf.lo.mc_forwarding", "/proc/sys/net/ipv4/conf/lo/mc_forwarding"),
    ] {
        let text = std::fs::read_to_string(file).expect("each kernel has it");
        assert_eq!(find(&settings, "name", name)["value"], text.trim_end(), "{name}");
    }
    for setting in &settings {
        let name = setting["name"].as_str().expect("a name");
        let is_left_out = ["secret", "fastopen_key", "kernel.random.", "vm.compact_memory"];
        assert!(!is_left_out.iter().any(|part| name.contains(part)), "{name}");
    }
    let (_, text, _) = run(&["host-info", "sysctl"]);
    assert_eq!(text.lines().count(), settings.len() + 1, "one line each, also of several lines");
    assert!(settings.iter().all(|setting| matches!(setting["value"], Value::String(_))));
}
