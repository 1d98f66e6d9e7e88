//! The types of notifications.

use crate::model::{Details, Form, Setting};

/// A way in which somebody is told.
#[derive(Debug)]
pub struct NotificationType {
    pub name: &'static str,
    /// What it is, in one sentence without an end.
    pub about: &'static str,
    /// What can be set below `details`.
    pub settings: &'static [Setting],
}

/// All of them.
pub static TABLE: &[&NotificationType] = &[&WEBHOOK, &EXEC, &LOG];

pub static WEBHOOK: NotificationType = NotificationType {
    name: "webhook",
    about: "Sends the event to a URL of HTTP or HTTPS, as JSON by POST",
    settings: &[
        Setting::required("url", Form::Text, "Where the event is sent", "https://example.com/hook"),
        Setting::optional(
            "secret",
            Form::Secret,
            "The key of the signature of each request (HMAC with SHA-256)",
            "${HOOK_SECRET}",
        ),
    ],
};

pub static EXEC: NotificationType = NotificationType {
    name: "exec",
    about: "Runs a program, which is a file in the folder of --plugins, with the event as JSON on its standard input",
    settings: &[
        Setting::required(
            "file",
            Form::Text,
            "The name of the file in the folder of plugins",
            "page.sh",
        ),
        Setting::optional("args", Form::List, "The arguments, one an item", "[--team, web]"),
        Setting::optional(
            "timeout",
            Form::Lasting(0.1, 300.0),
            "How long the program may run; 30 s where it is not set",
            "10",
        ),
    ],
};

static LOG: NotificationType = NotificationType {
    name: "log",
    about: "Writes a line to the log of the agent: a warning, or at the level info where all is well again",
    settings: &[],
};

impl PartialEq for NotificationType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl NotificationType {
    /// The type of this name.
    pub fn of(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|kind| kind.name == name).copied()
    }

    /// What is wrong with details that are each valid: a sentence that shows no secret.
    pub fn mistake(&self, details: &Details) -> Option<String> {
        let file = details.text("file")?;
        let is_name = !file.contains('/') && !["", ".", ".."].contains(&file);
        let text = "expected the name of a file in the folder of --plugins, without a path";
        (!is_name).then(|| format!("file {file:?}: {text}"))
    }
}
