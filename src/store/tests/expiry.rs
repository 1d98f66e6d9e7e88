//! What is too old at each level, by a clock that is moved: through the answers, and in the file.

use super::*;
use crate::store::Resolution::{Full, Min5, Min20, Min60, Min240, Min1440};
use crate::store::shelf::BlockId;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// 2026-11-29T00:00:00Z, where a bucket of each level begins.
const POINT_MS: i64 = 1_795_910_400_000;

/// Each level, how long a bucket is, how long it is kept (as long as its name says, and a bucket of the next one), and
/// how long a block is, which is removed as a whole.
const LEVELS: [(Resolution, i64, i64, i64); 6] = [
    (Full, 1, 2 * DAY + 5 * MINUTE, HOUR),
    (Min5, 5 * MINUTE, 10 * DAY + 20 * MINUTE, 4 * HOUR),
    (Min20, 20 * MINUTE, 20 * DAY + HOUR, DAY),
    (Min60, HOUR, 155 * DAY + 4 * HOUR, DAY),
    (Min240, 4 * HOUR, 301 * DAY, 8 * DAY),
    (Min1440, DAY, 1827 * DAY, 64 * DAY),
];

#[test]
fn each_level_goes_when_its_time_is_over_and_not_before() {
    let folder = Folder::new("expiry");
    let mut store = Store::in_folder(&folder.0, ROOM);
    store.open().unwrap();
    let place = store.series(described("percent")).unwrap();
    store.put(place, POINT_MS, 7.0, POINT_MS);
    store.commit(POINT_MS, true).unwrap();
    // What an agent does that is started at this time, and has one point more.
    let at = |store: &mut Store, now_ms: i64| {
        let other = store.series(described("count")).unwrap();
        store.put(other, now_ms, 1.0, now_ms);
        store.commit(now_ms, true).unwrap();
    };
    let counted = |store: &Store, level, now_ms| {
        let range = [POINT_MS, POINT_MS + DAY];
        store.plot(["a", "percent"], all(level, range, now_ms)).unwrap().points.len()
    };
    let is_in_file = |store: &Store, level| {
        let spans = store.disk_view().unwrap().spans(level, 0, u32::MAX).unwrap();
        spans.contains(&BlockId::at(level, POINT_MS).span)
    };
    for (level, bucket, kept, block) in LEVELS {
        let last_ms = POINT_MS + kept;
        at(&mut store, last_ms);
        assert_eq!(
            (counted(&store, level, last_ms), is_in_file(&store, level)),
            (1, true),
            "{level:?}"
        );
        assert_eq!(counted(&store, level, last_ms + bucket), 0, "{level:?}");
        // Points that came late may wait for two hours more.
        at(&mut store, last_ms + block + 2 * HOUR);
        assert!(!is_in_file(&store, level), "{level:?}");
    }
}
