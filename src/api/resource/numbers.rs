//! The agent's own numbers and the newest value of each metric, as a page for Prometheus.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::task::yield_now;

use super::check::{self, Found};
use super::value::is_stale;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::latest::Newest;
use crate::api::reply::Reply;
use crate::api::state::State;
use crate::event::Severity;
use crate::model::{Kind, Quantity};
use crate::notify::Counts;
use crate::sorted::sort_by;
use crate::store::export::label;

/// The version of the text format that Prometheus reads.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub async fn page(asked: Asked) -> Result<Reply, Failure> {
    let state = &asked.state;
    let mut checks = check::all(state).await?;
    sort_by(&mut checks, |(one, _), (other, _)| one.cmp(other));
    let mut page = Page::default();
    own(state, &mut page);
    events(state, &mut page);
    outcomes(state, &checks, &mut page);
    values(state, &checks, &mut page).await;
    Ok(Reply::text(page.0, TEXT))
}

/// Families of samples, each with its help and type.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Begins a family.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
    }

    /// A sample of the family.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.0, "{PREFIX}{name}");
        for (place, (name, value)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{}", label(name, value));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

/// Since 1970.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// What the agent has done.
fn own(state: &State, page: &mut Page) {
    page.family("build_info", "gauge", "The version of the agent; always 1.");
    page.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    let help = "When the agent was started.";
    page.single("start_time_seconds", "gauge", help, seconds(state.started_time));
    let (samples, windows) = {
        let latest = state.latest.borrow();
        (latest.samples as f64, latest.windows as f64)
    };
    page.single("samples_total", "counter", "Samples of CPU and memory.", samples);
    page.single("windows_total", "counter", "Windows that were summarized.", windows);
    let counts = &state.counts;
    let connections = counts.connections.get() as f64;
    page.single("api_connections", "gauge", "Open connections of the API.", connections);
    let refused = counts.refused.get() as f64;
    let help = "Connections that were refused because there were too many.";
    page.single("api_refused_connections_total", "counter", help, refused);
    let dropped = state.control.thresholds.borrow().dropped() as f64;
    let help = "Times that a metric had no state of a threshold because there were too many.";
    page.single("thresholds_dropped_total", "counter", help, dropped);
    if let Some(history) = &state.history {
        let name = "history_rejected_points_total";
        page.family(name, "counter", "Points that are not in the history, by reason.");
        let counts = history.counts();
        for (reason, count) in [
            ("time", counts.rejected_times),
            ("value", counts.rejected_values),
            ("series", counts.rejected_series),
            ("room", counts.dropped),
        ] {
            page.sample(name, &[("reason", reason)], count as f64);
        }
    }
    page.family("api_requests_total", "counter", "Requests that were answered, by status.");
    for (class, count) in ["2xx", "3xx", "4xx", "5xx"].iter().zip(&counts.answers) {
        page.sample("api_requests_total", &[("status", class)], count.get() as f64);
    }
}

/// What has happened, and who was told of it.
fn events(state: &State, page: &mut Page) {
    let events = state.events().borrow();
    let name = "events_total";
    page.family(name, "counter", "Events since the start, by severity.");
    for severity in Severity::ALL {
        page.sample(name, &[("severity", severity.name())], events.raised(severity) as f64);
    }
    let streams = state.counts.streams.get() as f64;
    page.single("api_streams", "gauge", "Open streams of the API.", streams);
    let all = &state.control.notifications;
    let set = all.set.borrow();
    if set.notifications.all().is_empty() {
        return;
    }
    let name = "notifications_total";
    page.family(name, "counter", "What became of notifications, by id and outcome.");
    for id in set.notifications.all().keys() {
        let Counts { sent, failed, dropped, .. } = all.counts(id);
        for (outcome, count) in [("sent", sent), ("failed", failed), ("dropped", dropped)] {
            page.sample(name, &[("notification", id), ("outcome", outcome)], count as f64);
        }
    }
    let help = "Changes of alarms of which nobody was notified because of suppressions.";
    page.single("suppressed_changes_total", "counter", help, all.suppressed() as f64);
}

/// How the newest run of each check ended.
fn outcomes(state: &State, checks: &[(String, Found)], page: &mut Page) {
    let latest = state.latest.borrow();
    let configured = checks.iter().filter(|(_, of)| matches!(of, Found::Configured(_)));
    let ran: Vec<_> = configured.filter_map(|(id, _)| Some((&**id, latest.outcome(id)?))).collect();
    if ran.is_empty() {
        return;
    }
    let name = "check_available";
    page.family(name, "gauge", "Whether the newest run of the check gave a result.");
    for (id, of) in &ran {
        page.sample(name, &[("check", id)], f64::from(u8::from(of.is_available)));
    }
    let name = "check_run_duration_seconds";
    page.family(name, "gauge", "How long the newest run of the check took.");
    for (id, of) in &ran {
        page.sample(name, &[("check", id)], of.took.as_secs_f64());
    }
    let name = "check_run_time_seconds";
    page.family(name, "gauge", "When the newest run of the check ended.");
    for (id, of) in &ran {
        page.sample(name, &[("check", id)], seconds(of.time));
    }
}

/// With many metrics the page takes longer than a sample may be late: others go on after some of them.
async fn pause_after(count: usize) {
    if count % 256 == 255 {
        yield_now().await;
    }
}

/// The newest values that are numbers and not stale.
async fn values(state: &State, checks: &[(String, Found)], page: &mut Page) {
    let (mut gauges, mut counters) = (Vec::new(), Vec::new());
    for (id, of) in checks {
        let mut names = state.latest.borrow().names(id);
        names.sort_unstable();
        for name in names {
            pause_after(gauges.len() + counters.len()).await;
            let newest = state.latest.borrow().value(id, &name);
            let Some(newest) = newest.filter(|newest| !is_stale(state, of, newest)) else {
                continue;
            };
            let Newest { metric, quantity, .. } = newest;
            let value = match quantity {
                Quantity::Number(value) => value,
                Quantity::Many(of) => of.mean(),
                Quantity::Text(_) => continue,
            };
            let all = if metric.kind == Kind::Counter { &mut counters } else { &mut gauges };
            all.push((&**id, name, metric, value));
        }
    }
    for (family, kind, help, values) in [
        ("value", Kind::Gauge, "The newest value of a metric of a check.", gauges),
        (
            "value_total",
            Kind::Counter,
            "The newest total of a metric of a check that only grows.",
            counters,
        ),
    ] {
        if values.is_empty() {
            continue;
        }
        page.family(family, kind.name(), help);
        for (place, (id, name, metric, value)) in values.into_iter().enumerate() {
            pause_after(place).await;
            let labels = [("check", id), ("metric", &*name), ("unit", metric.unit_name())];
            page.sample(family, &labels, value);
        }
    }
}

/// In front of each name.
const PREFIX: &str = "cloudwatch_metrics_agent_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_may_have_any_character() {
        let mut page = Page::default();
        page.family("value", "gauge", "Some help.");
        page.sample("value", &[("check", "a\"b\\c\nd"), ("unit", "")], 1.5);
        page.sample("value", &[], 1e21);
        let expected = "# HELP cloudwatch_metrics_agent_value Some help.\n\
                        # TYPE cloudwatch_metrics_agent_value gauge\n\
                        cloudwatch_metrics_agent_value{check=\"a\\\"b\\\\c\\nd\",unit=\"\"} 1.5\n\
                        cloudwatch_metrics_agent_value 1000000000000000000000\n";
        assert_eq!(page.0, expected);
    }
}
