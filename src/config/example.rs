//! `config example`: a file with every key and what it means, made from the definitions.

use super::file::{CHECKS, THRESHOLDS, options_of_file};
use super::options::options;
use crate::model::{CheckType, Setting};

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
    for (key, value, about) in OF_THRESHOLD {
        lines.extend(wrapped(about, "    "));
        lines.push(format!("    #{key}: {value}"));
    }
    lines.join("\n")
}

/// A check of a type, the first one with all that checks have in common.
fn check(kind: &CheckType, is_first: bool) -> Vec<String> {
    let mut lines = wrapped(kind.about, "  ");
    let id = kind.name.rsplit('.').next().unwrap_or(kind.name);
    lines.push(format!("  #my-{}:", id.replace('_', "-")));
    lines.push(format!("    #type: {}", kind.name));
    if is_first {
        for (key, value, about) in COMMON {
            lines.extend(wrapped(about, "    "));
            lines.push(format!("    #{key}: {value}"));
        }
    }
    if !kind.settings.is_empty() {
        lines.push("    #details:".to_owned());
    }
    for Setting { name, about, is_required, example, .. } in kind.settings {
        let needed = if *is_required { "required" } else { "optional" };
        lines.extend(wrapped(&format!("{about} ({needed})"), "      "));
        lines.push(format!("      #{name}: {example}"));
    }
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
    ("region", "eu-west-1"),
    ("endpoint-url", "https://monitoring.eu-west-1.amazonaws.com"),
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
];

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
    use crate::config::config_file::KEYS_OF_THRESHOLD;

    #[test]
    fn every_option_has_an_example_and_no_other_name_has_one() {
        let names: Vec<_> = EXAMPLES.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut expected = options_of_file();
        expected.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, expected);
        let of_threshold: Vec<_> = OF_THRESHOLD.iter().map(|(key, ..)| *key).collect();
        let all = |mut keys: Vec<&'static str>| {
            keys.sort_unstable();
            keys
        };
        assert_eq!(all(of_threshold), all(KEYS_OF_THRESHOLD.to_vec()));
    }
}
