//! The settings that the typed text means. All of it is checked before anything starts, from the
//! text alone, and all problems are reported together.

mod api;
pub mod arguments;
mod auto_dimension;
pub mod cli;
mod commands;
mod control_commands;
mod dimension;
mod endpoint;
mod endpoints;
pub mod example;
mod exposure;
mod file;
pub mod files;
mod history;
mod history_commands;
mod identity;
mod measuring;
mod mentioned;
mod metric;
mod mistyped;
mod name;
mod near;
mod notifications;
mod options;
mod otlp;
mod preview;
mod problems;
#[cfg(test)]
mod properties;
mod publishing;
mod quantity;
mod text;
mod typed;
mod warning;
mod yaml;

use std::ffi::OsString;
use std::path::PathBuf;

pub use api::{AgentApi, ApiAddress, ApiSettings, EXPECTED_TOKEN, is_token};
pub use auto_dimension::AutoDimension;
pub use dimension::{Dimension, SERVICE_NAME};
pub use endpoint::{is_http_url, region, without_password};
pub use endpoints::{Aws, CaFile};
pub use exposure::{Keystone, Project, TlsFiles};
pub use file::definition as config_file;
pub use file::definition::KEYS_OF_CHECK;
pub use file::{
    HIDDEN, MOST_THRESHOLDS, OfBody, alarm_of_body, body_of_alarm, body_of_check,
    body_of_notification, body_of_plan, body_of_suppression, body_of_threshold,
    notification_of_body, number, of_body, plan_of_body, shown_check, shown_notification,
    suppression_of_body, threshold_of_body,
};
pub use history::{History, Place, folder_of_history, size_of_history};
pub use identity::{Identity, NO_NAME};
pub use measuring::{Measuring, MemoryUse, Scope};
pub use name::dimension_value;
pub use near::did_you_mean;
pub use options::{
    API, API_TLS_CERT, API_TOKEN, API_TOKEN_FILE, DISCARD_CHANGES, FOLLOW, FORMAT, FROM, OUTPUT,
    POINTS, RESOLUTION, SELECT, SEVERITY, STATE, STORE, TIMEOUT, TO, WHY, option_names,
};
pub use otlp::{Deltas, Otlp};
use problems::Blame;
pub use problems::Problems;
pub use publishing::{Output, Publish, Publishing, Reporting, ValueForm};
pub use quantity::healthcheck_timeout;
pub use text::{Form, Source};

use self::cli::Cli;
use self::options::{CHECK, MAX_METRICS, REPORT, WATCH_CONFIG};
use crate::HOST_AGENT;
use crate::alarm::Alarm;
use crate::model::{Configured, Metric, UTILIZATION};
use crate::notification;
use crate::threshold::Threshold;

/// Everything that a user can set, valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub identity: Identity,
    pub measuring: Measuring,
    pub publishing: Publishing,
    /// The checks of the configuration files.
    pub checks: Checks,
    /// Who is told of their alarms.
    pub notifications: notification::Configured,
    /// The history, where there is one.
    pub history: Option<History>,
    /// The folder of what is kept over a restart, if there is one.
    pub state: Option<PathBuf>,
    /// Whether the configuration files are read again when they have changed.
    pub watches_config: bool,
    /// The API, if there is one.
    pub api: Option<ApiSettings>,
    /// The socket for clients of collectd, if there is one.
    pub collectd_socket: Option<PathBuf>,
    /// Whether there is a report at the end.
    pub report: Reporting,
    /// Whether the exit code of an explanation tells whether it could publish.
    pub check: bool,
    /// The command to run as a child, with its arguments; empty for none.
    pub command: Vec<OsString>,
    /// Valid settings that are most likely a mistake, a sentence each.
    pub warnings: Vec<String>,
    /// Beside a command: what is wrong with single checks, which are left out.
    pub errors: Vec<String>,
}

/// The checks, and how much they may publish.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    pub all: Vec<Configured>,
    /// Their alarms.
    pub alarms: Vec<Alarm>,
    /// The thresholds of any metrics.
    pub thresholds: Vec<Threshold>,
    /// How many metrics they may publish, each with each set of dimensions.
    pub max_metrics: usize,
    /// The folder of the plugins.
    pub plugins: PathBuf,
}

impl Checks {
    /// Those of the files, or none where they do not go with the other settings.
    fn new(
        cli: &Cli,
        identity: &Identity,
        publishing: &Publishing,
        problems: &mut Problems,
    ) -> Self {
        let max_metrics = problems.optional(cli, MAX_METRICS, quantity::max_metrics);
        let max_metrics = max_metrics.unwrap_or(quantity::DEFAULT_MAX_METRICS);
        let mut all = cli.files.checks.clone();
        let mut alarms = cli.files.alarms.clone();
        let mut misfits = match all.is_empty() && !alarms.iter().any(|alarm| alarm.publishes) {
            true => Vec::new(),
            false => identity::without_room(identity),
        };
        if publishing.publishers.contains(&Publish::Emf) {
            misfits.extend(all.iter().flat_map(|check| identity::taken_in_emf(identity, check)));
        }
        if !misfits.is_empty() {
            all.clear();
            alarms.iter_mut().for_each(|alarm| alarm.publishes = false);
        }
        misfits.into_iter().for_each(|text| problems.note(Blame::Check, text));
        let plugins = arguments::plugins(cli, problems);
        alarms.retain(|alarm| {
            alarm.check == UTILIZATION || all.iter().any(|check| check.id == alarm.check)
        });
        let thresholds = cli.files.thresholds.clone();
        Self { all, alarms, thresholds, max_metrics, plugins }
    }

    /// The metrics of the states of alarms. A check that is disabled has no results, and its alarms no states.
    pub fn published_alarms(&self) -> Vec<Metric> {
        let is_off = |id: &str| self.all.iter().any(|check| check.id == id && check.is_disabled);
        let on = self.alarms.iter().filter(|alarm| !is_off(&alarm.check));
        on.filter_map(Alarm::published).collect()
    }
}

impl Settings {
    /// The settings that the command line and environment mean, or every problem in them.
    pub fn new(cli: &Cli) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let publishing = Publishing::new(cli, &mut problems);
        let check = problems.optional(cli, CHECK, quantity::boolean).unwrap_or(false);
        let is_published = cli.is_run() && !publishing.is_preview();
        let required = publishing.required_names();
        let required = if is_published { &*required } else { &[] };
        let identity = Identity::new(cli, required, &mut problems);
        let measuring = Measuring::new(cli, &identity, &mut problems);
        // No `--` is no command; `--` with nothing after it is a problem.
        let command = cli.command.as_deref().map(|command| problems.command(command));
        let command = command.unwrap_or_default();
        if publishing.publishers.contains(&Publish::Emf) {
            dimension::check_emf(&identity.dimensions, measuring.metrics, &mut problems);
        }
        let checks = Checks::new(cli, &identity, &publishing, &mut problems);
        let (notifications, warnings) = notifications::all(cli, &mut problems);
        let history = History::new(cli, &mut problems);
        let state = arguments::state(cli, &mut problems);
        let watches_config = problems.optional(cli, WATCH_CONFIG, quantity::boolean);
        // Its token may be a variable of the same task definition, also where there is no API.
        let api = HOST_AGENT.then(|| ApiSettings::new(cli, &mut problems)).flatten();
        let collectd_socket = api::collectd_socket(cli, api.as_ref(), &mut problems);
        let report = problems.optional(cli, REPORT, publishing::reporting).unwrap_or_default();
        let errors = Vec::new();
        let mut settings = Self {
            identity,
            measuring,
            publishing,
            checks,
            notifications,
            history,
            state,
            watches_config: watches_config.unwrap_or(false),
            api,
            collectd_socket,
            report,
            check,
            command,
            warnings,
            errors,
        };
        let of_options = warning::all(&settings, cli);
        settings.warnings.splice(..0, of_options);
        settings.warnings.extend_from_slice(&cli.files.warnings);
        settings.warnings.extend(mentioned::warnings(&settings));
        preview::take_back(&mut settings, cli);
        otlp::check_period(&settings, cli, &mut problems);
        // The defaults fit, so at least one of the two was typed.
        let typed = cli.value("sample-interval").or_else(|| cli.value("period"));
        if let (Some(typed), Err(expected)) = (typed, settings.measuring.samples_fit()) {
            problems.add(&typed, &expected);
        }
        problems.extend(&cli.files.problems);
        if !settings.command.is_empty() && problems.are_of_checks() {
            settings.errors = problems.iter().map(str::to_owned).collect();
            return Ok(settings);
        }
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }

    /// What is missing to publish under a name.
    pub fn missing_names(&self) -> Vec<String> {
        let is_there = |option: &&'static str| match *option {
            "namespace" => self.identity.namespace.is_some(),
            _ => self.identity.has_service(),
        };
        let required = self.publishing.required_names().into_iter();
        required.filter(|option| !is_there(option)).map(cli::missing).collect()
    }
}
