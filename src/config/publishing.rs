//! Where the metrics go, in which form, and how long they are kept for it.

use std::time::Duration;

use super::cli::Cli;
use super::near::did_you_mean;
use super::typed::Typed;
use super::{Aws, Otlp, Problems, endpoints, preview, quantity, region};

/// Where the metrics go, and in which form.
#[derive(Clone, Debug, PartialEq)]
pub struct Publishing {
    pub publishers: Vec<Publish>,
    pub form: ValueForm,
    pub output: Output,
    /// Whether there is a live view. `None` is for one below a preview without a command.
    pub live: Option<bool>,
    /// How many undelivered summaries are kept; 0 drops them at once.
    pub buffer: usize,
    pub shutdown_timeout: Duration,
    /// AWS at the first endpoint of CloudWatch, and at those that stand by for it.
    pub aws: Aws,
    pub standbys: Vec<Aws>,
    /// What is of OTLP; the default where nothing is sent by it.
    pub otlp: Box<Otlp>,
}

impl Publishing {
    pub(super) fn new(cli: &Cli, problems: &mut Problems) -> Self {
        let publishers = publishers(cli, problems);
        let form = problems.optional(cli, "statistics", value_form);
        let output = problems.optional(cli, "output", output);
        let buffer = problems.optional(cli, "buffer", quantity::buffer);
        let shutdown_timeout =
            problems.optional(cli, "shutdown-timeout", quantity::shutdown_timeout);
        let (to_cloudwatch, by_otlp) =
            (publishers.contains(&Publish::CloudWatch), publishers.contains(&Publish::Otlp));
        let otlp = match by_otlp {
            true => Otlp::new(cli, &|name: &str| std::env::var(name).ok(), problems),
            false => Otlp::default(),
        };
        if to_cloudwatch || (by_otlp && otlp.endpoint.is_none()) {
            variables_of_aws(cli, problems);
        }
        let (aws, standbys) = endpoints::of_aws(cli, problems);
        Self {
            publishers,
            form: form.unwrap_or_default(),
            output: output.unwrap_or_default(),
            live: problems.optional(cli, "live", quantity::boolean),
            buffer: buffer.unwrap_or(quantity::DEFAULT_BUFFER),
            shutdown_timeout: shutdown_timeout.unwrap_or(quantity::DEFAULT_SHUTDOWN_TIMEOUT),
            aws,
            standbys,
            otlp: Box::new(otlp),
        }
    }

    /// The options of those names without which nothing is published. CloudWatch has no namespaces for OTLP.
    pub fn required_names(&self) -> Vec<&'static str> {
        let is_of_aws = |publish: &&Publish| !matches!(publish, Publish::Console | Publish::Otlp);
        if self.publishers.iter().any(|publish| is_of_aws(&publish)) {
            return vec!["namespace", "service"];
        }
        let has_otlp = self.publishers.contains(&Publish::Otlp);
        let is_missing = has_otlp && self.otlp.service.is_none();
        is_missing.then_some("service").into_iter().collect()
    }

    /// The same with each of the endpoints of a publisher alone: the first, then those that stand by for it.
    pub fn endpoints(&self, publish: Publish) -> Vec<Self> {
        let alone = |aws: &Aws, endpoint: Option<&String>| Self {
            aws: aws.clone(),
            standbys: Vec::new(),
            otlp: Box::new(Otlp {
                endpoint: endpoint.cloned(),
                standbys: Vec::new(),
                ..(*self.otlp).clone()
            }),
            ..self.clone()
        };
        match (publish, &self.otlp.endpoint) {
            (Publish::Otlp, Some(first)) => {
                let all = [first].into_iter().chain(&self.otlp.standbys);
                all.map(|url| alone(&self.aws, Some(url))).collect()
            }
            (Publish::Otlp | Publish::CloudWatch, _) => {
                let all = [&self.aws].into_iter().chain(&self.standbys);
                all.map(|aws| alone(aws, self.otlp.endpoint.as_ref())).collect()
            }
            (Publish::Emf | Publish::Console, _) => vec![self.clone()],
        }
    }

    /// Whether all that is measured is only shown to the user, and nothing is sent.
    pub fn is_preview(&self) -> bool {
        self.publishers == [Publish::Console]
    }
}

/// Which publisher takes the summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    CloudWatch,
    Console,
    /// Embedded Metric Format on standard output.
    Emf,
    /// OTLP over HTTP, to CloudWatch or another receiver.
    Otlp,
}

impl Publish {
    /// What it is chosen by.
    pub fn name(self) -> &'static str {
        match self {
            Self::CloudWatch => "cloudwatch",
            Self::Console => "console",
            Self::Emf => "emf",
            Self::Otlp => "otlp",
        }
    }
}

/// How the values of a window are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueForm {
    /// The median, and the maximum as a metric of its own.
    #[default]
    MedianMax,
    /// Every value, of which CloudWatch computes any statistic.
    Distribution,
}

/// How an explanation or a window on the console is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    #[default]
    Text,
    Json,
}

/// `--output`.
pub fn output(text: &str) -> Result<Output, String> {
    match text {
        "text" => Ok(Output::Text),
        "json" => Ok(Output::Json),
        _ => Err("text or json".into()),
    }
}

/// Whether there is a report at the end, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reporting {
    #[default]
    No,
    /// In the log, and as an object for programs.
    Said,
    /// And as metrics of the last window.
    Published,
}

/// `--report`.
pub fn reporting(text: &str) -> Result<Reporting, String> {
    if text.trim() == "metrics" {
        return Ok(Reporting::Published);
    }
    let yes = quantity::boolean(text);
    let yes = yes.map_err(|expected| format!("metrics, or {expected}"))?;
    Ok(if yes { Reporting::Said } else { Reporting::No })
}

/// Checks the region and endpoint in the AWS SDK's own variables by the rules of the options. With a
/// command they are not checked: it starts whatever they say, and the first send reports a wrong value.
fn variables_of_aws(cli: &Cli, problems: &mut Problems) {
    let first = |names: [&'static str; 2]| {
        let typed = |name: &'static str| {
            let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
            Some(Typed::new(text, name))
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

/// The publishers of `--publish` or `--dry-run`.
fn publishers(cli: &Cli, problems: &mut Problems) -> Vec<Publish> {
    let chosen = problems.optional(cli, "publish", publish);
    let dry_run = problems.optional(cli, "dry-run", quantity::boolean).unwrap_or(false);
    // Who types it wants a preview of what files and variables publish.
    let is_typed = preview::is_typed(cli) && !cli.is_typed("publish");
    match (chosen, dry_run, cli.value("dry-run")) {
        (Some(chosen), true, Some(typed)) if chosen != [Publish::Console] && !is_typed => {
            problems.add(&typed, "no other publisher: --dry-run means --publish console");
            chosen
        }
        (_, true, _) => vec![Publish::Console],
        (Some(chosen), ..) => chosen,
        (None, ..) => vec![Publish::CloudWatch],
    }
}

/// `--publish`: names with commas.
pub fn publish(text: &str) -> Result<Vec<Publish>, String> {
    let all = [Publish::CloudWatch, Publish::Otlp, Publish::Emf, Publish::Console];
    let mut chosen = Vec::new();
    for name in text.split(',').map(str::trim) {
        let publisher = all.into_iter().find(|publish| publish.name() == name);
        let publisher = publisher.ok_or_else(|| {
            let near = did_you_mean(name, &all.map(Publish::name));
            format!("any of cloudwatch, otlp, emf and console, with commas, not {name:?}{near}")
        })?;
        if !chosen.contains(&publisher) {
            chosen.push(publisher);
        }
    }
    Ok(chosen)
}

/// `--statistics`.
pub fn value_form(text: &str) -> Result<ValueForm, String> {
    match text {
        "median-max" => Ok(ValueForm::MedianMax),
        "distribution" => Ok(ValueForm::Distribution),
        _ => Err("median-max or distribution".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_are_names_with_commas() {
        assert_eq!(publish("cloudwatch"), Ok(vec![Publish::CloudWatch]));
        assert_eq!(publish("otlp"), Ok(vec![Publish::Otlp]));
        assert_eq!(publish("emf, console,emf"), Ok(vec![Publish::Emf, Publish::Console]));
        for text in ["", "emf,", "EMF", "stdout"] {
            assert!(publish(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn statistics_have_two_forms() {
        assert_eq!(value_form("distribution"), Ok(ValueForm::Distribution));
        assert_eq!(value_form("median-max"), Ok(ValueForm::MedianMax));
        assert!(value_form("median").is_err());
    }
}
