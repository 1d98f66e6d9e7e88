//! A process that writes a history as fast as it can is killed at random instants, five hundred times. After each
//! kill everything is there that it had said to be committed, and all levels agree with the points.

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use cloudwatch_metrics_agent::{Bucket, Described, Part, Resolution, Store};

const KILLS: u64 = 500;
const SERIES: i64 = 5;
/// A commit is a minute of this, and every sixtieth one closes an hour.
const STEP_MS: i64 = 6_000;
const STEPS_A_COMMIT: i64 = 10;
/// Two days and a half, so that there are days to roll up, and points that expire.
const END: i64 = 36_000;
const START_MS: i64 = 1_795_824_000_000;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let ended = match &env::args().collect::<Vec<_>>()[..] {
        [_, word, folder, from] if word == "write" => write(folder.as_ref(), from),
        _ => kill_all(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The value of a series at a step: each is another one, so that none can be mistaken for another.
fn value(series: i64, step: i64) -> f64 {
    (step * SERIES + series) as f64 / 8.0
}

fn at_ms(step: i64) -> i64 {
    START_MS + step * STEP_MS
}

/// Writes from a step on, and says after each commit up to which step everything is committed.
fn write(folder: &Path, from: &str) -> Outcome {
    let mut store = opened(folder)?;
    let places: Vec<_> = (0..SERIES).map(|series| store.series(described(series))).collect();
    let mut out = stdout();
    for step in from.parse()?..END {
        for (series, place) in places.iter().enumerate() {
            let place = place.ok_or("there is room for five series")?;
            store.put(place, at_ms(step), value(series as i64, step), at_ms(step));
        }
        if step % STEPS_A_COMMIT == STEPS_A_COMMIT - 1 {
            store.commit(at_ms(step), true)?;
            writeln!(out, "{step}")?;
        }
    }
    Ok(())
}

fn described(series: i64) -> Described {
    let name = format!("metric{series}").into();
    Described { check: "kills".into(), name, unit: "".into(), letter: 'D', is_counter: series == 1 }
}

fn opened(folder: &Path) -> Result<Store, Box<dyn Error>> {
    let mut store = Store::in_folder(folder, u64::MAX);
    match store.open() {
        Ok(0) => Ok(store),
        other => Err(format!("the store cannot be opened as it should be: {other:?}").into()),
    }
}

fn kill_all() -> Outcome {
    let folder = env::temp_dir().join(format!("history-kills-{}", std::process::id()));
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let (mut from, mut kills) = (0, 0);
    while kills < KILLS {
        if from == 0 {
            let _ = std::fs::remove_dir_all(&folder);
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // By the number of its commits, and then a while on.
        let acknowledged = run_and_kill(&folder, from, random % 12, random >> 32 & 0x3_ffff)?;
        let Some(last) = acknowledged else { continue };
        let last = last.max(from - 1);
        let found = check(&folder, last)?;
        kills += 1;
        // What was committed but not said is there as a whole or not at all, too.
        from = if found + 1 >= END { 0 } else { found + 1 };
    }
    std::fs::remove_dir_all(&folder)?;
    println!("test what_was_committed_survives_{KILLS}_kills ... ok");
    Ok(())
}

/// Starts one that writes, and kills it a while after a number of commits. The last step that it said to
/// be committed; nothing if it had come to its end.
fn run_and_kill(
    folder: &PathBuf,
    from: i64,
    commits: u64,
    spins: u64,
) -> Result<Option<i64>, Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    command.arg("write").arg(folder).arg(from.to_string());
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("it is piped")?).lines();
    let mut last = from - 1;
    for _ in 0..=commits {
        let Some(line) = lines.next() else { break };
        last = line?.parse()?;
    }
    // Not a wait for something: the instant is to be a random one.
    for _ in 0..spins {
        std::hint::spin_loop();
    }
    child.kill()?;
    let status = child.wait()?;
    for line in lines {
        last = line?.parse()?;
    }
    if status.success() {
        return Ok(None);
    }
    Ok(Some(last))
}

/// Compares all levels with the points, up to the last step that is there.
fn check(folder: &Path, acknowledged: i64) -> Result<i64, Box<dyn Error>> {
    let store = opened(folder)?;
    let now_ms = at_ms(acknowledged) + 60_000;
    let plot = |series: i64, level: Resolution| {
        let name = format!("metric{series}");
        let range_ms = [START_MS, now_ms + 600_000];
        let part = Part { resolution: level, range_ms, most: usize::MAX, now_ms };
        store.plot(["kills", &name], part)
    };
    if acknowledged < 0 {
        return Ok(-1);
    }
    let newest = plot(0, Resolution::Full).map_err(|error| format!("{error:?}"))?;
    let newest = newest.points.last().ok_or("there are points")?.start_ms;
    let last = (newest - START_MS) / STEP_MS;
    if last < acknowledged {
        return Err(format!("step {acknowledged} was committed, and {last} is the last").into());
    }
    // One of them, each another one.
    for series in [acknowledged / STEPS_A_COMMIT % SERIES] {
        for level in Resolution::ALL {
            let plot = plot(series, level).map_err(|error| format!("{error:?}"))?;
            let expected = expected(series, level, last, now_ms);
            let same = |(found, expected): (&Bucket, &Bucket)| {
                let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * (1.0 + b.abs());
                (found.start_ms, found.count) == (expected.start_ms, expected.count)
                    && (found.min, found.max) == (expected.min, expected.max)
                    && near(found.average, expected.average)
                    && near(found.variance, expected.variance)
            };
            let is_same = plot.points.len() == expected.len()
                && plot.damaged == 0
                && plot.points.iter().zip(&expected).all(same);
            if !is_same {
                let found = plot.points.len();
                let text =
                    format!("series {series}, {level:?}, after step {acknowledged}: {found}");
                return Err(format!("{text} buckets, {} expected", expected.len()).into());
            }
        }
    }
    Ok(last)
}

fn expected(series: i64, level: Resolution, last: i64, now_ms: i64) -> Vec<Bucket> {
    let since = level.bucket_start(level.kept_since(now_ms));
    let mut buckets: Vec<(i64, Vec<f64>)> = Vec::new();
    for step in 0..=last {
        let start = level.bucket_start(at_ms(step));
        let value = value(series, step);
        match buckets.last_mut() {
            Some((open, values)) if *open == start => values.push(value),
            _ if start >= since => buckets.push((start, vec![value])),
            _ => {}
        }
    }
    let bucket = |(start_ms, values): (i64, Vec<f64>)| {
        let count = values.len() as f64;
        let average = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - average).powi(2)).sum::<f64>() / count;
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Bucket { start_ms, count: values.len() as u64, average, variance, min, max, total: None }
    };
    buckets.into_iter().map(bucket).collect()
}
