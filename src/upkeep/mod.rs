//! `store`: what is done with the file of a history that no agent has open.

mod verified;

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::config::cli::Cli;
use crate::config::{FORMAT, Output, Problems, RESOLUTION, did_you_mean, size_of_history};
use crate::query::{self, Moment, OnDisk, Source};
use crate::shown::shown;
use crate::store::export::{Export, Format, Unwritten};
use crate::store::{
    Described, Failure, Opened, Replaced, Resolution, Store, Unopened, Unread, Unusable, file_in,
    open_unless_damaged,
};

/// What is printed of a history, and whether all of it is as it should be; or why nothing is.
pub type Told = Result<(String, bool), String>;

/// Tells what a history has, and what of it is damaged.
pub fn verify(folder: &Path, output: Output) -> Told {
    let opened = open(folder)?;
    let verified = opened.store.verify(opened.damaged);
    opened.store.end();
    let verified = verified.map_err(|failure| unreadable(folder, &failure.to_string()))?;
    let text = match output {
        Output::Text => verified::text(&verified),
        Output::Json => verified::json(&verified),
    };
    Ok((text, verified.damaged_count == 0))
}

/// Makes the file of a history small.
pub fn prune(folder: &Path, most_bytes: u64, now_ms: i64) -> Result<String, String> {
    let cannot = |why: &str| {
        let name = shown(&folder.display().to_string());
        format!("the history in {name} cannot be written: {why}")
    };
    let length = || {
        let metadata = file_in(folder).metadata();
        metadata.map(|of| of.len()).map_err(|error| cannot(&error.to_string()))
    };
    // Where there is none, opening it says so.
    let before = length();
    let opened = open(folder)?;
    let pruned = opened.store.prune(most_bytes, now_ms);
    pruned.map_err(|failure| cannot(&failure.to_string()))?;
    Ok(format!("before: {} bytes\nafter: {} bytes", before?, length()?))
}

/// Makes a new history of what is whole in a damaged one.
pub fn salvage(folder: &Path) -> Result<String, String> {
    let name = shown(&folder.display().to_string());
    let whole = || format!("the history in {name} can be read: it stays as it is");
    match Store::existing(folder) {
        Ok(opened) => {
            opened.store.end();
            return Ok(whole());
        }
        Err(Unopened::Damaged(_)) => {}
        Err(why) => return Err(sentence(why)),
    }
    match open_unless_damaged(folder) {
        Ok(Err(Replaced { salvaged: None, aside })) => {
            Err(format!("nothing of the history in {name} is whole: the file is {aside} now"))
        }
        Ok(Err(Replaced { salvaged: Some(salvaged), aside })) => {
            Ok(format!("taken over: {salvaged}\nthe damaged file is {aside}"))
        }
        // Another process has replaced it meanwhile.
        Ok(Ok(_)) => Ok(whole()),
        Err(Unusable::Taken) => Err(sentence(Unopened::Taken(format!(
            "the history in {name} is open in another process"
        )))),
        Err(Unusable::Version(version)) => Err(format!(
            "the history in {name} has format {version}, which this version does not read: use the version that \
             wrote it"
        )),
        Err(why) => {
            Err(format!("the history in {name} cannot be replaced: {}", Failure::from(why)))
        }
    }
}

/// What is to be exported.
#[derive(Clone, Debug)]
pub struct Exported {
    pub folder: PathBuf,
    metrics: Vec<String>,
    format: Format,
    resolution: Resolution,
    range_ms: [i64; 2],
}

impl Exported {
    pub fn new(
        cli: &Cli,
        folder: &Path,
        metrics: &[String],
        now_ms: i64,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        if cli.value(FORMAT).is_none() {
            problems.required(FORMAT, FORMATS);
        }
        let format = problems.optional(cli, FORMAT, format);
        let resolution = problems.optional(cli, RESOLUTION, query::resolution);
        // What is ahead of the clock belongs to it, where no end is named.
        let default = [Moment::At(0), Moment::At(i64::MAX)];
        let range_ms = query::range_ms(cli, default, now_ms, &mut problems);
        match format {
            Some(format) if problems.is_empty() => Ok(Self {
                folder: folder.to_owned(),
                metrics: metrics.to_owned(),
                format,
                resolution: resolution.unwrap_or(Resolution::Full),
                range_ms,
            }),
            _ => Err(problems),
        }
    }

    /// Writes it to standard output. True where all was written, false where nobody reads any more.
    pub fn write(&self) -> Result<bool, String> {
        let opened = open(&self.folder)?;
        let source = OnDisk::of(opened)?;
        let written = self.write_from(&source);
        source.close();
        written
    }

    fn write_from(&self, source: &OnDisk) -> Result<bool, String> {
        let store = source.store();
        let mut wanted: Vec<&Described> = Vec::new();
        let all = || store.checks().flat_map(|check| store.metrics(check)).map(|(of, _)| of);
        if self.metrics.is_empty() {
            wanted.extend(all());
        } else {
            let known = source.metrics()?;
            for typed in &self.metrics {
                let chosen = query::choose(typed, &known)?;
                let is_chosen =
                    |of: &&Described| *of.check == *chosen.check && *of.name == *chosen.name;
                let chosen = all().find(is_chosen);
                // Twice the same would be two series of one name.
                wanted.extend(chosen.filter(|of| !wanted.contains(of)));
            }
        }
        let Self { format, resolution, range_ms, .. } = *self;
        let export = Export { format, resolution, range_ms, now_ms: source.now_ms() };
        let mut out = BufWriter::new(io::stdout().lock());
        match export.write(store, wanted, &mut out).map(|damaged| damaged + source.damaged) {
            Ok(0) => Ok(true),
            Ok(damaged) => {
                Err(query::of_damage(&shown(&self.folder.display().to_string()), damaged))
            }
            Err(Unwritten::Output(error)) => {
                // What is left over goes nowhere, and is not tried again.
                let _ = out.into_parts();
                match error.kind() {
                    io::ErrorKind::BrokenPipe => Ok(false),
                    _ => Err(format!("standard output takes nothing: {error}")),
                }
            }
            Err(Unwritten::Store(Unread::Failed(failure))) => {
                Err(unreadable(&self.folder, &failure.to_string()))
            }
            Err(Unwritten::Store(unread)) => Err(unread.to_string()),
        }
    }
}

fn open(folder: &Path) -> Result<Opened, String> {
    Store::existing(folder).map_err(sentence)
}

fn sentence(why: Unopened) -> String {
    match why {
        Unopened::Taken(text) => format!("{text}: end that one first"),
        Unopened::Damaged(text) | Unopened::Other(text) => text,
    }
}

fn unreadable(folder: &Path, why: &str) -> String {
    format!("the history in {} is unreadable: {why}", shown(&folder.display().to_string()))
}

fn format(text: &str) -> Result<Format, String> {
    match text {
        "csv" => Ok(Format::Csv),
        "json" => Ok(Format::Json),
        "openmetrics" => Ok(Format::OpenMetrics),
        _ => Err(format!("{FORMATS}{}", did_you_mean(text, &["csv", "json", "openmetrics"]))),
    }
}

/// The size of `--store-size`.
pub fn most_bytes(cli: &Cli) -> Result<u64, Problems> {
    let mut problems = Problems::default();
    let size = size_of_history(cli, &mut problems);
    if problems.is_empty() { Ok(size) } else { Err(problems) }
}

const FORMATS: &str = "csv, json or openmetrics";
