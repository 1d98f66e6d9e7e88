//! Files that are missing, unreadable, empty or garbage: which error each gives, that it names the
//! file, and that the other part stays readable.

use super::{fixture, read_once};

/// Checks faults of a fixture that leave one part absent: the file, what takes the place of its
/// text, and what is said of the file.
fn check(name: &str, part: Part, table: &[(&str, &str, &str)]) {
    let sound = read_once(&fixture(name));
    for (file, fault, message) in table {
        let tree = fixture(name);
        tree.change(&format!("== {file}{fault}"));
        let error = format!("{file} {message}");
        let expected = match part {
            Part::Cpu => (error, sound.1.clone()),
            Part::Memory => (sound.0.clone(), error),
        };
        assert_eq!(read_once(&tree), expected, "{name}, {file}{fault}");
    }
}

#[derive(Clone, Copy)]
enum Part {
    Cpu,
    Memory,
}

const MISSING: &str = " (missing)";
const UNREADABLE: &str = " (unreadable)";
const EMPTY: &str = "";
const DIRECTORY: &str = "cannot be read: Is a directory (os error 21)";
const NO_LIST: &str = "has no list of CPUs such as 0-3";
const NO_QUOTA: &str = "has no quota and period";
const NO_TOTAL: &str = "has no MemTotal in kB";

#[test]
fn cpu_of_version_2_is_absent_with_the_file_that_fails() {
    check(
        "v2-private-docker",
        Part::Cpu,
        &[
            ("sys/fs/cgroup/cpu.stat", MISSING, "not found"),
            ("sys/fs/cgroup/cpu.stat", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/cpu.stat", EMPTY, "has no usage_usec"),
            ("sys/fs/cgroup/cpu.stat", "\nusage_usec -1\nuser_usec 0\n", "has no usage_usec"),
            ("sys/fs/cgroup/cpu.max", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/cpu.max", EMPTY, NO_QUOTA),
            ("sys/fs/cgroup/cpu.max", "\nmany 100000\n", NO_QUOTA),
            ("sys/fs/cgroup/cpuset.cpus.effective", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/cpuset.cpus.effective", "\nall\n", NO_LIST),
        ],
    );
}

#[test]
fn memory_of_version_2_is_absent_with_the_file_that_fails() {
    let no_fields = "has no file, shmem, slab_reclaimable and inactive_file";
    check(
        "v2-private-docker",
        Part::Memory,
        &[
            ("sys/fs/cgroup/memory.current", MISSING, "not found"),
            ("sys/fs/cgroup/memory.current", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/memory.stat", MISSING, "not found"),
            ("sys/fs/cgroup/memory.stat", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/memory.stat", EMPTY, no_fields),
            ("sys/fs/cgroup/memory.stat", "\nfile 4096\nshmem none\n", no_fields),
            ("sys/fs/cgroup/memory.max", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/memory.max", EMPTY, "has no bytes or max"),
            ("sys/fs/cgroup/memory.max", "\n512M\n", "has no bytes or max"),
        ],
    );
}

#[test]
fn what_the_machine_has_need_not_be_known_where_there_is_a_limit() {
    for name in ["v2-private-docker", "v1-host-docker-cgroupfs"] {
        let sound = read_once(&fixture(name));
        for file in ["proc/meminfo", "sys/devices/system/cpu/online"] {
            for fault in [MISSING, UNREADABLE, EMPTY, "\ngarbage\n"] {
                let tree = fixture(name);
                tree.change(&format!("== {file}{fault}"));
                assert_eq!(read_once(&tree), sound, "{name}, {file}{fault}");
            }
        }
    }
}

#[test]
fn without_a_limit_memory_is_absent_with_the_file_of_the_machine_that_fails() {
    check(
        "v2-private-ecs-al2023",
        Part::Memory,
        &[
            ("proc/meminfo", MISSING, "not found"),
            ("proc/meminfo", UNREADABLE, DIRECTORY),
            ("proc/meminfo", EMPTY, NO_TOTAL),
            ("proc/meminfo", "\nMemTotal: much kB\n", NO_TOTAL),
        ],
    );
}

#[test]
fn cpu_of_version_1_is_absent_with_the_file_that_fails() {
    check(
        "v1-host-docker-cgroupfs",
        Part::Cpu,
        &[
            ("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", MISSING, "not found"),
            ("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", EMPTY, "has no nanoseconds"),
            ("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "\n1e9\n", "has no nanoseconds"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", EMPTY, NO_QUOTA),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "\nmax\n", NO_QUOTA),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/cpuset/cpuset.effective_cpus", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/cpuset/cpuset.effective_cpus", "\nall\n", NO_LIST),
        ],
    );
}

#[test]
fn memory_of_version_1_is_absent_with_the_file_that_fails() {
    let no_fields =
        "has no total_cache and total_shmem, or total_inactive_file and total_active_file";
    check(
        "v1-host-docker-cgroupfs",
        Part::Memory,
        &[
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", MISSING, "not found"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/memory/memory.stat", MISSING, "not found"),
            ("sys/fs/cgroup/memory/memory.stat", UNREADABLE, DIRECTORY),
            ("sys/fs/cgroup/memory/memory.stat", EMPTY, "has no hierarchical_memory_limit"),
            (
                "sys/fs/cgroup/memory/memory.stat",
                "\nhierarchical_memory_limit 9\ntotal_cache x\n",
                no_fields,
            ),
            (
                "sys/fs/cgroup/memory/memory.stat",
                "\nhierarchical_memory_limit 9\ntotal_cache 9\ntotal_inactive_file 9\n",
                no_fields,
            ),
        ],
    );
}

#[test]
fn a_parents_limit_that_is_not_understood_leaves_the_part_absent() {
    let (cpu, memory) =
        ("sys/fs/cgroup/batch.slice/cpu.max", "sys/fs/cgroup/batch.slice/memory.max");
    check("v2-host-docker-systemd", Part::Cpu, &[(cpu, "\n50%\n", NO_QUOTA)]);
    check("v2-host-docker-systemd", Part::Memory, &[(memory, "\n1G\n", "has no bytes or max")]);
}

#[test]
fn a_limit_file_that_is_not_there_is_no_limit() {
    let machine = (
        "61.412008s of 4 cores (sys/devices/system/cpu/online)".to_owned(),
        "144187392 of 8401195008 bytes (proc/meminfo)".to_owned(),
    );
    let tree = fixture("v2-private-docker");
    tree.change("== sys/fs/cgroup/cpu.max (missing)");
    tree.change("== sys/fs/cgroup/cpuset.cpus.effective (missing)");
    tree.change("== sys/fs/cgroup/memory.max (missing)");
    assert_eq!(read_once(&tree), machine);

    // A kernel without CONFIG_CFS_BANDWIDTH.
    let tree = fixture("v1-host-docker-cgroupfs");
    tree.change("== sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us (missing)");
    tree.change("== sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us (missing)");
    assert_eq!(read_once(&tree).0, "12.345678901s of 4 cores (sys/devices/system/cpu/online)");
}

#[test]
fn a_process_that_is_in_no_group_has_neither_part() {
    for text in ["", "\n", "garbage\n", "0:/\n", "5:pids:/foo\n"] {
        let tree = fixture("v1-host-docker-cgroupfs");
        tree.change(&format!("== proc/self/cgroup\n{text}"));
        let (cpu, memory) = read_once(&tree);
        assert_eq!(cpu, "proc/self/cgroup has no group with the cpu controller", "{text}");
        assert_eq!(memory, "proc/self/cgroup has no group with the memory controller", "{text}");
    }
}

#[test]
fn a_usage_that_is_a_little_smaller_than_its_cache_is_zero_and_a_much_smaller_one_is_no_figure() {
    // The files are read one after the other, and the kernel updates the counters in batches.
    let tree = fixture("v2-private-docker");
    tree.change("== sys/fs/cgroup/memory.current\n100000000\n");
    assert_eq!(read_once(&tree).1, "0 of 536870912 bytes (sys/fs/cgroup/memory.max)");
    tree.change("== sys/fs/cgroup/memory.current\n4096\n");
    let contradiction = "sys/fs/cgroup/memory.stat has 105758720 reclaimable bytes, more than the 4096 bytes in use";
    assert_eq!(read_once(&tree).1, contradiction);
    let tree = fixture("v1-host-docker-cgroupfs");
    tree.change("== sys/fs/cgroup/memory/memory.usage_in_bytes\n40000000\n");
    assert_eq!(read_once(&tree).1, "0 of 268435456 bytes (sys/fs/cgroup/memory/memory.stat)");
}

#[test]
fn what_is_wrong_with_the_process_files_is_told_of_the_right_one() {
    let both = |text: &str| (text.to_owned(), text.to_owned());
    for (change, expected) in [
        ("== proc/self/cgroup (missing)", "proc/self/cgroup not found"),
        ("== proc/self/mountinfo (missing)", "proc/self/mountinfo not found"),
        (
            "== proc/self/mountinfo (unreadable)",
            "proc/self/mountinfo cannot be read: Is a directory (os error 21)",
        ),
        (
            "== proc/self/mountinfo\n",
            "proc/self/mountinfo has no mount of this process's control group",
        ),
    ] {
        let tree = fixture("v2-private-docker");
        tree.change(change);
        assert_eq!(read_once(&tree), both(expected), "{change}");
    }
}

#[test]
fn a_garbled_file_is_named_and_not_the_one_beside_it() {
    let part = |name: &str, file: &str| {
        let tree = fixture(name);
        tree.change(&format!("== {file}\ngarbage\n"));
        read_once(&tree)
    };
    let v2 = "sys/fs/cgroup/memory.current";
    assert_eq!(part("v2-private-docker", v2).1, format!("{v2} has no number of bytes"));
    let v1 = "sys/fs/cgroup/memory/memory.usage_in_bytes";
    assert_eq!(part("v1-host-docker-cgroupfs", v1).1, format!("{v1} has no number of bytes"));
    let period = "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us";
    assert_eq!(
        part("v1-host-docker-cgroupfs", period).0,
        format!("{period} has no number of microseconds")
    );
}

#[test]
fn a_limit_that_version_1_does_not_tell_is_not_taken_for_none() {
    let tree = fixture("v1-host-docker-cgroupfs");
    let stat = "sys/fs/cgroup/memory/memory.stat";
    tree.change(&format!("== {stat}\ntotal_cache 1\ntotal_shmem 0\ntotal_inactive_file 1\n"));
    assert_eq!(read_once(&tree).1, format!("{stat} has no hierarchical_memory_limit"));
}

#[test]
fn a_mount_point_that_is_no_text_does_no_harm() {
    let tree = fixture("v2-private-docker");
    let sound = read_once(&tree);
    let path = tree.root().join("proc/self/mountinfo");
    let mut text = std::fs::read(&path).expect("the fixture has it");
    text.extend(b"99 21 8:1 / /media/M\xfcsik rw - vfat /dev/sda1 rw\n");
    std::fs::write(&path, text).expect("the tree is writable");
    assert_eq!(read_once(&tree), sound);
}
