//! The counters of a task over a whole run.

use super::{Task, Way, others};
use crate::model::{ReadError, Totals};
use crate::source::Source;

/// As they stand now, as far as they are told, with what was ordered for the task.
pub fn of(task: &mut Task) -> Totals {
    let not_told = || Totals::none(&ReadError::absent(others::NOT_TOLD));
    let totals = match &mut task.way {
        Way::Own(container) => container.totals(),
        // The machine is the task's alone.
        Way::Fused(told, _) => Totals {
            account: Some(told.cpu_account),
            pressure: told.machine.totals().pressure,
            ..not_told()
        },
        Way::Exact(told, _) => Totals { account: Some(told.cpu_account), ..not_told() },
        Way::Unknown => {
            let why = task.failure.as_deref().unwrap_or("it has not answered");
            Totals::none(&others::failure_of_endpoint(why))
        }
    };
    Totals { task: task.size.clone(), ..totals }
}
