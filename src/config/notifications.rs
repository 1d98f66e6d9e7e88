//! Whether the plans of alarms, and the notifications of plans, are there.

use super::Problems;
use super::cli::Cli;
use super::files::Named;
use super::near::did_you_mean;
use super::problems::Blame;
use crate::notification::{ACCOUNT_PLAN, Configured, DEFAULT_PLAN};

/// All that the files have of notifications, and what is most likely a mistake.
pub fn all(cli: &Cli, problems: &mut Problems) -> (Configured, Vec<String>) {
    let files = &cli.files;
    let all = files.notifications.clone();
    let notifications: Vec<_> = all.notifications.iter().map(|of| of.id.as_str()).collect();
    let plans: Vec<_> = all.plans.iter().map(|of| of.id.as_str()).collect();
    for named in &files.named_notifications {
        find(named, &notifications, "notifications", problems);
    }
    let mut warnings = Vec::new();
    for named in &files.named_plans {
        match named.id == ACCOUNT_PLAN && !plans.contains(&ACCOUNT_PLAN) {
            true if plans.contains(&DEFAULT_PLAN) => {}
            true => warnings.push(format!(
                "{} {ACCOUNT_PLAN:?}: nobody is notified: expected this plan below notification_plans:, or {DEFAULT_PLAN}",
                named.origin
            )),
            false => find(named, &plans, "notification_plans", problems),
        }
    }
    (all, warnings)
}

fn find(named: &Named, known: &[&str], section: &str, problems: &mut Problems) {
    let Named { origin, id } = named;
    if !known.contains(&id.as_str()) {
        let near = did_you_mean(id, known);
        let text = format!("{origin} {id:?}: expected an id below {section}:{near}");
        problems.note(Blame::Check, text);
    }
}
