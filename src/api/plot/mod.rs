//! The points of a metric over a while: what is asked for, and the answer.

mod answer;
mod milliseconds;
mod parameters;

use self::answer::Page;
use self::parameters::{Density, Wanted};
use super::asked::Asked;
use super::failure::Failure;
use super::history::{History, Part, Unplottable, Unread};
use crate::store::Resolution;

/// The most points on one page.
pub const MOST_POINTS: usize = 1440;

/// The points that are asked for, at `now_ms`, as JSON.
pub async fn answer(
    asked: &Asked,
    history: Option<&dyn History>,
    check: &str,
    metric: &str,
    now_ms: i64,
) -> Result<String, Failure> {
    let wanted = Wanted::of(&asked.query)?;
    let Some(history) = history else { return Err(Failure::not_found(OFF)) };
    let page = Page::of(&wanted, now_ms)?;
    let range_ms = [page.from_ms, page.to_ms];
    let refused = |why| match why {
        Unplottable::NoCheck => Failure::not_found(format!("check {check:?} has no history")),
        Unplottable::NoMetric => {
            Failure::not_found(format!("check {check:?} has no history of a metric {metric:?}"))
        }
        Unplottable::Text => Failure::bad(format!(
            "metric {metric:?} is a text, which has no points: resolution=FULL&select=text gives its changes"
        )),
        Unplottable::Number => {
            Failure::bad(format!("metric {metric:?} is a number, which has no select=text"))
        }
        Unplottable::Unread(why @ Unread::Failed(_)) => Failure::internal(why.to_string()),
        Unplottable::Unread(why) => Failure::unavailable(why.to_string()),
    };
    let href = |marker: &str| asked.href(&asked.query.with_marker(marker));
    if wanted.select.text {
        let changes = history.texts([check, metric], range_ms).map_err(refused)?;
        if wanted.density != Density::Resolution(Resolution::Full) {
            return Err(Failure::bad(format!(
                "metric {metric:?} is a text, which has no rollups: select=text expects resolution=FULL"
            )));
        }
        return Ok(page.answer_of_texts(&wanted, changes, href).to_string());
    }
    let part = Part { resolution: page.resolution, range_ms, most: wanted.limit, now_ms };
    let plot = history.plot([check, metric], part).await.map_err(refused)?;
    Ok(page.answer(&wanted, &plot, href))
}

/// Why there are no points at all.
pub const OFF: &str = "history is off: --store turns it on";
