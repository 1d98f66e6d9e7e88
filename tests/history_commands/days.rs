//! A range of whole days, as a person types it.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use support::command;
use support::folder::Folder;
use support::run;

use crate::history;

/// The range that a query has, where clocks on the wall follow these rules.
fn range(folder: &Folder, zone: &str, [from, to]: [&str; 2]) -> [i64; 2] {
    let mut query = command();
    query.args(["query", "cpu", "--resolution", "MIN1440", "--output", "json"]);
    query.args(["--from", from, "--to", to, "--store", &folder.whole()]).env("TZ", zone);
    let ended = run(&mut query).expect_code(0);
    let answer: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    ["from", "to"].map(|end| answer[end].as_i64().expect("milliseconds"))
}

#[test]
fn a_date_is_from_local_midnight_also_where_summer_begins_or_ends() {
    let folder = history();
    let (europe, cuba) = ("CET-1CEST,M3.5.0,M10.5.0/3", "CST5CDT,M3.2.0/0,M11.1.0/1");
    for (zone, days, begin_s, hours) in [
        ("UTC0", ["2026-11-29", "2026-11-30"], 1_795_910_400, 24),
        (europe, ["2026-11-29", "2026-11-30"], 1_795_906_800, 24),
        (europe, ["2026-03-29", "2026-03-30"], 1_774_738_800, 23),
        (europe, ["2026-10-25", "2026-10-26"], 1_792_879_200, 25),
        // The clock goes from 23:59 on to 01:00, and in autumn from 01:00 back to midnight.
        (cuba, ["2026-03-08", "2026-03-09"], 1_772_946_000, 23),
        (cuba, ["2026-11-01", "2026-11-02"], 1_793_505_600, 25),
    ] {
        let [from, to] = range(&folder, zone, days);
        assert_eq!((from, to - from), (begin_s * 1000, hours * 3_600_000), "{zone} {days:?}");
    }
    // The first day of all begins before 1970 there.
    assert_eq!(range(&folder, "<+1345>-13:45", ["1970-01-01", "now"])[0], 0);
}

#[test]
fn yesterday_ends_where_today_begins() {
    let folder = history();
    let today = |ahead_s: u64| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs();
        (((now + ahead_s) / DAY * DAY - ahead_s) * 1000).cast_signed()
    };
    // Somewhere it is tomorrow already.
    for (zone, ahead_s) in [("UTC0", 0), ("<+14>-14", 14 * 3600)] {
        let before = today(ahead_s);
        let [yesterday, midnight] = range(&folder, zone, ["yesterday", "today"]);
        // Midnight may have come between.
        assert!([before, today(ahead_s)].contains(&midnight), "{zone}: {midnight}");
        assert_eq!(midnight - yesterday, 86_400_000, "{zone}");
    }
}

const DAY: u64 = 86_400;
