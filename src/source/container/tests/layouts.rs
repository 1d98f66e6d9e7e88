//! Every layout that a process is found in: version, namespace, and who made the group.

use super::{fixture, read_once};

/// Checks fixtures, each with its reading of CPU and of memory.
fn check(table: &[(&str, &str, &str)]) {
    for &(name, cpu, memory) in table {
        let reading = read_once(&fixture(name));
        assert_eq!((reading.0.as_str(), reading.1.as_str()), (cpu, memory), "{name}");
    }
}

#[test]
fn own_limits_bind() {
    check(&[
        (
            "v2-host-systemd",
            "73.265535s of 1.5 cores (sys/fs/cgroup/system.slice/foo.service/cpu.max)",
            "109584384 of 536870912 bytes (sys/fs/cgroup/system.slice/foo.service/memory.max)",
        ),
        (
            "v2-private-docker",
            "61.412008s of 0.25 cores (sys/fs/cgroup/cpu.max)",
            "144187392 of 536870912 bytes (sys/fs/cgroup/memory.max)",
        ),
        (
            "v2-mount-point-with-a-blank",
            "5.500005s of 0.75 cores (mnt/control groups/my work/job/cpu.max)",
            "13115392 of 402653184 bytes (mnt/control groups/my work/job/memory.max)",
        ),
        (
            "v1-host-centos-7",
            "88.123456789s of 2 cores \
             (sys/fs/cgroup/cpu,cpuacct/system.slice/foo.service/cpu.cfs_quota_us)",
            "228589568 of 1073741824 bytes \
             (sys/fs/cgroup/memory/system.slice/foo.service/memory.stat)",
        ),
        (
            "v1-host-docker-cgroupfs",
            "12.345678901s of 0.25 cores (sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us)",
            "59088896 of 268435456 bytes (sys/fs/cgroup/memory/memory.stat)",
        ),
        (
            "v1-host-kubernetes",
            "901.000000333s of 1.5 cores (sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us)",
            "671457280 of 1073741824 bytes (sys/fs/cgroup/memory/memory.stat)",
        ),
        (
            "v1-private-docker",
            "45.000000999s of 2 cores (sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us)",
            "430284800 of 1073741824 bytes (sys/fs/cgroup/memory/memory.stat)",
        ),
        (
            "hybrid-host-docker",
            "7.007007007s of 1.5 cores (sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us)",
            "119906304 of 314572800 bytes (sys/fs/cgroup/memory/memory.stat)",
        ),
    ]);
}

#[test]
fn parents_limit_wins() {
    check(&[
        (
            "v2-host-docker-systemd",
            "812.0004s of 0.5 cores (sys/fs/cgroup/batch.slice/cpu.max)",
            "82321408 of 1073741824 bytes (sys/fs/cgroup/batch.slice/memory.max)",
        ),
        (
            "v2-host-kubernetes",
            "19.204118s of 0.5 cores \
             (sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/\
             kubepods-burstable-pod99ee3a64_645b_4699_9384_5a3875d78b41.slice/cpu.max)",
            "50864128 of 268435456 bytes \
             (sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/\
             kubepods-burstable-pod99ee3a64_645b_4699_9384_5a3875d78b41.slice/memory.max)",
        ),
        (
            "v1-separate-mounts",
            "20.5006007s of 1.5 cores (sys/fs/cgroup/cpu/openrc/cpu.cfs_quota_us)",
            "37068800 of 201326592 bytes (sys/fs/cgroup/memory/foo/memory.stat)",
        ),
    ]);
}

#[test]
fn a_looser_parent_does_not_matter() {
    check(&[(
        "v2-host-docker-cgroupfs",
        "4100.250001s of 2 cores (sys/fs/cgroup/docker/4f1c2b7a9d3e/cpu.max)",
        "344465408 of 1073741824 bytes (sys/fs/cgroup/docker/4f1c2b7a9d3e/memory.max)",
    )]);
}

#[test]
fn the_memory_limit_of_an_ecs_task_is_seen_from_its_containers_on_version_1() {
    check(&[
        (
            "v1-ecs-al2",
            "4.321000777s of 2 cores (sys/devices/system/cpu/online)",
            "93691904 of 536870912 bytes (sys/fs/cgroup/memory/memory.stat)",
        ),
        (
            "v1-fargate-1.4",
            "2.718281828s of 2 cores (sys/devices/system/cpu/online)",
            "64331776 of 536870912 bytes (sys/fs/cgroup/memory/memory.stat)",
        ),
    ]);
}

#[test]
fn without_limits_the_machine_binds() {
    check(&[
        (
            "v2-host-session",
            "3611.040777s of 12 cores (sys/devices/system/cpu/online)",
            "1041768448 of 34170998784 bytes (proc/meminfo)",
        ),
        (
            "v2-private-ecs-al2023",
            "7.204551s of 2 cores (sys/devices/system/cpu/online)",
            "38281216 of 4106227712 bytes (proc/meminfo)",
        ),
        (
            "v2-private-systemd",
            "400.75s of 4 cores (sys/devices/system/cpu/online)",
            "700000000 of 8401195008 bytes (proc/meminfo)",
        ),
        (
            "v1-host-docker-systemd",
            "55.000111222s of 4 cores (sys/devices/system/cpu/online)",
            "321232896 of 8401195008 bytes (proc/meminfo)",
        ),
        (
            "v1-host-systemd",
            "6.006006006s of 4 cores (sys/devices/system/cpu/online)",
            "95789056 of 8401195008 bytes (proc/meminfo)",
        ),
        (
            "v1-private-systemd",
            "1.500250125s of 4 cores (sys/devices/system/cpu/online)",
            "7708672 of 8401195008 bytes (proc/meminfo)",
        ),
        (
            "hybrid-host-systemd",
            "9.09090909s of 4 cores (sys/devices/system/cpu/online)",
            "75866112 of 8401195008 bytes (proc/meminfo)",
        ),
        (
            "hybrid-private-systemd",
            "2.20033044s of 4 cores (sys/devices/system/cpu/online)",
            "8757248 of 8401195008 bytes (proc/meminfo)",
        ),
    ]);
}

#[test]
fn a_cpuset_alone_is_a_limit() {
    check(&[
        (
            "v2-private-cpuset",
            "512.999001s of 5 cores (sys/fs/cgroup/cpuset.cpus.effective)",
            "73932800 of 68530737152 bytes (proc/meminfo)",
        ),
        (
            "v1-host-docker-cpuset",
            "3.333333333s of 2 cores (sys/fs/cgroup/cpuset/cpuset.effective_cpus)",
            "19243008 of 16991129600 bytes (proc/meminfo)",
        ),
    ]);
}

#[test]
fn memory_high_is_no_limit() {
    check(&[(
        "v2-host-memory-high",
        "900.111222s of 4 cores (sys/devices/system/cpu/online)",
        "241704960 of 8401195008 bytes (proc/meminfo)",
    )]);
}

#[test]
fn a_quota_above_the_online_cpus_does_not_bind() {
    check(&[(
        "v2-private-kubernetes",
        "40.1109s of 2 cores (sys/devices/system/cpu/online)",
        "736632832 of 1073741824 bytes (sys/fs/cgroup/memory.max)",
    )]);
}

#[test]
fn the_group_itself_may_be_what_is_mounted() {
    check(&[(
        "v2-rootless",
        "30.03003s of 4 cores (sys/devices/system/cpu/online)",
        "220733440 of 805306368 bytes (sys/fs/cgroup/memory.max)",
    )]);
}

#[test]
fn a_second_copy_after_the_own_one_is_not_taken() {
    check(&[(
        "v2-second-copy",
        "8.181818s of 1.25 cores (sys/fs/cgroup/cpu.max)",
        "151527424 of 671088640 bytes (sys/fs/cgroup/memory.max)",
    )]);
}

#[test]
fn each_controller_may_be_of_another_version() {
    check(&[(
        "hybrid-memory-on-v2",
        "10.02003004s of 0.5 cores \
             (sys/fs/cgroup/cpu,cpuacct/system.slice/foo.service/cpu.cfs_quota_us)",
        "47718400 of 134217728 bytes \
             (sys/fs/cgroup/unified/system.slice/foo.service/memory.max)",
    )]);
}

#[test]
fn the_root_of_version_1_is_the_whole_machine() {
    check(&[(
        "v1-host-root",
        "777.000000001s of 4 cores (sys/devices/system/cpu/online)",
        "1595932672 of 8401195008 bytes (proc/meminfo)",
    )]);
}

#[test]
fn the_root_of_version_2_has_cpu_and_no_memory() {
    check(&[(
        "v2-host-root",
        "2.68s of 2 cores (sys/devices/system/cpu/online)",
        "sys/fs/cgroup/memory.current not found",
    )]);
}
