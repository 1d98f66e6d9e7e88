//! The whole store against plain lists of points.

mod expiry;
mod life;

use std::cell::RefCell;
use std::path::PathBuf;

use tokio::time::Instant;

use self::life::{Life, ROOM, Random, START_MS, described};
use super::head::VERSION;
use super::shelf::View;
use super::*;

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
            store.commit(at_ms, true).unwrap();
        }
    }
    let now_ms = start + hours * 3_600_000 + 60_000;
    store.commit(now_ms, true).unwrap();
    (store, now_ms)
}

fn all(resolution: Resolution, range_ms: [i64; 2], now_ms: i64) -> Part {
    Part { resolution, range_ms, most: usize::MAX, now_ms }
}

#[test]
fn a_full_store_drops_its_oldest_points_and_keeps_the_rollups_of_all() {
    let (mut store, now_ms) = filled(100_000, 30);
    let range = [now_ms - 40 * 3_600_000, now_ms];
    let plot = |store: &Store, level| {
        store.plot(["a", "percent"], all(level, range, now_ms)).unwrap().points
    };
    let full = plot(&store, Resolution::Full);
    let reaches = store.with_view(|view| plot::reaches(view, None)).unwrap();
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
    store.commit(now_ms, true).unwrap();
    store.commit(now_ms + 3_700_000, true).unwrap();
    for level in Resolution::ALL {
        let range = [now_ms - 86_400_000, now_ms + 1];
        let plot = store.plot(["a", "percent"], all(level, range, now_ms)).unwrap();
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

#[tokio::test(start_paused = true)]
async fn a_disk_that_does_not_answer_is_given_up() {
    let folder = Folder::new("silent");
    let mut store = Store::in_folder(&folder.0, u64::MAX);
    store.open().unwrap();
    store.series(described("percent")).unwrap();
    let store = Rc::new(RefCell::new(store));
    let plot = |metric| {
        let part = all(Resolution::Full, [0, START_MS], START_MS);
        aside::plot(&store, ["a", metric], part)
    };
    assert_eq!(plot("x").await, Err(Unplottable::NoMetric));
    // As two readers that hang hold them.
    let readers = store.borrow().readers.clone();
    let held = readers.acquire_many(READERS as u32).await.unwrap();
    let begun = Instant::now();
    let silent = plot("percent").await;
    assert_eq!(silent, Err(Unread::Silent(begun.elapsed()).into()));
    drop(held);
    tokio::time::resume();
    assert_eq!(plot("percent").await.map(|plot| plot.points), Ok(Vec::new()));
    assert_eq!(readers.available_permits(), READERS, "each gives its place back");
}

#[test]
fn a_text_or_what_is_not_there_has_no_plot() {
    let mut store = Store::in_memory(ROOM);
    store.series(Described { letter: 's', ..described("text") }).unwrap();
    store.series(described("empty")).unwrap();
    let plot = |name| store.plot(name, all(Resolution::Full, [0, START_MS], START_MS));
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

/// Of an older agent, which has blocks of all levels and points of the last hour. The agent goes on in it.
#[test]
fn a_file_of_format_1_is_read_whole_and_becomes_one_of_this_format() {
    let folder = Folder::new("format-1");
    let (mut store, now_ms) = (Store::in_folder(&folder.0, ROOM), START_MS + 50 * 3_600_000);
    store.open().unwrap();
    let place = store.series(described("total")).unwrap();
    for at_ms in (START_MS..now_ms).step_by(30_000) {
        store.put(place, at_ms, (at_ms - START_MS) as f64 / 7.0, at_ms);
        if at_ms % 1_200_000 < 30_000 {
            store.commit(at_ms, true).unwrap();
        }
    }
    store.commit(now_ms, true).unwrap();
    let answers = |store: &Store| {
        let part = |level| all(level, [0, now_ms + 1], now_ms);
        let plot = |level| store.plot(["a", "total"], part(level)).unwrap().points;
        Resolution::ALL.map(plot)
    };
    let before = answers(&store);
    assert_eq!(before.each_ref().map(|points| points.len() > 1), [true; 6]);
    drop(store);
    let version = || Disk::open(&folder.0).unwrap().0.view().map(|view| view.version()).unwrap();
    assert_eq!(version(), VERSION);
    Disk::open(&folder.0).unwrap().0.write_as_format_1().unwrap();
    assert_eq!(version(), 1);
    let mut store = Store::in_folder(&folder.0, ROOM);
    assert_eq!(store.open(), Ok(0), "nothing of it is damaged");
    assert_eq!(answers(&store), before);
    let place = store.series(described("total")).unwrap();
    // One is replaced that is in a block of format 1.
    store.put(place, before[0][1].start_ms, 5.0, now_ms);
    store.put(place, now_ms, 6.0, now_ms);
    // The hour is over; by this clock nothing is too old.
    store.commit(now_ms + 7_200_000, false).unwrap();
    drop(store);
    assert_eq!(version(), VERSION);
    let mut store = Store::in_folder(&folder.0, ROOM);
    assert_eq!(store.open(), Ok(0));
    let mut after = answers(&store);
    assert_eq!((after[0][1].average, after[0].last().unwrap().average), (5.0, 6.0));
    let counts = |all: &[Vec<Bucket>; 6]| {
        all.each_ref().map(|points| points.iter().map(|of| of.count).sum::<u64>())
    };
    assert_eq!(counts(&after), counts(&before).map(|count| count + 1));
    after[0].pop();
    after[0][1] = before[0][1];
    assert_eq!(after[0], before[0]);
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
    assert!(found > 10, "{found} of 100");
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
