//! What the files mention and do not have: most likely it is mistyped. It may also come later, through the API.

use super::Settings;
use super::near::did_you_mean;
use crate::model::{AVAILABLE, Configured, Discovers, UTILIZATION};

/// What is said of thresholds, alarms and suppressions of the files.
pub fn warnings(settings: &Settings) -> Vec<String> {
    let mut warnings = of_thresholds(settings);
    warnings.extend(of_alarms(settings));
    warnings.extend(of_suppressions(settings));
    warnings
}

fn of_thresholds(settings: &Settings) -> Vec<String> {
    let checks = &settings.checks.all;
    let ids: Vec<_> = checks.iter().map(|check| check.id.as_str()).chain([UTILIZATION]).collect();
    let mut warnings = Vec::new();
    for of in &settings.checks.thresholds {
        let Some(id) = of.matches.check.as_deref() else { continue };
        if !ids.contains(&id) {
            let near = did_you_mean(id, &ids);
            warnings.push(format!("threshold {}: the files have no check {id:?}{near}", of.id));
            continue;
        }
        let Some(check) = checks.iter().find(|check| check.id == id) else { continue };
        let metrics = [&of.matches.metric, &of.percentage].into_iter().flatten();
        let unknown = metrics.filter_map(|name| no_metric(check, name, false));
        warnings.extend(unknown.map(|text| format!("threshold {}: {text}", of.id)));
    }
    warnings
}

fn of_alarms(settings: &Settings) -> Vec<String> {
    let mut warnings = Vec::new();
    for alarm in &settings.checks.alarms {
        let check = settings.checks.all.iter().find(|check| check.id == alarm.check);
        let mut names: Vec<_> = alarm.criteria.names().collect();
        names.sort_unstable();
        let unknown = names.into_iter().filter_map(|name| no_metric(check?, name, true));
        warnings.extend(unknown.map(|text| format!("alarm {}: {text}", alarm.id)));
    }
    warnings
}

/// What is said of a metric that a check of this type never has. Texts have no bounds, so thresholds do not count them.
fn no_metric(check: &Configured, name: &str, with_texts: bool) -> Option<String> {
    if !matches!(check.kind.discovers, Discovers::Nothing) {
        return None;
    }
    let metrics = check.kind.metrics.iter().filter(|of| with_texts || !of.is_text);
    let names: Vec<_> = metrics.map(|of| of.name).chain([AVAILABLE]).collect();
    (!names.contains(&name)).then(|| {
        let (near, kind) = (did_you_mean(name, &names), check.kind.name);
        format!("{kind} has no metric {name:?}{near}: expected one of {}", names.join(", "))
    })
}

fn of_suppressions(settings: &Settings) -> Vec<String> {
    let checks = settings.checks.all.iter().map(|check| check.id.as_str());
    let checks: Vec<_> = checks.chain([UTILIZATION]).collect();
    let alarms: Vec<_> = settings.checks.alarms.iter().map(|alarm| alarm.id.as_str()).collect();
    let plans: Vec<_> = settings.notifications.plans.iter().map(|plan| plan.id.as_str()).collect();
    let mut warnings = Vec::new();
    for of in &settings.notifications.suppressions {
        let lists = [
            ("check", &of.checks, &checks),
            ("alarm", &of.alarms, &alarms),
            ("notification plan", &of.plans, &plans),
        ];
        for (what, mentioned, known) in lists {
            for id in mentioned.iter().filter(|id| !known.contains(&id.as_str())) {
                let near = did_you_mean(id, known);
                warnings
                    .push(format!("suppression {}: the files have no {what} {id:?}{near}", of.id));
            }
        }
    }
    warnings
}
