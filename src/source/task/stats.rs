//! The usage of each container, from the task metadata endpoint.
//!
//! Shapes: `${ECS_CONTAINER_METADATA_URI_V4}/task/stats` gives Docker's container statistics by
//! container id, and null for a container that has none. The cgroup version of the machine decides
//! which memory fields there are.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::config::MemoryUse;
use crate::model::Bytes;
use crate::sorted::map_of;
use crate::source::plausible::left_of;

/// The usage of one container at the instant that it was read. A part is `None` where its figures
/// are not there or contradict each other: a kernel may have the memory controller off.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    pub read: SystemTime,
    /// CPU time since the container started.
    pub cpu: Option<Duration>,
    pub memory: Option<Bytes>,
}

/// The usage of each container that has any, from the body of an answer.
pub fn parse(body: &[u8], which: MemoryUse) -> Result<BTreeMap<String, Usage>, serde_json::Error> {
    let all: BTreeMap<String, Value> = serde_json::from_slice(body)?;
    // A container without statistics has null here. One odd entry must not hide the others either.
    let usage = |(id, stats): (String, Value)| {
        let stats: Stats = serde_json::from_value(stats).ok()?;
        Some((id, stats.usage(which)?))
    };
    Ok(map_of(all.into_iter().filter_map(usage)))
}

#[derive(Deserialize)]
struct Stats {
    read: String,
    #[serde(default)]
    cpu_stats: CpuStats,
    #[serde(default)]
    memory_stats: MemoryStats,
}

#[derive(Default, Deserialize)]
struct CpuStats {
    #[serde(default)]
    cpu_usage: CpuUsage,
}

#[derive(Default, Deserialize)]
struct CpuUsage {
    /// Nanoseconds.
    #[serde(default, deserialize_with = "number")]
    total_usage: Option<u64>,
}

#[derive(Default, Deserialize)]
struct MemoryStats {
    #[serde(default, deserialize_with = "number")]
    usage: Option<u64>,
    #[serde(default)]
    stats: BTreeMap<String, Value>,
}

/// A number, or `None` for anything else: one unexpected value must not silently remove the whole
/// container from the sum.
fn number<'json, D: Deserializer<'json>>(json: D) -> Result<Option<u64>, D::Error> {
    Ok(Value::deserialize(json)?.as_u64())
}

impl Stats {
    /// `None` for a container that has just started or has ended, which has no figures.
    fn usage(&self, which: MemoryUse) -> Option<Usage> {
        // Docker writes UTC, and only UTC is accepted: `parse_rfc3339_weak` would ignore another offset.
        let read = humantime::parse_rfc3339(&self.read).ok()?;
        let cpu = self.cpu_stats.cpu_usage.total_usage.map(Duration::from_nanos);
        let droppable = self.memory_stats.droppable(which);
        let memory = self.memory_stats.usage.zip(droppable);
        let memory = memory.and_then(|(usage, droppable)| left_of(usage, droppable));
        (cpu.is_some() || memory.is_some()).then_some(Usage { read, cpu, memory })
    }
}

impl MemoryStats {
    /// Version 1 has sums over the groups below as `total_…`. The statistics do not have its shared
    /// memory, but the lists of file pages have no shared memory on them.
    fn droppable(&self, which: MemoryUse) -> Option<u64> {
        let bytes = |name: &str| self.stats.get(name).and_then(Value::as_u64);
        let stat = |name: &str| bytes(&format!("total_{name}")).or_else(|| bytes(name));
        match which {
            MemoryUse::Used => {
                // Version 1 does not say how much of its slabs could be reclaimed.
                let slabs = bytes("slab_reclaimable").unwrap_or(0);
                Some(
                    stat("inactive_file")?
                        .saturating_add(stat("active_file")?)
                        .saturating_add(slabs),
                )
            }
            MemoryUse::WorkingSet => stat("inactive_file"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::task::tests::fixture;

    const FARGATE: [&str; 2] = [
        "5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-1740082371",
        "5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-2263981050",
    ];
    const EC2: [&str; 2] = [
        "1f0e9d8c7b6a5948372615049382716f5e4d3c2b1a09f8e7d6c5b4a392817060",
        "a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192",
    ];

    fn usage(read: &str, cpu: u64, memory: u64) -> Usage {
        let read = humantime::parse_rfc3339(read).expect("a time");
        Usage { read, cpu: Some(Duration::from_nanos(cpu)), memory: Some(Bytes(memory)) }
    }

    fn parsed(name: &str, which: MemoryUse) -> Vec<(String, Usage)> {
        let usage = parse(&fixture(name), which).expect("the fixture has the documented shape");
        usage.into_iter().collect()
    }

    #[test]
    fn fargate_counts_as_version_1_with_the_groups_below() {
        let reads = ["2026-11-02T09:01:20.104775318Z", "2026-11-02T09:01:20.104802550Z"];
        let of = |memory: [u64; 2]| {
            let app = usage(reads[0], 361_208_744_151, memory[0]);
            let metrics = usage(reads[1], 1_204_518_807, memory[1]);
            vec![(FARGATE[0].to_owned(), app), (FARGATE[1].to_owned(), metrics)]
        };
        let used = [301_989_888 - 62_914_560 - 20_971_520, 4_194_304 - 786_432 - 262_144];
        assert_eq!(parsed("stats-fargate.json", MemoryUse::Used), of(used));
        let working_set = [301_989_888 - 62_914_560, 4_194_304 - 786_432];
        assert_eq!(parsed("stats-fargate.json", MemoryUse::WorkingSet), of(working_set));
    }

    #[test]
    fn ec2_counts_as_version_2_and_shared_memory_is_used() {
        let reads = ["2026-11-02T09:12:44.300118426Z", "2026-11-02T09:12:44.817400211Z"];
        let of = |memory: [u64; 2]| {
            let pause = usage(reads[0], 31_250_000, memory[0]);
            let worker = usage(reads[1], 7_205_113_409_000, memory[1]);
            vec![(EC2[0].to_owned(), pause), (EC2[1].to_owned(), worker)]
        };
        // The same as usage − (file − shmem) − slab_reclaimable, which a container reads itself.
        let worker = 734_003_200 - (262_144_000 - 41_943_040) - 20_971_520;
        assert_eq!(worker, 734_003_200 - 115_343_360 - 104_857_600 - 20_971_520);
        assert_eq!(parsed("stats-ec2.json", MemoryUse::Used), of([397_312 - 77_824, worker]));
        let working_set = [397_312, 734_003_200 - 115_343_360];
        assert_eq!(parsed("stats-ec2.json", MemoryUse::WorkingSet), of(working_set));
    }

    #[test]
    fn a_container_that_has_not_all_the_figures_is_skipped() {
        let started = format!("{:064}", 4);
        let expected = usage("2026-11-02T09:12:44.5Z", 20_000_000, 1_048_576 - 4096);
        assert_eq!(
            parsed("stats-starting.json", MemoryUse::Used),
            [(started, expected)],
            "null, the zero time, and empty objects"
        );
    }

    #[test]
    fn a_figure_that_the_formula_needs_is_never_taken_for_0() {
        let whole = r#"{"a":{"read":"2026-11-02T09:12:44Z",
            "cpu_stats":{"cpu_usage":{"total_usage":5}},
            "memory_stats":{"usage":9,"stats":{"inactive_file":2,"active_file":3}}}}"#;
        let parsed = |text: &str, which| parse(text.as_bytes(), which).expect("JSON").remove("a");
        let memory = |which| parsed(whole, which).and_then(|usage| usage.memory);
        assert_eq!(memory(MemoryUse::Used), Some(Bytes(4)));
        assert_eq!(memory(MemoryUse::WorkingSet), Some(Bytes(7)));
        let cpu = Some(Duration::from_nanos(5));
        for (name, expected) in [
            ("total_usage", (None, Some(Bytes(4)))),
            ("usage\":9", (cpu, None)),
            ("inactive_file", (cpu, None)),
            ("active_file\":3", (cpu, None)),
        ] {
            let text = whole.replace(name, &name.replacen(['u', 'a'], "x", 1));
            assert_ne!(text, whole);
            let usage = parsed(&text, MemoryUse::Used).expect("the other part is there");
            assert_eq!((usage.cpu, usage.memory), expected, "{name}");
        }
    }

    #[test]
    fn a_kernel_without_the_memory_controller_has_cpu_alone() {
        let text = r#"{"a":{"read":"2026-11-02T09:12:44Z",
            "cpu_stats":{"cpu_usage":{"total_usage":5}},"memory_stats":{}}}"#;
        let usage = parse(text.as_bytes(), MemoryUse::Used).expect("JSON").remove("a");
        let usage = usage.expect("it has CPU");
        assert_eq!((usage.cpu, usage.memory), (Some(Duration::from_nanos(5)), None));
    }

    #[test]
    fn a_time_that_is_not_utc_is_never_taken_for_another() {
        let text = r#"{"a":{"read":"READ","cpu_stats":{"cpu_usage":{"total_usage":5}},
            "memory_stats":{"usage":9,"stats":{"inactive_file":2,"active_file":3}}}}"#;
        let read = |read: &str| {
            let parsed = parse(text.replace("READ", read).as_bytes(), MemoryUse::Used);
            parsed.expect("JSON").remove("a")
        };
        for utc in ["2026-11-02T09:12:44.3Z", "2026-11-02T09:12:44.3+00:00"] {
            assert_eq!(read(utc), Some(usage("2026-11-02T09:12:44.3Z", 5, 4)), "{utc}");
        }
        for other in ["44.3+01:00", "44.3-05:00", "44+01:00", "44.3", "44", "44.300000000+05:30"] {
            assert_eq!(read(&format!("2026-11-02T09:12:{other}")), None, "{other}");
        }
    }

    #[test]
    fn more_cache_than_usage_is_a_contradiction_and_not_an_overflow() {
        let text = r#"{"a":{"read":"2026-11-02T09:12:44Z",
            "cpu_stats":{"cpu_usage":{"total_usage":18446744073709551615}},
            "memory_stats":{"usage":9,"stats":{"inactive_file":18446744073709551615,
            "active_file":1,"slab_reclaimable":1}}}}"#;
        let parsed = parse(text.as_bytes(), MemoryUse::Used).expect("JSON").remove("a");
        let usage = Usage { memory: None, ..usage("2026-11-02T09:12:44Z", u64::MAX, 0) };
        assert_eq!(parsed, Some(usage));
    }

    #[test]
    fn a_task_without_containers_has_no_usage_and_garbage_is_an_error() {
        assert_eq!(parse(b"{}", MemoryUse::Used).ok(), Some(BTreeMap::new()));
        for text in ["", "null", "[]", "404 page not found"] {
            assert!(parse(text.as_bytes(), MemoryUse::Used).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_entry_of_another_shape_does_not_take_the_others_away() {
        let good = r#"{"read":"2026-11-02T09:12:44Z","cpu_stats":{"cpu_usage":{"total_usage":5}},
            "memory_stats":{"usage":9,"stats":{"inactive_file":1,"active_file":1}}}"#;
        for bad in ["null", "7", "{}", r#"{"read":"2026-11-02T09:12:44Z","cpu_stats":null}"#] {
            let text = format!(r#"{{"good":{good},"bad":{bad}}}"#);
            let parsed = parse(text.as_bytes(), MemoryUse::Used).expect("JSON");
            assert_eq!(parsed.keys().collect::<Vec<_>>(), ["good"], "{bad}");
        }
    }

    #[test]
    fn a_figure_that_is_not_understood_takes_its_part_alone_away() {
        let of = |usage: &str, other: &str, cpu: &str| {
            let body = format!(
                r#"{{"a":{{"read":"2026-11-02T09:01:20Z","memory_stats":{{"usage":{usage},"stats":
                {{"inactive_file":1,"active_file":2,"other":{other}}}}},
                "cpu_stats":{{"cpu_usage":{{"total_usage":{cpu}}}}}}}}}"#
            );
            let usage = parse(body.as_bytes(), MemoryUse::Used).expect("an object");
            usage.get("a").map(|usage| (usage.cpu.is_some(), usage.memory))
        };
        assert_eq!(of("10", "1", "5"), Some((true, Some(Bytes(7)))));
        for odd in ["1.5", "-1", "\"1\"", "null", "{}", "18446744073709551616"] {
            assert_eq!(of("10", odd, "5"), Some((true, Some(Bytes(7)))), "{odd} is not needed");
            assert_eq!(of(odd, "1", "5"), Some((true, None)), "memory {odd}");
            assert_eq!(of("10", "1", odd), Some((false, Some(Bytes(7)))), "CPU {odd}");
        }
    }
}
