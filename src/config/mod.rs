//! What was typed means this: checked as a whole before anything starts, without looking at
//! anything but the text, and with all problems reported together.

mod auto_dimension;
pub mod cli;
mod dimension;
mod endpoint;
mod metric;
mod name;
mod number;
#[cfg(all(test, target_os = "linux"))]
mod properties;
mod publish;
mod warning;

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

pub use auto_dimension::AutoDimension;
pub use dimension::Dimension;
pub use endpoint::{is_http_url, region};
pub use metric::Metrics;
pub use name::dimension_value;
pub use publish::{Publish, Statistics};

use self::cli::{Cli, Typed, variable};

/// Everything that a user can set, valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub namespace: String,
    /// `ServiceName` first, then the user's own in the order they were given.
    pub dimensions: Vec<Dimension>,
    /// Those whose values are still to be found out.
    pub auto_dimensions: Vec<AutoDimension>,
    /// The names of each set of dimensions that the metrics are published with; none for one set of
    /// all dimensions.
    pub sets: Vec<Vec<String>>,
    pub period: Duration,
    pub sample_interval: Duration,
    pub scope: Scope,
    pub memory: MemoryUse,
    pub metrics: Metrics,
    /// Whether each container of a task is measured by itself, too.
    pub per_container: bool,
    pub publish: Vec<Publish>,
    pub statistics: Statistics,
    pub output: Output,
    /// How many undelivered summaries are kept; 0 drops them at once.
    pub buffer: usize,
    pub shutdown_timeout: Duration,
    pub aws: Aws,
    /// What is run as a child, with its arguments; empty where nothing is.
    pub command: Vec<OsString>,
    /// What is most likely not meant, a sentence each.
    pub warnings: Vec<String>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// On ECS the task; otherwise the container, if it has a limit; otherwise the machine.
    #[default]
    Auto,
    /// The machine.
    Host,
    /// The control group of this process.
    Container,
    /// All containers of the ECS task.
    Task,
}

/// Which memory of a container counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryUse {
    /// What could not be given back without losing something.
    #[default]
    Used,
    /// All but the file pages that were not used lately, as Kubernetes shows it.
    WorkingSet,
}

fn scope(text: &str) -> Result<Scope, String> {
    match text {
        "auto" => Ok(Scope::Auto),
        "host" => Ok(Scope::Host),
        "container" => Ok(Scope::Container),
        "task" => Ok(Scope::Task),
        _ => Err("auto, host, container or task".into()),
    }
}

fn memory_use(text: &str) -> Result<MemoryUse, String> {
    match text {
        "used" => Ok(MemoryUse::Used),
        "working-set" => Ok(MemoryUse::WorkingSet),
        _ => Err("used or working-set".into()),
    }
}

/// How an explanation or a window on the console is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    #[default]
    Text,
    Json,
}

fn output(text: &str) -> Result<Output, String> {
    match text {
        "text" => Ok(Output::Text),
        "json" => Ok(Output::Json),
        _ => Err("text or json".into()),
    }
}

/// What the AWS SDK is told beside what it finds by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aws {
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
    pub profile: Option<String>,
}

impl Settings {
    /// The settings that the command line and environment mean, or every problem in them.
    pub fn new(cli: &Cli) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let namespace = problems.required(cli, "namespace", name::namespace);
        let service = problems.required(cli, "service", dimension_value);
        let dimensions = dimension::all(cli, service.unwrap_or_default(), &mut problems);
        let auto_dimensions =
            problems.optional(cli, "auto-dimensions", auto_dimension::auto_dimensions);
        let auto_dimensions = auto_dimensions.unwrap_or_default();
        let per_container = problems.optional(cli, "per-container", number::boolean);
        let per_container = per_container.unwrap_or(false);
        dimension::check_auto(cli, &dimensions, &auto_dimensions, &mut problems);
        if per_container {
            dimension::check_container(cli, &dimensions, &auto_dimensions, &mut problems);
        }
        let period = problems.optional(cli, "period", number::period);
        let sample_interval = problems.optional(cli, "sample-interval", number::sample_interval);
        let scope = problems.optional(cli, "scope", scope);
        let memory = problems.optional(cli, "memory", memory_use);
        let metrics = problems.optional(cli, "metrics", metric::metrics);
        if let (true, Some(Scope::Host | Scope::Container), Some(typed)) =
            (per_container, scope, cli.value("per-container"))
        {
            problems.add(&typed, "--scope task or auto with it");
        }
        let publish = publishers(cli, &mut problems);
        let statistics = problems.optional(cli, "statistics", publish::statistics);
        let sets = dimension::sets(cli, &dimensions, &auto_dimensions, &mut problems);
        if publish.contains(&Publish::Emf) {
            dimension::check_emf(&dimensions, &mut problems);
        }
        let output = problems.optional(cli, "output", output);
        let buffer = problems.optional(cli, "buffer", number::buffer);
        let shutdown_timeout = problems.optional(cli, "shutdown-timeout", number::shutdown_timeout);
        if publish.contains(&Publish::CloudWatch) {
            variables_of_aws(cli, &mut problems);
        }
        let aws = Aws {
            region: problems.optional(cli, "region", region),
            endpoint_url: cli.value("endpoint-url").and_then(|typed| problems.url(&typed)),
            profile: problems.optional(cli, "profile", endpoint::profile),
        };
        let command = cli.command.as_deref().map(|command| problems.command(command));
        let mut settings = Self {
            namespace: namespace.unwrap_or_default(),
            dimensions,
            auto_dimensions,
            sets,
            period: period.unwrap_or(number::DEFAULT_PERIOD),
            sample_interval: sample_interval.unwrap_or(number::DEFAULT_SAMPLE_INTERVAL),
            scope: scope.unwrap_or_default(),
            memory: memory.unwrap_or_default(),
            metrics: metrics.unwrap_or_default(),
            per_container,
            publish,
            statistics: statistics.unwrap_or_default(),
            output: output.unwrap_or_default(),
            buffer: buffer.unwrap_or(number::DEFAULT_BUFFER),
            shutdown_timeout: shutdown_timeout.unwrap_or(number::DEFAULT_SHUTDOWN_TIMEOUT),
            aws,
            command: command.unwrap_or_default(),
            warnings: Vec::new(),
        };
        settings.warnings = warning::all(&settings, cli);
        // The defaults fit, so at least one of the two was typed.
        let typed = cli.value("sample-interval").or_else(|| cli.value("period"));
        if let (Some(typed), Err(expected)) = (typed, settings.samples_fit()) {
            problems.add(&typed, &expected);
        }
        if problems.0.is_empty() { Ok(settings) } else { Err(problems) }
    }

    /// Checks the sample interval and the period against each other.
    fn samples_fit(&self) -> Result<(), String> {
        number::samples_fit(self.sample_interval, self.period)
    }

    /// The dimensions of each set that the metrics are published with. A dimension that could not
    /// be found out takes its sets away; what is left is at least one set.
    pub fn dimension_sets(&self) -> Vec<Vec<&Dimension>> {
        let named = |name: &String| self.dimensions.iter().find(|d| d.name == *name);
        let sets = self.sets.iter().filter_map(|set| set.iter().map(named).collect());
        let sets: Vec<_> = sets.collect();
        if sets.is_empty() { vec![self.dimensions.iter().collect()] } else { sets }
    }

    /// How many sets of dimensions there are if all dimensions are found out.
    pub fn set_count(&self) -> usize {
        self.sets.len().max(1)
    }

    /// How many samples a whole window is expected to hold.
    pub fn samples_per_window(&self) -> usize {
        number::samples_per_window(self.sample_interval, self.period)
    }
}

/// Checks the region and the endpoint that the AWS SDK would take from its own variables as the options
/// are checked. A command starts whatever they say; they are then refused when they are needed.
fn variables_of_aws(cli: &Cli, problems: &mut Problems) {
    let first = |names: [&'static str; 2]| {
        let typed = |name: &'static str| {
            let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
            Some(Typed { text, origin: name.to_owned() })
        };
        names.into_iter().find_map(typed).filter(|_| cli.command.is_none())
    };
    if let (None, Some(typed)) = (cli.value("region"), first(["AWS_REGION", "AWS_DEFAULT_REGION"]))
    {
        problems.check(&typed, region);
    }
    let is_ignored = std::env::var("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    if cli.value("endpoint-url").is_some() || is_ignored.is_ok_and(|yes| yes == "true") {
        return;
    }
    if let Some(typed) = first(["AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL"]) {
        problems.url(&typed);
    }
}

/// Those of `--publish`, or what `--dry-run` stands for.
fn publishers(cli: &Cli, problems: &mut Problems) -> Vec<Publish> {
    let chosen = problems.optional(cli, "publish", publish::publish);
    let dry_run = problems.optional(cli, "dry-run", number::boolean).unwrap_or(false);
    match (chosen, dry_run, cli.value("dry-run")) {
        (Some(chosen), true, Some(typed)) if chosen != [Publish::Console] => {
            problems.add(&typed, "no other --publish with it, because it stands for console");
            chosen
        }
        (_, true, _) => vec![Publish::Console],
        (Some(chosen), ..) => chosen,
        (None, ..) => vec![Publish::CloudWatch],
    }
}

/// Everything that is wrong with the settings, a line each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl Problems {
    /// The value of an option, or its absence: nothing typed, or a problem noted.
    fn optional<T>(&mut self, cli: &Cli, option: &str, check: Check<T>) -> Option<T> {
        self.check(&cli.value(option)?, check)
    }

    fn required<T>(&mut self, cli: &Cli, option: &str, check: Check<T>) -> Option<T> {
        let typed = cli.value(option);
        if typed.is_none() {
            let variable = variable(option);
            self.0.push(format!("--{option} is missing: expected that option or {variable}"));
        }
        self.check(&typed?, check)
    }

    /// An endpoint. A problem does not show a password that is in it.
    fn url(&mut self, typed: &Typed) -> Option<String> {
        let shown = Typed { text: endpoint::without_password(&typed.text), ..typed.clone() };
        endpoint::url(&typed.text).map_err(|expected| self.add(&shown, &expected)).ok()
    }

    fn command(&mut self, command: &[OsString]) -> Vec<OsString> {
        if command.is_empty() {
            self.0.push("-- has nothing after it: expected a command and its arguments".into());
        }
        command.to_vec()
    }

    fn check<T>(&mut self, typed: &Typed, check: Check<T>) -> Option<T> {
        check(&typed.text).map_err(|expected| self.add(typed, &expected)).ok()
    }

    fn add(&mut self, typed: &Typed, expected: &str) {
        self.0.push(format!("{} {:?}: expected {expected}", typed.origin, typed.text));
    }
}

/// What a text means, or what was expected instead.
type Check<T> = fn(&str) -> Result<T, String>;

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}
