//! `agent.cpu`: what the CPUs spend their time on.

use crate::model::{CheckType, Declared, Discovers, Opening, Unit};

pub const TYPE: CheckType = CheckType {
    name: "agent.cpu",
    about: "How the CPUs of the machine have spent their time since the previous run",
    settings: &[],
    one_of: &[],
    metrics: &[
        Declared::gauge("cpu_count", Unit::Count, "/proc/stat: the CPUs that have a line"),
        Declared::gauge("user_percent_average", Unit::Percent, USER_SOURCE),
        Declared::gauge("sys_percent_average", Unit::Percent, "system, in the same way"),
        Declared::gauge("idle_percent_average", Unit::Percent, "idle, in the same way"),
        Declared::gauge("wait_percent_average", Unit::Percent, "iowait, in the same way"),
        Declared::gauge("irq_percent_average", Unit::Percent, "irq + softirq, in the same way"),
        Declared::gauge("stolen_percent_average", Unit::Percent, "steal, in the same way"),
        Declared::gauge("usage_average", Unit::Percent, USAGE_SOURCE).headline(),
        Declared::gauge("max_cpu_usage", Unit::Percent, "the highest usage of a CPU"),
        Declared::gauge("min_cpu_usage", Unit::Percent, "the lowest usage of a CPU"),
    ],
    discovers: Discovers::Nothing,
    targets: None,
    #[cfg(target_os = "linux")]
    open: |of: &Opening| Box::new(linux::Cpu::at(&of.roots.proc)),
    #[cfg(not(target_os = "linux"))]
    open: |_: &Opening| Box::new(super::macos::Cpu::default()),
};

const USER_SOURCE: &str = "/proc/stat: of each CPU, the growth of user + nice since the run before, in percent of the \
    growth of user + nice + system + idle + iowait + irq + softirq + steal; averaged over the CPUs";
const USAGE_SOURCE: &str =
    "100 - idle_percent_average: everything but idle time, so with iowait and stolen time";

#[cfg(target_os = "linux")]
mod linux {
    use std::path::{Path, PathBuf};

    use super::super::FIRST_INTERVAL;
    use crate::model::{Check, Findings, ReadError, Running};
    use crate::source::kernel_file::required;
    use crate::source::proc::{COLUMNS, IDLE, columns_of_cores};

    pub struct Cpu {
        stat: PathBuf,
        before: Option<Vec<Core>>,
    }

    /// The number of a CPU, and its ticks.
    type Core = (u32, [u64; 8]);

    impl Cpu {
        pub fn at(proc: &Path) -> Self {
            Self { stat: proc.join("stat"), before: None }
        }

        fn read(&self) -> Result<Vec<Core>, String> {
            let text = required(&self.stat).map_err(|error| error.to_string())?;
            let expected = "line of a CPU with at least four counters";
            let malformed = || ReadError::Malformed { path: self.stat.clone(), expected };
            columns_of_cores(&text).ok_or_else(|| malformed().to_string())
        }
    }

    impl Check for Cpu {
        fn run(&mut self) -> Running<'_> {
            Box::pin(async {
                if self.before.is_none() {
                    self.before = Some(self.read()?);
                    tokio::time::sleep(FIRST_INTERVAL).await;
                }
                let now = self.read()?;
                // Kept where there is no result, so that the next run has a longer time to look at.
                let found = found(&self.stat, self.before.as_deref().unwrap_or_default(), &now)?;
                self.before = Some(now);
                Ok(found)
            })
        }
    }

    fn found(stat: &Path, before: &[Core], now: &[Core]) -> Result<Findings, String> {
        let grown: Vec<Core> = now.iter().filter_map(|core| grown(before, core)).collect();
        if grown.is_empty() {
            return Err(format!(
                "{}: no CPU has counted any time between two readings",
                stat.display()
            ));
        }
        let mut averages = [0.0; 8];
        let mut usages = Vec::new();
        for (_, ticks) in &grown {
            // As floating-point numbers, whose sum cannot overflow.
            let ticks = ticks.map(|ticks| ticks as f64);
            let total: f64 = ticks.iter().sum();
            let percent = ticks.map(|ticks| 100.0 * ticks / total);
            for (average, percent) in averages.iter_mut().zip(percent) {
                *average += percent / grown.len() as f64;
            }
            usages.push(100.0 - percent[IDLE]);
        }
        let [user, nice, system, idle, wait, irq, soft_irq, stolen] = averages;
        let mut found = Findings::default();
        found.number("cpu_count", now.len() as f64);
        found.number("user_percent_average", user + nice);
        found.number("sys_percent_average", system);
        found.number("idle_percent_average", idle);
        found.number("wait_percent_average", wait);
        found.number("irq_percent_average", irq + soft_irq);
        found.number("stolen_percent_average", stolen);
        found.number("usage_average", usages.iter().sum::<f64>() / usages.len() as f64);
        found.number("max_cpu_usage", usages.iter().copied().fold(0.0, f64::max));
        found.number("min_cpu_usage", usages.iter().copied().fold(100.0, f64::min));
        let origin = format!("{}, ticks since the reading before", stat.display());
        for (core, ticks) in grown.iter().take(SHOWN) {
            let columns = COLUMNS.iter().zip(ticks).map(|(name, ticks)| format!("{name} {ticks}"));
            found.raw(
                &*origin,
                format_args!("cpu{core}: {}", columns.collect::<Vec<_>>().join(", ")),
            );
        }
        if grown.len() > SHOWN {
            found.raw(origin, format_args!("and {} more CPUs", grown.len() - SHOWN));
        }
        Ok(found)
    }

    /// What a CPU has spent since the reading before, if it was there, and if it has counted any time since.
    ///
    /// `idle` and `iowait` may go back a little (proc_stat(5)), which counts as nothing. A CPU whose sum is
    /// less than before was taken away and came back in between: nothing is known of it until the next
    /// run.
    fn grown(before: &[Core], (number, ticks): &Core) -> Option<Core> {
        let (_, before) = before.iter().find(|(before, _)| before == number)?;
        let sum =
            |ticks: &[u64; 8]| ticks.iter().fold(0, |sum: u64, ticks| sum.saturating_add(*ticks));
        if sum(ticks) <= sum(before) {
            return None;
        }
        let mut grown = [0; 8];
        for (grown, (now, before)) in grown.iter_mut().zip(ticks.iter().zip(before)) {
            *grown = now.saturating_sub(*before);
        }
        Some((*number, grown))
    }

    /// CPUs whose ticks are shown: a person looks at no more.
    const SHOWN: usize = 8;
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::super::tests::{assert_complete, number, open, roots, run};
    use super::*;
    use crate::model::{Check, Findings};
    use support::tree::Tree;

    /// A text of /proc/stat with these lines of CPUs.
    fn change(tree: &Tree, cores: &[&str]) {
        let cores = cores.join("\n");
        tree.change(&format!(
            "== proc/stat\ncpu  9 9 9 9 9 9 9 9 0 0\n{cores}\nintr 5 0 0\nctxt 7\n"
        ));
    }

    /// What a second run finds, of which the first had `before`.
    async fn second(before: &[&str], now: &[&str]) -> Result<Findings, String> {
        let tree = Tree::new("");
        change(&tree, before);
        let mut check = open(&TYPE, &[], &roots(&tree));
        first(&mut check, &tree, before, now).await
    }

    /// A first run, which takes its second reading of `now`.
    async fn first(
        check: &mut Box<dyn Check>,
        tree: &Tree,
        before: &[&str],
        now: &[&str],
    ) -> Result<Findings, String> {
        change(tree, before);
        let mut under_way = Box::pin(run(check, tree));
        assert!(futures_util::poll!(under_way.as_mut()).is_pending(), "it waits a short while");
        change(tree, now);
        under_way.await
    }

    const NAMES: [&str; 10] = [
        "cpu_count",
        "user_percent_average",
        "sys_percent_average",
        "idle_percent_average",
        "wait_percent_average",
        "irq_percent_average",
        "stolen_percent_average",
        "usage_average",
        "max_cpu_usage",
        "min_cpu_usage",
    ];

    fn values(found: &Findings) -> [f64; 10] {
        NAMES.map(|name| (number(found, name) * 1e6).round() / 1e6)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_run_has_two_readings_and_a_later_one_that_of_the_run_before() {
        let tree = Tree::new("");
        let mut check = open(&TYPE, &[], &roots(&tree));
        let (one, two) = ("cpu0 100 0 0 100 0 0 0 0 0 0", "cpu1 100 0 0 100 0 0 0 0 0 0");
        let started = tokio::time::Instant::now();
        let now = ["cpu0 110 10 20 140 10 5 4 1 0 0", "cpu1 100 0 0 110 0 0 0 0 0 0"];
        let found = first(&mut check, &tree, &[one, two], &now).await.expect("time has passed");
        assert_eq!(started.elapsed(), super::super::FIRST_INTERVAL);
        assert_complete(&TYPE, &found);
        // CPU 0: of 100 ticks 20 user and nice, 20 system, 40 idle, 10 iowait, 9 irq, 1 steal. CPU 1: all of
        // its 10 ticks idle. Each CPU counts the same.
        assert_eq!(values(&found), [2.0, 10.0, 10.0, 70.0, 5.0, 4.5, 0.5, 30.0, 60.0, 0.0]);
        let parts = &values(&found)[1..7];
        assert_eq!(parts.iter().sum::<f64>(), 100.0, "they are all of the time");
        assert_eq!(
            found.raw[0].1,
            "cpu0: user 10, nice 10, system 20, idle 40, iowait 10, irq 5, softirq 4, steal 1"
        );
        change(&tree, &["cpu0 210 10 20 140 10 5 4 1 0 0", "cpu1 100 0 0 210 0 0 0 0 0 0"]);
        let started = tokio::time::Instant::now();
        let found = run(&mut check, &tree).await.expect("time has passed");
        assert_eq!(started.elapsed().as_millis(), 0, "it waits for nothing");
        assert_eq!(values(&found), [2.0, 50.0, 0.0, 50.0, 0.0, 0.0, 0.0, 50.0, 100.0, 0.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn cpus_come_and_go() {
        let (zero, one) = ("cpu0 100 0 0 100", "cpu1 100 0 0 100");
        let gone = second(&[zero, one], &["cpu0 150 0 0 150"]).await.expect("one is left");
        assert_eq!(values(&gone)[..2], [1.0, 50.0]);
        let come = second(&[zero], &["cpu0 150 0 0 150", "cpu1 9 0 0 1"]).await.expect("one stays");
        // Nothing is known yet of how long the other has been there.
        assert_eq!(values(&come)[..2], [2.0, 50.0]);
        let others = second(&[zero], &["cpu1 150 0 0 150"]).await;
        assert!(others.is_err_and(|error| error.contains("no CPU has counted any time")));
        // It was away, and counts from 0 again.
        let back = ["cpu0 150 0 0 150", "cpu1 2 0 0 0"];
        let back = second(&[zero, one], &back).await.expect("one stays");
        assert_eq!(values(&back)[..2], [2.0, 50.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_counter_that_goes_back_counts_nothing() {
        let found = second(&["cpu0 100 0 0 100 50"], &["cpu0 130 0 0 170 40"]).await;
        let found = found.expect("time has passed");
        assert_eq!(values(&found)[..5], [1.0, 30.0, 0.0, 70.0, 0.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn numbers_of_any_size_are_no_fault() {
        let most = u64::MAX;
        let now = format!("cpu0 {most} 1 1 {most} 0 0 0 0");
        let error = second(&["cpu0 0 0 0 0"], &[&now]).await.map(|found| values(&found)[1]);
        assert_eq!(error, Ok(50.0));
    }

    #[tokio::test(start_paused = true)]
    async fn without_time_there_is_no_result_and_the_reading_before_is_kept() {
        let tree = Tree::new("");
        let mut check = open(&TYPE, &[], &roots(&tree));
        let same = ["cpu0 100 0 0 100"];
        let error = "proc/stat: no CPU has counted any time between two readings";
        assert_eq!(first(&mut check, &tree, &same, &same).await, Err(error.to_owned()));
        change(&tree, &["cpu0 101 0 0 100"]);
        let found = run(&mut check, &tree).await.expect("time has passed");
        assert_eq!(number(&found, "usage_average"), 100.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_is_dropped_leaves_its_reading_to_the_next() {
        let tree = Tree::new("");
        let mut check = open(&TYPE, &[], &roots(&tree));
        change(&tree, &["cpu0 100 0 0 100"]);
        let mut dropped = check.run();
        assert!(futures_util::poll!(dropped.as_mut()).is_pending());
        drop(dropped);
        change(&tree, &["cpu0 100 0 0 200"]);
        let found = run(&mut check, &tree).await.expect("time has passed");
        assert_eq!(number(&found, "idle_percent_average"), 100.0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_there_or_garbled_is_an_error() {
        let tree = Tree::new("== proc/\n");
        let mut check = open(&TYPE, &[], &roots(&tree));
        assert_eq!(run(&mut check, &tree).await, Err("proc/stat not found".to_owned()));
        for line in ["", "cpu0 1 2", "cpu0 1 2 x 4", "cpux 1 2 3 4", "cpu0 1 2 -3 4"] {
            change(&tree, &[line]);
            let error = "proc/stat has no line of a CPU with at least four counters";
            assert_eq!(run(&mut check, &tree).await, Err(error.to_owned()), "{line:?}");
        }
    }
}
