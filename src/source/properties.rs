//! Whatever a kernel, an endpoint or another process gives: no parser panics, and what a parser
//! makes of a text holds for every text of its kind.

use std::path::{Component, Path};

use proptest::prelude::*;

use super::cgroup::{Group, field, v1, v2};
use super::task::{metadata, stats};
use super::{disks, network, pressure, proc, processes};
use crate::config::MemoryUse;
use crate::model::{Bytes, Cores};
use crate::properties::{repeatable, text};

const STAT: &str = "cpu  100 20 30 9000 400 5 6 7 50 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
const MEMINFO: &str = "MemTotal:  8000000 kB\nMemFree:  1000000 kB\nBuffers:  200000 kB\n\
    Cached:  3000000 kB\nShmem:  500000 kB\nSReclaimable:  300000 kB\n";
const CGROUP: &str = "12:cpu,cpuacct:/docker/abc\n5:memory:/docker/abc\n0::/docker/abc\n";
const MOUNTINFO: &str = "30 24 0:26 /docker /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup \
    rw,cpu,cpuacct\n31 24 0:27 / /sys/fs/cgroup/mem\\040ory rw - cgroup cgroup rw,memory\n\
    32 24 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
const MEMORY_STAT: &str = "file 204800\nshmem 81920\ninactive_file 40960\nslab_reclaimable 12288\n\
    total_cache 204800\ntotal_shmem 81920\ntotal_inactive_file 40960\n\
    hierarchical_memory_limit 268435456\n";
const PRESSURE: &str = "some avg10=1.50 avg60=0.34 avg300=0.87 total=3453917717\n\
    full avg10=0.00 avg60=0.00 avg300=0.00 total=115255493\n";
const NET_DEV: &str = "Inter-|   Receive | Transmit\n face |bytes packets|bytes packets\n    lo: 6 2 0 0 \
    0 0 0 0 6 6 0 0 0 0 0 0\n  eth0:30 8 0 0 0 0 0 0 49 5 0 0 0 0 0 0\n";
const DISKSTATS: &str =
    " 254 0 vda 39 98 194 599 140 102 457 182 0 424 796 195 987 368 139 213 128\n";
const IO_STAT: &str =
    "253:0 \n8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252 dbytes=0 dios=0\n";
const BLKIO: &str = "8:0 Read 4096\n8:0 Write 8192\n8:0 Total 12288\nTotal 12288\n";
const TASK: &str = include_str!("../../tests/fixtures/ecs/task-single.json");
const STATS: &str = r#"{"a":{"read":"2026-11-02T09:12:44.3Z",
    "cpu_stats":{"cpu_usage":{"total_usage":5}},
    "memory_stats":{"usage":9,"stats":{"inactive_file":1,"active_file":1}}},"b":null}"#;

proptest! {
    #![proptest_config(repeatable())]

    #[test]
    fn no_text_of_the_machine_makes_a_parser_panic(
        stat in text(STAT), meminfo in text(MEMINFO), list in text("0-3,8,10-11\n"),
    ) {
        let _ = (proc::cpu_columns(&stat), proc::ticks(&stat, "steal"), proc::count_cores(&list));
        let _ = (proc::count_cpu_lines(&stat), proc::arc_droppable(&stat));
        if let Ok(proc::Meminfo { used, total, .. }) = proc::memory(&meminfo) {
            prop_assert!(used <= total && total > Bytes(0), "{used:?} of {total:?}");
        }
    }

    #[test]
    fn no_text_of_a_control_group_makes_a_parser_panic(
        stat in text(MEMORY_STAT), pair in text("25000 100000\n"), number in text("268435456\n"),
        period in any::<u64>(),
    ) {
        for which in [MemoryUse::Used, MemoryUse::WorkingSet] {
            let _ = (v1::droppable(&stat, which), v2::droppable(&stat, which));
        }
        let _ = (v1::memory_limit(&stat), v2::memory_limit(&number), field(&stat, "shmem"));
        let _ = v1::limit_in_bytes(&number);
        let _ = (v1::cpu_used(&number), v2::cpu_used(&stat), v1::cpu_period(&number));
        for quota in [v1::cpu_quota(&number, period.max(1)), v2::cpu_quota(&pair)] {
            if let Some(Some(Cores(cores))) = quota {
                prop_assert!(cores > 0.0 && cores.is_finite(), "{cores}");
            }
        }
    }

    #[test]
    fn no_text_of_the_other_numbers_makes_a_parser_panic(
        pressure in text(PRESSURE), net in text(NET_DEV), disks in text(DISKSTATS), io in text(IO_STAT),
        service in text(BLKIO), number in text("max\n"),
    ) {
        let _ = (pressure::total(&pressure, "some"), pressure::total(&pressure, "full"));
        let _ = (processes::limit(&number), processes::loadavg(&pressure));
        let _ = network::interfaces(&net, &mut |_, _| {});
        let _ = disks::diskstats(&disks, &mut |_, _| {});
        let _ = disks::io_stat(&io, &mut |_, transfers| assert!(transfers.iter().all(Option::is_some)));
        let _ = (disks::blkio(&service, true, &mut |_, _| {}), disks::blkio(&service, false, &mut |_, _| {}));
    }

    #[test]
    fn counters_of_devices_are_read_as_they_were_written(
        all in prop::collection::vec((0_u32..999, 0_u32..999, prop::array::uniform4(any::<u64>())), 0..99),
    ) {
        let mut text = String::new();
        for (major, minor, [read, written, reads, writes]) in &all {
            use std::fmt::Write;
            let _ = writeln!(
                text,
                "{major}:{minor} rbytes={read} wbytes={written} rios={reads} wios={writes} dbytes=0 dios=0"
            );
        }
        let mut found = Vec::new();
        let is_read = disks::io_stat(&text, &mut |device, transfers| found.push((device.to_owned(), transfers)));
        let expected = all.iter().map(|(major, minor, of)| (format!("{major}:{minor}"), of.map(Some)));
        prop_assert_eq!(is_read, Some(()));
        prop_assert_eq!(found, expected.collect::<Vec<_>>());
    }

    #[test]
    fn no_text_leads_out_of_the_mounts_below_the_root(
        cgroup in text(CGROUP), mountinfo in text(MOUNTINFO),
    ) {
        for controller in ["cpu", "cpuacct", "memory", "cpuset"] {
            let _ = Group::is_named(controller, &cgroup);
            let Some(group) = Group::find(controller, &cgroup, &mountinfo, Path::new("/root"))
            else { continue };
            let own = group.own().to_owned();
            let group = group.of_container();
            prop_assert!(own.starts_with(group.own()), "{group:?}");
            prop_assert!(group.own().starts_with("/root"), "{group:?}");
            let mount = group.directories().last().expect("its own is one of them");
            let below = group.own().strip_prefix(mount).expect("the mount is above it");
            prop_assert!(below.components().all(|part| part != Component::ParentDir), "{group:?}");
        }
    }

    #[test]
    fn no_answer_of_the_endpoint_makes_a_parser_panic(
        task in text(TASK), usage in text(STATS), bytes in prop::collection::vec(any::<u8>(), 0..99),
    ) {
        if let Ok(task) = metadata::TaskMetadata::parse(task.as_bytes()) {
            if let Some(Cores(cores)) = task.cpu_limit() {
                prop_assert!(cores > 0.0, "{cores}");
            }
            prop_assert!(task.memory_limit() != Some(Bytes(0)));
        }
        let _ = stats::parse(usage.as_bytes(), MemoryUse::Used);
        let _ = (metadata::TaskMetadata::parse(&bytes), stats::parse(&bytes, MemoryUse::WorkingSet));
    }

    #[test]
    fn work_is_the_sum_of_its_columns(ticks in prop::array::uniform8(0_u64..1 << 40)) {
        let columns = ticks.map(|tick| tick.to_string()).join(" ");
        let read = proc::cpu_columns(&format!("cpu  {columns} 3 4\ncpu0 1\n"));
        let is_account = ticks.iter().any(|tick| *tick > 0);
        prop_assert_eq!(read, is_account.then_some(ticks));
        let busy: u64 = [0, 1, 2, 5, 6, 7].into_iter().map(|column: usize| ticks[column]).sum();
        let used = proc::work_since(&[0; 8], &ticks).as_millis();
        prop_assert_eq!(used, u128::from(busy) * 10);
    }

    #[test]
    fn cores_are_counted_in_whatever_ranges(ranges in prop::collection::vec((0_usize..999, 0_usize..99), 1..9)) {
        let list: Vec<_> = ranges.iter().map(|(first, more)| match more {
            0 => first.to_string(),
            more => format!("{first}-{}", first + more),
        }).collect();
        let count: usize = ranges.iter().map(|(_, more)| more + 1).sum();
        prop_assert_eq!(proc::count_cores(&(list.join(",") + "\n")), Some(count));
    }

    #[test]
    fn memory_is_the_formula_of_its_numbers(parts in prop::array::uniform6(0_u64..1 << 37)) {
        // Each part is no larger than its whole, as a kernel writes them.
        let [free, buffers, cached, slabs, unreclaimable, rest] = parts;
        let total = parts.iter().sum::<u64>();
        let shared = cached / 3;
        let text = format!(
            "MemTotal: {total} kB\nMemFree: {free} kB\nBuffers: {buffers} kB\nCached: {cached} kB\n\
             Shmem: {shared} kB\nSlab: {} kB\nSReclaimable: {slabs} kB\n",
            slabs + unreclaimable
        );
        let used = Bytes((shared + unreclaimable + rest) * 1024);
        let expected = proc::Meminfo { used, total: Bytes(total * 1024), left_out: Default::default() };
        prop_assert_eq!(proc::memory(&text).ok(), (total > 0).then_some(expected));
    }
}
