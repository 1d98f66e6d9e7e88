//! Variables of OpenTelemetry that this agent does not follow. What such a variable asks for would be missed.

use super::{Otlp, Variables};

/// A warning for each that is set so that something else is expected.
pub fn warnings(otlp: &Otlp, variables: &impl Variables) -> Vec<String> {
    let is_plain = otlp.endpoint.as_ref().is_some_and(|url| url.starts_with("http://"));
    let set = ALL.iter().filter_map(|(name, matters, cure)| {
        let text = variables(name)?;
        let text = text.trim();
        let is_followed = *name == INSECURE && is_plain;
        (!text.is_empty() && matters(text) && !is_followed)
            .then(|| format!("{name} has no effect: {cure}"))
    });
    set.collect()
}

/// Name, the values that matter, and what to do.
type Ignored = (&'static str, fn(&str) -> bool, &'static str);

const ALL: &[Ignored] = &[
    ("OTEL_SDK_DISABLED", is_true, "leave otlp out of --publish to send nothing by OTLP"),
    ("OTEL_METRICS_EXPORTER", is_not_otlp, "--publish says where metrics go"),
    ("OTEL_METRIC_EXPORT_INTERVAL", any, "--period says how often metrics are sent"),
    (
        "OTEL_METRIC_EXPORT_TIMEOUT",
        any,
        "OTEL_EXPORTER_OTLP_TIMEOUT says how long a request may take",
    ),
    ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", any, CLIENT),
    ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", any, CLIENT),
    ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", any, CLIENT),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", any, CLIENT),
    (INSECURE, is_true, "give a URL with http:// to send without TLS"),
    (
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        is_explicit,
        "all histograms are exponential",
    ),
    ("OTEL_CONFIG_FILE", any, FILE),
    ("OTEL_EXPERIMENTAL_CONFIG_FILE", any, FILE),
];

fn any(_: &str) -> bool {
    true
}

fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

fn is_not_otlp(text: &str) -> bool {
    text.split(',').all(|name| name.trim() != "otlp")
}

fn is_explicit(text: &str) -> bool {
    text != "base2_exponential_bucket_histogram"
}

const INSECURE: &str = "OTEL_EXPORTER_OTLP_INSECURE";

const CLIENT: &str = "this agent shows a receiver no certificate of its own: send to a collector beside it that does";

const FILE: &str = "set the variables of docs/otlp.md or the options in place of this file";
