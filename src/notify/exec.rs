//! A program that is told of an event.

use std::path::Path;
use std::time::Duration;

use crate::check::plugin;
use crate::event::Event;
use crate::notification::Notification;

/// Runs the program once, with the event on its standard input and in a few variables.
pub async fn send(
    to: &Notification,
    folder: &Path,
    event: &Event,
    json: String,
) -> Result<(), String> {
    let file = to.details.text("file").unwrap_or_default();
    let limit = to.details.lasting("timeout").unwrap_or(USUAL_LIMIT);
    let variables = variables(to, event);
    let input = json + "\n";
    plugin::hand_over(folder, file, to.details.list("args"), &variables, &input, limit).await
}

fn variables(to: &Notification, event: &Event) -> Vec<(String, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let all = [
        ("notification_id", to.id.clone()),
        ("event_id", event.id.to_string()),
        ("event_kind", event.kind.name().to_owned()),
        ("event_severity", event.severity.name().to_owned()),
        ("event_check_id", text(&event.check)),
        ("event_alarm_id", text(&event.alarm)),
        ("event_threshold_id", text(&event.threshold)),
        ("event_state", text(&event.state)),
        ("event_previous_state", text(&event.previous_state)),
        // A variable ends at such a byte.
        ("event_message", event.message.replace('\0', "")),
    ];
    all.map(|(name, value)| (name.to_uppercase(), value)).into()
}

const USUAL_LIMIT: Duration = Duration::from_secs(30);
