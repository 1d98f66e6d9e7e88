//! Answers to questions, after which the program ends.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::blocking::{self, Purpose};
use crate::check::TABLE;
use crate::clock::now_ms;
use crate::config::cli::{Asked, CONFIG, Cli, Upkeep, variable};
use crate::config::{Output, Problems, Settings, arguments, example};
use crate::ctl::{Ctl, Told};
use crate::healthcheck::Healthcheck;
use crate::host_info::{self, Unavailable};
pub use crate::printing::print;
use crate::query::{self, OnDisk, Place, Query, Remote, Screen};
use crate::shown::shown;
use crate::top::Top;
use crate::upkeep::{self, Exported};
use crate::verb::Verb;
use crate::{cost, trial};

/// What comes of a question.
pub struct Answer {
    /// What is to be printed; nothing where that is done.
    pub text: Option<String>,
    /// What is wrong, for standard error.
    pub complaint: Option<String>,
    pub code: ExitCode,
}

impl Answer {
    fn of((text, code): (String, ExitCode)) -> Self {
        Self { text: Some(text), complaint: None, code }
    }

    fn failed(complaint: String) -> Self {
        Self { text: None, complaint: Some(complaint), code: ExitCode::FAILURE }
    }
}

/// The answer, or what is wrong with the question.
pub async fn to(cli: &Cli) -> Result<Answer, Problems> {
    match &cli.asked {
        Asked::Query(metric) => queried(cli, metric.as_deref()).await,
        Asked::Store(folder, upkeep) => kept_up(cli, folder, upkeep).await,
        Asked::Ctl(verb, arguments) => controlled(cli, verb, arguments).await,
        Asked::Top => {
            let Told { text, complaint, code } = Top::new(cli)?.run().await;
            Ok(Answer { text, complaint, code: code.into() })
        }
        Asked::Healthcheck { is_ready } => probed(cli, *is_ready).await,
        _ => printed(cli).await.map(Answer::of),
    }
}

/// Something with an agent that runs.
async fn controlled(
    cli: &Cli,
    verb: &'static Verb,
    arguments: &[String],
) -> Result<Answer, Problems> {
    let Told { text, complaint, code } = Ctl::new(cli, verb, arguments)?.run().await;
    Ok(Answer { text, complaint, code: code.into() })
}

/// Whether an agent that runs is healthy.
async fn probed(cli: &Cli, is_ready: bool) -> Result<Answer, Problems> {
    Ok(match Healthcheck::new(cli, is_ready)?.run().await {
        Ok(text) => Answer::of((text, ExitCode::SUCCESS)),
        Err(why) => Answer::failed(why),
    })
}

/// What was measured.
async fn queried(cli: &Cli, metric: Option<&str>) -> Result<Answer, Problems> {
    let query = Query::new(cli, metric, now_ms(), Screen::of_process())?;
    let (name, found) = match query.place.clone() {
        Place::Api(api) => {
            let name = api.address.to_string();
            let found = match Remote::find(api).await {
                Ok(remote) => query::run(&query, &remote).await,
                Err(why) => Err(why),
            };
            (name, found)
        }
        Place::Folder(folder) => {
            let name = shown(&folder.display().to_string());
            // Opening a file may block, and what is open stays in that thread.
            let found = blocking::call(Purpose::Store, move || {
                let source = OnDisk::open(&folder)?;
                let found = query::of_file(&query, &source);
                source.close();
                found
            });
            (name, found.await.unwrap_or_else(|refused| Err(refused.to_string())))
        }
    };
    Ok(match found {
        Ok((text, 0)) => Answer::of((text, ExitCode::SUCCESS)),
        Ok((text, damaged)) => Answer {
            complaint: Some(query::of_damage(&name, damaged)),
            ..Answer::of((text, ExitCode::FAILURE))
        },
        Err(why) => Answer::failed(why),
    })
}

/// Something with the whole history in a folder.
async fn kept_up(cli: &Cli, folder: &Path, asked: &Upkeep) -> Result<Answer, Problems> {
    let path = folder.to_owned();
    let told = match asked {
        Upkeep::Verify => {
            let output = arguments::output_of(cli)?;
            blocking::call(Purpose::Store, move || upkeep::verify(&path, output)).await
        }
        Upkeep::Prune => {
            let (most_bytes, now_ms) = (upkeep::most_bytes(cli)?, now_ms());
            let prune = move || upkeep::prune(&path, most_bytes, now_ms).map(|text| (text, true));
            blocking::call(Purpose::Store, prune).await
        }
        Upkeep::Salvage => {
            let salvage = move || upkeep::salvage(&path).map(|text| (text, true));
            blocking::call(Purpose::Store, salvage).await
        }
        Upkeep::Export(metrics) => {
            let exported = Exported::new(cli, folder, metrics, now_ms())?;
            // If standard output is full and is not read, this waits in its thread until a signal ends it.
            return Ok(match blocking::call(Purpose::Output, move || exported.write()).await {
                Ok(Ok(is_all)) => {
                    let code = if is_all { ExitCode::SUCCESS } else { ExitCode::FAILURE };
                    Answer { text: None, complaint: None, code }
                }
                Ok(Err(why)) => Answer::failed(why),
                Err(refused) => Answer::failed(refused.to_string()),
            });
        }
    };
    Ok(match told {
        Ok(Ok((text, true))) => Answer::of((text, ExitCode::SUCCESS)),
        Ok(Ok((text, false))) => Answer::of((text, ExitCode::FAILURE)),
        Ok(Err(why)) => Answer::failed(why),
        Err(refused) => Answer::failed(refused.to_string()),
    })
}

/// What is to be printed and the exit code.
async fn printed(cli: &Cli) -> Result<(String, ExitCode), Problems> {
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
        Asked::Run
        | Asked::Explain
        | Asked::Install(_)
        | Asked::Query(_)
        | Asked::Store(..)
        | Asked::Ctl(..)
        | Asked::Top
        | Asked::Healthcheck { .. } => String::new(),
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
    json!({ "timestamp": now_ms(), "info": info }).to_string()
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
