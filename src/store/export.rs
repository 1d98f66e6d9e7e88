//! Writes points as text, one a line, and never keeps more than a page of them in memory.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::json;

use super::{Bucket, Change, Described, Part, Resolution, Store, Unplottable, Unread};

/// How points are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A header, then a line a point (RFC 4180).
    Csv,
    /// An object a line.
    Json,
    /// The text format of OpenMetrics 1.0.
    OpenMetrics,
}

/// What is written.
#[derive(Clone, Debug)]
pub struct Export {
    pub format: Format,
    pub resolution: Resolution,
    /// The first millisecond, and the first one that is left out.
    pub range_ms: [i64; 2],
    /// Since when the levels are kept, counted from this time.
    pub now_ms: i64,
}

/// Why not all was written.
#[derive(Debug)]
pub enum Unwritten {
    /// Nobody takes it, or there is no room for it.
    Output(io::Error),
    Store(Unread),
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Export {
    /// Writes the points of these metrics. Returns how many blocks are left out because they are damaged.
    pub fn write<'a>(
        &self,
        store: &Store,
        metrics: impl IntoIterator<Item = &'a Described>,
        out: &mut dyn Write,
    ) -> Result<usize, Unwritten> {
        let mut damaged = 0;
        match self.format {
            Format::Csv => out.write_all(csv_header(self.resolution).as_bytes())?,
            Format::Json => {}
            Format::OpenMetrics => out.write_all(b"# TYPE history gauge\n")?,
        }
        for metric in metrics {
            if metric.is_text() {
                self.texts(store, metric, out)?;
                continue;
            }
            match self.format {
                Format::Csv => {
                    let [check, name, unit] =
                        [&metric.check, &metric.name, &metric.unit].map(|text| cell(text));
                    damaged += self.each(store, metric, |point| {
                        write!(out, "{check},{name},{unit},{},", point.start_ms)?;
                        writeln!(out, "{}", csv_values(self.resolution, point))
                    })?;
                }
                Format::Json => {
                    damaged += self.each(store, metric, |point| {
                        writeln!(out, "{}", object(self.resolution, metric, point))
                    })?;
                }
                Format::OpenMetrics => {
                    // The points of one set of labels have to stand together.
                    let mut of_most = 0;
                    for (statistic, value) in STATISTICS {
                        let labels = labels(metric, self.resolution, statistic);
                        let skipped = self.each(store, metric, |point| {
                            let (seconds, rest) = (point.start_ms / 1000, point.start_ms % 1000);
                            let value = number(value(point));
                            writeln!(out, "history{{{labels}}} {value} {seconds}.{rest:03}")
                        })?;
                        of_most = of_most.max(skipped);
                        if self.resolution == Resolution::Full {
                            break;
                        }
                    }
                    damaged += of_most;
                }
            }
        }
        if self.format == Format::OpenMetrics {
            out.write_all(b"# EOF\n")?;
        }
        out.flush()?;
        Ok(damaged)
    }

    /// The changes of a text. It has no rollups, and OpenMetrics has no texts.
    fn texts(
        &self,
        store: &Store,
        metric: &Described,
        out: &mut dyn Write,
    ) -> Result<(), Unwritten> {
        if self.resolution != Resolution::Full {
            return Ok(());
        }
        let Described { check, name, unit, .. } = metric;
        let [check, name, unit] = [&**check, &**name, &**unit];
        for Change { at_ms, text } in store.texts([check, name], self.range_ms).unwrap_or_default()
        {
            match self.format {
                Format::Csv => {
                    let [check, name, unit, text] = [check, name, unit, &text].map(cell);
                    writeln!(out, "{check},{name},{unit},{at_ms},{text}")?;
                }
                Format::Json => {
                    let object = json!({
                        "check": check, "metric": name, "unit": unit, "timestamp": at_ms, "text": text,
                    });
                    writeln!(out, "{object}")?;
                }
                Format::OpenMetrics => {}
            }
        }
        Ok(())
    }

    /// Each point of a metric, and how many blocks are damaged.
    fn each(
        &self,
        store: &Store,
        metric: &Described,
        mut write: impl FnMut(&Bucket) -> io::Result<()>,
    ) -> Result<usize, Unwritten> {
        let [from_ms, to_ms] = self.range_ms;
        let (mut next, mut damaged) = (Some(from_ms), 0);
        while let Some(from_ms) = next {
            let name = [&*metric.check, &*metric.name];
            let (resolution, range_ms) = (self.resolution, [from_ms, to_ms]);
            let part = Part { resolution, range_ms, most: PAGE, now_ms: self.now_ms };
            let plot = match store.plot(name, part) {
                Ok(plot) => plot,
                Err(Unplottable::Unread(unread)) => return Err(Unwritten::Store(unread)),
                // A text has no points.
                Err(_) => break,
            };
            plot.points.iter().try_for_each(&mut write)?;
            damaged += plot.damaged;
            next = plot.next_ms;
        }
        Ok(damaged)
    }
}

fn csv_header(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Full => "check,metric,unit,timestamp_ms,value\n",
        _ => "check,metric,unit,timestamp_ms,count,average,min,max,variance\n",
    }
}

fn csv_values(resolution: Resolution, point: &Bucket) -> String {
    if resolution == Resolution::Full {
        return number(point.average);
    }
    let values = [point.average, point.min, point.max, point.variance].map(number);
    format!("{},{}", point.count, values.join(","))
}

fn object(resolution: Resolution, metric: &Described, point: &Bucket) -> String {
    let Described { check, name, unit, .. } = metric;
    let Bucket { start_ms, count, average, variance, min, max, .. } = point;
    let [check, name, unit] = [&**check, &**name, &**unit];
    let object = match resolution {
        Resolution::Full => {
            json!({ "check": check, "metric": name, "unit": unit, "timestamp": start_ms, "value": average })
        }
        _ => json!({
            "check": check, "metric": name, "unit": unit, "timestamp": start_ms, "numPoints": count,
            "average": average, "min": min, "max": max, "variance": variance,
        }),
    };
    object.to_string()
}

/// A cell of a table in CSV: in quotes where it has a character that would end it.
pub fn cell(text: &str) -> Cow<'_, str> {
    match text.contains([',', '"', '\n', '\r']) {
        true => Cow::Owned(format!("\"{}\"", text.replace('"', "\"\""))),
        false => Cow::Borrowed(text),
    }
}

/// A number with all of its digits. A very large or small one has an exponent, as every format here allows.
pub fn number(value: f64) -> String {
    let is_plain = value == 0.0 || (1e-5..1e16).contains(&value.abs());
    if is_plain { value.to_string() } else { format!("{value:e}") }
}

fn labels(metric: &Described, resolution: Resolution, statistic: &str) -> String {
    let mut all = vec![("check", &*metric.check), ("metric", &*metric.name)];
    // An empty label is as good as none.
    all.extend((!metric.unit.is_empty()).then_some(("unit", &*metric.unit)));
    if resolution != Resolution::Full {
        all.extend([("resolution", resolution.name()), ("statistic", statistic)]);
    }
    all.into_iter().map(|(name, value)| label(name, value)).collect::<Vec<_>>().join(",")
}

/// A label as OpenMetrics and Prometheus have it, with its value in quotes.
pub fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    format!("{name}=\"{value}\"")
}

type Statistic = (&'static str, fn(&Bucket) -> f64);

/// What a rollup has, as values of a label. A point has the first of them.
const STATISTICS: [Statistic; 5] = [
    ("average", |of| of.average),
    ("min", |of| of.min),
    ("max", |of| of.max),
    ("variance", |of| of.variance),
    ("count", |of| of.count as f64),
];

/// Points that are in memory at once.
const PAGE: usize = 4096;

#[cfg(test)]
mod tests;
