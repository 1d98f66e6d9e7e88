//! `agent.disk`: what a disk or a partition transfers, and how long that takes.

use crate::model::{CheckType, Declared, Discovers, Form, Opening, Setting, Unit};

pub const TYPE: CheckType = CheckType {
    name: "agent.disk",
    about: "What a disk or a partition reads and writes, and how long that takes",
    settings: &[Setting {
        name: "target",
        form: Form::Text,
        about: "The name of the device, or its path below /dev",
        is_required: true,
        example: "sda",
    }],
    one_of: &[],
    metrics: &[
        Declared::counter("reads", Unit::Count, "/proc/diskstats, column 4: reads completed"),
        Declared::counter("writes", Unit::Count, "/proc/diskstats, column 8: writes completed"),
        Declared::counter(
            "read_bytes",
            Unit::Bytes,
            "/proc/diskstats, column 6: sectors read x 512",
        )
        .headline(),
        Declared::counter(
            "write_bytes",
            Unit::Bytes,
            "/proc/diskstats, column 10: sectors written x 512",
        )
        .headline(),
        Declared::counter(
            "rtime",
            Unit::Milliseconds,
            "/proc/diskstats, column 7: the time of all reads",
        ),
        Declared::counter(
            "wtime",
            Unit::Milliseconds,
            "/proc/diskstats, column 11: the time of all writes",
        ),
        Declared::counter(
            "qtime",
            Unit::Milliseconds,
            "/proc/diskstats, column 14: the time of all operations, those that wait included",
        ),
        Declared::counter(
            "time",
            Unit::Milliseconds,
            "/proc/diskstats, column 13: the time in which some operation was under way",
        ),
        Declared::gauge("service_time", Unit::Milliseconds, SERVICE_TIME_SOURCE),
        Declared::gauge("queue", Unit::None, QUEUE_SOURCE),
    ],
    discovers: Discovers::Nothing,
    #[cfg(target_os = "linux")]
    targets: Some(linux::targets),
    #[cfg(target_os = "linux")]
    open: |of: &Opening| Box::new(linux::Disk::of(of.details, of.roots)),
    #[cfg(not(target_os = "linux"))]
    targets: Some(super::macos::volumes),
    #[cfg(not(target_os = "linux"))]
    open: |of: &Opening| Box::new(super::macos::OneVolume::transfers_of(of.details)),
};

const SERVICE_TIME_SOURCE: &str = "growth of time / growth of (reads + writes) since the run before: how long the device is \
    busy for one operation; absent where none was completed";
const QUEUE_SOURCE: &str = "growth of qtime / milliseconds since the run before: how many operations are under way or wait, \
    on average";

#[cfg(target_os = "linux")]
mod linux {
    use std::path::{Path, PathBuf};

    use tokio::time::Instant;

    use super::super::FIRST_INTERVAL;
    use crate::model::{Check, Details, Findings, ReadError, Roots, Running, Target};
    use crate::source::disks::{SECTOR, disk};
    use crate::source::kernel_file::required;

    pub struct Disk {
        /// Without `/dev/`, unless it was given with it.
        device: String,
        file: PathBuf,
        before: Option<Stand>,
    }

    /// What the counters of a device stand at.
    struct Stand {
        at: Instant,
        columns: [u64; COLUMNS],
        line: String,
    }

    impl Disk {
        pub fn of(details: &Details, roots: &Roots) -> Self {
            let device = details.text("target").unwrap_or_default().to_owned();
            Self { device, file: roots.proc.join("diskstats"), before: None }
        }

        fn read(&self) -> Result<Stand, String> {
            let text = required(&self.file).map_err(|error| error.to_string())?;
            let at = Instant::now();
            let name = named(&text, &self.device).or_else(|| {
                // Such as /dev/mapper/data and /dev/disk/by-id/….
                // Nothing elsewhere, where a mount may hang.
                let name = self.device.strip_prefix("/dev/").unwrap_or(&self.device);
                let is_below = !name.starts_with('/') && !name.split('/').any(|part| part == "..");
                let path = Path::new("/dev").join(name);
                let path = is_below.then(|| path.canonicalize().ok()).flatten()?;
                named(&text, path.to_str()?)
            });
            let Some((line, name)) = name else { return Err(self.not_found(&text)) };
            match disk(line) {
                Some((_, columns, COLUMNS)) => {
                    Ok(Stand { at, columns, line: line.trim().to_owned() })
                }
                _ => {
                    let path = self.file.display();
                    Err(format!("{path} has no 14 columns for {name}"))
                }
            }
        }

        fn not_found(&self, text: &str) -> String {
            let names: Vec<_> = names(text).collect();
            let (device, path) = (&self.device, self.file.display());
            if names.is_empty() {
                return format!("no disk {device}: {path} has none here");
            }
            format!("no disk {device} in {path}; there are: {}", names.join(", "))
        }
    }

    /// The line of a device, and its name: given by that or by its path.
    fn named<'text>(text: &'text str, device: &str) -> Option<(&'text str, &'text str)> {
        // The kernel writes `cciss!c0d0` in some places and `cciss/c0d0` here, as it is in /dev.
        let device = device.strip_prefix("/dev/").unwrap_or(device);
        let lines = text.lines().filter_map(|line| Some((line, name(line)?)));
        lines.into_iter().find(|(_, name)| *name == device)
    }

    fn name(line: &str) -> Option<&str> {
        line.split_ascii_whitespace().nth(2)
    }

    /// The names of the devices that have ever transferred something, or are no memory and no file.
    fn names(text: &str) -> impl Iterator<Item = &str> {
        let is_used =
            |line: &str| disk::<COLUMNS>(line).is_some_and(|(_, all, _)| all != [0; COLUMNS]);
        let is_spare =
            |name: &str| ["ram", "loop", "nbd"].iter().any(|kind| name.starts_with(kind));
        let lines = text.lines().filter_map(|line| Some((line, name(line)?)));
        lines.filter(move |(line, name)| !is_spare(name) || is_used(line)).map(|(_, name)| name)
    }

    pub fn targets(roots: &Roots) -> Result<Vec<Target>, String> {
        let text = required(&roots.proc.join("diskstats"))
            .map_err(|error: ReadError| error.to_string())?;
        let target = |name: &str| Target { id: name.to_owned(), label: name.to_owned() };
        Ok(names(&text).map(target).collect())
    }

    impl Check for Disk {
        fn run(&mut self) -> Running<'_> {
            Box::pin(async {
                if self.before.is_none() {
                    self.before = Some(self.read()?);
                    tokio::time::sleep(FIRST_INTERVAL).await;
                }
                // A device that was away counts from 0, so what it stood at before is of no use then.
                let before = self.before.take();
                let now = self.read()?;
                let mut found = now.found();
                now.add_changes(before.as_ref(), &mut found);
                if let Some(before) = &before {
                    found.raw(format!("{}, before", self.file.display()), &before.line);
                }
                found.raw(self.file.display().to_string(), &now.line);
                self.before = Some(now);
                Ok(found)
            })
        }
    }

    impl Stand {
        fn found(&self) -> Findings {
            let [reads, _, sectors_read, rtime, writes, _, sectors_written, wtime, _, time, qtime] =
                self.columns;
            let bytes = |sectors: u64| sectors as f64 * SECTOR as f64;
            let mut found = Findings::default();
            found.number("reads", reads as f64);
            found.number("writes", writes as f64);
            found.number("read_bytes", bytes(sectors_read));
            found.number("write_bytes", bytes(sectors_written));
            found.number("rtime", rtime as f64);
            found.number("wtime", wtime as f64);
            found.number("qtime", qtime as f64);
            found.number("time", time as f64);
            found
        }

        /// What is made of the changes since `before`.
        fn add_changes(&self, before: Option<&Self>, found: &mut Findings) {
            let Some(before) = before else {
                for name in ["service_time", "queue"] {
                    found.absent(name, "there is no reading before");
                }
                return;
            };
            let grown = |column: usize| {
                let grown = self.columns[column].checked_sub(before.columns[column])?;
                Some(grown as f64)
            };
            let went_back = "the counters went back since the run before: the device was replaced, or a counter \
                has reached its highest value";
            match (grown(TIME), grown(READS), grown(WRITES)) {
                (Some(_), Some(0.0), Some(0.0)) => {
                    found.absent("service_time", "no operation was completed since the run before");
                }
                (Some(time), Some(reads), Some(writes)) => {
                    found.number("service_time", time / (reads + writes));
                }
                _ => found.absent("service_time", went_back),
            }
            let milliseconds = self.at.duration_since(before.at).as_secs_f64() * 1000.0;
            match grown(QUEUE_TIME) {
                Some(time) if milliseconds > 0.0 => found.number("queue", time / milliseconds),
                Some(_) => found.absent("queue", "no time has passed since the run before"),
                None => found.absent("queue", went_back),
            }
        }
    }

    /// The counters of a device that are read, and the places of some among them
    /// (Documentation/admin-guide/iostats.rst). Later kernels have more.
    const COLUMNS: usize = 11;
    const READS: usize = 0;
    const WRITES: usize = 4;
    const TIME: usize = 9;
    const QUEUE_TIME: usize = 10;
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{absent, assert_complete, number, open, roots, run};
    use super::*;
    use crate::model::{Check, Findings};
    use support::tree::Tree;

    const SDB: &str = "8 16 sdb 9 9 9 9 9 9 9 9 9 9 9";

    fn change(tree: &Tree, lines: &[&str]) {
        tree.change(&format!("== proc/diskstats\n   {}\n", lines.join("\n   ")));
    }

    /// A check of sda that had its first run with counters of 0.
    async fn checked(tree: &Tree) -> Box<dyn Check> {
        change(tree, &["8 0 sda 0 0 0 0 0 0 0 0 0 0 0", SDB]);
        let mut check = open(&TYPE, &[("target", "sda")], &roots(tree));
        let found = run(&mut check, tree).await.expect("it is there");
        assert_complete(&TYPE, &found);
        check
    }

    async fn later(check: &mut Box<dyn Check>, tree: &Tree, line: &str) -> Findings {
        change(tree, &[line, SDB]);
        tokio::time::advance(Duration::from_secs(10)).await;
        let found = run(check, tree).await.expect("it is there");
        assert_complete(&TYPE, &found);
        found
    }

    #[tokio::test(start_paused = true)]
    async fn totals_are_as_they_stand_and_the_rest_is_the_change_since_the_run_before() {
        let tree = Tree::new("");
        let mut check = checked(&tree).await;
        // As of Linux 5.5, with discards and flushes.
        let line = "8 0 sda 300 1 2000 450 100 2 4000 700 3 2000 5000 7 8 9 10 11 12";
        let found = later(&mut check, &tree, line).await;
        let names =
            ["reads", "writes", "read_bytes", "write_bytes", "rtime", "wtime", "qtime", "time"];
        let values = names.map(|name| number(&found, name));
        assert_eq!(values, [300.0, 100.0, 1_024_000.0, 2_048_000.0, 450.0, 700.0, 5000.0, 2000.0]);
        // Busy for 2,000 ms of 400 operations; 5,000 ms of waiting in 10,000 ms.
        assert_eq!([number(&found, "service_time"), number(&found, "queue")], [5.0, 0.5]);
        assert_eq!(found.raw[1].1, line);
        assert_eq!(found.raw[0].1, "8 0 sda 0 0 0 0 0 0 0 0 0 0 0");
        let line = "8 0 sda 310 1 2000 450 100 2 4000 700 3 2030 25000";
        let found = later(&mut check, &tree, line).await;
        assert_eq!([number(&found, "service_time"), number(&found, "queue")], [3.0, 2.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_did_nothing_has_a_queue_of_0_and_no_service_time() {
        let tree = Tree::new("");
        let mut check = checked(&tree).await;
        let found = later(&mut check, &tree, "8 0 sda 0 0 0 0 0 0 0 0 0 0 0").await;
        assert_eq!(number(&found, "queue"), 0.0);
        let reason = "no operation was completed since the run before";
        assert_eq!(absent(&found, "service_time"), reason);
    }

    #[tokio::test(start_paused = true)]
    async fn counters_that_go_back_give_no_change_and_the_next_run_does() {
        let tree = Tree::new("");
        let mut check = checked(&tree).await;
        later(&mut check, &tree, "8 0 sda 300 1 2000 450 100 2 4000 700 3 2000 5000").await;
        let found = later(&mut check, &tree, "8 0 sda 3 1 20 4 1 2 40 7 3 20 50").await;
        assert_eq!(number(&found, "reads"), 3.0);
        for name in ["service_time", "queue"] {
            assert!(absent(&found, name).starts_with("the counters went back"), "{name}");
        }
        let found = later(&mut check, &tree, "8 0 sda 5 1 20 4 1 2 40 7 3 30 10050").await;
        assert_eq!([number(&found, "service_time"), number(&found, "queue")], [5.0, 1.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_that_vanishes_is_an_error_and_counts_anew_when_it_is_back() {
        let tree = Tree::new("");
        let mut check = checked(&tree).await;
        change(&tree, &["7 0 loop0 0 0 0 0 0 0 0 0 0 0 0", SDB, "7 1 loop1 1 0 8 0 0 0 0 0 0 1 1"]);
        let error = "no disk sda in proc/diskstats; there are: sdb, loop1".to_owned();
        assert_eq!(run(&mut check, &tree).await, Err(error));
        change(&tree, &["8 0 sda 30 0 0 0 0 0 0 0 0 60 0"]);
        let found = run(&mut check, &tree).await.expect("it is back");
        assert_eq!(
            absent(&found, "service_time"),
            "no operation was completed since the run before"
        );
        change(&tree, &[]);
        let error = "no disk sda: proc/diskstats has none here".to_owned();
        assert_eq!(run(&mut check, &tree).await, Err(error));
        tree.change("== proc/diskstats (missing)\n");
        assert_eq!(run(&mut check, &tree).await, Err("proc/diskstats not found".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_path_names_the_device_as_well() {
        let tree = Tree::new("");
        change(&tree, &[SDB, "104 0 cciss/c0d0 1 0 8 0 0 0 0 0 0 1 1"]);
        for target in ["sdb", "/dev/sdb", "cciss/c0d0", "/dev/cciss/c0d0"] {
            let mut check = open(&TYPE, &[("target", target)], &roots(&tree));
            assert!(run(&mut check, &tree).await.is_ok(), "{target}");
        }
        let mut check = open(&TYPE, &[("target", "sd")], &roots(&tree));
        assert!(run(&mut check, &tree).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_is_short_or_garbled_is_an_error() {
        let tree = Tree::new("");
        for line in
            ["8 0 sda 1 2 3 4", "8 0 sda 1 2 3 4 5 6 7 8 9 10", "8 0 sda 1 2 3 4 5 6 7 8 9 10 x"]
        {
            change(&tree, &[line]);
            let mut check = open(&TYPE, &[("target", "sda")], &roots(&tree));
            let error = "proc/diskstats has no 14 columns for sda".to_owned();
            assert_eq!(run(&mut check, &tree).await, Err(error), "{line}");
        }
    }

    #[test]
    fn the_targets_are_the_devices_without_loops_that_were_never_used() {
        let tree = Tree::new("");
        change(&tree, &["7 0 loop0 0 0 0 0 0 0 0 0 0 0 0", "8 0 sda 0 0 0 0 0 0 0 0 0 0 0", SDB]);
        let targets = TYPE.targets.expect("it has some")(&roots(&tree)).expect("readable");
        let ids: Vec<_> = targets.into_iter().map(|target| target.id).collect();
        assert_eq!(ids, ["sda", "sdb"]);
    }
}
