//! The points of a metric over a while: what is asked for, and the answer.

mod answer;
mod milliseconds;
mod parameters;

use serde_json::Value;

use self::answer::Page;
use self::parameters::Wanted;
use super::asked::Asked;
use super::failure::Failure;
use super::history::{History, Unplottable};

/// The most points on one page.
pub const MOST_POINTS: usize = 1440;

/// The points that are asked for, at `now_ms`.
pub fn answer(
    asked: &Asked,
    history: Option<&dyn History>,
    check: &str,
    metric: &str,
    now_ms: i64,
) -> Result<Value, Failure> {
    let wanted = Wanted::of(&asked.query)?;
    let Some(history) = history else { return Err(Failure::not_found(OFF)) };
    let page = Page::of(&wanted, now_ms)?;
    let (level, most) = (page.resolution, wanted.limit);
    let found = history.plot(check, metric, level, page.from_ms, page.to_ms, most);
    let plot = found.map_err(|why| match why {
        Unplottable::NoCheck => Failure::not_found(format!("check {check:?} has no history")),
        Unplottable::NoMetric => {
            Failure::not_found(format!("check {check:?} has no history of a metric {metric:?}"))
        }
        Unplottable::Text => {
            Failure::bad(format!("metric {metric:?} is a text, which has no points"))
        }
        Unplottable::Closed => {
            Failure::unavailable("the history is not open: see the log for the reason")
        }
        Unplottable::Failed(why) => Failure::internal(format!("the history cannot be read: {why}")),
    })?;
    Ok(page.answer(&wanted, &plot, |marker| asked.href(&asked.query.with_marker(marker))))
}

/// Why there are no points at all.
pub const OFF: &str = "history is off: --store turns it on";
