//! `agent.load_average`: how many tasks run or wait to run.

use crate::model::{Check, CheckType, Declared, Discovers, Opening, Running, Unit};

pub const TYPE: CheckType = CheckType {
    name: "agent.load_average",
    about: "How many tasks run, wait to run, or wait for a disk, averaged over time",
    settings: &[],
    one_of: &[],
    metrics: &[
        Declared::gauge("1m", Unit::None, "/proc/loadavg: the average of the last minute"),
        Declared::gauge("5m", Unit::None, "/proc/loadavg: of the last 5 minutes"),
        Declared::gauge("15m", Unit::None, "/proc/loadavg: of the last 15 minutes"),
        Declared::gauge(
            "1m_per_core",
            Unit::None,
            "1m / the CPUs of the machine that are online (/sys/devices/system/cpu/online, /proc/stat)",
        )
        .headline(),
    ],
    discovers: Discovers::Nothing,
    targets: None,
    #[cfg(target_os = "linux")]
    open: |of: &Opening| {
        let cores = CoreFiles::at(&of.roots.proc, &of.roots.sys);
        Box::new(LoadAverage { file: of.roots.proc.join("loadavg"), cores })
    },
    #[cfg(not(target_os = "linux"))]
    open: |_: &Opening| Box::new(LoadAverage),
};

#[cfg(target_os = "linux")]
use crate::{
    model::{Findings, Origin, ReadError},
    source::{cores::CoreFiles, kernel_file::required},
};

#[cfg(target_os = "linux")]
struct LoadAverage {
    file: std::path::PathBuf,
    cores: CoreFiles,
}

#[cfg(target_os = "linux")]
impl LoadAverage {
    fn read(&mut self) -> Result<Findings, ReadError> {
        let text = required(&self.file)?;
        let expected = "three averages";
        let malformed = || ReadError::Malformed { path: self.file.clone(), expected };
        let [one, five, fifteen] = averages(&text).ok_or_else(malformed)?;
        let mut found = Findings::default();
        found.number("1m", one);
        found.number("5m", five);
        found.number("15m", fifteen);
        found.raw(self.file.display().to_string(), text.trim_end());
        match self.cores.count() {
            Ok(cores) if !matches!(cores.origin, Origin::Call(_)) => {
                found.number("1m_per_core", one / cores.amount.0);
                found.raw(cores.origin.to_string(), format_args!("{} CPUs online", cores.amount.0));
            }
            // What the scheduler allows this process may be fewer than there are.
            Ok(_) => found.absent("1m_per_core", "no file tells how many CPUs are online"),
            Err(error) => found.absent("1m_per_core", error.to_string()),
        }
        Ok(found)
    }
}

/// The averages of 1, 5 and 15 minutes, which the text begins with (proc_loadavg(5)).
#[cfg(target_os = "linux")]
fn averages(text: &str) -> Option<[f64; 3]> {
    let mut fields = text.split_ascii_whitespace();
    let mut next =
        || fields.next()?.parse().ok().filter(|load: &f64| load.is_finite() && *load >= 0.0);
    Some([next()?, next()?, next()?])
}

#[cfg(target_os = "linux")]
impl Check for LoadAverage {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async { self.read().map_err(|error| error.to_string()) })
    }
}

#[cfg(not(target_os = "linux"))]
struct LoadAverage;

#[cfg(not(target_os = "linux"))]
impl Check for LoadAverage {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async { super::macos::load_average() })
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::super::tests::{absent, assert_complete, number, open, roots, run};
    use super::*;
    use support::tree::Tree;

    #[tokio::test]
    async fn the_load_is_divided_by_the_cpus_that_are_online() {
        let tree = Tree::new(
            "== proc/loadavg\n3.00 1.50 0.75 2/345 678\n== sys/devices/system/cpu/online\n0-2,5\n",
        );
        let mut check = open(&TYPE, &[], &roots(&tree));
        let found = run(&mut check, &tree).await.expect("it can be read");
        assert_complete(&TYPE, &found);
        let values = ["1m", "5m", "15m", "1m_per_core"].map(|name| number(&found, name));
        assert_eq!(values, [3.0, 1.5, 0.75, 0.75]);
        assert_eq!(found.raw[0].1, "3.00 1.50 0.75 2/345 678");
        assert_eq!(found.raw[1].1, "4 CPUs online");
        tree.change("== sys/devices/system/cpu/online\n0\n");
        let found = run(&mut check, &tree).await.expect("it can be read");
        assert_eq!(number(&found, "1m_per_core"), 3.0, "CPUs were taken offline");
    }

    #[tokio::test]
    async fn the_cpus_that_this_process_may_use_are_not_those_of_the_machine() {
        let tree = Tree::new("== proc/loadavg\n3.00 1.50 0.75 2/345 678\n");
        let found = run(&mut open(&TYPE, &[], &roots(&tree)), &tree).await.expect("it can be read");
        assert_eq!(number(&found, "1m"), 3.0);
        assert_eq!(absent(&found, "1m_per_core"), "no file tells how many CPUs are online");
    }

    #[tokio::test]
    async fn what_is_not_there_is_an_error_and_no_zero() {
        let tree = Tree::new("== proc/\n");
        let mut check = open(&TYPE, &[], &roots(&tree));
        assert_eq!(run(&mut check, &tree).await, Err("proc/loadavg not found".to_owned()));
        for text in ["", "0.10", "0.10 0.20", "a b c 1/2 3", "0.10 NaN 0.30", "0.10 -1 0.30"] {
            tree.change(&format!("== proc/loadavg\n{text}\n"));
            let error = Err("proc/loadavg has no three averages".to_owned());
            assert_eq!(run(&mut check, &tree).await, error, "{text:?}");
        }
    }
}
