//! Each option once, with its help.

mod api;
pub mod otlp;

use clap::{Arg, ArgAction, ValueHint};

use crate::HOST_AGENT;

/// All options, in the order of the help.
pub fn options() -> Vec<Arg> {
    let sidecar = [
        ("What to measure", measuring()),
        ("Names", names()),
        ("Where to", publishing()),
        ("Delivery", delivery()),
        ("OTLP", otlp::all()),
    ];
    let others = [("AWS", aws()), ("Without AWS", local())];
    let groups = sidecar.into_iter().flat_map(headed);
    let host_agent = of_host_agent().into_iter().filter(|_| HOST_AGENT);
    groups.chain(host_agent).chain(others.into_iter().flat_map(headed)).collect()
}

/// Those that a build without the host agent does not have.
pub fn of_host_agent() -> Vec<Arg> {
    let groups = [("Checks", checks()), ("History", history()), ("API", api::all())];
    groups.into_iter().flat_map(headed).collect()
}

fn headed((heading, options): (&'static str, Vec<Arg>)) -> impl Iterator<Item = Arg> {
    options.into_iter().map(move |option| option.help_heading(heading))
}

fn measuring() -> Vec<Arg> {
    vec![
        option(
            "scope",
            "SCOPE",
            "What to measure: auto, host, container, task or pod [default: auto]",
        ),
        option(
            "metrics",
            "METRICS",
            "Any of cpu, memory, throttling, oom-kills, pressure, pressure-full, io, network, processes, \
             swap, memory-peak, ephemeral-storage and fullest, with commas [default: cpu,memory]",
        ),
        option(
            "memory",
            "FORMULA",
            "Memory of a container or task: used or working-set [default: used]",
        ),
        option(
            "period",
            "DURATION",
            "Time between two summaries, such as 60, 5m or 1h; 1 s to 1 day [default: 60]",
        )
        .short('p'),
        option(
            "sample-interval",
            "DURATION",
            "Time between two samples, 0.1 s to 60 s [default: 0.9]",
        ),
        flag(
            "per-container",
            "Also publish each container of an ECS task or a pod (dimension ContainerName)",
        ),
        option(
            POD_EXCLUDE,
            "NAME",
            "Leave this container out of a pod, by name or id; may be repeated",
        )
        .action(ArgAction::Append),
        flag(
            "until-alone",
            "At a signal to end, measure until the other containers of the pod or task have ended, at most \
             this long [without a value: 30]",
        )
        .value_name("DURATION"),
        flag(
            REPORT,
            "Say at the end what was used, which size would have been enough and what it cost; =metrics: \
             publish it, too",
        ),
    ]
}

fn names() -> Vec<Arg> {
    vec![
        option(
            "namespace",
            "NAMESPACE",
            "CloudWatch namespace, which OTLP does not need; required to publish",
        )
        .short('n'),
        option("service", "SERVICE", "Value of the dimension ServiceName; required to publish")
            .short('s')
            // This alias, `--dryrun` and `--tags` are the spellings of the program that this one replaces
            // (docs/migration.md).
            .visible_alias("service-name"),
        option(DIMENSION, "NAME=VALUE", "Add a dimension to every metric; may be repeated")
            .action(ArgAction::Append),
        option(
            TAGS,
            "NAME VALUE",
            "The same as --dimension NAME=VALUE, for values with commas; may be repeated",
        )
        .value_names(["NAME", "VALUE"])
        // One value is NAME=VALUE.
        .num_args(1..=2)
        .action(ArgAction::Append),
        option(
            "auto-dimensions",
            "NAMES",
            "Dimensions to find: cluster, task-family, task-id, container, availability-zone, \
             instance-id, hostname",
        ),
        option(
            DIMENSION_SET,
            "NAMES",
            "Publish with these dimensions only, such as A+B; may be repeated for more sets",
        )
        .action(ArgAction::Append),
    ]
}

fn publishing() -> Vec<Arg> {
    vec![
        option(
            "publish",
            "PUBLISHERS",
            "Any of cloudwatch, otlp, emf and console, with commas [default: cloudwatch]",
        ),
        option(
            "statistics",
            "FORM",
            "median-max, or distribution (all values, so that any percentile can be computed) \
             [default: median-max]",
        ),
    ]
}

fn delivery() -> Vec<Arg> {
    vec![
        option(
            "buffer",
            "PERIODS",
            "Undelivered summaries to keep, 0 to 1440; 0 drops them at once [default: 60]",
        ),
        option(
            "shutdown-timeout",
            "DURATION",
            "Time limit for the last delivery at shutdown, 0 to 1 h [default: 8]",
        ),
    ]
}

fn checks() -> Vec<Arg> {
    let max_metrics = option(
        MAX_METRICS,
        "COUNT",
        "Most metrics that checks may publish, 0 to 100000 [default: 100]",
    );
    files().into_iter().chain([max_metrics]).chain(changes()).collect()
}

fn history() -> Vec<Arg> {
    vec![
        option(
            STORE,
            "PLACE",
            "Keep a history: memory, memory:SIZE, or a folder such as ./history [default: off]",
        ),
        option(STORE_SIZE, "SIZE", "Most bytes in the folder, 1MB to 1TB [default: 256MB]"),
        option(
            STORE_SYNC,
            "DURATION",
            "Interval between writes; a kill loses at most this much [default: 60]",
        ),
    ]
}

/// The options that name configuration files and plugins.
pub fn files() -> Vec<Arg> {
    let files = option(
        CONFIG,
        "PATH",
        "A file with options and checks, or a folder with a check in each *.yaml; may be repeated",
    );
    let plugins = option(
        PLUGINS,
        "DIR",
        "The folder of the plugins [default: /usr/lib/cloudwatch-metrics-agent/plugins]",
    );
    vec![
        files.action(ArgAction::Append).value_hint(ValueHint::AnyPath),
        plugins.value_hint(ValueHint::DirPath),
    ]
}

/// What is for an agent that runs on while its files are changed.
fn changes() -> Vec<Arg> {
    vec![
        flag(WATCH_CONFIG, "Read the configuration files again when they have changed"),
        option(
            STATE,
            "DIR",
            "Keep changes through the API and states of alarms there, an absolute path \
             [default: off]",
        )
        .value_hint(ValueHint::DirPath),
    ]
}

fn aws() -> Vec<Arg> {
    vec![
        option(
            REGION,
            "REGION",
            "AWS region; if repeated, the others stand by [default: from the environment, the profile or \
             the instance]",
        )
        .action(ArgAction::Append),
        option(
            ENDPOINT_URL,
            "URL",
            "CloudWatch endpoint; if repeated, the others stand by [default: the region's]",
        )
        .action(ArgAction::Append),
        option(
            CA_FILE,
            "FILE",
            "Trust only the authorities of this file (PEM) at the endpoint [default: the system's]",
        )
        .value_hint(ValueHint::FilePath),
        option(
            "profile",
            "PROFILE",
            "Profile of the AWS configuration files [default: AWS_PROFILE or `default`]",
        ),
    ]
}

fn local() -> Vec<Arg> {
    vec![
        flag("dry-run", "Print the metrics, publish nothing (same as --publish console)")
            .short('d')
            .visible_alias("dryrun"),
        flag(
            "live",
            "Show charts at the bottom of the terminal, also below the output of a command; =no for none \
             [default: on for a preview]",
        ),
        flag("once", "Measure one whole period, from its next beginning, and end"),
        output(),
    ]
}

/// How something is printed.
pub fn output() -> Arg {
    let of_sidecar = "Console, report and explain: text or json [default: text]";
    let of_all = "Console, report, explain, check and host-info: text or json [default: text]";
    option(OUTPUT, "FORMAT", if HOST_AGENT { of_all } else { of_sidecar })
}

/// Whether an option may be used several times, or once with commas between its values.
pub fn is_list(option: &str) -> bool {
    let lists =
        [DIMENSION, DIMENSION_SET, TAGS, POD_EXCLUDE, CONFIG, API_HOST, REGION, ENDPOINT_URL];
    lists.contains(&option) || [otlp::OTLP_HEADER, otlp::OTLP_ENDPOINT].contains(&option)
}

/// Whether a comma is a part of a value of such a list, but for one in a variable.
pub fn keeps_commas(option: &str) -> bool {
    option == otlp::OTLP_HEADER
}

/// Whether an option may stand alone, and then means yes.
pub fn is_switch(option: &str) -> bool {
    let is_it = |arg: &Arg| {
        let mut names = arg.get_long_and_visible_aliases().into_iter().flatten();
        names.any(|name| name == option)
    };
    let least = |arg: &Arg| arg.get_num_args().map(|values| values.min_values());
    all().iter().any(|arg| is_it(arg) && least(arg) == Some(0))
}

/// The names of all options: each counts from the start on, and another value needs a restart.
pub fn option_names() -> Vec<String> {
    options().iter().map(|option| option.get_id().to_string()).collect()
}

/// The variables of all options.
pub fn known_variables() -> Vec<String> {
    let of_options = all().into_iter().map(|option| variable(option.get_id().as_str()));
    of_options.chain([variable(API_TOKEN)]).collect()
}

/// All options, also that of `explain` alone.
pub fn all() -> Vec<Arg> {
    options().into_iter().chain([check()]).collect()
}

/// The option of `explain` alone.
pub fn check() -> Arg {
    flag(CHECK, "Also connect to the endpoint; exit with 1 where it could not publish")
}

/// The environment variable of an option.
pub fn variable(option: &str) -> String {
    format!("{PREFIX}{}", option.to_uppercase().replace('-', "_"))
}

/// An option that may stand alone, and whose variable says yes or no.
fn flag(name: &'static str, help: &'static str) -> Arg {
    // `--dry-run=no`, never `--dry-run no`: the next argument is not the flag's value.
    let flag = option(name, "BOOL", help).num_args(0..=1).require_equals(true);
    flag.default_missing_value("true")
}

/// An option with its variable.
pub fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    // A negative number is a wrong value and not an option, and is reported as one.
    let arg = Arg::new(name).long(name).value_name(value).help(help).allow_negative_numbers(true);
    arg.env(variable(name)).hide_env(true)
}

/// The prefix of this program's variables.
pub const PREFIX: &str = "CLOUDWATCH_METRICS_AGENT_";

pub const COMMAND: &str = "command";
/// The option of `explain` and two commands.
pub const CHECK: &str = "check";
pub const EXAMPLE: &str = "example";
pub const HOST_INFO: &str = "host-info";
pub const NAME: &str = "name";
pub const DETAILS: &str = "details";
pub const PATHS: &str = "paths";
pub const EXPLAIN: &str = "explain";
pub const LIST: &str = "list";
pub const TARGETS: &str = "targets";
pub const INSTALL: &str = "install";
pub const DIRECTORY: &str = "directory";
pub const DIMENSION: &str = "dimension";
pub const DIMENSION_SET: &str = "dimension-set";
pub const TAGS: &str = "tags";
pub const POD_EXCLUDE: &str = "pod-exclude";
pub const CONFIG: &str = "config";
pub const PLUGINS: &str = "plugins";
pub const MAX_METRICS: &str = "max-metrics";
pub const WATCH_CONFIG: &str = "watch-config";
pub const STATE: &str = "state";
pub const STORE: &str = "store";
pub const STORE_SIZE: &str = "store-size";
pub const STORE_SYNC: &str = "store-sync";
pub const REPORT: &str = "report";
pub const OUTPUT: &str = "output";
pub const API: &str = "api";
pub const API_TOKEN_FILE: &str = "api-token-file";
pub const API_HOST: &str = "api-host";
pub const REGION: &str = "region";
pub const ENDPOINT_URL: &str = "endpoint-url";
pub const CA_FILE: &str = "ca-file";
pub const API_TLS_CERT: &str = "api-tls-cert";
pub const API_TLS_KEY: &str = "api-tls-key";
pub const API_CLIENT_CA: &str = "api-client-ca";
pub const API_INSECURE: &str = "api-insecure";
pub const KEYSTONE_URL: &str = "keystone-url";
pub const KEYSTONE_PROJECT: &str = "keystone-project";
pub const KEYSTONE_WRITE_ROLE: &str = "keystone-write-role";
pub const COLLECTD_SOCKET: &str = "collectd-socket";
/// Of a variable alone: what is typed stands in the list of processes.
pub const API_TOKEN: &str = "api-token";
// The commands that read a history, and their own options.
pub const QUERY: &str = "query";
pub const VERIFY: &str = "verify";
pub const EXPORT: &str = "export";
pub const PRUNE: &str = "prune";
pub const SALVAGE: &str = "salvage";
pub const PATH: &str = "path";
pub const METRIC: &str = "metric";
pub const FORMAT: &str = "format";
pub const RESOLUTION: &str = "resolution";
pub const POINTS: &str = "points";
pub const SELECT: &str = "select";
pub const FROM: &str = "from";
pub const TO: &str = "to";
// The commands that ask an agent that runs, and their own options.
pub const CTL: &str = "ctl";
pub const HEALTHCHECK: &str = "healthcheck";
pub const TOP: &str = "top";
pub const ARGUMENTS: &str = "arguments";
pub const WHY: &str = "why";
pub const DISCARD_CHANGES: &str = "discard-changes";
pub const SEVERITY: &str = "severity";
pub const FOLLOW: &str = "follow";
pub const TIMEOUT: &str = "timeout";
pub const READY: &str = "ready";
