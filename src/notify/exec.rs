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
        ("NOTIFICATION_ID", to.id.clone()),
        ("EVENT_ID", event.id.to_string()),
        ("EVENT_KIND", event.kind.name().to_owned()),
        ("EVENT_SEVERITY", event.severity.name().to_owned()),
        ("EVENT_CHECK_ID", text(&event.check)),
        ("EVENT_ALARM_ID", text(&event.alarm)),
        ("EVENT_STATE", text(&event.state)),
        ("EVENT_PREVIOUS_STATE", text(&event.previous_state)),
        // A variable ends at such a byte.
        ("EVENT_MESSAGE", event.message.replace('\0', "")),
    ];
    all.map(|(name, value)| (name.to_owned(), value)).into()
}

const USUAL_LIMIT: Duration = Duration::from_secs(30);
