//! `config example`: a file with every key and what it means, made from the definitions.

use super::file::{CHECKS, NOTIFICATIONS, PLANS, SUPPRESSIONS, THRESHOLDS, options_of_file};
use super::options::options;
use crate::model::{CheckType, Setting};
use crate::notification::TABLE as NOTIFICATION_TYPES;

/// The file. Each key has a `#` in front of it, and each sentence a `#` and a blank: a key that loses its
/// `#` has an effect.
pub fn file(table: &[&'static CheckType]) -> String {
    let mut lines: Vec<String> = HEAD.lines().map(str::to_owned).collect();
    let (all, names) = (options(), options_of_file());
    let mut heading = None;
    for option in all.iter().filter(|option| names.contains(&option.get_id().to_string())) {
        if heading != option.get_help_heading() {
            heading = option.get_help_heading();
            let heading = heading.unwrap_or_default();
            lines.extend([
                String::new(),
                format!("# {heading}"),
                format!("# {}", "-".repeat(heading.len())),
            ]);
        }
        let help = option.get_help().map(ToString::to_string).unwrap_or_default();
        lines.extend(wrapped(&help, ""));
        let name = option.get_id().as_str();
        lines.push(format!("#{name}: {}", value(name)));
    }
    lines.push(String::new());
    lines.extend(CHECKS_HEAD.lines().map(str::to_owned));
    lines.push(format!("#{CHECKS}:"));
    for (place, kind) in table.iter().enumerate() {
        lines.extend(check(kind, place == 0));
    }
    lines.push(String::new());
    lines.extend(THRESHOLDS_HEAD.lines().map(str::to_owned));
    lines.push(format!("#{THRESHOLDS}:"));
    lines.push("  #my-threshold:".to_owned());
    lines.extend(keys(OF_THRESHOLD));
    lines.push(String::new());
    lines.extend(NOTIFICATIONS_HEAD.lines().map(str::to_owned));
    lines.push(format!("#{NOTIFICATIONS}:"));
    for (place, kind) in NOTIFICATION_TYPES.iter().enumerate() {
        lines.extend(wrapped(kind.about, "  "));
        lines.push(format!("  #my-{}:", kind.name));
        lines.push(format!("    #type: {}", kind.name));
        if place == 0 {
            lines.extend(keys(OF_NOTIFICATION));
        }
        lines.extend(details(kind.settings));
    }
    lines.push(String::new());
    for (section, id, all) in
        [(PLANS, "on-call", OF_PLAN), (SUPPRESSIONS, "maintenance", OF_SUPPRESSION)]
    {
        lines.push(format!("#{section}:"));
        lines.push(format!("  #{id}:"));
        lines.extend(keys(all));
    }
    lines.join("\n")
}

/// Keys of something with an id, each with what it means.
fn keys(all: &[(&str, &str, &str)]) -> Vec<String> {
    let lines = all.iter().flat_map(|(key, value, about)| {
        let about = wrapped(about, "    ");
        about.into_iter().chain([format!("    #{key}: {value}")])
    });
    lines.collect()
}

fn details(settings: &[Setting]) -> Vec<String> {
    let mut lines = Vec::new();
    if !settings.is_empty() {
        lines.push("    #details:".to_owned());
    }
    for Setting { name, about, is_required, example, .. } in settings {
        let needed = if *is_required { "required" } else { "optional" };
        lines.extend(wrapped(&format!("{about} ({needed})"), "      "));
        lines.push(format!("      #{name}: {example}"));
    }
    lines
}

/// A check of a type, the first one with all that checks have in common.
fn check(kind: &CheckType, is_first: bool) -> Vec<String> {
    let mut lines = wrapped(kind.about, "  ");
    let id = kind.name.rsplit('.').next().unwrap_or(kind.name);
    lines.push(format!("  #my-{}:", id.replace('_', "-")));
    lines.push(format!("    #type: {}", kind.name));
    if is_first {
        lines.extend(keys(COMMON));
    }
    lines.extend(details(kind.settings));
    let numbers = kind.metrics.iter().filter(|metric| !metric.is_text).map(|metric| metric.name);
    let headlines = kind.metrics.iter().filter(|metric| metric.is_headline);
    let headlines: Vec<_> = headlines.map(|metric| metric.name).collect();
    if !kind.metrics.is_empty() {
        let of = format!("Any of {}, available", numbers.collect::<Vec<_>>().join(", "));
        lines.extend(wrapped(&of, "    "));
        lines.push(format!("    #publish: [{}]", headlines.join(", ")));
    }
    lines
}

/// A sentence as comments of a bearable width.
fn wrapped(text: &str, indentation: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| line.len() + 1 + word.len() <= WIDTH) {
            Some(line) => line.extend([" ", word]),
            None => lines.push(format!("{indentation}# {word}")),
        }
    }
    lines
}

/// A value of an option as an example: the default where there is one.
fn value(option: &str) -> &'static str {
    let example = EXAMPLES.iter().find(|(name, _)| *name == option);
    example.map_or("", |(_, value)| value)
}

const EXAMPLES: &[(&str, &str)] = &[
    ("scope", "auto"),
    ("metrics", "[cpu, memory]"),
    ("memory", "used"),
    ("period", "60s"),
    ("sample-interval", "900ms"),
    ("per-container", "no"),
    ("pod-exclude", "[istio-proxy]"),
    ("until-alone", "30s"),
    ("report", "yes"),
    ("namespace", "MyApp"),
    ("service", "web"),
    ("dimension", "{Stage: prod, Team: web}"),
    ("tags", "{Owner: \"us, them\"}"),
    ("auto-dimensions", "[instance-id, availability-zone]"),
    ("dimension-set", "[ServiceName, ServiceName+Stage]"),
    ("publish", "[cloudwatch]"),
    ("statistics", "median-max"),
    ("buffer", "60"),
    ("shutdown-timeout", "8s"),
    ("otlp-endpoint", "[http://127.0.0.1:4318/v1/metrics]"),
    ("otlp-header", "[x-scope-orgid=web]"),
    ("resource-attributes", "default"),
    ("sample-points", "no"),
    ("plugins", "/usr/lib/cloudwatch-metrics-agent/plugins"),
    ("max-metrics", "100"),
    ("watch-config", "no"),
    ("state", "/var/lib/cloudwatch-metrics-agent/state"),
    ("store", "/var/lib/cloudwatch-metrics-agent"),
    ("store-size", "256MB"),
    ("store-sync", "60s"),
    ("api", "unix:/run/cloudwatch-metrics-agent.sock"),
    ("api-token-file", "/etc/cloudwatch-metrics-agent/tokens"),
    ("api-host", "[agent.local]"),
    ("api-tls-cert", "/etc/cloudwatch-metrics-agent/api.pem"),
    ("api-tls-key", "/etc/cloudwatch-metrics-agent/api.key"),
    ("api-client-ca", "/etc/cloudwatch-metrics-agent/clients.pem"),
    ("api-insecure", "no"),
    ("keystone-url", "https://keystone.example:5000"),
    ("keystone-project", "ops"),
    ("keystone-write-role", "admin"),
    ("collectd-socket", "/run/collectd-unixsock"),
    ("region", "[eu-west-1]"),
    ("endpoint-url", "[https://monitoring.eu-west-1.amazonaws.com]"),
    ("ca-file", "/etc/ssl/certs/own-authority.pem"),
    ("profile", "default"),
    ("dry-run", "no"),
    ("live", "no"),
    ("once", "no"),
    ("output", "text"),
];

/// What every check has. The type stands above, and details and publish below.
const COMMON: &[(&str, &str, &str)] = &[
    ("label", "my check", "Its name for people [default: the id]"),
    ("disabled", "no", "Whether it does not run [default: no]"),
    ("period", "60s", "Time from one run to the next, 1 s to 30 min [default: 60]"),
    (
        "timeout",
        "30s",
        "A run that takes longer is given up; less than the period [default: 30, or half of the period]",
    ),
    ("metadata", "{owner: us}", "Names and values of your own"),
    (
        "alarms",
        "{busy: {criteria: \"if (metric['user_percent_average'] > 90) { return new AlarmStatus(WARNING); }\"}}",
        "What is an alarm: criteria that give OK, WARNING or CRITICAL after each run, each with an id",
    ),
];

/// What a threshold has.
const OF_THRESHOLD: &[(&str, &str, &str)] = &[
    ("label", "my threshold", "Its name for people [default: the id]"),
    ("disabled", "no", "Whether it is as if it was not there [default: no]"),
    ("check", "utilization", "The id of the check whose metrics it is of; this is CPU and memory"),
    ("metric", "memory", "The name of the metric, without its target; without it each metric"),
    ("target", "eth0", "What the metric is of, where it has a target; without it each target"),
    ("warning_min", "5", "The least value that is no warning, in the unit of the metric"),
    ("warning_max", "85", "The greatest value that is no warning"),
    ("failure_min", "1", "The least value that is no failure"),
    ("failure_max", "95", "The greatest value that is no failure"),
    ("invert", "no", "Whether the values between the bounds are the bad ones [default: no]"),
    ("percentage", "total", "The metric of the same check that values are taken in percent of"),
    ("of", "value", "Any of value, rate, median of a window, max of a window [default: value]"),
    ("hits", "3", "So many bad values in a row make the state worse, 1 to 100 [default: 1]"),
    ("hysteresis", "2", "How far a value has to be back within a bound [default: 0]"),
    ("persist", "no", "Whether each bad value is told, and not only the change [default: no]"),
    ("persist_ok", "no", "Whether each good value is told, too [default: no]"),
    ("missing", "warning", "What a missing value is: ignore, warning or failure [default: ignore]"),
    ("missing_after", "2", "So many missing in a row, 1 to 100 [default: 2]"),
    ("notification_plan_id", "on-call", "Who is told of changes [default: the plan default]"),
];

/// What a notification has. The type stands above, and details below.
const OF_NOTIFICATION: &[(&str, &str, &str)] = &[
    ("label", "the hook of the team", "Its name for people [default: the id]"),
    ("metadata", "{owner: us}", "Names and values of your own"),
];

/// What a notification plan has.
const OF_PLAN: &[(&str, &str, &str)] = &[
    ("label", "whoever is on call", "Its name for people [default: the id]"),
    (
        "critical_state",
        "[my-webhook, my-log]",
        "The notifications of a CRITICAL alarm, and of a threshold in FAILURE",
    ),
    ("warning_state", "[my-log]", "Those of WARNING"),
    ("ok_state", "[my-webhook]", "Those of OK, after one of these"),
    ("metadata", "{owner: us}", "Names and values of your own"),
];

/// What a suppression has.
const OF_SUPPRESSION: &[(&str, &str, &str)] = &[
    ("label", "the monthly maintenance", "Its name for people [default: the id]"),
    ("start_time", "2026-11-18T22:00:00Z", "When it begins [default: at once]"),
    ("end_time", "2026-11-19T02:00:00Z", "When it ends [default: when it is removed]"),
    ("entities", "[self]", "It is for what is in all of these lists; an empty one is for all"),
    ("checks", "[my-disk]", "Ids of checks"),
    ("alarms", "[full]", "Ids of alarms"),
    ("notification_plans", "[on-call]", "Ids of notification plans"),
];

const NOTIFICATIONS_HEAD: &str = "\
# Who is told of alarms and thresholds
# ------------------------------------
# Each notification has an id. A plan names notifications for each state; alarms and thresholds name a plan by
# notification_plan_id, and the plan default is for those that name none. A suppression silences for a time.";

const THRESHOLDS_HEAD: &str = "\
# Which values are good
# ---------------------
# Each has an id. At least one of check, metric and target is needed; of several, the most specific wins.";

const HEAD: &str = "\
# Every key of a configuration file and what it means.
# Remove the # in front of a key that you need. The command line wins over a variable, and a variable over
# this file. ${VAR} and ${VAR:-default} in a value are replaced; $${ is the text ${.";

const CHECKS_HEAD: &str = "\
# What each check is
# ------------------
# Each has an id, which is the value of its dimension Check. In a folder, each file NAME.yaml is one check of
# the id NAME, without the id in it.
# publish: none, all, a list of metrics, or a map from metrics to their names in CloudWatch; without it the
# metrics that stand here.";

const WIDTH: usize = 108;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::config_file::{KEYS_OF_THRESHOLD, NOTIFICATION, PLAN, SUPPRESSION};

    #[test]
    fn every_option_has_an_example_and_no_other_name_has_one() {
        let names: Vec<_> = EXAMPLES.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut expected = options_of_file();
        expected.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, expected);
        let all = |mut keys: Vec<&'static str>| {
            keys.sort_unstable();
            keys
        };
        // Those that stand elsewhere.
        let of_type = [("type", "", ""), ("details", "", "")];
        let of_notification = [OF_NOTIFICATION, &of_type].concat();
        for (example, known) in [
            (OF_THRESHOLD, KEYS_OF_THRESHOLD),
            (&of_notification[..], NOTIFICATION),
            (OF_PLAN, PLAN),
            (OF_SUPPRESSION, SUPPRESSION),
        ] {
            let example = example.iter().map(|(key, ..)| *key).collect();
            assert_eq!(all(example), all(known.to_vec()));
        }
    }
}
