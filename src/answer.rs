//! Answers to questions that need no agent that runs.

use std::process::ExitCode;

use crate::check::TABLE;
use crate::config::cli::{Asked, CONFIG, Cli, variable};
use crate::config::{Problems, Settings, arguments, example};
use crate::{cost, trial};

/// What is to be printed and the exit code, or what is wrong with the question.
pub async fn to(cli: &Cli) -> Result<(String, ExitCode), Problems> {
    let text = match &cli.asked {
        Asked::ListChecks => trial::list(TABLE, arguments::output_of(cli)?),
        Asked::ListTargets(name) => {
            let (kind, output) = (arguments::kind_of(name, TABLE)?, arguments::output_of(cli)?);
            match trial::targets(kind, output) {
                Ok(targets) => targets,
                Err(why) => return Ok((why, ExitCode::FAILURE)),
            }
        }
        Asked::Check { name, details, is_explained } => {
            let output = arguments::output_of(cli)?;
            let check = arguments::check_of(cli, name, details, TABLE)?;
            let printed = trial::run(&check, output, *is_explained).await;
            let code = if printed.is_available { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            return Ok((printed.text, code));
        }
        Asked::CheckConfig => checked(cli)?,
        Asked::ExampleConfig => example::file(TABLE),
        Asked::HostInfo(_) | Asked::Run | Asked::Explain | Asked::Install(_) => String::new(),
    };
    Ok((text, ExitCode::SUCCESS))
}

/// What the configuration files mean. Names may be given on the command line later.
fn checked(cli: &Cli) -> Result<String, Problems> {
    if cli.values(CONFIG).is_empty() {
        let text = format!("config check: expected a file or a folder, or {}", variable(CONFIG));
        return Err(Problems::of_file(text));
    }
    let settings = Settings::new(cli)?;
    cost::check_cap(&settings).map_err(Problems::of_file)?;
    let warnings = settings.warnings.iter().map(|warning| format!("warning: {warning}\n"));
    Ok(format!("{}valid: {}", warnings.collect::<String>(), cost::of_checks(&settings)))
}
