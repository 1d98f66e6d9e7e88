//! Answers to questions that need no agent that runs.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::blocking::{self, Purpose};
use crate::check::TABLE;
use crate::config::cli::{Asked, CONFIG, Cli, variable};
use crate::config::{Output, Problems, Settings, arguments, example};
use crate::host_info::{self, Unavailable};
use crate::shown::shown;
use crate::{cost, trial};

/// What is to be printed and the exit code, or what is wrong with the question.
pub async fn to(cli: &Cli) -> Result<(String, ExitCode), Problems> {
    let text = match &cli.asked {
        Asked::ListChecks => trial::list(TABLE, arguments::output_of(cli)?),
        Asked::ListTargets(name) => {
            let (kind, output) = (arguments::kind_of(name, TABLE)?, arguments::output_of(cli)?);
            match trial::targets(kind, &arguments::roots_of(cli)?, output) {
                Ok(targets) => targets,
                Err(why) => return Ok((why, ExitCode::FAILURE)),
            }
        }
        Asked::Check { name, details, is_explained } => {
            let output = arguments::output_of(cli)?;
            let check = arguments::check_of(cli, name, details, TABLE)?;
            let printed =
                trial::run(&check, &arguments::roots_of(cli)?, output, *is_explained).await;
            let code = if printed.is_available { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            return Ok((printed.text, code));
        }
        Asked::CheckConfig => checked(cli)?,
        Asked::ExampleConfig => example::file(TABLE),
        Asked::HostInfo(name) => return told(cli, name.as_deref()).await,
        Asked::Run | Asked::Explain | Asked::Install(_) => String::new(),
    };
    Ok((text, ExitCode::SUCCESS))
}

/// What this machine is and has, or what can be asked about it.
async fn told(cli: &Cli, name: Option<&str>) -> Result<(String, ExitCode), Problems> {
    let output = arguments::output_of(cli)?;
    let names: Vec<_> = host_info::TABLE.iter().map(|of| of.name).collect();
    let Some(name) = name else {
        let text = match output {
            Output::Text => host_info::list(),
            Output::Json => object(&json!({ "types": names })),
        };
        return Ok((text, ExitCode::SUCCESS));
    };
    let of = host_info::of_name(name);
    let of = of.ok_or_else(|| arguments::unknown_host_info(name, &names))?;
    Ok(match (host_info::gather(of).await, output) {
        (Ok(info), Output::Text) => (host_info::text_table(of, &info), ExitCode::SUCCESS),
        (Ok(info), Output::Json) => (object(&info), ExitCode::SUCCESS),
        (Err(Unavailable::NotOnThisSystem(why)), _) => {
            (format!("{name}: not on this system: {}", shown(&why)), ExitCode::FAILURE)
        }
        (Err(Unavailable::Failed(why)), _) => {
            (format!("{name}: {}", shown(&why)), ExitCode::FAILURE)
        }
    })
}

fn object(info: &Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({ "timestamp": now.as_millis() as u64, "info": info }).to_string()
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

/// Whether a text could be printed on standard output. A pipe that is full is waited for in a thread of its
/// own.
pub async fn print(text: String) -> bool {
    let text: Arc<str> = text.into();
    let to_print = text.clone();
    let write = move || writeln!(stdout(), "{to_print}").is_ok();
    // Without a thread it is printed all the same.
    let printed = blocking::call(Purpose::Output, write).await;
    printed.unwrap_or_else(|_| writeln!(stdout(), "{text}").is_ok())
}
