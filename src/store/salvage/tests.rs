use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tokio::time::Instant;

use crate::store::replace::{Replaced, open_or_replace};
use crate::store::salvage::Salvaged;
use crate::store::salvage::scan::{LIST, Place, scan};
use crate::store::shelf::BlockId;
use crate::store::verify::tests::{DAY_MS, Folder, START_MS};
use crate::store::{Bucket, Described, Part, Resolution, Store, Unusable, file_in};

const HOUR_MS: i64 = 3_600_000;

fn described(name: &str) -> Described {
    let letter = if name.starts_with("text") { 's' } else { 'D' };
    let is_counter = name.starts_with("total");
    Described { check: "a".into(), name: name.into(), unit: "".into(), letter, is_counter }
}

fn names() -> Vec<String> {
    (0..6).map(|nth| format!("{}{nth}", ["x", "total", "text"][nth % 3])).collect()
}

fn value(series: usize, at_ms: i64) -> f64 {
    match series % 3 {
        1 => (at_ms / 1000 + series as i64) as f64,
        _ => ((at_ms / 1000 * 7919 + series as i64 * 31) % 10_007) as f64 / 100.0,
    }
}

/// Hours of points each half minute, and some late ones, as a kill leaves them.
fn killed(folder: &Folder, hours: i64) -> Vec<u8> {
    let mut store = Store::in_folder(&folder.0, 1 << 30);
    assert_eq!(store.open(), Ok(0));
    let names = names();
    let mut now_ms = START_MS;
    while now_ms < START_MS + hours * HOUR_MS + 1_230_000 {
        for (nth, name) in names.iter().enumerate() {
            let place = store.series(described(name)).expect("room");
            if nth % 3 == 2 {
                store.put_text(place, now_ms, &format!("{nth} {}", now_ms / 1_000_000), now_ms);
                continue;
            }
            store.put(place, now_ms, value(nth, now_ms), now_ms);
            let late_ms = now_ms - 2 * HOUR_MS - 13_000;
            if now_ms % (37 * 30_000) == 0 && late_ms > START_MS {
                store.put(place, late_ms, value(nth, late_ms), now_ms);
            }
        }
        now_ms += 30_000;
        if now_ms % 60_000 == 0 {
            assert_eq!(store.commit(now_ms, true), Ok(()));
        }
    }
    assert_eq!(store.commit(now_ms, true), Ok(()));
    // The file as it is now, not as closing it leaves it.
    let bytes = fs::read(file_in(&folder.0)).expect("a file");
    drop(store);
    bytes
}

/// Replaces the damaged file of a folder.
fn replace(folder: &Path) -> Result<Replaced, Unusable> {
    let opening = open_or_replace(folder, &|| false);
    assert_eq!(opening.opened.as_ref().err(), None, "a new file is whole");
    Ok(opening.replaced.expect("it was damaged"))
}

/// What a store answers, of each series at each level.
type Answers = Vec<Vec<Vec<Bucket>>>;

fn answers(store: &Store, now_ms: i64) -> Answers {
    let plot = |name: &String, resolution| {
        let part = Part { resolution, range_ms: [0, now_ms], most: usize::MAX, now_ms };
        store.plot(["a", name], part).map(|plot| plot.points).unwrap_or_default()
    };
    let levels = |name| Resolution::ALL.map(|level| plot(name, level)).to_vec();
    names().iter().map(levels).collect()
}

fn texts(store: &Store) -> Vec<Vec<(i64, String)>> {
    let of = |name: &String| store.texts(["a", name], [0, i64::MAX]).unwrap_or_default();
    let all = names().iter().map(of).collect::<Vec<_>>();
    let pair = |of: Vec<crate::store::Change>| of.into_iter().map(|of| (of.at_ms, of.text.into()));
    all.into_iter().map(|of| pair(of).collect()).collect()
}

/// Opens what these bytes are, salvaged where they are damaged; nothing where a new history began.
fn opened(folder: &Folder, bytes: &[u8]) -> (Store, Option<Salvaged>) {
    let _ = fs::remove_dir_all(&folder.0);
    fs::create_dir(&folder.0).expect("a folder");
    fs::write(file_in(&folder.0), bytes).expect("a file");
    let mut store = Store::in_folder(&folder.0, 1 << 30);
    match store.open() {
        Ok(0) => (store, None),
        Err(Unusable::Damaged) => {
            let Replaced { aside, salvaged } = replace(&folder.0).expect("a new file");
            assert_eq!(aside, "history.redb.damaged");
            let kept = fs::read(folder.0.join(aside)).expect("a file");
            assert!(kept == bytes, "the damaged file stays as it was found");
            assert_eq!(store.open(), Ok(0), "a new file is whole");
            (store, Some(salvaged.unwrap_or_default()))
        }
        other => panic!("{other:?}"),
    }
}

/// The points of `before` that are not in `after`: of each its level and its time. One that is another than before, or
/// was not there, is a mistake.
fn lost(before: &Answers, after: &Answers, what: &str) -> Vec<(usize, i64)> {
    let mut lost = Vec::new();
    for (series, (before, after)) in before.iter().zip(after).enumerate() {
        for level in 0..6 {
            let mut found = after[level].iter().peekable();
            for point in &before[level] {
                let here = found.next_if(|of| of.start_ms == point.start_ms);
                let size = point.average.abs().max(1.0) * 1e-9;
                let is_same = here.is_some_and(|here| {
                    let is_near = (here.average - point.average).abs() < size;
                    (here.count, here.min, here.max) == (point.count, point.min, point.max)
                        && is_near
                });
                if let Some(here) = here {
                    let is_part = here.min >= point.min
                        && here.max <= point.max
                        && here.count < point.count
                        && level > 0;
                    assert!(is_same || is_part, "{what}: {series} {here:?} {point:?}");
                }
                lost.extend((!is_same).then_some((level, point.start_ms)));
            }
            assert_eq!(found.next(), None, "{what}: {series} {level}");
        }
    }
    lost
}

/// Whether a point may be lost with what was in one page: a part of its block or of a finer one, or the latest points.
fn may_be_lost(in_page: &[Place], (level, at_ms): (usize, i64)) -> bool {
    in_page.iter().any(|place| match place.kind {
        LIST => at_ms >= START_MS + 22 * HOUR_MS,
        kind => Resolution::ALL[..=level]
            .iter()
            .any(|of| kind == *of as u8 && BlockId::at(*of, at_ms).span == place.span),
    })
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

mod replacing;

#[test]
fn whatever_is_not_in_a_damaged_page_is_there() {
    let folder = Folder::new("salvage-flip");
    let bytes = killed(&folder, 26);
    let now_ms = START_MS + 28 * HOUR_MS;
    let (store, none) = opened(&folder, &bytes);
    assert_eq!(none, None);
    let (before, texts_before) = (answers(&store, now_ms), texts(&store));
    drop(store);
    assert!(before[0][0].len() > 3100 && texts_before[2].len() > 90);
    fs::write(file_in(&folder.0), &bytes).expect("a file");
    let mut places =
        scan(&fs::File::open(file_in(&folder.0)).expect("a file"), &|| false).expect("a scan");
    places.retain(|place| !place.is_old);
    assert!(places.len() > 40, "{places:?}");
    let mut random = Random(1);
    let (mut salvaged, mut without_loss) = (0, 0);
    let pages = bytes.len() / 4096;
    for round in 0..200 {
        let mut damaged = bytes.clone();
        let page = if round < 4 { round } else { random.below(pages) };
        let at = page * 4096;
        let what = match round % 3 {
            0 => {
                damaged[at + random.below(4096)] ^= 1 << random.below(8);
                format!("{round}: a bit of page {page}")
            }
            1 => {
                damaged[at..at + 4096].fill(0);
                format!("{round}: page {page} is empty")
            }
            _ => {
                damaged[at..at + 4096].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
                format!("{round}: page {page} is random")
            }
        };
        let (store, of) = opened(&folder, &damaged);
        let Some(of) = of else { continue };
        salvaged += 1;
        assert!(of.blocks > 30, "{what}: {of:?}");
        let lost = lost(&before, &answers(&store, now_ms), &what);
        let mut in_page = places.clone();
        in_page.retain(|place| place.at / 4096 == page as u64);
        let wrong = lost.iter().find(|point| !may_be_lost(&in_page, **point));
        assert_eq!(wrong, None, "{what}: {in_page:?}");
        without_loss += usize::from(lost.is_empty());
        let gone: usize = texts_before
            .iter()
            .zip(texts(&store))
            .map(|(before, after)| {
                assert!(after.iter().all(|of| before.contains(of)), "{what}");
                before.len() - after.len()
            })
            .sum();
        assert!(gone <= 450, "{what}: {gone} texts");
    }
    println!("{pages} pages; {salvaged} of 200 salvaged, {without_loss} without any loss");
    assert!(salvaged > 40 && without_loss > 5);
}

#[test]
fn each_page_in_use_may_be_lost_and_the_history_goes_on() {
    let folder = Folder::new("salvage-on");
    let bytes = killed(&folder, 3);
    let mut random = Random(3);
    for round in 0..20 {
        let mut damaged = bytes.clone();
        let at = random.below(bytes.len() / 4096) * 4096;
        damaged[at..at + 4096].fill(0xa5);
        let (mut store, _) = opened(&folder, &damaged);
        let place = store.series(described("x0")).expect("room");
        let mut now_ms = START_MS + 3 * HOUR_MS + 1_300_000;
        for _ in 0..3 * 120 {
            store.put(place, now_ms, 1.5, now_ms);
            now_ms += 30_000;
            assert_eq!(store.commit(now_ms, true), Ok(()), "{round}");
        }
        drop(store);
        let mut store = Store::in_folder(&folder.0, 1 << 30);
        assert_eq!(store.open(), Ok(0));
        let part = Part { resolution: Resolution::Full, range_ms: [0, now_ms], most: 9999, now_ms };
        let points = store.plot(["a", "x0"], part).expect("a plot").points;
        assert_eq!(points.iter().filter(|of| of.average == 1.5).count(), 360, "{round}");
    }
}

#[test]
fn a_file_without_its_end_keeps_what_is_before() {
    let folder = Folder::new("salvage-cut");
    let bytes = killed(&folder, 26);
    let now_ms = START_MS + 28 * HOUR_MS;
    let (store, _) = opened(&folder, &bytes);
    let before = answers(&store, now_ms);
    drop(store);
    let mut random = Random(5);
    for round in 0..40 {
        let length = if round < 3 { [1, 4095, 4097][round] } else { random.below(bytes.len()) };
        let (store, of) = opened(&folder, &bytes[..length]);
        lost(&before, &answers(&store, now_ms), &format!("{length} bytes"));
        let of = of.expect("a part is damaged");
        // The head of the file and the first commits are in front.
        assert!(length < bytes.len() / 2 || of.blocks > 0, "{length} bytes: {of:?}");
    }
}

#[test]
fn a_file_of_another_program_has_nothing() {
    let folder = Folder::new("salvage-other");
    let mut random = Random(7);
    for round in 0..6 {
        let mut bytes: Vec<u8> = (0..40_000).map(|_| random.below(256) as u8).collect();
        // Each page looks like a leaf of many or of large values.
        for page in bytes.chunks_mut(4096) {
            page[0] = 1;
            page[1] = 0;
            page[2] = [1, 3, 255, 0, 200, 9][round];
            page[3] = [0, 0, 255, 0, 0, 0][round];
            page[5..8].fill(if round < 2 { 0 } else { 1 });
        }
        if round % 2 == 0 {
            bytes[..9].copy_from_slice(b"redb\x1a\x0a\xa9\x0d\x0a");
        }
        let (_, of) = opened(&folder, &bytes);
        assert_eq!(of, Some(Salvaged::default()), "{round}");
        assert_eq!(fs::read(folder.0.join("history.redb.damaged")).expect("a file"), bytes);
    }
}

/// A reader that reads any bytes must not panic, and no page may be taken for another.
#[test]
fn many_damaged_pages_at_once_give_no_wrong_value() {
    let folder = Folder::new("salvage-many");
    let bytes = killed(&folder, 26);
    let now_ms = START_MS + 28 * HOUR_MS;
    let (store, _) = opened(&folder, &bytes);
    let before = answers(&store, now_ms);
    drop(store);
    let mut random = Random(11);
    let pages = bytes.len() / 4096;
    for round in 0..20 {
        let mut damaged = bytes.clone();
        for _ in 0..pages / 4 {
            let (from, to) = (random.below(pages) * 4096, random.below(pages) * 4096);
            match random.below(3) {
                // A page in the place of another, as of a disk that writes to the wrong place.
                0 => damaged.copy_within(from..from + 4096, to),
                1 => damaged[to..to + 4096].fill(0),
                _ => damaged[to + random.below(4096)] ^= 1 << random.below(8),
            }
        }
        let done = catch_unwind(AssertUnwindSafe(|| opened(&folder, &damaged)));
        let (store, _) = done.unwrap_or_else(|_| panic!("{round}: a panic"));
        lost(&before, &answers(&store, now_ms), &format!("round {round}"));
    }
}

/// Prints how long it takes: `cargo test --release salvage_of_50 -- --ignored --nocapture`.
#[test]
#[ignore = "takes a minute, and tells a time"]
fn salvage_of_50_mb_is_timed() {
    let folder = Folder::new("salvage-time");
    let mut store = Store::in_folder(&folder.0, 1 << 40);
    assert_eq!(store.open(), Ok(0));
    let mut random = Random(13);
    let mut now_ms = START_MS;
    while now_ms < START_MS + 2 * DAY_MS {
        for nth in 0..900 {
            let place = store.series(described(&format!("x{nth}"))).expect("room");
            store.put(place, now_ms, random.below(1_000_000_000) as f64 / 1e3, now_ms);
        }
        now_ms += 30_000;
        if now_ms % 1_800_000 == 0 {
            assert_eq!(store.commit(now_ms, true), Ok(()));
        }
    }
    assert_eq!(store.commit(now_ms, true), Ok(()));
    let mut bytes = fs::read(file_in(&folder.0)).expect("a file");
    drop(store);
    let half = bytes.len() / 2;
    bytes[half..half + 4096].fill(0);
    bytes[64..320].fill(0);
    fs::write(file_in(&folder.0), &bytes).expect("a file");
    let begun = Instant::now();
    let replaced = replace(&folder.0).expect("a new file");
    let after = file_in(&folder.0).metadata().expect("a file").len();
    println!(
        "{} bytes in {:?}: {:?}, {after} bytes after",
        bytes.len(),
        begun.elapsed(),
        replaced.salvaged
    );
}
