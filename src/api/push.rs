//! Values that others hand to checks.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use log::{error, info};
use tokio::time::Instant;

use super::state::State;
use crate::check::push::{DEFAULT, by_default};
use crate::clock::milliseconds;
use crate::config::number;
use crate::logging::CHECKS;
use crate::model::{Metric, Pushed};
use crate::schedule::{Refused, Request, Undone};

/// Hands values to a check: of each why it is not taken, if so.
pub async fn push(state: &State, check: &str, values: Vec<Pushed>) -> Vec<Result<(), String>> {
    let now = (SystemTime::now(), Instant::now());
    let late: Vec<_> = values.iter().map(|of| mistimed(of.time, now.0, state.period)).collect();
    let in_time = values.into_iter().zip(&late).filter(|(_, late)| late.is_none());
    let in_time: Rc<Vec<Pushed>> = Rc::new(in_time.map(|(value, _)| value).collect());
    let mut put = hand_over(state, check, &in_time).await;
    if check == DEFAULT && matches!(put, Err(Undone::Refused(Refused::NotFound(_)))) {
        put = match add_default(state).await {
            Ok(()) => hand_over(state, check, &in_time).await,
            Err(why) => Err(why),
        };
    }
    let put = put.unwrap_or_else(|why| {
        let why = match why {
            Undone::Refused(Refused::NotFound(_)) => format!(
                "check {check} not found: add a check of type agent.push with this id, or name {DEFAULT}"
            ),
            why => why.to_string(),
        };
        vec![Err(why); in_time.len()]
    });
    let mut latest = state.latest.borrow_mut();
    let mut put = put
        .into_iter()
        .zip(in_time.iter())
        .map(|(put, value)| put.map(|metric| latest.push(&metric, value.value, value.time, now)));
    // There is an answer to each that came in time.
    let of_next = |late: Option<String>| late.map_or_else(|| put.next().unwrap_or(Ok(())), Err);
    late.into_iter().map(of_next).collect()
}

async fn hand_over(
    state: &State,
    check: &str,
    values: &Rc<Vec<Pushed>>,
) -> Result<Vec<Result<Rc<Metric>, String>>, Undone> {
    let push = |reply| Request::Push(check.to_owned(), values.clone(), reply);
    state.control.requests.order(push).await
}

/// Adds the check that values are for where none is named.
async fn add_default(state: &State) -> Result<(), Undone> {
    match state.control.requests.order(|reply| Request::Add(by_default(), reply)).await {
        // Somebody else was faster.
        Err(Undone::Refused(Refused::Exists(_))) => return Ok(()),
        added => added?,
    }
    state.control.alarms.borrow_mut().add_check(DEFAULT);
    info!(target: CHECKS, "check {DEFAULT} was added for the values that are handed in");
    if let Err(problem) = state.control.changed().await {
        error!("{problem}; what is changed through the API is lost when the agent ends");
    }
    Ok(())
}

/// Why a value of this time cannot be counted in the window that is open.
fn mistimed(time: SystemTime, now: SystemTime, window: Duration) -> Option<String> {
    let seconds = |of: Duration| number((of.as_secs_f64() * 10.0).round() / 10.0);
    match now.duration_since(time) {
        Ok(age) if age > window => Some(format!(
            "timestamp {} is {} s old: expected at most {} s, the length of a window (--period)",
            milliseconds(time),
            seconds(age),
            window.as_secs()
        )),
        Err(ahead) if ahead.duration() > MOST_AHEAD => Some(format!(
            "timestamp {} is {} s ahead of the clock of this machine: expected at most {} s",
            milliseconds(time),
            seconds(ahead.duration()),
            MOST_AHEAD.as_secs()
        )),
        _ => None,
    }
}

/// Clocks of two machines that are set by a server differ by far less.
const MOST_AHEAD: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_be_as_old_as_a_window_and_a_little_ahead() {
        let (now, window) =
            (SystemTime::UNIX_EPOCH + Duration::from_secs(1000), Duration::from_secs(60));
        let of = |seconds: f64| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds);
            mistimed(time, now, window).unwrap_or_default()
        };
        for seconds in [940.0, 1000.0, 1005.0] {
            assert_eq!(of(seconds), "", "{seconds}");
        }
        let old = "timestamp 939500 is 60.5 s old: expected at most 60 s, the length of a window (--period)";
        assert_eq!(of(939.5), old);
        let ahead =
            "timestamp 1006000 is 6 s ahead of the clock of this machine: expected at most 5 s";
        assert_eq!(of(1006.0), ahead);
    }
}
