//! An answer as a table for people.

use std::time::{Duration, UNIX_EPOCH};

use super::select::Select;
use super::values::Answer;
use crate::local_time;
use crate::model::{Kind, Unit, figure};
use crate::shown::shown;
use crate::store::{Resolution, utc};

/// The table of an answer.
pub struct Table<'a> {
    pub answer: &'a Answer<'a>,
    /// Whether times are those of the place where the person sits. Else they are UTC.
    pub is_local: bool,
}

impl Table<'_> {
    pub fn text(&self) -> String {
        let Answer { metric, resolution, points, .. } = self.answer;
        let points = &points.points;
        let title = [&*metric.full_name(), &*metric.unit, resolution.name()];
        let title = title.into_iter().filter(|text| !text.is_empty()).map(shown);
        let title = title.collect::<Vec<_>>().join(", ");
        if points.is_empty() {
            let newest = match metric.newest_ms {
                Some(ms) => format!(", and its newest is of about {}", self.time(ms)),
                None => String::new(),
            };
            return format!("{title}: no points in this range{newest}");
        }
        let mut rows = vec![self.header()];
        rows.extend(points.iter().map(|point| {
            let mut row = vec![self.time(point.start_ms)];
            if *resolution == Resolution::Full {
                row.push(value(&metric.unit, point.average));
                return row;
            }
            row.push(point.count.to_string());
            row.extend(self.answer.select.iter().map(|select| match select {
                // It has the square of the unit, which nobody reads.
                Select::Variance => figure::short(Unit::None, point.variance),
                _ => value(&metric.unit, select.of(point)),
            }));
            row
        }));
        let plural = if points.len() == 1 { "" } else { "s" };
        format!("{title}, {} point{plural}\n\n{}", points.len(), aligned(&rows))
    }

    fn header(&self) -> Vec<String> {
        let time = if self.is_local { "local time" } else { "time" };
        let names: Vec<_> = match self.answer.resolution {
            Resolution::Full => vec![time, "value"],
            _ => {
                let names = self.answer.select.iter().map(|select| select.name());
                [time, "points"].into_iter().chain(names).collect()
            }
        };
        names.into_iter().map(str::to_owned).collect()
    }

    /// A rollup begins at whole minutes.
    fn time(&self, ms: i64) -> String {
        if !self.is_local {
            return utc(ms);
        }
        let time = UNIX_EPOCH + Duration::from_millis(ms.max(0).unsigned_abs());
        let text = local_time::date_and_time(time);
        match self.answer.resolution {
            Resolution::Full => format!("{text}.{:03}", ms.rem_euclid(1000)),
            _ => text,
        }
    }
}

/// Columns as wide as their widest cell, the first to the left and all others to the right.
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let length =
        |row: &Vec<String>, column: usize| row.get(column).map_or(0, |cell| cell.chars().count());
    let width = |column| rows.iter().map(|row| length(row, column)).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells =
            row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A value with a unit that is known by its name, or as a program gave it.
pub fn value(unit: &str, value: f64) -> String {
    match UNITS.into_iter().find(|known| known.name() == unit) {
        Some(known) => figure::short(known, value),
        None => shown(&format!("{} {unit}", figure::short(Unit::None, value))),
    }
}

/// The unit of how much a counter grows in a second.
pub fn a_second(unit: &str) -> String {
    let known = UNITS.into_iter().find(|known| known.name() == unit);
    match known.map(|known| known.published(Kind::Counter)) {
        _ if unit.is_empty() => Unit::CountPerSecond.name().to_owned(),
        Some(known) if known != Unit::None => known.name().to_owned(),
        _ => format!("{unit}/second"),
    }
}

const UNITS: [Unit; 13] = [
    Unit::Percent,
    Unit::Count,
    Unit::BytesPerSecond,
    Unit::CountPerSecond,
    Unit::Bytes,
    Unit::Kilobytes,
    Unit::Megabytes,
    Unit::Seconds,
    Unit::Milliseconds,
    Unit::Pages,
    Unit::PagesPerSecond,
    Unit::MillisecondsPerSecond,
    Unit::None,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::source::Points;
    use crate::query::values::tests::{RANGE_MS, metric, points};

    fn text(resolution: Resolution, points: Points, select: &[Select]) -> String {
        let metric = metric();
        let range_ms = RANGE_MS;
        let answer = Answer { metric: &metric, resolution, range_ms, points, select };
        Table { answer: &answer, is_local: false }.text()
    }

    #[test]
    fn a_table_has_times_and_units() {
        let all = Select::ALL;
        assert_eq!(
            text(Resolution::Min5, points(), &all),
            "utilization/cpu, percent, MIN5, 2 points\n\n\
             time                  points  average    min                        max  variance\n\
             2026-11-29T08:00:00Z       2    1.00%  0.50%                      1.50%      0.25\n\
             2026-11-29T08:05:00Z       2    4.10%  0.50%  100000000000000000000.00%      0.25"
        );
        assert_eq!(
            text(Resolution::Full, points(), &all),
            "utilization/cpu, percent, FULL, 2 points\n\n\
             time                  value\n\
             2026-11-29T08:00:00Z  1.00%\n\
             2026-11-29T08:05:00Z  4.10%"
        );
    }

    #[test]
    fn where_there_is_nothing_the_newest_is_told() {
        assert_eq!(
            text(Resolution::Full, Points::default(), &[]),
            "utilization/cpu, percent, FULL: no points in this range, and its newest is of about \
             2026-11-29T08:05:00Z"
        );
    }

    #[test]
    fn a_rate_has_the_unit_of_its_counter() {
        for (unit, expected) in [
            ("bytes", "1.5 KiB/s"),
            ("count", "1536/s"),
            ("", "1536/s"),
            ("widgets", "1536 widgets/second"),
            ("seconds", "1536 seconds/second"),
        ] {
            assert_eq!(value(&a_second(unit), 1536.0), expected);
        }
    }

    #[test]
    fn a_unit_is_that_of_the_figure_or_a_word() {
        assert_eq!(value("bytes", 1536.0), "1.5 KiB");
        assert_eq!(value("", 2.0), "2");
        assert_eq!(value("widgets\x1b", 2.5), r"2.5 widgets\u{1b}");
    }
}
