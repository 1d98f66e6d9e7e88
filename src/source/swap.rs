//! Swap in use, in percent of what may be used.

use std::path::Path;

use super::cgroup::{Group, Version, field, v1, v2};
use super::kernel_file::{optional, required};
use super::proc::kibibytes;
use crate::model::{Bytes, ReadError};

/// Of the machine, from /proc/meminfo (proc_meminfo(5)).
pub fn of_machine(proc: &Path) -> Result<f64, ReadError> {
    let path = proc.join("meminfo");
    let text = required(&path)?;
    let values = kibibytes(&text, "SwapTotal").zip(kibibytes(&text, "SwapFree"));
    let expected = "SwapTotal and SwapFree in kB";
    let (total, free) = values.ok_or(ReadError::Malformed { path: path.clone(), expected })?;
    let used = total.checked_sub(free).ok_or_else(|| {
        ReadError::unusable(format!("{}: SwapFree exceeds SwapTotal", path.display()))
    })?;
    let none = || {
        ReadError::absent(format!("{}: SwapTotal is 0: the machine has no swap", path.display()))
    };
    Bytes(used).capped_percent_of(Bytes(total)).ok_or_else(none)
}

/// Of a control group, on the machine with this /proc.
pub fn of_group(group: &Group, proc: &Path) -> Result<f64, ReadError> {
    // Its limit may be set all the same, and nothing would ever be in use.
    if let Err(none @ ReadError::Absent(_)) = of_machine(proc) {
        return Err(none);
    }
    match group.version {
        Version::V1 => of_version_1(group),
        Version::V2 => of_version_2(group),
    }
}

/// One file tells the usage, and the smallest limits of the group and of all above it. The limit of swap
/// is not set by itself: it is what that of memory and swap together leaves above that of memory.
fn of_version_1(group: &Group) -> Result<f64, ReadError> {
    let path = group.own().join("memory.stat");
    let text = required(&path)?;
    let none = |why: &str| ReadError::absent(format!("{}: {why}", path.display()));
    let used = field(&text, "total_swap");
    let limit = field(&text, "hierarchical_memsw_limit");
    let (Some(used), Some(limit)) = (used, limit) else {
        return Err(none(
            "no total_swap and hierarchical_memsw_limit: boot the kernel with swapaccount=1",
        ));
    };
    let Some(Bytes(limit)) = v1::unless_unlimited(limit) else { return Err(none(NO_LIMIT)) };
    let expected = "hierarchical_memory_limit";
    let malformed = || ReadError::Malformed { path: path.clone(), expected };
    let memory = v1::memory_limit(&text).ok_or_else(malformed)?;
    let memory = memory.map_or(limit, |memory| memory.0);
    // More may be in use: version 1 can have given memory up for swap.
    let swap = Bytes(limit.saturating_sub(memory));
    Bytes(used).capped_percent_of(swap).ok_or_else(|| none(NO_SWAP))
}

fn of_version_2(group: &Group) -> Result<f64, ReadError> {
    let path = group.own().join("memory.swap.current");
    let text = required(&path).map_err(|error| error.because(NO_ACCOUNT))?;
    let expected = "number of bytes";
    let used: u64 = text.trim().parse().map_err(|_| ReadError::Malformed { path, expected })?;
    let mut smallest: Option<Bytes> = None;
    for path in group.directories().map(|directory| directory.join("memory.swap.max")) {
        let Some(text) = optional(&path)? else { continue };
        let expected = "number of bytes or max";
        let limit = v2::memory_limit(&text).ok_or(ReadError::Malformed { path, expected })?;
        smallest = smallest.into_iter().chain(limit).min();
    }
    let none = |why| {
        ReadError::absent(format!("{}: {why}", group.own().join("memory.swap.max").display()))
    };
    let limit = smallest.ok_or_else(|| none(NO_LIMIT))?;
    Bytes(used).capped_percent_of(limit).ok_or_else(|| none(NO_SWAP))
}

const NO_ACCOUNT: &str = "the kernel counts no swap of this group; if swap accounting is off, boot the \
    kernel with swapaccount=1";
const NO_LIMIT: &str = "swap has no limit here";
const NO_SWAP: &str = "the limit of swap is 0: this group may use none";

#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    fn machine(meminfo: &str) -> Result<f64, String> {
        let tree = Tree::new(&format!("== meminfo\n{meminfo}"));
        told(of_machine(tree.root()), &tree)
    }

    fn told(value: Result<f64, ReadError>, tree: &Tree) -> Result<f64, String> {
        value.map_err(|error| error.to_string().replace(&format!("{}/", tree.root().display()), ""))
    }

    fn group(tree: &Tree, version: &str) -> Result<f64, String> {
        let mount = match version {
            "v1" => "30 24 0:26 / /cgroup rw - cgroup cgroup rw,memory",
            _ => "30 24 0:26 / /cgroup rw - cgroup2 cgroup2 rw",
        };
        let group = Group::find("memory", "4:memory:/pod/app\n0::/pod/app\n", mount, tree.root());
        let proc = tree.root().join("proc");
        told(of_group(&group.expect("the mount holds it"), &proc), tree)
    }

    #[test]
    fn of_a_machine_it_is_what_is_not_free() {
        let swap = |total: u64, free: u64| {
            format!(
                "MemTotal: 9 kB\nSwapCached: 5 kB\nSwapTotal:       {total} kB\nSwapFree: {free} kB\n"
            )
        };
        assert_eq!(machine(&swap(2_097_148, 1_572_861)), Ok(25.0));
        assert_eq!(machine(&swap(100, 100)), Ok(0.0), "none in use is 0");
        let none = "meminfo: SwapTotal is 0: the machine has no swap";
        assert_eq!(machine(&swap(0, 0)), Err(none.to_owned()), "no swap is not");
        assert_eq!(machine(&swap(1, 2)), Err("meminfo: SwapFree exceeds SwapTotal".to_owned()));
        let malformed = "meminfo has no SwapTotal and SwapFree in kB";
        assert_eq!(machine("SwapTotal: 5 kB\n"), Err(malformed.to_owned()));
    }

    #[test]
    fn of_version_2_it_is_in_percent_of_the_smallest_limit_that_can_be_seen() {
        let tree = Tree::new("== cgroup/pod/app/memory.current\n1\n");
        let error = format!("cgroup/pod/app/memory.swap.current not found: {NO_ACCOUNT}");
        assert_eq!(group(&tree, "v2"), Err(error));
        tree.change("== cgroup/pod/app/memory.swap.current\n1048576\n");
        let none = |why: &str| Err(format!("cgroup/pod/app/memory.swap.max: {why}"));
        assert_eq!(group(&tree, "v2"), none(NO_LIMIT));
        tree.change("== cgroup/pod/app/memory.swap.max\nmax\n== cgroup/pod/memory.swap.max\nmax\n");
        assert_eq!(group(&tree, "v2"), none(NO_LIMIT));
        tree.change("== cgroup/pod/memory.swap.max\n4194304\n");
        assert_eq!(group(&tree, "v2"), Ok(25.0));
        tree.change("== cgroup/pod/app/memory.swap.max\n2097152\n");
        assert_eq!(group(&tree, "v2"), Ok(50.0));
        tree.change("== cgroup/pod/app/memory.swap.max\n524288\n");
        assert_eq!(group(&tree, "v2"), Ok(100.0), "it was lowered");
        tree.change("== cgroup/pod/app/memory.swap.max\n0\n");
        assert_eq!(group(&tree, "v2"), none(NO_SWAP), "as the kubelet sets it");
        tree.change("== cgroup/pod/app/memory.swap.max\nsome\n");
        let malformed = "cgroup/pod/app/memory.swap.max has no number of bytes or max";
        assert_eq!(group(&tree, "v2"), Err(malformed.to_owned()));
    }

    #[test]
    fn a_limit_on_a_machine_without_swap_is_of_nothing() {
        let tree = Tree::new(
            "== cgroup/pod/app/memory.swap.current\n0\n== cgroup/pod/app/memory.swap.max\n1048576\n\
             == cgroup/pod/app/memory.stat\ntotal_swap 0\nhierarchical_memory_limit 1\n\
             hierarchical_memsw_limit 2\n== proc/meminfo\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        );
        for version in ["v1", "v2"] {
            let none = "proc/meminfo: SwapTotal is 0: the machine has no swap";
            assert_eq!(group(&tree, version), Err(none.to_owned()), "{version}");
        }
        tree.change("== proc/meminfo\nSwapTotal: 8 kB\nSwapFree: 8 kB\n");
        assert_eq!([group(&tree, "v1"), group(&tree, "v2")], [Ok(0.0), Ok(0.0)]);
    }

    #[test]
    fn of_version_1_the_limit_is_what_both_limits_differ_by() {
        let of = |memory: u64, both: u64, swap: &str| {
            let limits =
                format!("hierarchical_memory_limit {memory}\nhierarchical_memsw_limit {both}\n");
            group(&Tree::new(&format!("== cgroup/pod/app/memory.stat\n{limits}{swap}")), "v1")
        };
        let used = "swap 5\ntotal_swap 1048576\n";
        assert_eq!(of(4 << 20, 8 << 20, used), Ok(25.0), "as Docker sets them");
        assert_eq!(of(4 << 20, 8 << 20, "total_swap 0\n"), Ok(0.0));
        let none = |why: &str| Err(format!("cgroup/pod/app/memory.stat: {why}"));
        assert_eq!(of(4 << 20, 4 << 20, used), none(NO_SWAP));
        let unlimited = (1 << 63) - 4096;
        assert_eq!(of(4 << 20, unlimited, used), none(NO_LIMIT));
        assert_eq!(of(unlimited, unlimited, used), none(NO_LIMIT));
        let no_account =
            "no total_swap and hierarchical_memsw_limit: boot the kernel with swapaccount=1";
        assert_eq!(of(4 << 20, 8 << 20, ""), none(no_account));
    }
}
