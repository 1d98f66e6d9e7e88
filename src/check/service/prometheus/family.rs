//! What a sample is, by the `# TYPE` of its family.

use crate::model::{Discovered, Kind, Unit};

/// The family whose lines are being read, and its type.
#[derive(Debug, Default)]
pub struct Family {
    name: String,
    of: Type,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Type {
    #[default]
    Unknown,
    Counter,
    Gauge,
    Histogram,
    Summary,
    GaugeHistogram,
}

impl Family {
    /// Of the words behind `# TYPE`.
    pub fn of(name: &str, word: &str) -> Self {
        let of = match word {
            "counter" => Type::Counter,
            "gauge" | "info" | "stateset" => Type::Gauge,
            "histogram" => Type::Histogram,
            "summary" => Type::Summary,
            "gaugehistogram" => Type::GaugeHistogram,
            _ => Type::Unknown,
        };
        Self { name: name.trim_matches('"').to_owned(), of }
    }

    /// The name of the family that a sample is a part of, where it is another than its own.
    pub fn of_part(&self, sample: &str) -> Option<&str> {
        let is_part = sample.strip_prefix(&*self.name).is_some_and(|end| END.contains(&end));
        (is_part && self.of != Type::Unknown && self.of != Type::Gauge).then_some(&*self.name)
    }

    /// Unit and kind of a sample; none of what is left out: buckets, quantiles, and when a total began.
    pub fn discovered(&self, sample: &str) -> Option<Discovered> {
        let kind = match (self.of, sample.strip_prefix(&*self.name)) {
            (Type::Counter, Some("" | "_total")) => Kind::Counter,
            (Type::Gauge, Some("")) => Kind::Gauge,
            (Type::Histogram | Type::Summary, Some("_count" | "_sum")) => Kind::Counter,
            (Type::GaugeHistogram, Some("_gcount" | "_gsum")) => Kind::Gauge,
            (Type::Histogram | Type::GaugeHistogram, Some("_bucket")) => return None,
            (Type::Summary, Some("")) => return None,
            (Type::Counter | Type::Histogram | Type::Summary, Some("_created")) => return None,
            // By the rules of Prometheus for names.
            _ if sample.ends_with("_total") => Kind::Counter,
            _ => Kind::Gauge,
        };
        Some(Discovered { unit: unit(sample, kind), kind, ..Discovered::NUMBER })
    }
}

/// The unit by the end of a name, as the rules of Prometheus have it.
fn unit(name: &str, kind: Kind) -> Unit {
    let base = ["_total", "_sum", "_gsum"].iter().find_map(|end| name.strip_suffix(end));
    let base = base.unwrap_or(name);
    match base.rsplit('_').next() {
        Some("bytes") => Unit::Bytes,
        Some("seconds") => Unit::Seconds,
        Some("milliseconds") => Unit::Milliseconds,
        Some("percent") => Unit::Percent,
        Some("ratio") => Unit::None,
        _ if kind == Kind::Counter => Unit::Count,
        _ => Unit::None,
    }
}

/// What the names of the samples of a family have behind its own.
const END: &[&str] = &["_total", "_count", "_sum", "_gcount", "_gsum"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_unit_come_from_type_and_name() {
        let (counter, gauge) = (Kind::Counter, Kind::Gauge);
        for (word, sample, expected) in [
            ("counter", "x", Some((Unit::Count, counter))),
            ("counter", "x_total", Some((Unit::Count, counter))),
            ("counter", "x_created", None),
            ("gauge", "x", Some((Unit::None, gauge))),
            ("untyped", "x", Some((Unit::None, gauge))),
            ("histogram", "x_bucket", None),
            ("histogram", "x_count", Some((Unit::Count, counter))),
            ("histogram", "x_sum", Some((Unit::Count, counter))),
            ("summary", "x", None),
            ("summary", "x_sum", Some((Unit::Count, counter))),
            ("gaugehistogram", "x_gcount", Some((Unit::None, gauge))),
            ("gaugehistogram", "x_bucket", None),
            ("gauge", "y_total", Some((Unit::Count, counter))),
            ("gauge", "y_ratio", Some((Unit::None, gauge))),
            ("gauge", "y_bytes", Some((Unit::Bytes, gauge))),
            ("gauge", "y_bytes_total", Some((Unit::Bytes, counter))),
            ("gauge", "y_seconds_sum", Some((Unit::Seconds, gauge))),
        ] {
            let discovered = Family::of("x", word).discovered(sample);
            let found = discovered.map(|found| (found.unit, found.kind));
            assert_eq!(found, expected, "{word} {sample}");
        }
        assert_eq!(Family::of("x", "histogram").of_part("x_sum"), Some("x"));
        assert_eq!(Family::of("x", "gauge").of_part("x_sum"), None);
        assert_eq!(Family::of("x", "histogram").of_part("xy_sum"), None);
    }
}
