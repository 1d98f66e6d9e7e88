//! The rows of the machine: the kernel's files, outputs and descriptors.

use crate::faults::Effect::{Blind, Forever, Outage, Unseen, Works};
use crate::faults::{Fault, Needs, UnderWay};
use crate::scene::Stream;
use crate::{files, resources};

const CPU: &[&str] = &["CPUUtilization", "MaxCPUUtilization"];
const MEMORY: &[&str] = &["MemoryUtilization", "MaxMemoryUtilization"];
const BOTH: &[&str] =
    &["CPUUtilization", "MaxCPUUtilization", "MemoryUtilization", "MaxMemoryUtilization"];

pub const OF_THE_MACHINE: &[Fault] = &[
    Fault::new(
        "/proc/stat vanishes",
        Blind(CPU),
        |s| files::missing(s, "stat"),
        "CPU is not sent, memory is; the log says why.",
    )
    .says("CPU unavailable: ")
    .needs(Needs::Namespace),
    Fault::new(
        "/proc/stat is unreadable",
        Blind(CPU),
        |s| files::unreadable(s, "stat"),
        "CPU is not sent, memory is; the log says why.",
    )
    .says("CPU unavailable: ")
    .needs(Needs::Namespace),
    Fault::new(
        "/proc/stat is garbage",
        Blind(CPU),
        |s| files::garbage(s, "stat"),
        "CPU is not sent until it is available again.",
    )
    .says("CPU unavailable: ")
    .needs(Needs::Namespace),
    Fault::new(
        "/proc/meminfo is garbage",
        Blind(MEMORY),
        |s| files::garbage(s, "meminfo"),
        "Memory is not sent until it is available again.",
    )
    .says("memory unavailable: ")
    .needs(Needs::Namespace),
    Fault::new(
        "/proc vanishes",
        Blind(BOTH),
        files::no_proc,
        "There is nothing to send; it ends well.",
    )
    .says("memory unavailable: ")
    .needs(Needs::Namespace),
    Fault::new(
        "cgroup is removed",
        Blind(BOTH),
        files::cgroup_removed,
        "What was measured before it is sent.",
    )
    .says("memory unavailable: ")
    .needs(Needs::Cgroup),
    Fault::new(
        "stdout closed (--dry-run)",
        Unseen,
        |s| s.dry_run(Stream::Closed),
        "The system's runtime puts /dev/null in its place; nothing fails.",
    )
    .request(UnderWay::Never),
    Fault::new(
        "stdout: reader gone (--dry-run)",
        Forever,
        |s| s.dry_run(Stream::ReaderGone),
        "Said in the log, exit code 1.",
    )
    .request(UnderWay::Never)
    .says("keep the reader of standard output open"),
    Fault::new(
        "stdout: full pipe (--dry-run)",
        Outage,
        |s| s.dry_run(Stream::Full),
        "Tried for 3 s, kept in the backlog; sampling continues.",
    )
    .request(UnderWay::Never)
    .says("standard output"),
    Fault::new(
        "stderr closed",
        Works,
        |s| s.stderr = Stream::Closed,
        "The log is lost, nothing else.",
    ),
    Fault::new(
        "stderr: reader gone",
        Works,
        |s| s.stderr = Stream::ReaderGone,
        "The log is lost, nothing else.",
    ),
    Fault::new(
        "stderr: full pipe",
        Works,
        |s| s.stderr = Stream::Full,
        "The log is lost, nothing else.",
    ),
    Fault::new(
        "out of file descriptors",
        Outage,
        files::no_descriptors,
        "Kept in the backlog until a connection can be opened.",
    )
    .request(UnderWay::Never)
    .says("os error 24"),
    Fault::new(
        "out of file descriptors, TLS",
        Outage,
        files::no_descriptors_with_tls,
        "As over plain HTTP.",
    )
    .request(UnderWay::Never),
    Fault::new(
        "out of threads",
        Outage,
        resources::no_threads,
        "A name cannot be looked up: kept in the backlog until it can be.",
    )
    .request(UnderWay::Never)
    .says("no thread for ")
    .needs(Needs::Users),
    Fault::new(
        "started with all signals blocked",
        Works,
        resources::signals_blocked,
        "It clears its mask before anything else.",
    ),
];
