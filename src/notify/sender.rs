//! Sends an event to one notification, once.

use std::path::PathBuf;

use futures_util::future::LocalBoxFuture;
use log::{info, warn};
use tokio::sync::Semaphore;

use super::{exec, webhook};
use crate::event::{Event, Severity};
use crate::logging::CHECKS;
use crate::notification::{EXEC, Notification, WEBHOOK};
use crate::shown::shown;

/// Sends events.
pub trait Sender {
    /// Sends an event, and the same as JSON. The error is a sentence without secrets.
    fn send<'a>(
        &'a self,
        to: &'a Notification,
        event: &'a Event,
        json: String,
    ) -> LocalBoxFuture<'a, Result<(), String>>;
}

/// Sends them where they are to go.
pub struct Real {
    plugins: PathBuf,
    webhooks: Semaphore,
    programs: Semaphore,
}

impl Real {
    pub fn of(plugins: PathBuf) -> Self {
        let [webhooks, programs] = [MOST_AT_ONCE; 2].map(Semaphore::new);
        Self { plugins, webhooks, programs }
    }
}

impl Sender for Real {
    fn send<'a>(
        &'a self,
        to: &'a Notification,
        event: &'a Event,
        json: String,
    ) -> LocalBoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            if to.kind == &WEBHOOK {
                let _turn = self.webhooks.acquire().await;
                webhook::send(to, json).await
            } else if to.kind == &EXEC {
                let _turn = self.programs.acquire().await;
                exec::send(to, &self.plugins, event, json).await
            } else {
                log(to, event);
                Ok(())
            }
        })
    }
}

fn log(to: &Notification, event: &Event) {
    let of = event.subject().map(|of| format!("{of} "));
    let state = event.state.as_ref().map(|state| format!("is {state}: "));
    let what = format!("{}{}", of.unwrap_or_default(), state.unwrap_or_default());
    let line = format!("notification {}: {what}{}", shown(&to.id), shown(&event.message));
    match event.severity {
        Severity::Info => info!(target: CHECKS, "{line}"),
        _ => warn!("{line}"),
    }
}

/// How many webhooks, and how many programs, are under way at once. The others wait for their turn, which some that hang
/// are not to take from all. Each has a connection, or a process.
const MOST_AT_ONCE: usize = 8;
