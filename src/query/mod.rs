//! `query`: what was measured in a range of time.

mod asked;
mod chart;
mod list;
mod name;
mod remote;
mod select;
mod source;
mod table;
mod texts;
mod time;
mod values;

use std::io::{self, IsTerminal};

use futures_util::FutureExt;

use self::asked::Form;
pub use self::asked::{Place, Query, range_ms, resolution};
pub use self::chart::rows as chart;
pub use self::name::choose;
pub use self::remote::Remote;
pub use self::source::{Metric, OnDisk, Source};
use self::table::Table;
pub use self::table::{a_second, aligned, value};
pub use self::time::{Moment, moment};
use self::values::Answer;
use crate::store::Resolution;

/// What is printed of a query, and how many parts are left out because they are damaged; or why nothing is.
pub async fn run(query: &Query, source: &dyn Source) -> Result<(String, usize), String> {
    let metrics = source.metrics().await?;
    let Some(typed) = &query.metric else { return Ok((list::text(&metrics, query.form), 0)) };
    let metric = choose(typed, &metrics)?;
    let range_ms = query.range_ms;
    if metric.is_text() {
        if query.resolution.is_some_and(|of| of != Resolution::Full) || query.points.is_some() {
            return Err(format!(
                "metric {:?} is a text, which has no rollups: leave --resolution and --points out",
                metric.full_name()
            ));
        }
        let changes = source.texts(metric, range_ms).await?;
        return Ok((texts::text(metric, &changes, range_ms, query.form), 0));
    }
    let resolution = match query.resolution {
        Some(resolution) => resolution,
        None => chosen(query, metric, source).await?,
    };
    let points = source.points(metric, resolution, range_ms).await?;
    let damaged = points.damaged;
    let answer = Answer { metric, resolution, range_ms, points, select: &query.select };
    let text = match query.form {
        Form::Json => answer.json(),
        Form::Csv => answer.csv(),
        Form::Text => {
            let table = Table { answer: &answer, is_local: query.screen.is_some() };
            let chart = query.screen.filter(|screen| screen.can_draw);
            let chart = chart.map(|screen| chart::text(&answer, screen.columns));
            // The end of a long table is what is still seen.
            table.text() + &chart.unwrap_or_default()
        }
    };
    Ok((text, damaged))
}

/// The same of a file, in this thread.
pub fn of_file(query: &Query, source: &OnDisk) -> Result<(String, usize), String> {
    // What is open answers at once.
    let found = run(query, source).now_or_never();
    let (text, damaged) = found.unwrap_or_else(|| Err("the history is not open".to_owned()))?;
    Ok((text, damaged + source.damaged))
}

/// What is said beside an answer that may lack something.
pub fn of_damage(name: &str, damaged: usize) -> String {
    format!(
        "parts of the history in {name} are damaged, {damaged}: where there are finer points, these stand in for \
         them, and the rest is missing"
    )
}

/// The level that has about as many points as are wanted, or as the terminal has columns.
async fn chosen(query: &Query, metric: &Metric, source: &dyn Source) -> Result<Resolution, String> {
    let [from_ms, to_ms] = query.range_ms;
    if let Some(points) = query.points {
        return Ok(Resolution::choose(points, from_ms, to_ms, source.now_ms()));
    }
    let columns = query.screen.map_or(COLUMNS, |screen| screen.columns);
    let chosen = Resolution::choose(columns as u128, from_ms, to_ms, source.now_ms());
    if chosen != Resolution::Full {
        return Ok(chosen);
    }
    // Samples are closer together than the 30 s that are counted on there. So the points are counted, which are some
    // thousands at most in a range that short.
    let mut counts = [0.0; 2];
    for (count, level) in counts.iter_mut().zip([Resolution::Full, Resolution::Min5]) {
        *count = source.points(metric, level, query.range_ms).await?.points.len().max(1) as f64;
    }
    // Twice as many is as far off as half as many.
    let [full, rollups] = counts.map(|count| (count / columns as f64).ln().abs());
    Ok(if full <= rollups { Resolution::Full } else { Resolution::Min5 })
}

/// The terminal that standard output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    pub columns: usize,
    /// Whether it shows more than plain characters.
    pub can_draw: bool,
}

impl Screen {
    pub fn of_process() -> Option<Self> {
        if !io::stdout().is_terminal() {
            return None;
        }
        let size = rustix::termios::tcgetwinsize(io::stdout());
        let columns = size.map_or(0, |size| usize::from(size.ws_col));
        let can_draw = std::env::var("TERM").is_ok_and(|term| !term.is_empty() && term != "dumb");
        // One that does not tell has none of its own.
        let columns = if columns == 0 { COLUMNS } else { columns };
        Some(Self { columns, can_draw })
    }
}

/// Columns where there is no terminal.
const COLUMNS: usize = 80;
