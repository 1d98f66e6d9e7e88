//! An answer as a chart of the terminal's width: averages over time.

use std::time::{Duration, UNIX_EPOCH};

use super::table::value;
use super::values::Answer;
use crate::local_time;
use crate::store::{Bucket, Resolution};
use crate::terminal::chart;

/// The rows of a chart below a table. Nothing for less than two points, or where there is no room.
pub fn text(answer: &Answer, width: usize) -> String {
    let Answer { metric, resolution, points, .. } = answer;
    let rows = rows(&metric.unit, *resolution, &points.points, (HEIGHT, width));
    match rows.is_empty() {
        true => String::new(),
        false => format!("\n\n{}", rows.join("\n")),
    }
}

/// The rows of a chart of so many rows and columns with its scale, and one with its times below. Nothing for less than
/// two points, or where there is no room.
pub fn rows(
    unit: &str,
    resolution: Resolution,
    points: &[Bucket],
    (height, width): (usize, usize),
) -> Vec<String> {
    let [first, .., last] = points else { return Vec::new() };
    let [low, high] = scale(points);
    let (top, bottom) = (value(unit, high), value(unit, low));
    let margin = top.chars().count().max(bottom.chars().count());
    let room = width.saturating_sub(margin + 2);
    if room < LEAST_COLUMNS || height == 0 {
        return Vec::new();
    }
    let length_ms = resolution.length_ms();
    let range_ms = last.start_ms - first.start_ms;
    let most = length_ms.map_or(points.len(), |length| (range_ms / length) as usize + 1);
    let count = most.min(room);
    // A chart of few points is drawn wider.
    let times = room / count;
    let averages = columns(points, [first.start_ms, range_ms + length_ms.unwrap_or(1)], count);
    let above = |value: f64| ((value - low) / (high - low)) as f32;
    let averages = averages.into_iter().map(|value| value.map(above));
    let averages: Vec<_> = averages.flat_map(|value| std::iter::repeat_n(value, times)).collect();
    let rows = chart::rows(&averages, height, 1.0);
    let lines = rows.iter().enumerate().map(|(row, blocks)| {
        let label = match row {
            0 => &*top,
            row if row == height - 1 => &*bottom,
            _ => "",
        };
        format!("{label:>margin$} {blocks}").trim_end().to_owned()
    });
    let [from, to] = [first, last].map(|point| {
        let time = UNIX_EPOCH + Duration::from_millis(point.start_ms.max(0).unsigned_abs());
        local_time::date_and_time(time)
    });
    let drawn = averages.len();
    let axis = match drawn.checked_sub(from.len() + 2 + to.len()) {
        Some(_) => format!("{from}{to:>0$}", drawn - from.len()),
        None => from,
    };
    lines.chain([format!("{:margin$} {axis}", "")]).collect()
}

/// The least and the greatest value of the chart: it begins at 0, and below where there is something.
fn scale(points: &[Bucket]) -> [f64; 2] {
    let averages = points.iter().map(|point| point.average);
    let (low, high) =
        averages.fold((0_f64, 0_f64), |(low, high), value| (low.min(value), high.max(value)));
    // What is 0 all the time has to be above something.
    if low == high { [0.0, 1.0] } else { [low, high] }
}

/// The averages of as many parts of a range: its start and its length.
fn columns(points: &[Bucket], [start_ms, length_ms]: [i64; 2], count: usize) -> Vec<Option<f64>> {
    let mut columns = vec![None::<(f64, f64)>; count];
    for point in points {
        let part = (point.start_ms - start_ms) as f64 / length_ms as f64;
        let column = ((part * count as f64) as usize).min(count - 1);
        let weight = point.count as f64;
        let (sum, weights) = columns[column].unwrap_or_default();
        columns[column] = Some((sum + point.average * weight, weights + weight));
    }
    columns.into_iter().map(|of| of.map(|(sum, weights)| sum / weights)).collect()
}

const HEIGHT: usize = 8;

/// A chart of fewer columns shows nothing.
const LEAST_COLUMNS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::source::Points;
    use crate::query::values::tests::metric;

    fn bucket(start_ms: i64, average: f64) -> Bucket {
        Bucket {
            start_ms,
            count: 1,
            average,
            variance: 0.0,
            min: average,
            max: average,
            total: None,
        }
    }

    fn chart(averages: &[(i64, f64)], width: usize) -> String {
        let metric = metric();
        let points = averages.iter().map(|(place, average)| bucket(place * 300_000, *average));
        let points = Points { points: points.collect(), damaged: 0 };
        let range_ms = [0, 3_600_000];
        let answer =
            Answer { metric: &metric, resolution: Resolution::Min5, range_ms, points, select: &[] };
        text(&answer, width)
    }

    #[test]
    fn each_bucket_has_its_columns_and_what_is_missing_none() {
        let drawn = chart(&[(0, 50.0), (1, 100.0), (3, 25.0)], 30);
        assert!(drawn.starts_with("\n\n"), "it stands below a table");
        let rows: Vec<_> = drawn.lines().skip(2).collect();
        assert_eq!(rows[0], "100.00%      █████");
        assert_eq!(rows[4], "        ██████████");
        assert_eq!(rows[7], "  0.00% ██████████     █████");
        assert_eq!(rows[8], "        1970-01-01 00:00:00");
        assert_eq!(rows.len(), 9);
    }

    #[test]
    fn a_scale_begins_at_nought_or_below() {
        assert_eq!(scale(&[bucket(0, 5.0), bucket(1, 7.0)]), [0.0, 7.0]);
        assert_eq!(scale(&[bucket(0, -5.0), bucket(1, -7.0)]), [-7.0, 0.0]);
        assert_eq!(scale(&[bucket(0, 0.0)]), [0.0, 1.0]);
    }

    #[test]
    fn more_points_than_columns_are_averaged() {
        let points: Vec<_> = (0..6).map(|place| bucket(place, place as f64)).collect();
        assert_eq!(columns(&points, [0, 6], 3), [Some(0.5), Some(2.5), Some(4.5)]);
    }

    #[test]
    fn one_point_or_a_narrow_terminal_has_no_chart() {
        assert_eq!(chart(&[(0, 1.0)], 80), "");
        assert_eq!(chart(&[(0, 1.0), (1, 2.0)], 12), "");
    }
}
