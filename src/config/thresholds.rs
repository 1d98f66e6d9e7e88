//! Thresholds of metrics that are most likely mistyped.

use super::Settings;
use super::near::did_you_mean;
use crate::model::{AVAILABLE, Discovers, UTILIZATION};

/// What is said of thresholds of the files: of checks and metrics that the files have no others of.
pub fn warnings(settings: &Settings) -> Vec<String> {
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
        if !matches!(check.kind.discovers, Discovers::Nothing) {
            continue;
        }
        let names = check.kind.metrics.iter().filter(|of| !of.is_text).map(|of| of.name);
        let names: Vec<_> = names.chain([AVAILABLE]).collect();
        for metric in [&of.matches.metric, &of.percentage].into_iter().flatten() {
            if !names.contains(&metric.as_str()) {
                let (near, kind) = (did_you_mean(metric, &names), check.kind.name);
                warnings.push(format!(
                    "threshold {}: {kind} has no metric {metric:?}{near}: expected one of {}",
                    of.id,
                    names.join(", ")
                ));
            }
        }
    }
    warnings
}
