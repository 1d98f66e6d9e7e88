//! Which metric is meant by a name.

use super::source::Metric;
use crate::config::did_you_mean;
use crate::model::UTILIZATION;

/// The metric of this name: CHECK/METRIC, or METRIC alone where it is clear of which check it is.
pub fn choose<'m>(typed: &str, metrics: &'m [Metric]) -> Result<&'m Metric, String> {
    // The id of a check may have a slash in it, too.
    if let Some(metric) = metrics.iter().find(|of| of.full_name() == typed) {
        return Ok(metric);
    }
    // A name of its own may have a slash in it.
    let same: Vec<_> = metrics.iter().filter(|of| of.name == typed).collect();
    if let Some(own) = same.iter().find(|of| of.check == UTILIZATION) {
        return Ok(own);
    }
    match &same[..] {
        [metric] => Ok(metric),
        [] => Err(unknown(typed, metrics)),
        several => {
            let names: Vec<_> = several.iter().map(|of| of.full_name()).collect();
            Err(format!(
                "metric {typed:?} is one of several checks: expected one of {}",
                some(&names)
            ))
        }
    }
}

fn unknown(typed: &str, metrics: &[Metric]) -> String {
    if metrics.is_empty() {
        return format!("metric {typed:?}: the history has no metric yet");
    }
    let how = concat!(env!("CARGO_PKG_NAME"), " query --list lists all");
    let of_check = typed.split_once('/').and_then(|(check, name)| {
        let names: Vec<_> = metrics.iter().filter(|of| of.check == check).collect();
        (!names.is_empty()).then_some((check, name, names))
    });
    if let Some((check, name, names)) = of_check {
        let names: Vec<_> = names.iter().map(|of| of.name.as_str()).collect();
        let near = did_you_mean(name, &names);
        return format!("metric {typed:?}: check {check} has no metric {name:?}{near}; {how}");
    }
    let names: Vec<_> = metrics.iter().map(Metric::full_name).collect();
    let near = match typed.contains('/') {
        true => did_you_mean(typed, &names.iter().map(String::as_str).collect::<Vec<_>>()),
        false => {
            did_you_mean(typed, &metrics.iter().map(|of| of.name.as_str()).collect::<Vec<_>>())
        }
    };
    format!("metric {typed:?}: the history has none of this name{near}; {how}")
}

/// Some of very many.
fn some(names: &[String]) -> String {
    match names.len().checked_sub(MOST_NAMED) {
        Some(more) if more > 0 => format!("{} and {more} more", names[..MOST_NAMED].join(", ")),
        _ => names.join(", "),
    }
}

const MOST_NAMED: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(names: &[&str]) -> Vec<Metric> {
        let metric = |name: &&str| {
            let (check, name) = name.split_once('/').expect("both");
            Metric {
                check: check.to_owned(),
                name: name.to_owned(),
                unit: String::new(),
                letter: 'D',
                is_counter: false,
                newest_ms: None,
            }
        };
        names.iter().map(metric).collect()
    }

    #[test]
    fn a_metric_is_found_by_both_names_or_by_its_own() {
        let all = metrics(&["a/free", "b/free", "b//var/used", "host/cpu", "utilization/cpu"]);
        let chosen = |typed| choose(typed, &all).map(Metric::full_name);
        for (typed, expected) in [
            ("a/free", "a/free"),
            ("cpu", "utilization/cpu"),
            ("host/cpu", "host/cpu"),
            ("b//var/used", "b//var/used"),
            ("/var/used", "b//var/used"),
        ] {
            assert_eq!(chosen(typed).as_deref(), Ok(expected), "{typed}");
        }
        for (typed, expected) in [
            ("free", "metric \"free\" is one of several checks: expected one of a/free, b/free"),
            (
                "cpv",
                "metric \"cpv\": the history has none of this name; did you mean cpu?; \
                 cloudwatch_metrics_agent query --list lists all",
            ),
            (
                "a/fre",
                "metric \"a/fre\": check a has no metric \"fre\"; did you mean free?; \
                 cloudwatch_metrics_agent query --list lists all",
            ),
            (
                "hots/cpu",
                "metric \"hots/cpu\": the history has none of this name; did you mean host/cpu?; \
                 cloudwatch_metrics_agent query --list lists all",
            ),
        ] {
            assert_eq!(chosen(typed), Err(expected.to_owned()));
        }
        let none = "metric \"cpu\": the history has no metric yet".to_owned();
        assert_eq!(choose("cpu", &[]).map(Metric::full_name), Err(none));
    }

    #[test]
    fn of_very_many_names_some_are_said() {
        let names: Vec<_> = (0..12).map(|number| format!("c{number:02}/x")).collect();
        let all = metrics(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let error = choose("x", &all).map(Metric::full_name).expect_err("it is ambiguous");
        assert!(error.ends_with("c08/x, c09/x and 2 more"), "{error}");
    }
}
