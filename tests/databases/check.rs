//! Runs checks, in this process and by the real binary.

use std::collections::BTreeMap;
use std::time::Duration;

use cloudwatch_metrics_agent::check::{Form, TABLE};
use cloudwatch_metrics_agent::{CheckType, Configured, Detail, Details, Quantity, Roots};
use support::Ended;

/// What was found, by name.
#[derive(Debug)]
pub struct Found {
    pub numbers: BTreeMap<String, f64>,
    pub texts: BTreeMap<String, String>,
    pub absent: BTreeMap<&'static str, String>,
    pub status: Option<String>,
}

impl Found {
    pub fn number(&self, name: &str) -> f64 {
        let missing = || format!("no {name} in {self:#?}");
        self.numbers.get(name).copied().ok_or_else(missing).expect("it has a value")
    }
}

pub fn of_type(name: &str) -> &'static CheckType {
    TABLE.iter().find(|of| of.name == name).expect("there is such a type")
}

/// What one run of a new check finds. Each declared metric has a value or a reason.
pub fn run(name: &str, details: &[(&str, &str)]) -> Result<Found, String> {
    let of = of_type(name);
    let detail = |(name, value): &(&str, &str)| {
        let setting = of.settings.iter().find(|of| of.name == *name).expect("it has this detail");
        let detail = match setting.form {
            Form::Secret => Detail::Secret(cloudwatch_metrics_agent::Secret((*value).to_owned())),
            Form::Whole(..) => Detail::Number(value.parse().expect("a number")),
            Form::LastingMilliseconds(..) => {
                Detail::Lasting(Duration::from_millis(value.parse().expect("a number")))
            }
            _ => Detail::Text((*value).to_owned()),
        };
        ((*name).to_owned(), detail)
    };
    let details = Details(details.iter().map(detail).collect());
    let mut check = Configured::of(of, details).open(&Roots::default());
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().enable_io().build().expect("a runtime of one thread");
    let found = runtime.block_on(check.run())?;
    assert_eq!(found.values.len() + found.absent.len(), of.metrics.len(), "{found:#?}");
    assert!(!found.raw.is_empty(), "it can be explained");
    let (mut numbers, mut texts) = (BTreeMap::new(), BTreeMap::new());
    for value in found.values {
        let name = value.name.into_owned();
        match value.quantity {
            Quantity::Number(number) => drop(numbers.insert(name, number)),
            Quantity::Text(text) => drop(texts.insert(name, text)),
            Quantity::Many(many) => unreachable!("{name} is no distribution: {many:?}"),
        }
    }
    Ok(Found { numbers, texts, absent: found.absent.into_iter().collect(), status: found.status })
}

/// The same by the real binary, in both forms with all that it can tell: the text, then the JSON. With
/// these trusted roots, where there are some. None of it has the secret in it.
pub fn printed(
    name: &str,
    details: &[(&str, &str)],
    secret: &str,
    roots: Option<&str>,
) -> [Ended; 2] {
    [&["--explain"][..], &["--explain", "--output", "json"]].map(|options| {
        let mut command = support::command();
        command.args(["check", name]).args(options);
        command.args(details.iter().map(|(name, value)| format!("{name}={value}")));
        command.envs(roots.map(|roots| ("SSL_CERT_FILE", roots)));
        command.env("RUST_LOG", "trace");
        let ended = support::run(&mut command);
        let text = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!text.contains(secret), "{text}");
        ended
    })
}
