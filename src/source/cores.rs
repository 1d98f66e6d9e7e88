//! How many cores there are: the smaller of what two files say.
//!
//! /sys is hidden in some sandboxes (AWS Lambda), and lxcfs shows the host's in it while /proc/stat
//! has the container's (lxc/lxcfs#301). Both files list the cores that are online.

use std::path::Path;

use super::kernel_file::{KernelFile, PAGE, required};
use super::proc::{count_cores, count_cpu_lines, has_all_cpus};
use crate::model::{Cores, Limit, Origin, ReadError};

/// Where the cores of a machine are listed.
#[derive(Debug)]
pub struct CoreFiles {
    online: KernelFile,
    stat: KernelFile,
}

impl CoreFiles {
    pub fn at(proc: &Path, sys: &Path) -> Self {
        let online = sys.join("devices/system/cpu/online");
        Self { online: KernelFile::new(online), stat: KernelFile::new(proc.join("stat")) }
    }

    /// The number of cores. If neither file has it, the cores that the scheduler allows this
    /// process, which are too few for a pinned agent. If that fails too, the error is the first
    /// file's.
    pub fn count(&mut self) -> Result<Limit<Cores>, ReadError> {
        let mut page = [0; PAGE];
        let listed = self.online.read(&mut page).map(count_cores);
        let listed = found(&self.online, listed, "list of CPUs such as 0-3");
        let lines = self.stat.read(&mut page).and_then(|text| match has_all_cpus(text) {
            true => Ok(count_cpu_lines(text)),
            // Some 40 cores fill a page.
            false => required(self.stat.path()).map(|text| count_cpu_lines(&text)),
        });
        let lines = found(&self.stat, lines, "line of a CPU");
        match (listed, lines) {
            (Ok(listed), Ok(lines)) => {
                Ok(if lines.amount < listed.amount { lines } else { listed })
            }
            (Ok(cores), Err(_)) | (Err(_), Ok(cores)) => Ok(cores),
            (Err(error), Err(_)) => affinity().ok_or(error),
        }
    }
}

fn found(
    file: &KernelFile,
    count: Result<Option<usize>, ReadError>,
    expected: &'static str,
) -> Result<Limit<Cores>, ReadError> {
    let count = count?.ok_or_else(|| file.malformed(expected))?;
    Ok(Limit::in_file(Cores(count as f64), file.path()))
}

fn affinity() -> Option<Limit<Cores>> {
    let cores = rustix::thread::sched_getaffinity(None).ok()?.count();
    let origin = Origin::Call("sched_getaffinity");
    (cores > 0).then(|| Limit { amount: Cores(f64::from(cores)), origin })
}

#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    /// The cores and the file that tells them, below a root with these files.
    fn count(tree: &str) -> (f64, String) {
        let tree = Tree::new(tree);
        let mut files = CoreFiles::at(&tree.root().join("proc"), &tree.root().join("sys"));
        let cores = files.count().expect("the scheduler always tells");
        (
            cores.amount.0,
            cores.origin.to_string().replace(&format!("{}/", tree.root().display()), ""),
        )
    }

    const ONLINE: &str = "sys/devices/system/cpu/online";

    #[test]
    fn the_smaller_of_two_files_counts() {
        let both = |online: &str, lines: usize| {
            let lines: String = (0..lines).map(|n| format!("cpu{n} 1 2 3 4\n")).collect();
            count(&format!("== {ONLINE}\n{online}\n== proc/stat\ncpu  1 2 3 4\n{lines}intr 5\n"))
        };
        assert_eq!(both("0-3", 4), (4.0, ONLINE.to_owned()));
        assert_eq!(both("0-55", 1), (1.0, "proc/stat".to_owned()), "lxcfs");
        assert_eq!(both("0", 4), (1.0, ONLINE.to_owned()));
        assert_eq!(both("0-3", 0), (4.0, ONLINE.to_owned()), "no line of a core is not 0 cores");
    }

    #[test]
    fn one_file_is_enough() {
        assert_eq!(count(&format!("== {ONLINE}\n0-1\n")), (2.0, ONLINE.to_owned()));
        let stat = "== proc/stat\ncpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\n";
        assert_eq!(count(stat), (2.0, "proc/stat".to_owned()), "AWS Lambda on arm64");
        for online in ["garbage", "", "3-0"] {
            let tree = format!("{stat}== {ONLINE}\n{online}\n");
            assert_eq!(count(&tree), (2.0, "proc/stat".to_owned()), "{online:?}");
        }
    }

    #[test]
    fn the_scheduler_is_asked_where_no_file_tells() {
        let own = rustix::thread::sched_getaffinity(None).expect("it is allowed").count();
        let expected = (f64::from(own), "sched_getaffinity".to_owned());
        assert_eq!(count("== proc/stat\ncpu  1 2 3 4\n"), expected);
    }
}
