//! The time of day where a person sits who looks at a terminal: as `TZ` says, else /etc/localtime, else
//! UTC. Nothing else shows it, so that nothing else reads those files.

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
    seconds + i64::from(offset)
}

fn in_zone(zone: &TimeZone, seconds: i64) -> String {
    let of_day = local_seconds(zone, seconds).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

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
}
