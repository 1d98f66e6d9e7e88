//! The options of OTLP.

use clap::{Arg, ArgAction};

use super::{flag, option};

pub fn all() -> Vec<Arg> {
    vec![
        option(
            OTLP_ENDPOINT,
            "URL",
            "The whole URL of a receiver, such as http://127.0.0.1:4318/v1/metrics; if repeated, the others \
             stand by [default: OTEL_EXPORTER_OTLP_ENDPOINT, or CloudWatch]",
        )
        .action(ArgAction::Append),
        option(
            OTLP_HEADER,
            "NAME=VALUE",
            "A header of each request, such as authorization=Bearer KEY; may be repeated",
        )
        .action(ArgAction::Append),
        option(
            RESOURCE_ATTRIBUTES,
            "WHICH",
            "Attributes that are sent: default (service, region, task or host) or all, which costs more \
             [default: default]",
        ),
        flag(
            SAMPLE_POINTS,
            "Also send each sample as a point of its own, with periods up to 300 s",
        ),
    ]
}

pub const OTLP_ENDPOINT: &str = "otlp-endpoint";
pub const OTLP_HEADER: &str = "otlp-header";
pub const RESOURCE_ATTRIBUTES: &str = "resource-attributes";
pub const SAMPLE_POINTS: &str = "sample-points";
