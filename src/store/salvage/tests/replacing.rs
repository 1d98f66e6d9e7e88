//! The way from a damaged file to a new one: others that want it too, stops, full folders, and what cannot be told apart.

use std::cell::{Cell, RefCell};
use std::fs;
use std::os::unix::fs::symlink;

use super::{HOUR_MS, answers, described, killed, lost, opened, replace};
use crate::store::disk::{Disk, HEAD};
use crate::store::file::open_file;
use crate::store::replace::{Opening, Replaced, open_or_replace, open_unless_damaged};
use crate::store::salvage::scan::scan;
use crate::store::verify::tests::{Folder, START_MS};
use crate::store::{Store, Unusable, file_in};

/// A file that is damaged at its start, so that the database does not open it.
fn damaged(folder: &Folder) -> Vec<u8> {
    let mut bytes = killed(folder, 3);
    bytes[64..320].fill(0);
    fs::write(file_in(&folder.0), &bytes).expect("a file");
    bytes
}

fn names_in(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(&folder.0).expect("a folder");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<_> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn of_two_that_want_to_replace_it_one_does() {
    let folder = Folder::new("replace-two");
    let bytes = damaged(&folder);
    let others = RefCell::new(Vec::new());
    // It is asked whether it is given up in the midst of its work: there the others come.
    let first = open_or_replace(&folder.0, &|| {
        let Opening { opened, replaced } = open_or_replace(&folder.0, &|| false);
        others.borrow_mut().push((opened.err(), replaced));
        false
    });
    let replaced = first.replaced.expect("the first one has done it");
    assert!(first.opened.is_ok() && replaced.salvaged.is_some_and(|of| of.blocks > 3));
    let others = others.into_inner();
    assert!(others.len() > 3, "{}", others.len());
    assert!(others.iter().all(|other| *other == (Some(Unusable::Taken), None)), "{others:?}");
    assert_eq!(names_in(&folder), ["history.redb", "history.redb.damaged"]);
    assert!(fs::read(folder.0.join("history.redb.damaged")).expect("a file") == bytes);
}

#[test]
fn a_file_that_another_has_replaced_meanwhile_is_left_alone() {
    let folder = Folder::new("replace-late");
    damaged(&folder);
    let late = open_file(&folder.0).expect("a file");
    replace(&folder.0).expect("a new file");
    let new = fs::read(file_in(&folder.0)).expect("a file");
    let refused = crate::store::replace::replace(&folder.0, &late, &|| false);
    assert_eq!(refused, Err(Unusable::Taken));
    assert!(fs::read(file_in(&folder.0)).expect("a file") == new);
    assert_eq!(names_in(&folder), ["history.redb", "history.redb.damaged"]);
}

/// A second command that has found the same damage, and comes when nothing has that name any more.
#[test]
fn where_nothing_was_whole_a_second_command_makes_no_empty_history() {
    let folder = Folder::new("replace-nothing");
    fs::create_dir(&folder.0).expect("a folder");
    fs::write(file_in(&folder.0), [b'x'; 9000]).expect("a file");
    let aside = "history.redb.damaged".to_owned();
    let first = open_unless_damaged(&folder.0).map(Result::err);
    assert_eq!(first, Ok(Some(Replaced { aside, salvaged: None })));
    let second = open_unless_damaged(&folder.0).map(Result::err);
    assert_eq!(second, Err(Unusable::Taken));
    assert_eq!(names_in(&folder), ["history.redb.damaged"]);
}

#[test]
fn a_stop_leaves_the_damaged_file_to_the_next_start() {
    let folder = Folder::new("replace-stop");
    let bytes = damaged(&folder);
    let asked = Cell::new(0);
    let mut stops = 0;
    // At each place where it asks.
    loop {
        asked.set(0);
        let opening = open_or_replace(&folder.0, &|| {
            asked.set(asked.get() + 1);
            asked.get() > stops
        });
        if opening.replaced.is_some() {
            break;
        }
        let stopped = Unusable::Unreplaced("the agent was stopped first".to_owned());
        assert_eq!(opening.opened.err(), Some(stopped), "{stops}");
        assert_eq!(names_in(&folder), ["history.redb"], "{stops}");
        assert!(fs::read(file_in(&folder.0)).expect("a file") == bytes, "{stops}");
        stops += 1;
    }
    assert!(stops > 3, "{stops}");
}

#[test]
fn no_file_that_was_put_aside_is_ever_replaced() {
    let folder = Folder::new("replace-ninth");
    let bytes = damaged(&folder);
    for nth in 1..=9 {
        let end = if nth == 1 { String::new() } else { format!(".{nth}") };
        let name = format!("history.redb.damaged{end}");
        // A link to nowhere takes its name as well.
        match nth {
            4 => symlink("nowhere", folder.0.join(name)).expect("a link"),
            _ => fs::write(folder.0.join(name), [nth]).expect("a file"),
        }
    }
    let before = names_in(&folder);
    let Opening { opened, replaced } = open_or_replace(&folder.0, &|| false);
    let Err(Unusable::Unreplaced(text)) = opened else { panic!("it is not replaced") };
    assert!(
        text.ends_with("there are 9 files history.redb.damaged already: remove them"),
        "{text}"
    );
    assert_eq!((replaced, names_in(&folder)), (None, before));
    assert!(fs::read(file_in(&folder.0)).expect("a file") == bytes);
    assert_eq!(fs::read(folder.0.join("history.redb.damaged.9")).ok(), Some(vec![9]));
    fs::remove_file(folder.0.join("history.redb.damaged.4")).expect("a link");
    assert_eq!(replace(&folder.0).expect("a new file").aside, "history.redb.damaged.4");
}

#[test]
fn a_damaged_file_of_a_newer_version_stays_where_it_is() {
    let folder = Folder::new("replace-newer");
    let mut bytes = killed(&folder, 3);
    fs::write(file_in(&folder.0), &bytes).expect("a file");
    let (disk, _) = Disk::open(&folder.0).expect("it is whole");
    disk.write_version(77).expect("room");
    drop(disk);
    bytes = fs::read(file_in(&folder.0)).expect("a file");
    bytes[64..320].fill(0);
    fs::write(file_in(&folder.0), &bytes).expect("a file");
    let Opening { opened, replaced } = open_or_replace(&folder.0, &|| false);
    assert_eq!((opened.err(), replaced), (Some(Unusable::Version(77)), None));
    assert_eq!(names_in(&folder), ["history.redb"]);
}

/// Damages the header of a file, and all that says how far the blocks go.
fn without_head(folder: &Folder, bytes: &mut [u8]) {
    fs::write(file_in(&folder.0), &*bytes).expect("a file");
    let file = fs::File::open(file_in(&folder.0)).expect("a file");
    bytes[64..320].fill(0);
    for place in scan(&file, &|| false).expect("a scan") {
        if place.kind == HEAD.0 {
            bytes[place.at as usize] ^= 0x40;
        }
    }
}

/// Points each half minute from the hour on, some of them in a block before the hour is over, then some in a list.
fn written_early(folder: &Folder, early: i64, late: i64) -> (Vec<u8>, i64) {
    let mut store = Store::in_folder(&folder.0, 1 << 30);
    assert_eq!(store.open(), Ok(0));
    store.early_points = 5;
    let place = store.series(described("x0")).expect("room");
    for nth in 0..early + late {
        let now_ms = START_MS + nth * 30_000;
        store.put(place, now_ms, nth as f64, now_ms);
        if nth + 1 == early {
            assert_eq!(store.commit(now_ms, true), Ok(()));
            store.early_points = 1 << 20;
        }
    }
    let last_ms = START_MS + (early + late - 1) * 30_000;
    assert_eq!(store.commit(last_ms, true), Ok(()));
    let bytes = fs::read(file_in(&folder.0)).expect("a file");
    drop(store);
    (bytes, last_ms)
}

#[test]
fn the_newest_point_is_known_where_its_block_was_written_early() {
    let folder = Folder::new("replace-newest");
    for (early, late, has_head) in [(40, 0, true), (40, 0, false), (40, 9, false)] {
        let _ = fs::remove_dir_all(&folder.0);
        let (mut bytes, last_ms) = written_early(&folder, early, late);
        if !has_head {
            without_head(&folder, &mut bytes);
        }
        drop(opened(&folder, &bytes));
        let opened = Store::existing(&folder.0).expect("it is whole");
        assert_eq!(opened.store.newest_ms(), Ok(last_ms), "{early} {late} {has_head}");
    }
}

#[test]
fn the_latest_points_of_an_hour_with_a_block_stay_without_a_head() {
    let folder = Folder::new("replace-latest");
    for (early, late) in [(40, 60), (1, 100), (90, 1), (0, 50)] {
        let _ = fs::remove_dir_all(&folder.0);
        let (mut bytes, last_ms) = written_early(&folder, early, late);
        let (store, none) = opened(&folder, &bytes);
        assert_eq!(none, None);
        let before = answers(&store, last_ms + 1);
        assert_eq!(before[0][0].len() as i64, early + late);
        drop(store);
        without_head(&folder, &mut bytes);
        let (store, of) = opened(&folder, &bytes);
        assert!(of.is_some(), "it was damaged");
        let what = format!("{early} {late}");
        assert_eq!(lost(&before, &answers(&store, last_ms + 1), &what), [], "{what}");
        // Nor is a point counted twice when the hour is over.
        let mut store = store;
        let place = store.series(described("x0")).expect("room");
        store.put(place, last_ms + HOUR_MS, 1.0, last_ms + HOUR_MS);
        assert_eq!(store.commit(last_ms + 2 * HOUR_MS, true), Ok(()));
        let after = answers(&store, START_MS + HOUR_MS);
        for (level, after) in after[0].iter().take(4).enumerate() {
            let counted: u64 = after.iter().map(|of| of.count).sum();
            assert_eq!(counted as i64, early + late, "{what} {level}");
        }
    }
}

#[test]
fn of_a_metric_that_was_described_anew_the_last_description_stays() {
    let folder = Folder::new("replace-described");
    let mut store = Store::in_folder(&folder.0, 1 << 30);
    assert_eq!(store.open(), Ok(0));
    for (nth, unit) in ["a long unit", "longest unit of all", "short"].into_iter().enumerate() {
        let described = crate::store::Described { unit: unit.into(), ..described("x0") };
        let place = store.series(described).expect("room");
        let now_ms = START_MS + nth as i64 * 60_000;
        store.put(place, now_ms, 1.0, now_ms);
        assert_eq!(store.commit(now_ms, true), Ok(()));
    }
    let mut bytes = fs::read(file_in(&folder.0)).expect("a file");
    drop(store);
    without_head(&folder, &mut bytes);
    let (store, of) = opened(&folder, &bytes);
    assert_eq!(of.map(|of| of.metrics), Some(1));
    let units: Vec<_> = store.metrics("a").map(|(of, _)| of.unit.to_string()).collect();
    assert_eq!(units, ["short"]);
}

#[test]
fn a_last_write_that_is_lost_is_noticed() {
    let folder = Folder::new("replace-behind");
    let bytes = killed(&folder, 3);
    let is_behind = |bytes: &[u8]| {
        fs::write(file_in(&folder.0), bytes).expect("a file");
        Disk::open(&folder.0).map(|(_, found)| found.is_behind)
    };
    assert!(!is_behind(&bytes).expect("whole"));
    let slot = 64 + 128 * usize::from(bytes[9] & 1);
    let changed = |at: usize, by: u8| {
        let mut changed = bytes.clone();
        changed[at] ^= by;
        changed
    };
    // A checksum, and the page of the tables.
    assert!(is_behind(&changed(slot + 20, 1)).expect("the one before is whole"));
    let index = u32::from_le_bytes(bytes[slot + 8..slot + 12].try_into().expect("four")) & 0xf_ffff;
    let size = bytes[slot + 15] >> 3;
    let root = 4096 * (1 + ((index as usize) << size));
    assert!(is_behind(&changed(root + 9, 1)).expect("the one before is whole"));
    // The bit that says which slot is the last: the database finds out, and nothing is lost.
    assert!(!is_behind(&changed(9, 1)).expect("whole"));
    // A new file has no commit before.
    let new = Folder::new("replace-behind-new");
    assert!(!Disk::open(&new.0).expect("a new file").1.is_behind);
    // Nor is anything lost at a clean end.
    assert!(!Disk::open(&new.0).expect("it is whole").1.is_behind);
}

/// The database writes into the header before it finds such damage.
#[test]
fn a_damaged_file_stays_as_it_was_found_where_a_kill_has_left_it_longer() {
    let folder = Folder::new("replace-longer");
    let whole = killed(&folder, 3);
    let mut changed = 0;
    for pages in [1, 5, 16] {
        let mut bytes = whole.clone();
        bytes.extend(vec![0; pages * 4096]);
        // All pages of both commits.
        bytes[4096..].iter_mut().step_by(512).for_each(|byte| *byte ^= 0x20);
        fs::write(file_in(&folder.0), &bytes).expect("a file");
        assert_eq!(Disk::open(&folder.0).err(), Some(Unusable::Damaged), "{pages}");
        assert!(fs::read(file_in(&folder.0)).expect("a file") == bytes, "{pages}");
        // Without what puts it back it is another one.
        let file = open_file(&folder.0).expect("a file");
        assert_eq!(Disk::checked(&file).err(), Some(Unusable::Damaged), "{pages}");
        changed += usize::from(fs::read(file_in(&folder.0)).expect("a file") != bytes);
    }
    assert!(changed > 0);
}
