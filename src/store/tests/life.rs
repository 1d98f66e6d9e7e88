//! A random life of a store: points on time, late, twice, ahead; commits that fail; kills; years that pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::store::shelf::Failure;
use crate::store::*;

/// A store, and what should be in it.
pub struct Life {
    store: Store,
    folder: Option<PathBuf>,
    now_ms: i64,
    /// The points of each series, and those that were committed.
    expected: Vec<BTreeMap<i64, f64>>,
    committed: Vec<BTreeMap<i64, f64>>,
    random: Random,
}

/// Numbers that are the same in each run: xorshift64*.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, end: i64) -> i64 {
        (self.next() >> 1) as i64 % end
    }
}

pub const NAMES: [&str; 4] = ["percent", "count", "total", "huge"];
pub const START_MS: i64 = 1_795_843_899_102;
pub const ROOM: u64 = 1 << 30;

pub fn described(name: &str) -> Described {
    let is_counter = name == "total";
    Described { check: "a".into(), name: name.into(), unit: "".into(), letter: 'D', is_counter }
}

impl Life {
    pub fn new(folder: Option<&Path>, seed: u64) -> Self {
        let store = Self::store(folder);
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

    /// One that writes hours before they end as soon as it has a few hundred points.
    fn store(folder: Option<&Path>) -> Store {
        let store = match folder {
            None => Store::in_memory(ROOM),
            Some(folder) => Store::in_folder(folder, ROOM),
        };
        Store { early_points: 400, ..store }
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
        assert_eq!(self.store.commit(self.now_ms, true), Ok(()));
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

    /// A commit during which points arrive.
    fn commit_slowly(&mut self, series: usize) {
        let Shelf::Disk(_, Some(disk)) = &self.store.shelf else { return };
        let disk = disk.clone();
        let Some(commit) = self.store.commit_at(self.now_ms, true) else { return };
        let before = self.expected.clone();
        self.some_points(series);
        let progress = commit.write(&disk).unwrap();
        self.store.committed(&commit, progress);
        self.committed = before;
    }

    /// What is not committed is gone.
    fn kill(&mut self) {
        let Some(folder) = self.folder.clone() else { return };
        if let Shelf::Disk(_, disk) = &mut self.store.shelf {
            // Its file has to be free for the next one.
            drop(disk.take());
        }
        self.store = Self::store(Some(&folder));
        self.expected.clone_from(&self.committed);
        self.open();
    }

    pub fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            let series = self.random.below(NAMES.len() as i64) as usize;
            match self.random.below(18) {
                0..6 => self.some_points(series),
                6 => {
                    let late = self.random.below(50 * 3_600_000);
                    let value = self.value(series);
                    self.put(series, self.now_ms - late, value);
                }
                7 => {
                    // A value that is replaced, of the last minutes or of any time.
                    let count = self.expected[series].len().max(1) as i64;
                    let reach = if self.random.below(2) == 0 { count.min(100) } else { count };
                    let nth = self.random.below(reach) as usize;
                    if let Some(at_ms) = self.expected[series].keys().nth_back(nth).copied() {
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
                14 => {
                    let days = if self.random.below(8) == 0 { 400 } else { 3 };
                    self.now_ms += self.random.below(days * 86_400_000);
                }
                15 => self.commit_slowly(series),
                16 => {
                    // As after an error of the disk.
                    drop(self.store.close());
                    self.open();
                }
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
            let days = [1, 30, 2_500][self.random.below(3) as usize];
            let from_ms = self.now_ms - self.random.below(days * 86_400_000);
            let to_ms = from_ms + 1 + self.random.below(days * 86_400_000);
            let most = 1 + self.random.below(2000) as usize;
            let expected = self.expected(series, resolution, from_ms, to_ms);
            let (mut found, mut next) = (Vec::new(), Some(from_ms));
            while let Some(from_ms) = next {
                let name = ["a", NAMES[series]];
                let (range_ms, now_ms) = ([from_ms, to_ms], self.now_ms);
                match self.store.plot(name, Part { resolution, range_ms, most, now_ms }) {
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
                    total: None,
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
