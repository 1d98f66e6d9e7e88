use std::fs;

use crate::store::verify::Verified;
use crate::store::verify::tests::{DAY_MS, Folder, START_MS, described, store};
use crate::store::{Failure, Resolution, Store, file_in};

fn count(folder: &Folder) -> [u64; 6] {
    found(folder).series[0].levels.map(|level| level.count)
}

fn found(folder: &Folder) -> Verified {
    let opened = Store::existing(&folder.0).expect("it is there");
    let found = opened.store.verify(opened.damaged).expect("it is readable");
    assert_eq!(found.damaged, Vec::<String>::new());
    opened.store.end();
    found
}

fn prune(folder: &Folder, most_bytes: u64, now_ms: i64) -> Result<[u64; 2], Failure> {
    let length = || fs::metadata(file_in(&folder.0)).expect("it is there").len();
    let before = length();
    let opened = Store::existing(&folder.0).expect("it is there");
    opened.store.prune(most_bytes, now_ms)?;
    Ok([before, length()])
}

#[test]
fn what_is_too_old_goes_and_the_file_gets_smaller() {
    let folder = Folder::new("prune");
    store(&folder, 12).end();
    let before = count(&folder);
    // A month without an agent.
    let [long, short] = prune(&folder, 1 << 30, START_MS + 42 * DAY_MS).expect("it is written");
    assert!(short < long, "{short} of {long}");
    let after = count(&folder);
    assert_eq!(after[..3], [0, 0, 0], "older than 2, 10 and 20 days");
    // The last day was not complete before.
    assert_eq!(after[Resolution::Min60 as usize], before[Resolution::Min60 as usize] + 24);
    assert_eq!(prune(&folder, 1 << 30, START_MS + 42 * DAY_MS).map(|[_, after]| after), Ok(short));
}

#[test]
fn a_metric_of_which_nothing_is_left_is_forgotten() {
    let folder = Folder::new("forgotten");
    store(&folder, 2).end();
    let names = |folder: &Folder| -> Vec<String> {
        let series = found(folder).series.into_iter();
        series.map(|of| of.described.name.to_string()).collect()
    };
    let day = |day: i64| START_MS + day * DAY_MS;
    prune(&folder, 1 << 30, day(3 * 365)).expect("it is written");
    assert_eq!(names(&folder), ["x", "y"], "a day of them is kept for five years");
    // The agent goes on with another one.
    let mut later = Store::existing(&folder.0).expect("it is there").store;
    let place = later.series(described("z")).expect("there is room");
    later.put(place, day(6 * 365), 1.0, day(6 * 365));
    assert_eq!(later.commit(day(6 * 365) + DAY_MS, true), Ok(()));
    later.end();
    prune(&folder, 1 << 30, day(6 * 365 + 1)).expect("it is written");
    assert_eq!(names(&folder), ["z"]);
}

#[test]
fn the_finest_goes_first_where_there_is_no_room() {
    let folder = Folder::new("room");
    store(&folder, 3).end();
    let (before, found) = (count(&folder), found(&folder));
    // Half of the finest level is that of the other metric.
    let most_bytes = found.bytes - found.series[0].levels[0].bytes;
    assert!(prune(&folder, most_bytes, START_MS + 3 * DAY_MS).is_ok());
    let after = count(&folder);
    assert!(after[0] < before[0] && after[1] == before[1], "{before:?} {after:?}");
}
