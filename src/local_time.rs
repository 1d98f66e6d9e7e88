//! The time of day where a person sits who looks at a terminal or types a date: as `TZ` says, else
//! /etc/localtime, else UTC. Nothing else needs it, so that nothing else reads those files.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

use tz::{TimeZone, TimeZoneSettings};

/// A time as `14:02:03`.
pub fn time_of_day(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    in_zone(zone(), seconds.try_into().unwrap_or_default())
}

/// A time as `2026-11-29 14:02:03`.
pub fn date_and_time(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date_in_zone(zone(), seconds.try_into().unwrap_or_default())
}

/// When a day begins here, in seconds since 1970. It is so many days before the day of `seconds`.
pub fn midnight_before(seconds: i64, days: i64) -> i64 {
    let day = local_seconds(zone(), seconds).div_euclid(DAY).saturating_sub(days);
    midnight_in_zone(zone(), day.saturating_mul(DAY))
}

/// When a day begins here, whose midnight in UTC is this.
pub fn midnight(utc_midnight: i64) -> i64 {
    midnight_in_zone(zone(), utc_midnight)
}

/// The first instant at which a clock on the wall shows this time or a later one. On some days, where summer begins at
/// midnight, there is none that shows 00:00, and where it ends then there may be two.
fn midnight_in_zone(zone: &TimeZone, wall: i64) -> i64 {
    // What the clock is ahead before and after a change that may be near.
    let instants = [wall.saturating_sub(DAY), wall.saturating_add(DAY)];
    let instants = instants.map(|near| wall.saturating_sub(local_seconds(zone, near) - near));
    let [first, last] = [instants[0].min(instants[1]), instants[0].max(instants[1])];
    let is_reached = |seconds: i64| local_seconds(zone, seconds) >= wall;
    if is_reached(first) {
        return first;
    }
    // The change lies between the two, and from one to the other the day begins once.
    let (mut before, mut after) = (first, last);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if is_reached(middle) { after = middle } else { before = middle }
    }
    after
}

fn date_in_zone(zone: &TimeZone, seconds: i64) -> String {
    let local =
        Duration::from_secs(local_seconds(zone, seconds).clamp(0, LAST_SECOND).unsigned_abs());
    // As if the clock on the wall was that of UTC.
    let text = humantime::format_rfc3339_seconds(UNIX_EPOCH + local).to_string();
    text.trim_end_matches('Z').replace('T', " ")
}

fn zone() -> &'static TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(|| {
        let settings =
            TimeZoneSettings::new(TimeZoneSettings::DEFAULT_DIRECTORIES, |path| Ok(read(path)?));
        let zone = match env::var("TZ") {
            Ok(name) => settings.parse_posix_tz(&name),
            Err(_) => settings.parse_local(),
        };
        // As in C, a name that means nothing is UTC.
        zone.unwrap_or_else(|_| TimeZone::utc())
    })
}

/// A pipe or a device, which TZ may name, could be waited for without end.
fn read(path: &str) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    fs::read(path)
}

/// What a clock on the wall shows, in seconds since 1970.
fn local_seconds(zone: &TimeZone, seconds: i64) -> i64 {
    // Fails where the rules of the zone end before this time.
    let offset = zone.find_local_time_type(seconds).map_or(0, |local| local.ut_offset());
    seconds.saturating_add(offset.into())
}

fn in_zone(zone: &TimeZone, seconds: i64) -> String {
    let of_day = local_seconds(zone, seconds).rem_euclid(DAY);
    format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// Seconds of a day on a clock that is never set.
const DAY: i64 = 86_400;

/// The end of the year 9999: a date of later has no text.
const LAST_SECOND: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_never_read() {
        let directory = env::temp_dir().join(format!("zone-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("the temporary directory is writable");
        let pipe = directory.join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("a new name");
        let is_refused = |path: &std::path::Path| read(path.to_str().expect("UTF-8")).is_err();
        assert!(is_refused(&pipe) && is_refused(&directory));
        fs::remove_dir_all(&directory).expect("it is there");
    }

    #[test]
    fn a_zone_has_its_own_time_of_day_and_its_summer() {
        let at = |rules: &str, seconds| {
            let zone = TimeZone::from_posix_tz(rules);
            in_zone(&zone.unwrap_or_else(|_| TimeZone::utc()), seconds)
        };
        // 2026-11-18T11:07:00Z, and 2026-07-01T11:07:00Z.
        let (winter, summer) = (1_795_000_020, 1_782_904_020);
        for (rules, expected) in [
            ("UTC0", ["11:07:00", "11:07:00"]),
            ("CET-1CEST,M3.5.0,M10.5.0/3", ["12:07:00", "13:07:00"]),
            ("EST5EDT,M3.2.0,M11.1.0", ["06:07:00", "07:07:00"]),
            ("<+1345>-13:45", ["00:52:00", "00:52:00"]),
            ("", ["11:07:00", "11:07:00"]),
            ("Nowhere/At all", ["11:07:00", "11:07:00"]),
        ] {
            assert_eq!([at(rules, winter), at(rules, summer)], expected, "{rules}");
        }
        let east = TimeZone::from_posix_tz("<+1345>-13:45").expect("a zone");
        assert_eq!(date_in_zone(&east, winter), "2026-11-19 00:52:00");
    }
    #[test]
    fn a_day_begins_when_the_clock_on_the_wall_first_shows_it() {
        let day = |text: &str| {
            let time = humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).expect("a date");
            time.duration_since(UNIX_EPOCH).expect("of now").as_secs().cast_signed()
        };
        let utc = |seconds: i64| {
            let time = UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
            humantime::format_rfc3339_seconds(time).to_string()
        };
        let (europe, cuba, chile) = (
            "CET-1CEST,M3.5.0,M10.5.0/3",
            "CST5CDT,M3.2.0/0,M11.1.0/1",
            "<-04>4<-03>,M9.1.6/24,M4.1.6/24",
        );
        for (rules, date, expected) in [
            ("UTC0", "2026-11-29", "2026-11-29T00:00:00Z"),
            ("<+1345>-13:45", "2026-11-29", "2026-11-28T10:15:00Z"),
            // The day has 23 hours, and another one 25.
            (europe, "2026-03-29", "2026-03-28T23:00:00Z"),
            (europe, "2026-03-30", "2026-03-29T22:00:00Z"),
            (europe, "2026-10-25", "2026-10-24T22:00:00Z"),
            (europe, "2026-10-26", "2026-10-25T23:00:00Z"),
            // There is no midnight: the day begins at one, and in autumn there are two of them.
            (cuba, "2026-03-08", "2026-03-08T05:00:00Z"),
            (cuba, "2026-11-01", "2026-11-01T04:00:00Z"),
            (cuba, "2026-11-02", "2026-11-02T05:00:00Z"),
            // From 24:00 the clock goes back to 23:00, or on to 01:00.
            (chile, "2026-04-05", "2026-04-05T04:00:00Z"),
            (chile, "2026-09-06", "2026-09-06T04:00:00Z"),
            (chile, "2026-09-07", "2026-09-07T03:00:00Z"),
        ] {
            let zone = TimeZone::from_posix_tz(rules).expect("a zone");
            assert_eq!(utc(midnight_in_zone(&zone, day(date))), expected, "{rules} {date}");
        }
    }

    #[test]
    fn the_farthest_days_end_no_search() {
        let zone = TimeZone::from_posix_tz("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        for wall in [i64::MIN, -1, 0, i64::MAX] {
            let _ = midnight_in_zone(&zone, wall);
        }
    }
}
