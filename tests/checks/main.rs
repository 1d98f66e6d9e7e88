//! Checks of real file systems, devices, interfaces and groups, in namespaces of their own, held against
//! what the kernel and the tools of the system say of the same things.
#![cfg(target_os = "linux")]

mod devices;
mod file_systems;
mod hanging;
mod interfaces;
mod long_names;
mod machine;
mod pressure;
mod processes;
mod threads;
mod worker;

use std::collections::BTreeMap;
use std::process::Command;

use cloudwatch_metrics_agent::check::TABLE;
use cloudwatch_metrics_agent::{CheckType, Configured, Detail, Details, Findings, Quantity, Roots};

fn of_type(name: &str) -> &'static CheckType {
    TABLE.iter().find(|of| of.name == name).expect("there is such a type")
}

fn details(texts: &[(&str, &str)]) -> Details {
    let detail = |(name, value): &(&str, &str)| {
        let detail = match *value {
            "yes" => Detail::Yes(true),
            text => Detail::Text(text.to_owned()),
        };
        ((*name).to_owned(), detail)
    };
    Details(texts.iter().map(detail).collect())
}

/// A check of a type, which publishes nothing.
fn configured(of: &str, texts: &[(&str, &str)]) -> Configured {
    Configured::of(of_type(of), details(texts))
}

/// A runtime as the agent's: of one thread.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime of one thread needs nothing")
}

/// What one run of a new check finds on this machine. Each declared metric has a value or a reason.
fn run(name: &str, texts: &[(&str, &str)]) -> Result<Found, String> {
    let of = of_type(name);
    let mut check = configured(name, texts).open(&Roots::default());
    let found = runtime().block_on(check.run())?;
    assert_eq!(found.values.len() + found.absent.len(), of.metrics.len(), "{found:#?}");
    assert!(!found.raw.is_empty(), "it can be explained");
    Ok(Found::of(found))
}

/// What was found, by name.
#[derive(Debug)]
struct Found {
    numbers: BTreeMap<String, f64>,
    texts: BTreeMap<String, String>,
    absent: BTreeMap<&'static str, String>,
}

impl Found {
    fn of(found: Findings) -> Self {
        let (mut numbers, mut texts) = (BTreeMap::new(), BTreeMap::new());
        for value in found.values {
            match value.quantity {
                Quantity::Number(number) => {
                    assert!(number.is_finite(), "{} is {number}", value.name);
                    numbers.insert(value.name.into_owned(), number);
                }
                Quantity::Many(many) => unreachable!("{} is no distribution: {many:?}", value.name),
                Quantity::Text(text) => {
                    texts.insert(value.name.into_owned(), text);
                }
            }
        }
        Self { numbers, texts, absent: found.absent.into_iter().collect() }
    }

    fn number(&self, name: &str) -> f64 {
        let missing = || format!("no {name} in {self:#?}");
        self.numbers.get(name).copied().ok_or_else(missing).expect("it has a value")
    }
}

/// The ids of the targets of a type.
fn targets(name: &str) -> Vec<String> {
    let targets = of_type(name).targets.expect("it has targets")(&Roots::default());
    targets.expect("they can be listed").into_iter().map(|target| target.id).collect()
}

/// The standard output of a tool that has to succeed.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}")).expect("it is installed");
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("the tools write text")
}

/// The text of a file of the kernel.
fn read(path: &str) -> String {
    let text = std::fs::read_to_string(path);
    text.map_err(|error| format!("{path}: {error}")).expect("it can be read")
}
