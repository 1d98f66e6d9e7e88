//! How metrics are sent by OTLP: the options, and the variables of OpenTelemetry.

use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::cli::Cli;
use super::endpoint::is_http_url;
use super::options::otlp::{OTLP_ENDPOINT, OTLP_HEADER, RESOURCE_ATTRIBUTES, SAMPLE_POINTS};
use super::typed::Typed;
use super::{CaFile, Problems, Settings, endpoints, quantity};

/// Where to, with what, and as what metrics are sent by OTLP.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// The whole URL; nothing for CloudWatch.
    pub endpoint: Option<String>,
    /// The option or variable that it is from.
    pub endpoint_origin: String,
    /// The URLs of those that stand by for it.
    pub standbys: Vec<String>,
    /// Those of every request beside the agent's own.
    pub headers: Vec<(String, Hidden)>,
    pub headers_origin: String,
    /// The authorities that are trusted where `--ca-file` names none.
    pub ca_file: Option<CaFile>,
    pub gzip: bool,
    /// The time for all attempts of a request.
    pub timeout: Duration,
    pub deltas: Deltas,
    /// `OTEL_SERVICE_NAME`, or else `service.name` of the resource's attributes.
    pub service: Option<String>,
    /// The user's own attributes of the resource.
    pub attributes: Vec<(String, String)>,
    /// Whether all that is known of the place becomes attributes of the resource.
    pub all_attributes: bool,
    /// What was found out about the place.
    pub found: Vec<(String, String)>,
    /// Whether each sample is a point of its own.
    pub sample_points: bool,
    /// What is wrong with the variables, where that may not keep a command from starting.
    pub mistake: Option<String>,
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            endpoint: None,
            standbys: Vec::new(),
            endpoint_origin: String::new(),
            headers: Vec::new(),
            headers_origin: String::new(),
            ca_file: None,
            gzip: true,
            timeout: DEFAULT_TIMEOUT,
            deltas: Deltas::default(),
            service: None,
            attributes: Vec::new(),
            all_attributes: false,
            found: Vec::new(),
            sample_points: false,
            mistake: None,
        }
    }
}

/// What is sent of a window alone, and not since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deltas {
    pub sums: bool,
    pub histograms: bool,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Otlp {
    pub(super) fn new(cli: &Cli, variables: &impl Variables, problems: &mut Problems) -> Self {
        let all_attributes = problems.optional(cli, RESOURCE_ATTRIBUTES, default_or_all);
        let sample_points = problems.optional(cli, SAMPLE_POINTS, quantity::boolean);
        let mut otlp = Self {
            all_attributes: all_attributes.unwrap_or(false),
            sample_points: sample_points.unwrap_or(false),
            ..Self::default()
        };
        let mut of_variables = Problems::default();
        otlp.read(variables, &mut of_variables);
        let typed = cli.values(OTLP_ENDPOINT);
        if let Some(first) = typed.first() {
            otlp.endpoint_origin.clone_from(&first.origin);
            let mut urls = endpoints::each_once(&typed, url, problems).into_iter();
            otlp.endpoint = urls.next();
            otlp.standbys = urls.collect();
        }
        let headers = cli.values(OTLP_HEADER);
        if let Some(first) = headers.first() {
            otlp.headers_origin.clone_from(&first.origin);
            otlp.headers.clear();
        }
        for typed in &headers {
            match header(&typed.text) {
                Ok(header) => otlp.headers.push(header),
                Err(expected) => problems.add(&hidden(typed), &expected),
            }
        }
        // A command starts whatever they say, and the first send tells what is wrong.
        if cli.command.is_some() && !of_variables.is_empty() {
            otlp.mistake = Some(of_variables.iter().collect::<Vec<_>>().join("; "));
        } else {
            of_variables.iter().for_each(|text| problems.of_several(text.to_owned()));
        }
        otlp
    }

    /// What the variables of OpenTelemetry say.
    fn read(&mut self, variables: &impl Variables, problems: &mut Problems) {
        let of = |name: &'static str| {
            let text = variables(name).filter(|text| !text.trim().is_empty())?;
            Some(Typed::new(text.trim(), name))
        };
        let either = |own: &'static str, all: &'static str| of(own).or_else(|| of(all));
        if let Some(typed) = either(METRICS_PROTOCOL, PROTOCOL)
            && typed.text != "http/protobuf"
        {
            problems.add(&typed, "http/protobuf, which is the only one that this agent has");
        }
        if let Some(typed) = of(METRICS_ENDPOINT) {
            self.endpoint = url(&typed, problems);
            self.endpoint_origin = typed.origin;
        } else if let Some(typed) = of(ENDPOINT) {
            // The whole URL would get the path twice.
            let is_base = !typed.text.trim_end_matches('/').ends_with("/v1/metrics");
            let base = if is_base { url(&typed, problems) } else { None };
            if !is_base {
                problems.add(&typed, "a URL without /v1/metrics, which is added to it");
            }
            self.endpoint = base.map(|url| format!("{}/v1/metrics", url.trim_end_matches('/')));
            self.endpoint_origin = typed.origin;
        }
        if let Some(typed) = either(METRICS_HEADERS, HEADERS) {
            match list(&typed.text).and_then(|pairs| pairs.into_iter().map(checked).collect()) {
                Ok(headers) => self.headers = headers,
                Err(expected) => problems.add(&hidden(&typed), &expected),
            }
            self.headers_origin = typed.origin;
        }
        let certificate = [METRICS_CERTIFICATE, CERTIFICATE];
        self.ca_file = certificate
            .into_iter()
            .find_map(|name| Some((name, of(name)?)))
            .map(|(origin, typed)| CaFile { path: typed.text.into(), origin });
        if let Some(typed) = either(METRICS_COMPRESSION, COMPRESSION) {
            match &*typed.text {
                "gzip" => self.gzip = true,
                "none" => self.gzip = false,
                _ => problems.add(&typed, "gzip or none"),
            }
        }
        if let Some(typed) = either(METRICS_TIMEOUT, TIMEOUT) {
            match typed.text.parse() {
                Ok(milliseconds @ LEAST_TIMEOUT..=MOST_TIMEOUT) => {
                    self.timeout = Duration::from_millis(milliseconds);
                }
                _ => problems.add(&typed, "milliseconds, 100 to 60000"),
            }
        }
        if let Some(typed) = of(TEMPORALITY) {
            match &*typed.text.to_lowercase() {
                "cumulative" => {}
                "delta" => self.deltas = Deltas { sums: true, histograms: true },
                "lowmemory" => self.deltas = Deltas { sums: false, histograms: true },
                _ => problems.add(&typed, "cumulative, delta or lowmemory"),
            }
        }
        if let Some(typed) = of(ATTRIBUTES) {
            match list(&typed.text).and_then(attributes) {
                Ok(attributes) => self.attributes = attributes,
                Err(expected) => problems.add(&typed, &expected),
            }
        }
        let of_attributes = self.attributes.iter().find(|(name, _)| name == "service.name");
        let of_attributes = of_attributes.map(|(_, value)| value.clone());
        self.service = of(SERVICE_NAME).map(|typed| typed.text).or(of_attributes);
    }

    /// Whether the user has a header for who sends, so that the request is not signed.
    pub fn is_authorized(&self) -> bool {
        self.headers.iter().any(|(name, _)| name == "authorization")
    }

    /// A text of the endpoint, without the secrets that it may have been sent.
    pub fn without_secrets(&self, text: &str) -> String {
        let secrets = self.headers.iter().flat_map(|(_, Hidden(value))| {
            // As it was typed, and without the word `Bearer`.
            [&**value, value.rsplit(' ').next().unwrap_or(value)]
        });
        let secrets = secrets.filter(|secret| secret.len() > 3);
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

/// The value of a variable.
pub trait Variables: Fn(&str) -> Option<String> {}

impl<F: Fn(&str) -> Option<String>> Variables for F {}

/// An endpoint. A problem does not show a password that is in it.
fn url(typed: &Typed, problems: &mut Problems) -> Option<String> {
    let has_user = typed.text.contains('@');
    if has_user || !is_http_url(&typed.text) || typed.text.contains(['?', '#']) {
        problems.add(&typed.without_password(), URL);
        return None;
    }
    Some(typed.text.clone())
}

/// The same text, which is not shown.
fn hidden(typed: &Typed) -> Typed {
    Typed { literal: Some("***".into()), ..typed.clone() }
}

/// `--otlp-header`.
fn header(text: &str) -> Result<(String, Hidden), String> {
    let (name, value) = text.split_once('=').ok_or(NAME_AND_VALUE)?;
    checked((name.trim().to_owned(), value.trim().to_owned()))
}

/// A header that HTTP takes, and that is not the agent's own.
fn checked((name, value): (String, String)) -> Result<(String, Hidden), String> {
    let name = name.to_ascii_lowercase();
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Err(format!(
            "for NAME the name of a header such as authorization; {NAME_AND_VALUE}"
        ));
    }
    if OWN_HEADERS.contains(&&*name) {
        return Err(format!("a header other than {name}, which the agent sets itself"));
    }
    if value.is_empty() || !value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return Err("for VALUE printable ASCII".to_owned());
    }
    Ok((name, Hidden(value)))
}

/// `NAME=VALUE` with commas between; other characters are written as `%2C` (W3C Baggage).
fn list(text: &str) -> Result<Vec<(String, String)>, String> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text.trim()).decode_utf8();
        text.map(String::from).map_err(|_| "UTF-8 behind each %".to_owned())
    };
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty()).map(|pair| {
        let (name, value) =
            pair.split_once('=').ok_or("NAME=VALUE, with commas between several")?;
        Ok((decoded(name)?, decoded(value)?))
    });
    pairs.collect()
}

fn attributes(pairs: Vec<(String, String)>) -> Result<Vec<(String, String)>, String> {
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if pairs.len() > MOST_ATTRIBUTES || bytes > MOST_ATTRIBUTE_BYTES {
        return Err(format!(
            "at most {MOST_ATTRIBUTES} attributes of {MOST_ATTRIBUTE_BYTES} bytes in all"
        ));
    }
    match pairs.iter().all(|(name, value)| !name.is_empty() && !value.is_empty()) {
        true => Ok(pairs),
        false => Err("a name and a value for each attribute".to_owned()),
    }
}

/// Checks that there are not too many samples in a period to send each.
pub fn check_period(settings: &Settings, cli: &Cli, problems: &mut Problems) {
    let is_too_long = settings.measuring.period > LONGEST_WITH_SAMPLES;
    if let (true, true, Some(typed)) =
        (settings.publishing.otlp.sample_points, is_too_long, cli.value(SAMPLE_POINTS))
    {
        let most = LONGEST_WITH_SAMPLES.as_secs();
        problems.add(&typed, &format!("a --period of at most {most} s with it"));
    }
}

/// `--resource-attributes`.
fn default_or_all(text: &str) -> Result<bool, String> {
    match text {
        "default" => Ok(false),
        "all" => Ok(true),
        _ => {
            Err("default or all; attributes of your own are those of OTEL_RESOURCE_ATTRIBUTES"
                .into())
        }
    }
}

/// The longest period with a point for each sample: at most 3,000 of each metric, which stay in memory as long
/// as they are not delivered.
const LONGEST_WITH_SAMPLES: Duration = Duration::from_secs(300);

const URL: &str = "the whole URL of a receiver, such as http://127.0.0.1:4318/v1/metrics, without a user or a query";
const NAME_AND_VALUE: &str = "NAME=VALUE, such as authorization=Bearer KEY";

/// The agent and HTTP set these.
const OWN_HEADERS: [&str; 8] = [
    "content-type",
    "content-length",
    "content-encoding",
    "host",
    "connection",
    "transfer-encoding",
    "user-agent",
    "x-amz-date",
];

// The variables of the specification of OpenTelemetry: those of all signals, and those of metrics, which win.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const METRICS_HEADERS: &str = "OTEL_EXPORTER_OTLP_METRICS_HEADERS";
const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const METRICS_CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const METRICS_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL";
const COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
const METRICS_COMPRESSION: &str = "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const METRICS_TIMEOUT: &str = "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT";
const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// That of the specification.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const LEAST_TIMEOUT: u64 = 100;
const MOST_TIMEOUT: u64 = 60_000;

/// CloudWatch takes 150 labels and 40 KB of them for a point: the rest is for the agent's own, and for those of
/// the metric.
const MOST_ATTRIBUTES: usize = 80;
const MOST_ATTRIBUTE_BYTES: usize = 8_000;

pub mod ignored;
#[cfg(test)]
mod tests;
