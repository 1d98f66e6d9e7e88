use std::fs;
use std::path::PathBuf;

use super::*;
use crate::store::Resolution::{Full, Min5, Min20, Min60, Min240};
use crate::store::block::Builder;
use crate::store::disk::Notes;
use crate::store::shelf::Writing;
use crate::store::{Opened, Unopened};

/// A folder that ends with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("verify-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// 2026-11-29T00:00:00Z.
pub const START_MS: i64 = 1_795_910_400_000;
pub const DAY_MS: i64 = 24 * HOUR_MS;

pub fn described(name: &str) -> Described {
    let (check, name, unit) = ("a".into(), name.into(), "percent".into());
    Described { check, name, unit, letter: 'D', is_counter: false }
}

/// A point a minute of two metrics over so many days, committed each six hours; some points come late.
pub fn store(folder: &Folder, days: i64) -> Store {
    let mut store = Store::in_folder(&folder.0, 1 << 30);
    assert_eq!(store.open(), Ok(0));
    let places = ["x", "y"].map(|name| store.series(described(name)).expect("room"));
    for minute in 0..days * 24 * 60 {
        let now_ms = START_MS + minute * 60_000;
        for place in places {
            let value = (minute * 7919 % 1000) as f64 / 7.0;
            if minute % 50 != 0 {
                store.put(place, now_ms, value, now_ms);
            }
            if minute % 777 == 0 {
                store.put(place, now_ms - 30 * HOUR_MS - 17, value, now_ms);
            }
        }
        if minute % 360 == 90 {
            assert_eq!(store.commit(now_ms, true), Ok(()));
        }
    }
    assert_eq!(store.commit(START_MS + days * DAY_MS, true), Ok(()));
    store
}

/// What is found after a change of the blocks.
fn after(name: &str, change: impl FnMut(&mut dyn Writing) -> Result<(), Failure>) -> Vec<String> {
    let folder = Folder::new(name);
    let store = store(&folder, 2);
    let disk = store.disk().expect("it is open");
    assert!(disk.write(&Notes::default(), change).is_ok());
    let verified = store.verify(0).expect("it is readable");
    store.end();
    assert_eq!(verified.damaged.len(), verified.damaged_count);
    verified.damaged
}

#[test]
fn a_history_is_whole_also_where_the_finer_levels_are_gone_and_points_came_late() {
    let folder = Folder::new("whole");
    store(&folder, 40).end();
    let Opened { store, damaged } = Store::existing(&folder.0).expect("it is there");
    let found = store.verify(damaged).expect("it is readable");
    assert_eq!(found.damaged, Vec::<String>::new());
    let count = |level: Resolution| found.series[0].levels[level as usize].count;
    assert_eq!(
        count(Min60),
        39 * 24 + 3,
        "of complete days, and of the late points before the first"
    );
    // Days and a span, without the 50th of each minute.
    assert!((10 * 288..11 * 288).contains(&count(Min5)), "{}", count(Min5));
    assert!((2 * 1411..2 * 1411 + 300).contains(&count(Full)), "{}", count(Full));
    store.end();
    assert!(matches!(Store::existing(&folder.0.join("none")), Err(Unopened::Other(_))));
}

#[test]
fn what_is_in_no_block_yet_is_counted() {
    let folder = Folder::new("open");
    let mut store = Store::in_folder(&folder.0, 1 << 30);
    assert_eq!(store.open(), Ok(0));
    let place = store.series(described("x")).expect("room");
    store.put(place, START_MS, 1.0, START_MS);
    assert_eq!(store.commit(START_MS, true), Ok(()));
    let found = store.verify(0).expect("it is readable");
    let amount = Amount { count: 1, reach_ms: Some([START_MS; 2]), bytes: 0 };
    assert_eq!(found.series[0].levels[0], amount);
    assert_eq!(found.damaged, Vec::<String>::new());
    assert_eq!(store.verify(2).expect("it is readable").damaged.len(), 1);
    store.end();
}

#[test]
fn a_page_that_has_changed_is_found() {
    let id = BlockId::at(Full, START_MS + 3 * HOUR_MS);
    let found = after("page", |blocks| {
        let mut page = blocks.page(id.page(0))?.expect("there is a block");
        page[100] ^= 1;
        blocks.put(id.page(0), page)
    });
    let expected = [
        "FULL from 2026-11-29T03:00:00Z: page 0 is not as it was written",
        "FULL from 2026-11-29T03:00:00Z: its directory is unreadable",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_level_that_lacks_what_the_finer_one_has_is_found() {
    let id = BlockId::at(Min20, START_MS);
    let found = after("missing", |blocks| blocks.remove(id));
    // The coarser one is compared with what is missing.
    let expected = [
        "MIN20 a/x at 2026-11-29T00:00:00Z: is missing, although there are points in MIN5",
        "MIN20 a/y at 2026-11-29T00:00:00Z: is missing, although there are points in MIN5",
    ];
    assert_eq!(found[..2], expected);
    let id = BlockId::at(Full, START_MS + HOUR_MS);
    let found = after("surplus", |blocks| blocks.remove(id));
    let expected = "MIN5 a/x at 2026-11-29T01:00:00Z: has points, but none in FULL";
    assert_eq!(found[0], expected);
}

#[test]
fn a_rollup_that_is_not_what_its_points_give_is_found() {
    let id = BlockId::at(Min5, START_MS + 5 * HOUR_MS);
    let change = |of: fn(&mut Rollup)| {
        move |blocks: &mut dyn Writing| {
            let mut builder = Builder::default();
            {
                let mut block = Block::open(blocks, id)?.expect("there is one");
                for number in block.series()? {
                    let (_, mut buckets) = read(&mut block, number)?.expect("it is in it");
                    if number == 0 {
                        of(&mut buckets[3].1);
                    }
                    builder.add(number, &chunk::encode(Min5, id.start_ms(), false, &buckets));
                }
            }
            builder.write(blocks, id)
        }
    };
    type Change = (&'static str, fn(&mut Rollup), &'static str);
    let changes: [Change; 5] = [
        ("count", |of| of.count += 1, "has 6 points, but 5"),
        ("min", |of| of.min -= 1.0, "the minimum is"),
        ("max", |of| of.max += 1.0, "the maximum is"),
        ("average", |of| of.average += 1e-3, "the average is"),
        ("variance", |of| of.m2 *= 1.01, "the variance is"),
    ];
    for (name, of, expected) in changes {
        let found = after(name, change(of));
        assert!(
            found[0].starts_with("MIN5 a/x at 2026-11-29T04:15:00Z: ")
                && found[0].contains(expected)
                && found[0].ends_with(" in FULL"),
            "{found:?}"
        );
        assert!(found.len() <= 4, "{found:?}");
    }
}

#[test]
fn a_history_without_blocks_of_a_level_has_nothing_to_compare() {
    let found = after("none", |blocks| {
        for span in blocks.spans(Full, 0, u32::MAX)? {
            blocks.remove(BlockId { level: Full, span })?;
        }
        Ok(())
    });
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(Min240.finer(), Some(Min60));
}
