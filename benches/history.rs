//! What the history costs: bytes on disk and written, time of a point, of a commit, and of plots at each level.
//!
//! `cargo bench --bench history` makes its own points: 202 series over three days with a commit every 30 s, and 22
//! series over 30 days with a commit every minute; and 202 series of a day in memory. With `HISTORY_POINTS` it takes those of a file instead: records of
//! a series (u32), a time (i64, ms) and a value (f64), little endian, in the order of time. With `HISTORY_FOLDER` it times
//! only how the history of that folder is opened. It prints a line of JSON for each.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, process};

use cloudwatch_metrics_agent::{Described, Part, Resolution, Store};
use serde_json::json;
use tokio::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(folder) = env::var_os("HISTORY_FOLDER") {
        let folder = Path::new(&folder);
        let opening = opening_times(folder, 51)?;
        let ms = |time: &Duration| time.as_secs_f64() * 1e3;
        let (least, median) = (opening.first().map(ms), opening.get(25).map(ms));
        println!(
            "{}",
            json!({ "bytes": size(folder), "least_opening_ms": least, "opening_ms": median })
        );
        return Ok(());
    }
    if let Some(path) = env::var_os("HISTORY_POINTS") {
        let bytes = fs::read(path)?;
        let field = |record: &[u8], at: usize| record[at..at + 8].try_into().unwrap_or_default();
        let points = bytes.chunks_exact(20).map(|record| {
            let series =
                record[..4].iter().rev().fold(0, |all, byte| all << 8 | usize::from(*byte));
            (series, i64::from_le_bytes(field(record, 4)), f64::from_le_bytes(field(record, 12)))
        });
        run("file", points, 30_000)?;
        return Ok(());
    }
    run("202 series, 3 days", points(200, 3), 30_000)?;
    run("22 series, 30 days", points(20, 30), 60_000)?;
    run(
        "20 series, 2 hours",
        points(18, 0).take_while(|point| point.1 < START_MS + 7_200_000),
        60_000,
    )?;
    run_in_memory("202 series, 1 day, in memory", points(200, 1), 60_000)
}

/// So many series at 30 s, and two at 0.9 s, over so many days; at least one.
fn points(slow: usize, days: i64) -> impl Iterator<Item = (usize, i64, f64)> {
    let mut random = 1u64;
    (0..days.max(1) * 86_400 * 10).step_by(9).flat_map(move |tenths| {
        let at_ms = START_MS + tenths * 100;
        let mut next = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        // At 0.9 s a step: every 33rd is nearest to 30 s.
        let is_slow = tenths / 9 % 33 == 0;
        let count = if is_slow { slow + 2 } else { 2 };
        let values = (0..count).map(|of| {
            let noise = (next() % 10_000) as f64;
            let value = match of % 4 {
                // Percents with four digits, whole numbers, a counter, and what hardly changes.
                0 => (300_000.0 + noise * 10.0) / 1e4,
                1 => noise / 100.0 - (noise / 100.0).fract(),
                2 => (tenths * 1000) as f64 + noise,
                _ => 42.0 + f64::from(noise > 9_990.0),
            };
            let value = if of < 2 { (300_000.0 + noise * 30.0) / 1e4 } else { value };
            (of, at_ms + (next() % 2) as i64, value)
        });
        let values: Vec<_> = values.collect();
        random = random.rotate_left(7) ^ tenths.unsigned_abs();
        values
    })
}

/// What filling a store took.
#[derive(Default)]
struct Filled {
    points: u64,
    first_ms: i64,
    last_ms: i64,
    inserting: Duration,
    longest_commit: Duration,
}

/// Puts all points into a store, and commits as an agent does.
fn fill(
    store: &mut Store,
    points: &[(usize, i64, f64)],
    sync_ms: i64,
) -> Result<Filled, Box<dyn Error>> {
    let mut places: Vec<Option<usize>> = Vec::new();
    let first_ms = points.first().map_or(0, |point| point.1);
    let mut filled = Filled { first_ms, ..Filled::default() };
    let mut from = 0;
    let mut due = first_ms + sync_ms;
    while from < points.len() {
        let to = from + points[from..].partition_point(|(_, at_ms, _)| *at_ms < due);
        let begun = Instant::now();
        for (series, at_ms, value) in &points[from..to] {
            if places.len() <= *series {
                places.resize(*series + 1, None);
            }
            let place = places[*series].get_or_insert_with(|| {
                let described = Described {
                    check: "bench".into(),
                    name: format!("metric{series}").into(),
                    unit: "".into(),
                    letter: 'D',
                    is_counter: series % 4 == 2 && *series > 2,
                };
                store.series(described).unwrap_or_default()
            });
            store.put(*place, *at_ms, *value, *at_ms);
        }
        filled.inserting += begun.elapsed();
        filled.points += (to - from) as u64;
        filled.last_ms = points[to.max(1) - 1].1;
        let begun = Instant::now();
        store.commit(due, true)?;
        filled.longest_commit = filled.longest_commit.max(begun.elapsed());
        due += sync_ms;
        from = to;
    }
    Ok(filled)
}

/// In memory a commit is made in the one thread: so long it is held at most.
fn run_in_memory(
    name: &str,
    points: impl Iterator<Item = (usize, i64, f64)>,
    sync_ms: i64,
) -> Result<(), Box<dyn Error>> {
    let points: Vec<_> = points.collect();
    let mut store = Store::in_memory(MEMORY);
    let filled = fill(&mut store, &points, sync_ms)?;
    let longest_ms = filled.longest_commit.as_secs_f64() * 1e3;
    println!(
        "{}",
        json!({ "set": name, "points": filled.points, "longest_commit_ms": longest_ms })
    );
    Ok(())
}

fn run(
    name: &str,
    points: impl Iterator<Item = (usize, i64, f64)>,
    sync_ms: i64,
) -> Result<(), Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("history-bench-{}", process::id()));
    let _ = fs::remove_dir_all(&folder);
    let mut store = Store::in_folder(&folder, u64::MAX);
    store.open().map_err(|error| format!("{error:?}"))?;
    let points: Vec<_> = points.collect();
    let written_before = written();
    let filled = fill(&mut store, &points, sync_ms)?;
    let Filled { points: count, first_ms, last_ms: last, inserting, longest_commit: longest } =
        filled;
    let hours = (last - first_ms) as f64 / 3.6e6;
    let written = written() - written_before;
    let bytes = size(&folder);
    // So that FULL has as many points as the rollups, whatever the interval of the series is.
    let mut times = points.iter().filter(|(series, ..)| *series == 0).map(|(_, at_ms, _)| *at_ms);
    let full_step = times.next().zip(times.next()).map_or(900, |(first, second)| second - first);
    let timed: Vec<_> = Resolution::ALL
        .iter()
        .map(|level| {
            let step = level.length_ms().unwrap_or(full_step);
            let range_ms = [last + 1 - step * 1440, last + 1];
            let part = Part { resolution: *level, range_ms, most: 1440, now_ms: last };
            let mut times: Vec<_> = (0..21)
                .map(|_| {
                    let begun = Instant::now();
                    let plot = store.plot(["bench", "metric0"], part);
                    (begun.elapsed(), plot.map_or(0, |plot| plot.points.len()))
                })
                .collect();
            times.sort();
            (level.name(), times[10].0.as_secs_f64() * 1e3, times[10].1)
        })
        .collect();
    let (mut plots_ms, mut plot_points) = (serde_json::Map::new(), serde_json::Map::new());
    for (name, ms, count) in timed {
        plots_ms.insert(name.to_owned(), ms.into());
        plot_points.insert(name.to_owned(), count.into());
    }
    // Its file is as a kill leaves it.
    std::mem::forget(store);
    let opening = opening_times(&folder, 5)?;
    println!(
        "{}",
        json!({
            "set": name,
            "points": count,
            "bytes": bytes,
            "bytes_a_point": bytes as f64 / count as f64,
            "written_bytes_an_hour": written as f64 / hours.max(1.0),
            "insert_ns_a_point": inserting.as_nanos() as f64 / count as f64,
            "longest_commit_ms": longest.as_secs_f64() * 1e3,
            "opening_ms": opening[2].as_secs_f64() * 1e3,
            "plots_ms": plots_ms,
            "plot_points": plot_points,
        })
    );
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// How long it takes to open copies of a history, the shortest first.
fn opening_times(folder: &Path, times: usize) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut opening = Vec::new();
    for nth in 0..times {
        let copy = copy_of(folder, nth);
        let mut store = Store::in_folder(&copy, u64::MAX);
        let begun = Instant::now();
        let opened = store.open();
        opening.push(begun.elapsed());
        drop(store);
        let _ = fs::remove_dir_all(copy);
        opened.map_err(|error| format!("{error:?}"))?;
    }
    opening.sort();
    Ok(opening)
}

/// A copy as a kill leaves the file, because the store that wrote it was not closed.
fn copy_of(folder: &Path, nth: usize) -> PathBuf {
    let copy = folder.with_extension(format!("copy{nth}"));
    let _ = fs::remove_dir_all(&copy);
    let _ = fs::create_dir_all(&copy);
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        let _ = fs::copy(file.path(), copy.join(file.file_name()));
    }
    copy
}

fn size(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// Bytes that this process has given to the system to write.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// The default of `--store memory`.
const MEMORY: u64 = 4_000_000;

const START_MS: i64 = 1_795_824_000_000;
