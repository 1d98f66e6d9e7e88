//! The points of a metric over a while: what is asked for, and the answer.

mod answer;
mod milliseconds;
mod parameters;

use serde_json::Value;

use self::answer::Page;
use self::parameters::Wanted;
use super::asked::Asked;
use super::failure::Failure;
use super::history::{History, Part, Unplottable, Unread};

/// The most points on one page.
pub const MOST_POINTS: usize = 1440;

/// The points that are asked for, at `now_ms`.
pub async fn answer(
    asked: &Asked,
    history: Option<&dyn History>,
    check: &str,
    metric: &str,
    now_ms: i64,
) -> Result<Value, Failure> {
    let wanted = Wanted::of(&asked.query)?;
    let Some(history) = history else { return Err(Failure::not_found(OFF)) };
    let page = Page::of(&wanted, now_ms)?;
    let range_ms = [page.from_ms, page.to_ms];
    let part = Part { resolution: page.resolution, range_ms, most: wanted.limit, now_ms };
    let plot = history.plot([check, metric], part).await.map_err(|why| match why {
        Unplottable::NoCheck => Failure::not_found(format!("check {check:?} has no history")),
        Unplottable::NoMetric => {
            Failure::not_found(format!("check {check:?} has no history of a metric {metric:?}"))
        }
        Unplottable::Text => {
            Failure::bad(format!("metric {metric:?} is a text, which has no points"))
        }
        Unplottable::Unread(why @ Unread::Failed(_)) => Failure::internal(why.to_string()),
        Unplottable::Unread(why) => Failure::unavailable(why.to_string()),
    })?;
    Ok(page.answer(&wanted, &plot, |marker| asked.href(&asked.query.with_marker(marker))))
}

/// Why there are no points at all.
pub const OFF: &str = "history is off: --store turns it on";
