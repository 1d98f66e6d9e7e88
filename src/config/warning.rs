//! Settings that are valid but most likely a mistake: each is used as it is, with a warning.

use std::env;
use std::time::Duration;

use super::mistyped::{SIDECAR_ALONE, is_left_out};
use super::options::otlp::{OTLP_ENDPOINT, OTLP_HEADER, RESOURCE_ATTRIBUTES, SAMPLE_POINTS};
use super::options::{CA_FILE, REGION};
use super::otlp::ignored;
use super::{ApiAddress, Place, Publish, Reporting, Scope, Settings};
use crate::config::cli::{Cli, PREFIX, known_variables};
use crate::config::typed::Typed;

/// All warnings, a sentence each.
pub fn all(settings: &Settings, cli: &Cli) -> Vec<String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let suspects: Vec<_> = names.filter(|name| is_suspect(name)).collect();
    let known = if suspects.is_empty() { Vec::new() } else { known_variables() };
    let suspects = suspects.iter();
    let mut warnings: Vec<_> = suspects.filter_map(|name| unknown_variable(name, &known)).collect();
    warnings.sort_unstable();
    // By OTLP there are no such graphs: PromQL takes any step.
    let mut publishers = settings.publishing.publishers.iter();
    let goes_to_cloudwatch =
        publishers.any(|publish| [Publish::CloudWatch, Publish::Emf].contains(publish));
    let period = cli.value("period").filter(|_| goes_to_cloudwatch);
    let until_alone = cli.value("until-alone").filter(|_| settings.measuring.until_alone.is_some());
    let once = cli.value("once").filter(|_| settings.measuring.once);
    let with_end = [until_alone, once].into_iter().flatten();
    let beside_command = with_end.filter(|_| !settings.command.is_empty());
    warnings.extend(beside_command.map(|typed| {
        let origin = typed.origin;
        format!("{origin} has no effect with a command: measuring ends with the command")
    }));
    warnings.extend(period.and_then(|typed| odd_period(&typed.origin, settings.measuring.period)));
    for option in TEXTS {
        warnings.extend(cli.occurrences(option).iter().flatten().filter_map(odd_text));
    }
    warnings.extend(without_effect(settings, cli));
    let publishing = &settings.publishing;
    if publishing.publishers.contains(&Publish::Otlp) {
        warnings.extend(ignored::warnings(&publishing.otlp, &|name: &str| env::var(name).ok()));
        warnings.extend(surplus_regions(settings, cli));
    }
    warnings.extend(SECRETS.iter().filter_map(|name| quoted_secret(name)));
    warnings
}

/// The variables of credentials, whose values are never shown.
const SECRETS: &[&str] = &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The warning for credentials with quotes around them, with which no request is accepted.
fn quoted_secret(name: &str) -> Option<String> {
    let value = env::var(name).ok()?;
    value
        .starts_with(['"', '\''])
        .then(|| format!("{name} begins with a quote: an env file keeps quotes, so leave them out"))
}

/// Options whose values are texts of the user's own.
const TEXTS: &[&str] = &["namespace", "service", "dimension", "tags", "pod-exclude", "profile"];

/// The warning for a text that somebody has most likely typed for something else to change it first.
fn odd_text(typed: &Typed) -> Option<String> {
    let Typed { text, origin, is_in_file, .. } = typed;
    let value = text.split_once('=').map_or(&**text, |(_, value)| value);
    let is_in = |[first, last]: [char; 2]| {
        value.len() > 1 && value.starts_with(first) && value.ends_with(last)
    };
    let variable = value.split_once('$').map(|(_, after)| after);
    let is_variable = variable.is_some_and(|after| {
        after.starts_with(|first: char| "({_".contains(first) || first.is_ascii_alphabetic())
    });
    let what = if is_in(['"', '"']) || is_in(['\'', '\'']) {
        "the quotes are a part of it: an env file and a JSON array keep them, so leave them out"
    } else if is_variable && !is_in_file {
        "nothing has replaced the variable or command in it: only a shell does that"
    } else if value.contains("{{") || is_in(['<', '>']) {
        "nothing has replaced the placeholder in it"
    } else if !text.contains('=') && *value != *value.trim() {
        // Blanks around the name and the value of a dimension are left out.
        "it begins or ends with a blank"
    } else {
        return None;
    };
    Some(format!("{origin} {:?} is taken as it is, but {what}", typed.shown()))
}

/// The warnings for options that change nothing with these settings.
fn without_effect(settings: &Settings, cli: &Cli) -> Vec<String> {
    let has = |publish| settings.publishing.publishers.contains(&publish);
    let of_aws = "nothing is sent to CloudWatch by requests";
    // A preview is a switch: all else stays as it is.
    let (by_otlp, otlp) = (has(Publish::Otlp), &settings.publishing.otlp);
    let is_aws = has(Publish::CloudWatch) || (by_otlp && otlp.endpoint.is_none());
    let is_for_aws = is_aws || has(Publish::Console) || cli.is_explain();
    let is_for_otlp = by_otlp || has(Publish::Console);
    let place = settings.history.as_ref().map(|history| &history.place);
    let api = settings.api.as_ref();
    let has_port = api.is_some_and(|api| matches!(api.address, ApiAddress::Tcp(_)));
    let is_insecure = api.is_some_and(|api| api.is_exposed() && api.tls.is_none());
    let has_folder = matches!(place, Some(Place::Folder(_)));
    let unused = [
        ("region", is_for_aws || by_otlp, of_aws),
        ("endpoint-url", is_for_aws, of_aws),
        ("profile", is_for_aws, of_aws),
        (CA_FILE, is_for_aws || by_otlp, "it is of --publish cloudwatch and otlp"),
        (OTLP_ENDPOINT, is_for_otlp, OF_OTLP),
        (OTLP_HEADER, is_for_otlp, OF_OTLP),
        (RESOURCE_ATTRIBUTES, is_for_otlp, OF_OTLP),
        (SAMPLE_POINTS, is_for_otlp, OF_OTLP),
        (
            "output",
            has(Publish::Console) || settings.report != Reporting::No || !cli.is_run(),
            "it is of --publish console, --report and explain",
        ),
        (
            "memory",
            settings.measuring.scope != Scope::Host,
            "it is of a container, task or pod, and not of --scope host",
        ),
        ("api-token-file", settings.api.is_some(), OF_API),
        ("api-host", settings.api.is_some(), OF_API),
        (
            "state",
            settings.api.is_some() || settings.collectd_socket.is_some() || cli.has_files(),
            "it is of --api or --config",
        ),
        ("watch-config", cli.has_files(), "it is of --config, which is not set"),
        ("api-tls-cert", has_port, OF_PORT),
        ("api-insecure", is_insecure, "it is of an address without TLS that others can reach"),
        ("keystone-url", has_port, OF_PORT),
        ("store-size", has_folder, "it is of a folder in --store"),
        ("store-sync", has_folder, "it is of a folder in --store"),
    ];
    let warning = |(option, has_effect, why): (&str, bool, &str)| {
        let typed = cli.value(option).filter(|_| !has_effect)?;
        Some(format!("{} has no effect: {why}", typed.origin))
    };
    unused.into_iter().filter_map(warning).collect()
}

/// The warning for regions that look as if each had an endpoint, where the endpoint is a URL of OTLP.
fn surplus_regions(settings: &Settings, cli: &Cli) -> Option<String> {
    let publishing = &settings.publishing;
    let (regions, otlp) = (cli.values(REGION), &publishing.otlp);
    let is_alone = !publishing.publishers.contains(&Publish::CloudWatch);
    let (first, count) = (regions.first()?, regions.len());
    (count > 1 && is_alone && otlp.endpoint.is_some()).then(|| {
        format!(
            "{} is given {count} times, and only the first counts with {}: give --{OTLP_ENDPOINT} once for each endpoint",
            first.origin, otlp.endpoint_origin
        )
    })
}

const OF_OTLP: &str = "it is of --publish otlp";

const OF_API: &str = "it is of --api, which is not set";

const OF_PORT: &str = "it is of --api with a port, which is not set";

/// Whether a variable may be meant for this program. Only these are compared with each of its own
/// variables, which takes a while.
fn is_suspect(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.contains("CLOUDWATCH_") || name.contains("_AGENT_")
}

/// The warning for a variable that looks like one of this program's and is none.
fn unknown_variable(name: &str, known: &[String]) -> Option<String> {
    let option = name.strip_prefix(PREFIX).map(|option| option.to_lowercase().replace('_', "-"));
    if option.is_some_and(|option| is_left_out(&option)) {
        return Some(format!("variable {name} has no effect: {SIDECAR_ALONE}"));
    }
    if known.iter().any(|known| known == name) || is_of_kubernetes(name) {
        return None;
    }
    let distance = |known: &str| strsim::osa_distance(&name.to_ascii_uppercase(), known);
    let nearest = known.iter().min_by_key(|known| distance(known))?;
    let is_near = distance(nearest) <= MOST_MISTAKES;
    match (name.strip_prefix(PREFIX), is_near) {
        (_, true) => Some(format!("variable {name} is unknown; did you mean {nearest}?")),
        (Some(_), false) => Some(format!("variable {name} is unknown and ignored")),
        (None, false) => None,
    }
}

/// Kubernetes gives each container variables for the Services of its namespace, and so does Docker for
/// links. A Service of this program's name makes some that begin like this program's own.
fn is_of_kubernetes(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.contains("_PORT")
}

/// The warning for a period that CloudWatch graphs do not have.
fn odd_period(origin: &str, period: Duration) -> Option<String> {
    let seconds = period.as_secs();
    if is_of_cloudwatch(seconds) {
        return None;
    }
    let below = (1..seconds).rev().find(|below| is_of_cloudwatch(*below))?;
    let whole = (1..).map(|windows| windows * seconds).find(|whole| is_of_cloudwatch(*whole))?;
    Some(format!(
        "{origin} {seconds}: CloudWatch graphs need 1, 5, 10, 20, 30 or a multiple of 60, not {seconds} s: \
         they have gaps at {below} s, and {} windows in each point at {whole} s",
        whole / seconds
    ))
}

/// `Period` of GetMetricData and of alarms (API reference of `MetricStat`).
fn is_of_cloudwatch(seconds: u64) -> bool {
    [1, 5, 10, 20, 30].contains(&seconds) || seconds.is_multiple_of(60)
}

/// Letters that are wrong, missing, too many or changed places. More than that is another name.
const MOST_MISTAKES: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_variable_is_told_with_the_nearest_name() {
        let nearest = |name: &str| {
            assert!(is_suspect(name), "{name}");
            let warning = unknown_variable(name, &known_variables())?;
            let (_, nearest) = warning.split_once("did you mean ")?;
            Some(nearest.trim_end_matches('?').to_owned())
        };
        for (name, expected) in [
            ("CLOUDWATCH_METRICS_AGENT_PEROID", "CLOUDWATCH_METRICS_AGENT_PERIOD"),
            ("CLOUDWATCH_METRICS_AGENT_DIMENSIONS", "CLOUDWATCH_METRICS_AGENT_DIMENSION"),
            ("CLOUDWATCH_METRICS_AGENT_DRYRUN", "CLOUDWATCH_METRICS_AGENT_DRY_RUN"),
            ("CLOUDWATCH_METRIC_AGENT_PERIOD", "CLOUDWATCH_METRICS_AGENT_PERIOD"),
            ("cloudwatch_metrics_agent_period", "CLOUDWATCH_METRICS_AGENT_PERIOD"),
        ] {
            assert_eq!(nearest(name).as_deref(), Some(expected), "{name}");
        }
        let name = "CLOUDWATCH_METRICS_AGENT_INTERVAL";
        let expected = format!("variable {name} is unknown and ignored");
        assert_eq!(unknown_variable(name, &known_variables()), Some(expected));
    }

    #[test]
    fn variables_that_are_right_or_of_others_are_not_told() {
        for name in [
            "CLOUDWATCH_METRICS_AGENT_PERIOD",
            "CLOUDWATCH_METRICS_AGENT_SERVICE",
            "CLOUDWATCH_METRICS_AGENT_SERVICE_HOST",
            "CLOUDWATCH_METRICS_AGENT_SERVICE_PORT",
            "CLOUDWATCH_METRICS_AGENT_SERVICE_PORT_HTTP",
            "CLOUDWATCH_METRICS_AGENT_PORT",
            "CLOUDWATCH_METRICS_AGENT_PORT_8080_TCP_ADDR",
            "CLOUDWATCH_METRICS_AGENT_WEB_SERVICE_HOST",
            "PATH",
            "CLOUDWATCH_NAMESPACE",
            "",
        ] {
            assert_eq!(unknown_variable(name, &known_variables()), None, "{name}");
        }
    }

    #[test]
    fn a_text_that_was_meant_to_be_changed_is_told() {
        let odd = |text: &str| odd_text(&Typed::new(text, "--service"));
        for (text, what) in [
            ("\"web\"", "the quotes are a part of it"),
            ("'web'", "the quotes are a part of it"),
            ("Stage=\"prod\"", "the quotes are a part of it"),
            ("$(hostname)", "nothing has replaced the variable or command"),
            ("${NS}", "nothing has replaced the variable or command"),
            ("web-$STAGE", "nothing has replaced the variable or command"),
            ("{{ .Values.name }}", "nothing has replaced the placeholder"),
            ("<my-service>", "nothing has replaced the placeholder"),
            ("web ", "it begins or ends with a blank"),
        ] {
            let warning = odd(text).unwrap_or_default();
            let expected = format!("--service {text:?} is taken as it is, but {what}");
            assert!(warning.starts_with(&expected), "{text}: {warning}");
        }
        for text in ["web", "my app", "it's", "a\"b", "$", "US$5", "a<b", "Team=web", "{x}"] {
            assert_eq!(odd(text), None, "{text}");
        }
    }

    #[test]
    fn a_period_that_cloudwatch_has_not_is_told_with_what_it_shows() {
        let told = |seconds| {
            let warning = odd_period("--period", Duration::from_secs(seconds))?;
            let numbers =
                warning.split_once("they have gaps at ")?.1.split(|c: char| !c.is_ascii_digit());
            let numbers = numbers.filter_map(|number| number.parse::<u64>().ok());
            Some(numbers.collect::<Vec<_>>())
        };
        for seconds in [1, 5, 10, 20, 30, 60, 120, 300, 86_400] {
            assert_eq!(told(seconds), None, "{seconds}");
        }
        for (seconds, below, whole, windows) in [
            (2, 1, 10, 5),
            (7, 5, 420, 60),
            (15, 10, 30, 2),
            (45, 30, 180, 4),
            (90, 60, 180, 2),
            (100, 60, 300, 3),
            (86_399, 86_340, 5_183_940, 60),
        ] {
            assert_eq!(told(seconds), Some(vec![below, windows, whole]), "{seconds}");
        }
    }
}
