//! `agent.memory`: how much memory and swap is in use.

use crate::model::{CheckType, Declared, Discovers, Opening, Unit};

pub const TYPE: CheckType = CheckType {
    name: "agent.memory",
    about: "How much memory and swap of the machine is in use",
    settings: &[],
    one_of: &[],
    metrics: &[
        Declared::gauge("actual_used", Unit::Bytes, ACTUAL_USED_SOURCE),
        Declared::gauge("actual_free", Unit::Bytes, "total - actual_used"),
        Declared::gauge("used_percent", Unit::Percent, "100 x actual_used / total").headline(),
        Declared::gauge("free", Unit::Bytes, "/proc/meminfo: MemFree"),
        Declared::gauge("used", Unit::Bytes, "total - free: with buffers and page cache"),
        Declared::gauge("total", Unit::Bytes, "/proc/meminfo: MemTotal"),
        Declared::gauge("ram", Unit::Megabytes, "total in units of 1,048,576 bytes"),
        Declared::gauge("swap_total", Unit::Bytes, "/proc/meminfo: SwapTotal"),
        Declared::gauge("swap_used", Unit::Bytes, "/proc/meminfo: SwapTotal - SwapFree"),
        Declared::gauge("swap_free", Unit::Bytes, "/proc/meminfo: SwapFree"),
        Declared::counter(
            "swap_page_in",
            Unit::Pages,
            "/proc/vmstat: pswpin, since the start of the machine",
        ),
        Declared::counter(
            "swap_page_out",
            Unit::Pages,
            "/proc/vmstat: pswpout, since the start of the machine",
        ),
    ],
    discovers: Discovers::Nothing,
    targets: None,
    #[cfg(target_os = "linux")]
    open: |of: &Opening| Box::new(linux::Memory::at(of.roots)),
    #[cfg(not(target_os = "linux"))]
    open: |_: &Opening| Box::new(super::macos::Memory),
};

const ACTUAL_USED_SOURCE: &str = "/proc/meminfo: MemTotal - MemFree - Buffers - Cached - SReclaimable + Shmem, less what \
    the cache of ZFS could free: the memory that the kernel cannot free";

#[cfg(target_os = "linux")]
mod linux {
    use std::path::{Path, PathBuf};

    use crate::model::{Check, Findings, ReadError, Roots, Running};
    use crate::source::cgroup::field;
    use crate::source::host::Host;
    use crate::source::kernel_file::required;
    use crate::source::proc::kibibytes;

    pub struct Memory {
        meminfo: PathBuf,
        vmstat: PathBuf,
        machine: Host,
    }

    impl Memory {
        pub fn at(roots: &Roots) -> Self {
            let machine = Host::at(&roots.proc, &roots.sys);
            let [meminfo, vmstat] = ["meminfo", "vmstat"].map(|name| roots.proc.join(name));
            Self { meminfo, vmstat, machine }
        }

        fn read(&mut self) -> Result<Findings, ReadError> {
            let text = required(&self.meminfo)?;
            let bytes = |name| kibibytes(&text, name).map(|number| number as f64 * 1024.0);
            let expected = "MemTotal and MemFree in kB";
            let malformed = || ReadError::Malformed { path: self.meminfo.clone(), expected };
            let total = bytes("MemTotal").filter(|total| *total > 0.0).ok_or_else(malformed)?;
            let free = bytes("MemFree").ok_or_else(malformed)?;
            if free > total {
                let path = self.meminfo.display();
                return Err(ReadError::unusable(format!("{path}: MemFree exceeds MemTotal")));
            }
            let mut found = Findings::default();
            found.number("free", free);
            found.number("used", total - free);
            found.number("total", total);
            found.number("ram", total / f64::from(1 << 20));
            for name in SHOWN {
                let line = text.lines().find(|line| line.split(':').next() == Some(name));
                if let Some(line) = line {
                    found.raw(self.meminfo.display().to_string(), line);
                }
            }
            match self.machine.memory_in(&text) {
                Ok(memory) => {
                    let used = memory.used.0 as f64;
                    found.number("actual_used", used);
                    found.number("actual_free", total - used);
                    found.number("used_percent", 100.0 * used / total);
                }
                Err(error) => {
                    for name in ["actual_used", "actual_free", "used_percent"] {
                        found.absent(name, error.to_string());
                    }
                }
            }
            let swap = (bytes("SwapTotal"), bytes("SwapFree"));
            self.add_swap(swap, &mut found);
            add_pages(&self.vmstat, &mut found);
            Ok(found)
        }

        fn add_swap(&self, swap: (Option<f64>, Option<f64>), found: &mut Findings) {
            let path = self.meminfo.display();
            match swap {
                (Some(total), Some(free)) if free <= total => {
                    found.number("swap_total", total);
                    found.number("swap_used", total - free);
                    found.number("swap_free", free);
                }
                (total, free) => {
                    let reason = match total.zip(free) {
                        Some(_) => format!("{path}: SwapFree exceeds SwapTotal"),
                        None => format!("{path} has no SwapTotal and SwapFree in kB"),
                    };
                    for name in ["swap_total", "swap_used", "swap_free"] {
                        found.absent(name, &*reason);
                    }
                }
            }
        }
    }

    fn add_pages(vmstat: &Path, found: &mut Findings) {
        let text = required(vmstat);
        for (name, line) in [("swap_page_in", "pswpin"), ("swap_page_out", "pswpout")] {
            match text.as_ref().map(|text| field(text, line)) {
                Ok(Some(pages)) => {
                    found.number(name, pages as f64);
                    found.raw(vmstat.display().to_string(), format_args!("{line} {pages}"));
                }
                Ok(None) => {
                    let path = vmstat.display();
                    found.absent(
                        name,
                        format!("{path} has no {line}: a kernel without swap has none"),
                    );
                }
                Err(error) => found.absent(name, error.to_string()),
            }
        }
    }

    impl Check for Memory {
        fn run(&mut self) -> Running<'_> {
            Box::pin(async { self.read().map_err(|error| error.to_string()) })
        }
    }

    /// The lines that the values are made of.
    const SHOWN: [&str; 9] = [
        "MemTotal",
        "MemFree",
        "Buffers",
        "Cached",
        "SReclaimable",
        "Shmem",
        "Slab",
        "SwapTotal",
        "SwapFree",
    ];
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::super::tests::{absent, assert_complete, number, open, roots, run};
    use super::*;
    use support::tree::Tree;

    const MEMINFO: &str = "== proc/meminfo\nMemTotal:  8192 kB\nMemFree:  1024 kB\nMemAvailable: 6000 kB\n\
        Buffers:  512 kB\nCached:  3072 kB\nSwapCached: 7 kB\nShmem:  256 kB\nSlab: 600 kB\n\
        SReclaimable: 384 kB\nSwapTotal: 2048 kB\nSwapFree: 1536 kB\n";
    const VMSTAT: &str = "== proc/vmstat\nnr_free_pages 5\npswpin 123\npswpout 456\n";

    #[tokio::test]
    async fn all_is_of_one_text() {
        let tree = Tree::new(&format!("{MEMINFO}{VMSTAT}"));
        let mut check = open(&TYPE, &[], &roots(&tree));
        let found = run(&mut check, &tree).await.expect("it can be read");
        assert_complete(&TYPE, &found);
        let used = (8192 - 1024 - 512 - 3072 - 384 + 256) as f64;
        for (name, kibibytes) in [
            ("total", 8192.0),
            ("free", 1024.0),
            ("used", 7168.0),
            ("actual_used", used),
            ("actual_free", 8192.0 - used),
            ("swap_total", 2048.0),
            ("swap_used", 512.0),
            ("swap_free", 1536.0),
        ] {
            assert_eq!(number(&found, name), kibibytes * 1024.0, "{name}");
        }
        assert_eq!(number(&found, "ram"), 8.0);
        assert_eq!(number(&found, "used_percent"), 100.0 * used / 8192.0);
        assert_eq!(
            [number(&found, "swap_page_in"), number(&found, "swap_page_out")],
            [123.0, 456.0]
        );
        assert_eq!(found.raw[0].1, "MemTotal:  8192 kB");
        assert_eq!(found.raw.len(), 9 + 2);
    }

    #[tokio::test]
    async fn what_the_cache_of_zfs_could_give_back_is_not_used() {
        let tree = Tree::new(&format!(
            "{MEMINFO}{VMSTAT}== proc/spl/kstat/zfs/arcstats\nsize 4 1049600\nc_min 4 1024\n"
        ));
        let found = run(&mut open(&TYPE, &[], &roots(&tree)), &tree).await.expect("it can be read");
        let used = (8192 - 1024 - 512 - 3072 - 384 + 256 - 1024) as f64;
        assert_eq!(number(&found, "actual_used"), used * 1024.0);
    }

    #[tokio::test]
    async fn each_part_that_is_missing_is_absent_and_leaves_the_others() {
        let tree = Tree::new("== proc/meminfo\nMemTotal: 8192 kB\nMemFree: 1024 kB\n");
        let mut check = open(&TYPE, &[], &roots(&tree));
        let found = run(&mut check, &tree).await.expect("the total is there");
        assert_complete(&TYPE, &found);
        assert_eq!(number(&found, "used"), 7168.0 * 1024.0);
        assert!(absent(&found, "used_percent").contains("MemTotal, MemFree, Cached and Shmem"));
        assert!(absent(&found, "swap_used").ends_with("has no SwapTotal and SwapFree in kB"));
        assert!(absent(&found, "swap_page_in").ends_with("proc/vmstat not found"));
        tree.change("== proc/vmstat\nnr_free_pages 5\n");
        let found = run(&mut check, &tree).await.expect("the total is there");
        assert!(absent(&found, "swap_page_out").contains("has no pswpout"), "{found:#?}");
    }

    #[tokio::test]
    async fn a_machine_without_swap_has_a_swap_of_zero() {
        let tree = Tree::new(MEMINFO);
        let none = "SwapTotal: 0 kB\nSwapFree: 0 kB";
        tree.change(&MEMINFO.replace("SwapTotal: 2048 kB\nSwapFree: 1536 kB", none));
        let found = run(&mut open(&TYPE, &[], &roots(&tree)), &tree).await.expect("it can be read");
        assert_eq!([number(&found, "swap_total"), number(&found, "swap_used")], [0.0, 0.0]);
    }

    #[tokio::test]
    async fn what_contradicts_itself_is_no_value() {
        let tree = Tree::new("== proc/\n");
        let mut check = open(&TYPE, &[], &roots(&tree));
        assert_eq!(run(&mut check, &tree).await, Err("proc/meminfo not found".to_owned()));
        for (text, error) in [
            ("", "proc/meminfo has no MemTotal and MemFree in kB"),
            ("MemTotal: 0 kB\nMemFree: 0 kB", "proc/meminfo has no MemTotal and MemFree in kB"),
            ("MemTotal: 5 kB\nMemFree: x kB", "proc/meminfo has no MemTotal and MemFree in kB"),
            ("MemTotal: 5 kB\nMemFree: 6 kB", "proc/meminfo: MemFree exceeds MemTotal"),
        ] {
            tree.change(&format!("== proc/meminfo\n{text}\n"));
            assert_eq!(run(&mut check, &tree).await, Err(error.to_owned()), "{text:?}");
        }
        tree.change(&MEMINFO.replace("SwapFree: 1536", "SwapFree: 9999"));
        let found = run(&mut check, &tree).await.expect("memory is fine");
        assert!(absent(&found, "swap_free").ends_with("SwapFree exceeds SwapTotal"));
    }
}
