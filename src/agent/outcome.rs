//! How it ended for one publisher.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use log::{error, info};

use crate::collector::sink::HandedOut;
use crate::config::Output;
use crate::delivery::{Counts, Delivery};
use crate::logging::REPORT;
use crate::publisher::print;
use crate::right_size::{self, RightSize};

/// How it ended for one publisher.
pub struct Outcome {
    pub undelivered: u64,
    line: String,
    cause: String,
}

impl Outcome {
    pub fn of(
        handed_out: &HandedOut,
        place: usize,
        delivery: Option<&Delivery>,
        flush: Duration,
    ) -> Self {
        let Counts { delivered, overflowed, expired, rejected, rejected_data } =
            delivery.map(Delivery::counts).unwrap_or_default();
        let windows = handed_out.windows;
        let stalled = handed_out.dropped.get(place).copied().unwrap_or_default();
        let dropped = overflowed + expired + rejected + stalled;
        let undelivered = windows.saturating_sub(delivered + dropped);
        let counts = [
            ("windows", windows),
            ("delivered", delivered),
            ("dropped", dropped),
            ("undelivered", undelivered),
            ("overflowed", overflowed),
            ("expired", expired),
            ("rejected", rejected),
            ("stalled", stalled),
            ("rejected_metrics", rejected_data),
            ("retries", delivery.map(Delivery::retries).unwrap_or_default()),
        ];
        // A program counts on each key; a person sees best what there is.
        let all = !stderr().is_terminal();
        let shown = counts.iter().filter(|(name, count)| all || *count > 0 || *name == "windows");
        // Of checks alone, and a mistake of theirs: nobody else has to look at it.
        let dropped_values = ("dropped_values", handed_out.dropped_values);
        let shown = shown.chain((dropped_values.1 > 0).then_some(&dropped_values));
        let mut line: String = shown.map(|(name, count)| format!("{name}={count} ")).collect();
        line.push_str(&format!(
            "flush={:.3}s publisher={}",
            flush.as_secs_f64(),
            delivery.map_or("none", Delivery::publisher)
        ));
        let cause = delivery.and_then(Delivery::failure).map(ToString::to_string);
        let cut_short = || "--shutdown-timeout ended the last send".to_owned();
        Self { undelivered, line, cause: cause.unwrap_or_else(cut_short) }
    }

    /// Says in one line how it ended.
    pub fn say(&self) {
        let Self { undelivered, line, cause } = self;
        match undelivered {
            0 => info!("stopped; {line}"),
            _ => error!("stopped; {line}: {cause}"),
        }
    }
}

/// Says what a run was and which size would have been enough: in the log, and for programs on standard output, too.
pub async fn report(record: &right_size::Shared, output: Output) {
    let report = RightSize::of(record);
    info!(target: REPORT, "{report}");
    if output == Output::Json
        && let Err(error) = print(report.json()).await
    {
        error!("the report cannot be printed: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_values_of_checks_that_cannot_be_published_where_there_are_any() {
        let line = |dropped_values| {
            let handed_out = HandedOut { windows: 1, dropped: vec![0], dropped_values };
            Outcome::of(&handed_out, 0, None, Duration::ZERO).line
        };
        assert!(line(3).contains(" dropped_values=3 flush="), "{}", line(3));
        assert!(!line(0).contains("dropped_values"), "{}", line(0));
    }
}
