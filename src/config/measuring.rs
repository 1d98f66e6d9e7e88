//! What is measured, and how often.

use std::fmt;
use std::time::Duration;

use super::cli::Cli;
use super::{Identity, Problems, identity, metric, quantity};
use crate::model::Numbers;

/// What is measured, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct Measuring {
    pub scope: Scope,
    pub memory: MemoryUse,
    /// The numbers to publish.
    pub metrics: Numbers,
    /// Whether each container of a task is measured by itself, too.
    pub per_container: bool,
    /// Names or ids of containers that are no part of a pod.
    pub pod_exclude: Vec<String>,
    /// How long after a signal to end measuring goes on while other containers run, at most. `None` to
    /// end at the signal.
    pub until_alone: Option<Duration>,
    pub sample_interval: Duration,
    /// How long a window is.
    pub period: Duration,
    /// Whether measuring ends after one whole window.
    pub once: bool,
}

impl Measuring {
    pub(super) fn new(cli: &Cli, identity: &Identity, problems: &mut Problems) -> Self {
        let per_container = problems.optional(cli, "per-container", quantity::boolean);
        let per_container = per_container.unwrap_or(false);
        if per_container {
            let (typed, auto) = (&identity.dimensions, &identity.auto_dimensions);
            identity::check_container(cli, typed, auto, problems);
        }
        let period = problems.optional(cli, "period", quantity::period);
        let sample_interval = problems.optional(cli, "sample-interval", quantity::sample_interval);
        let until_alone = problems.optional(cli, "until-alone", quantity::until_alone);
        let scope = problems.optional(cli, "scope", scope);
        let memory = problems.optional(cli, "memory", memory_use);
        let metrics = problems.optional(cli, "metrics", metric::metrics);
        if let (true, Some(Scope::Host | Scope::Container), Some(typed)) =
            (per_container, scope, cli.value("per-container"))
        {
            problems.add(&typed, "--scope task, pod or auto");
        }
        let sees_others = !matches!(scope, Some(Scope::Host | Scope::Container | Scope::Task));
        if let (false, Some(Some(_)), Some(typed)) =
            (sees_others, until_alone, cli.value("until-alone"))
        {
            problems.add(&typed, "--scope pod or auto, which see other containers");
        }
        let pod_exclude = excluded(cli, sees_others, problems);
        Self {
            scope: scope.unwrap_or_default(),
            memory: memory.unwrap_or_default(),
            metrics: metrics.unwrap_or_else(|| Numbers::of(metric::DEFAULT)),
            per_container,
            pod_exclude,
            until_alone: until_alone.flatten(),
            sample_interval: sample_interval.unwrap_or(quantity::DEFAULT_SAMPLE_INTERVAL),
            period: period.unwrap_or(quantity::DEFAULT_PERIOD),
            once: problems.optional(cli, "once", quantity::boolean).unwrap_or(false),
        }
    }

    /// Checks the sample interval and the period against each other.
    pub(super) fn samples_fit(&self) -> Result<(), String> {
        quantity::samples_fit(self.sample_interval, self.period)
    }

    /// How many samples a whole window is expected to hold.
    pub fn samples_per_window(&self) -> usize {
        quantity::samples_per_window(self.sample_interval, self.period)
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The pod, as soon as other containers are visible and can be read. Until then on ECS the task;
    /// otherwise the container, if it has a limit; otherwise the machine.
    #[default]
    Auto,
    /// The machine.
    Host,
    /// The control group of this process.
    Container,
    /// All containers of the ECS task.
    Task,
    /// All containers whose processes are visible.
    Pod,
}

/// Which memory of a container counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryUse {
    /// Memory that could not be given back without losing something.
    #[default]
    Used,
    /// All but the file pages that were not used lately, as Kubernetes shows it.
    WorkingSet,
}

impl Scope {
    /// Its name in `--scope`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Host => "host",
            Self::Container => "container",
            Self::Task => "task",
            Self::Pod => "pod",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn scope(text: &str) -> Result<Scope, String> {
    match text {
        "auto" => Ok(Scope::Auto),
        "host" => Ok(Scope::Host),
        "container" => Ok(Scope::Container),
        "task" => Ok(Scope::Task),
        "pod" => Ok(Scope::Pod),
        _ => Err("auto, host, container, task or pod".into()),
    }
}

/// The containers to leave out. Only a source that sees others can.
fn excluded(cli: &Cli, sees_others: bool, problems: &mut Problems) -> Vec<String> {
    let typed = cli.values("pod-exclude");
    if let (false, Some(typed)) = (sees_others, typed.first()) {
        problems.add(typed, "--scope pod or auto");
    }
    let name = |text: &str| match text.trim() {
        "" => Err("the name of a container, or the first 12 digits of its id".to_owned()),
        name => Ok(name.to_owned()),
    };
    typed.iter().filter_map(|typed| problems.check(typed, name)).collect()
}

fn memory_use(text: &str) -> Result<MemoryUse, String> {
    match text {
        "used" => Ok(MemoryUse::Used),
        "working-set" => Ok(MemoryUse::WorkingSet),
        _ => Err("used or working-set".into()),
    }
}
