//! The whole store against plain lists of points, over random lives of it: points on time, late, twice, ahead; commits
//! that fail; kills; years that pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::disk::VERSION;
use super::*;

/// A store, and what should be in it.
struct Life {
    store: Store,
    folder: Option<PathBuf>,
    now_ms: i64,
    /// The points of each series, and those that were committed.
    expected: Vec<BTreeMap<i64, f64>>,
    committed: Vec<BTreeMap<i64, f64>>,
    random: Random,
}

/// Numbers that are the same in each run: xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: i64) -> i64 {
        (self.next() >> 1) as i64 % end
    }
}

const NAMES: [&str; 4] = ["percent", "count", "total", "huge"];
const START_MS: i64 = 1_795_843_899_102;
const ROOM: u64 = 1 << 30;

fn described(name: &str) -> Described {
    let is_counter = name == "total";
    Described { check: "a".into(), name: name.into(), unit: "".into(), letter: 'D', is_counter }
}

impl Life {
    fn new(folder: Option<&Path>, seed: u64) -> Self {
        let store = match folder {
            None => Store::in_memory(ROOM),
            Some(folder) => Store::in_folder(folder, ROOM),
        };
        let folder = folder.map(Path::to_owned);
        let expected = vec![BTreeMap::new(); NAMES.len()];
        let mut life = Self {
            store,
            folder,
            now_ms: START_MS,
            committed: expected.clone(),
            expected,
            random: Random(seed * 2 + 1),
        };
        life.open();
        life
    }

    fn open(&mut self) {
        assert_eq!(self.store.open(), Ok(0), "nothing is damaged");
    }

    fn put(&mut self, series: usize, at_ms: i64, value: f64) {
        let place = self.store.series(described(NAMES[series])).unwrap();
        self.store.put(place, at_ms, value, self.now_ms);
        let kept = Resolution::Full.kept_since(self.now_ms);
        if at_ms >= kept && at_ms <= self.now_ms + 600_000 {
            self.expected[series].insert(at_ms, value);
        }
    }

    fn commit(&mut self) {
        assert_eq!(self.store.commit(self.now_ms), Ok(()));
        self.committed.clone_from(&self.expected);
    }

    /// A commit of which the last step fails.
    fn fail_to_commit(&mut self) {
        let Shelf::Disk(_, Some(disk)) = &self.store.shelf else { return };
        let disk = disk.clone();
        let Some(commit) = self.store.commit_at(self.now_ms, true) else { return };
        let written = disk.write(&commit.notes, |blocks| {
            condense::write(&commit.job, blocks)?;
            Err(Failure::Damaged)
        });
        assert_eq!(written.err(), Some(Failure::Damaged));
        self.store.not_committed();
    }

    /// What is not committed is gone.
    fn kill(&mut self) {
        let Some(folder) = self.folder.clone() else { return };
        if let Shelf::Disk(_, disk) = &mut self.store.shelf {
            // Its file has to be free for the next one.
            drop(disk.take());
        }
        self.store = Store::in_folder(&folder, ROOM);
        self.expected.clone_from(&self.committed);
        self.open();
    }

    fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            let series = self.random.below(NAMES.len() as i64) as usize;
            match self.random.below(16) {
                0..6 => self.some_points(series),
                6 => {
                    let late = self.random.below(50 * 3_600_000);
                    let value = self.value(series);
                    self.put(series, self.now_ms - late, value);
                }
                7 => {
                    // A value that is replaced.
                    let count = self.expected[series].len().max(1) as i64;
                    let nth = self.random.below(count) as usize;
                    if let Some(at_ms) = self.expected[series].keys().nth(nth).copied() {
                        let value = self.value(series);
                        let is_kept = at_ms >= Resolution::Full.kept_since(self.now_ms);
                        if is_kept {
                            self.put(series, at_ms, value);
                        }
                    }
                }
                8 => {
                    let ahead = self.random.below(700_000);
                    let value = self.value(series);
                    self.put(series, self.now_ms + ahead, value);
                }
                9..12 => self.commit(),
                12 => self.fail_to_commit(),
                13 => self.kill(),
                14 => self.now_ms += self.random.below(3 * 86_400_000),
                _ => self.check(series),
            }
            self.now_ms += self.random.below(60_000);
        }
        (0..NAMES.len()).for_each(|series| self.check(series));
    }

    fn some_points(&mut self, series: usize) {
        for _ in 0..self.random.below(200) {
            let value = self.value(series);
            self.put(series, self.now_ms, value);
            self.now_ms += 900 + self.random.below(3) + 30_000 * self.random.below(2);
        }
    }

    fn value(&mut self, series: usize) -> f64 {
        let raw = self.random.below(1_000_000);
        match NAMES[series] {
            "percent" => raw as f64 / 10_000.0,
            "count" => (raw % 100) as f64,
            "total" => raw as f64,
            _ => (raw as f64 - 5e5) * 1e90 / 3.0,
        }
    }

    /// Each level over a range by chance, page by page.
    fn check(&mut self, series: usize) {
        for resolution in Resolution::ALL {
            let from_ms = self.now_ms - self.random.below(self.random_reach());
            let to_ms = from_ms + 1 + self.random.below(20 * 86_400_000);
            let most = 1 + self.random.below(2000) as usize;
            let expected = self.expected(series, resolution, from_ms, to_ms);
            let (mut found, mut next) = (Vec::new(), Some(from_ms));
            while let Some(from_ms) = next {
                let name = ["a", NAMES[series]];
                match self.store.plot(name, resolution, [from_ms, to_ms], most, self.now_ms) {
                    Ok(plot) => {
                        assert_eq!(plot.damaged, 0);
                        assert!(plot.points.len() <= most);
                        next = plot.next_ms;
                        found.extend(plot.points);
                    }
                    Err(Unplottable::NoCheck | Unplottable::NoMetric) => break,
                    Err(error) => panic!("{error:?}"),
                }
            }
            assert_same(&found, &expected, resolution);
        }
    }

    fn random_reach(&self) -> i64 {
        30 * 86_400_000
    }

    fn expected(&self, series: usize, level: Resolution, from_ms: i64, to_ms: i64) -> Vec<Bucket> {
        let kept = level.kept_since(self.now_ms);
        let from_ms = level.bucket_start(from_ms.max(kept));
        let mut buckets: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (at_ms, value) in &self.expected[series] {
            buckets.entry(level.bucket_start(*at_ms)).or_default().push(*value);
        }
        let wanted = buckets.into_iter().filter(|(start, _)| (from_ms..to_ms).contains(start));
        wanted
            .map(|(start_ms, values)| {
                let count = values.len() as f64;
                let average = values.iter().sum::<f64>() / count;
                let squares = values.iter().map(|value| (value - average).powi(2));
                Bucket {
                    start_ms,
                    count: values.len() as u64,
                    average,
                    variance: squares.sum::<f64>() / count,
                    min: values.iter().copied().fold(f64::INFINITY, f64::min),
                    max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                }
            })
            .collect()
    }
}

fn assert_same(found: &[Bucket], expected: &[Bucket], level: Resolution) {
    let starts = |all: &[Bucket]| all.iter().map(|of| (of.start_ms, of.count)).collect::<Vec<_>>();
    let (found_starts, expected_starts) = (starts(found), starts(expected));
    let differ =
        found_starts.iter().zip(&expected_starts).find(|(found, expected)| found != expected);
    assert_eq!((differ, found.len()), (None, expected.len()), "{level:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!((found.min, found.max), (expected.min, expected.max), "{level:?}");
        let size = expected.min.abs().max(expected.max.abs()).max(1e-300);
        assert!((found.average - expected.average).abs() <= size * 1e-12, "{found:?} {expected:?}");
        let spread = (expected.max - expected.min).powi(2);
        let is_near = (found.variance - expected.variance).abs() <= spread * 1e-6;
        assert!(is_near, "{level:?}: {found:?} {expected:?}");
    }
}

#[test]
fn every_level_agrees_with_the_points_in_memory() {
    for seed in 0..8 {
        Life::new(None, seed).live(400);
    }
}

#[test]
fn every_level_agrees_with_the_points_in_a_file_through_kills_and_failed_commits() {
    for seed in 0..8 {
        let folder = Folder::new(&format!("lives-{seed}"));
        Life::new(Some(&folder.0), seed).live(400);
    }
}

/// A store of so many bytes that has a point every 0.9 s for some hours.
fn filled(most_bytes: u64, hours: i64) -> (Store, i64) {
    let mut store = Store::in_memory(most_bytes);
    let place = store.series(described("percent")).unwrap();
    let start = START_MS - START_MS % 3_600_000;
    for at in 0..hours * 4000 {
        let at_ms = start + at * 900;
        store.put(place, at_ms, (at * 7919 % 1_000_000) as f64 / 1e4, at_ms);
        if at % 100 == 0 {
            store.commit(at_ms).unwrap();
        }
    }
    let now_ms = start + hours * 3_600_000 + 60_000;
    store.commit(now_ms).unwrap();
    (store, now_ms)
}

#[test]
fn a_full_store_drops_its_oldest_points_and_keeps_the_rollups_of_all() {
    let (mut store, now_ms) = filled(100_000, 30);
    let range = [now_ms - 40 * 3_600_000, now_ms];
    let plot = |store: &Store, level| {
        store.plot(["a", "percent"], level, range, usize::MAX, now_ms).unwrap().points
    };
    let full = plot(&store, Resolution::Full);
    let reaches = store.reaches().unwrap();
    assert_eq!(full.first().map(|point| point.start_ms), reaches[0]);
    assert!((8000..48_000).contains(&full.len()), "{} of 120,000 points", full.len());
    let five = plot(&store, Resolution::Min5);
    assert_eq!(five.iter().map(|bucket| bucket.count).sum::<u64>(), 120_000);
    // A late point of what was dropped would be taken for all there was in its bucket.
    let place = store.series(described("percent")).unwrap();
    store.put(place, full[0].start_ms - 1, 5.0, now_ms);
    assert_eq!(store.counts().rejected_times, 1);
    store.put(place, full[0].start_ms + 1, 5.0, now_ms);
    assert_eq!(plot(&store, Resolution::Min5).iter().map(|of| of.count).sum::<u64>(), 120_001);
}

#[test]
fn a_clock_that_jumps_costs_nothing_of_before() {
    let (mut store, now_ms) = filled(u64::MAX, 3);
    let place = store.series(described("percent")).unwrap();
    let years = 20 * 365 * 86_400_000;
    // It jumps ahead, measures for a while, and is set back.
    store.put(place, now_ms + years, 1.0, now_ms + years);
    let commit = store.commit_at(now_ms + years + 7_200_000, false).unwrap();
    let Shelf::Memory(memory) = &mut store.shelf else { unreachable!() };
    condense::write(&commit.job, memory).unwrap();
    let progress = memory.progress();
    store.committed(&commit, progress);
    store.put(place, now_ms, 2.0, now_ms);
    store.commit(now_ms).unwrap();
    store.commit(now_ms + 3_700_000).unwrap();
    for level in Resolution::ALL {
        let range = [now_ms - 86_400_000, now_ms + 1];
        let plot = store.plot(["a", "percent"], level, range, usize::MAX, now_ms).unwrap();
        assert_eq!(plot.points.iter().map(|of| of.count).sum::<u64>(), 12_001, "{level:?}");
    }
}

#[test]
fn values_that_cannot_be_kept_are_counted() {
    let mut store = Store::in_memory(ROOM);
    let place = store.series(described("percent")).unwrap();
    for value in [f64::NAN, f64::INFINITY, -1.1e150] {
        store.put(place, START_MS, value, START_MS);
    }
    store.put(place, START_MS + 600_001, 1.0, START_MS);
    store.put(place, Resolution::Full.kept_since(START_MS) - 1, 1.0, START_MS);
    assert_eq!((store.counts().rejected_values, store.counts().rejected_times), (3, 2));
    store.put(place, START_MS + 600_000, 1.0, START_MS);
    store.put(place, Resolution::Full.kept_since(START_MS), 1.0, START_MS);
    assert_eq!(store.open_points, 2);
}

#[test]
fn a_text_or_what_is_not_there_has_no_plot() {
    let mut store = Store::in_memory(ROOM);
    store.series(Described { letter: 's', ..described("text") }).unwrap();
    store.series(described("empty")).unwrap();
    let plot = |name| store.plot(name, Resolution::Full, [0, START_MS], 9, START_MS);
    assert_eq!(plot(["b", "text"]), Err(Unplottable::NoCheck));
    assert_eq!(plot(["a", "x"]), Err(Unplottable::NoMetric));
    assert_eq!(plot(["a", "text"]), Err(Unplottable::Text));
    assert_eq!(plot(["a", "empty"]).map(|plot| plot.points), Ok(Vec::new()));
}

#[test]
fn another_format_is_said_and_not_touched() {
    for version in [0, VERSION + 1] {
        let folder = Folder::new(&format!("version-{version}"));
        let (disk, _) = Disk::open(&folder.0).unwrap();
        disk.write_version(version).unwrap();
        drop(disk);
        let mut store = Store::in_folder(&folder.0, ROOM);
        assert_eq!(store.open(), Err(Unusable::Version(version)));
    }
}

#[test]
fn flipped_bits_are_found_and_nothing_panics() {
    let folder = Folder::new("flipped");
    let mut life = Life::new(Some(&folder.0), 5);
    life.live(200);
    drop(life);
    let bytes = std::fs::read(file_in(&folder.0)).unwrap();
    let mut random = Random(9);
    let mut found = 0;
    for _ in 0..100 {
        let mut damaged = bytes.clone();
        let bit = random.below(damaged.len() as i64 * 8) as usize;
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(file_in(&folder.0), &damaged).unwrap();
        let mut store = Store::in_folder(&folder.0, ROOM);
        match store.open() {
            Ok(count) => found += usize::from(count > 0),
            Err(Unusable::Damaged) => found += 1,
            Err(error) => panic!("bit {bit}: {error:?}"),
        }
    }
    // The others are in pages that nothing uses.
    assert!(found > 20, "{found} of 100");
}

#[test]
fn a_file_without_its_end_is_damaged_and_an_empty_one_is_new() {
    let folder = Folder::new("cut");
    let mut life = Life::new(Some(&folder.0), 6);
    life.live(100);
    drop(life);
    let bytes = std::fs::read(file_in(&folder.0)).unwrap();
    for length in [bytes.len() / 2, 5000, 100, 7] {
        std::fs::write(file_in(&folder.0), &bytes[..length]).unwrap();
        let opened = Store::in_folder(&folder.0, ROOM).open();
        assert_eq!(opened, Err(Unusable::Damaged), "{length} bytes");
    }
    std::fs::write(file_in(&folder.0), "").unwrap();
    assert_eq!(Store::in_folder(&folder.0, ROOM).open(), Ok(0));
    std::fs::write(file_in(&folder.0), "something else that is long enough for a head").unwrap();
    assert_eq!(Store::in_folder(&folder.0, ROOM).open(), Err(Unusable::Damaged));
}

/// A folder that ends with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("history-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
