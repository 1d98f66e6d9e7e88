//! List prices of Amazon CloudWatch in us-east-1, in US dollars, as they stood in September 2026. Other
//! regions differ by some percent, and the free tier is left out.

/// A custom metric, a month, by how many an account has in a region: each price holds up to a number
/// of metrics. Metrics that are sent for a part of the month cost that part.
/// <https://aws.amazon.com/cloudwatch/pricing/>, paid tier, metrics.
pub const METRIC_MONTH: [(f64, f64); 4] =
    [(10_000.0, 0.30), (250_000.0, 0.10), (1_000_000.0, 0.05), (f64::INFINITY, 0.02)];

/// A call of PutMetricData. The same page: 0.01 for a thousand.
pub const CALL: f64 = 0.01 / 1000.0;

/// A gigabyte taken in by CloudWatch Logs. The same page, paid tier, logs, standard class.
pub const LOG_GIGABYTE: f64 = 0.50;

/// A gigabyte of points that come by OTLP, each with all of its labels. The same page, OpenTelemetry metrics.
pub const OTLP_GIGABYTE: f64 = 0.50;

/// The source of these prices, for people.
pub const SOURCE: &str = "list price of us-east-1, September 2026";
