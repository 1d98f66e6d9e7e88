//! The chart of one metric over a while.

use std::time::Duration;

use tokio::time::Instant;

use super::list::duration;
use crate::client::Client;
use crate::clock::now_ms;
use crate::model::growth;
use crate::query::{Metric, Remote, Source, a_second, chart, value};
use crate::shown::shown;
use crate::store::{Bucket, Change, Resolution, utc};
use crate::terminal::outage::wrap;
use crate::terminal::row::{BOLD, DIM, NONE, Piece, RED, plain, row};

/// What is shown.
pub struct Plotted {
    pub metric: Metric,
    /// From one value to the next, in seconds.
    period: f64,
    range: usize,
    found: Option<Result<Found, String>>,
    /// When which range was asked for.
    asked: Option<(usize, Instant)>,
}

/// What the history has.
pub struct Found {
    resolution: Resolution,
    points: Vec<Bucket>,
    /// Of a text, in place of points.
    changes: Vec<Change>,
}

/// What is to be read.
pub struct Wanted {
    metric: Metric,
    period: f64,
    range: usize,
    columns: usize,
}

impl Plotted {
    pub fn new(metric: Metric, period: f64) -> Self {
        Self { metric, period, range: USUAL_RANGE, found: None, asked: None }
    }

    /// Shows a longer or a shorter range.
    pub fn wider(&mut self, is_wider: bool) {
        let range = if is_wider { self.range + 1 } else { self.range.saturating_sub(1) };
        self.range = range.min(RANGES.len() - 1);
    }

    /// What is to be read now, if anything is.
    pub fn wanted(&mut self, columns: usize) -> Option<Wanted> {
        let again = if self.range <= USUAL_RANGE { SOON } else { LATER };
        let is_there =
            |(range, at): &(usize, Instant)| *range == self.range && at.elapsed() < again;
        if self.asked.as_ref().is_some_and(is_there) {
            return None;
        }
        self.asked = Some((self.range, Instant::now()));
        let (metric, period, range) = (self.metric.clone(), self.period, self.range);
        Some(Wanted { metric, period, range, columns })
    }

    /// Takes what was read, unless another range is wanted by now.
    pub fn take(&mut self, (range, found): (usize, Result<Found, String>)) {
        if range == self.range {
            self.found = Some(found);
        }
    }

    pub fn rows(&self, (height, width): (usize, usize), colour: bool) -> Vec<String> {
        let (range, _) = RANGES[self.range];
        let title = [
            Piece::new(plain(&shown(&self.metric.full_name())), BOLD),
            Piece::new(format!("  last {range}"), NONE),
        ];
        let mut rows = vec![row(&title, width, colour)];
        let mut say = |text: &str, colour_of_text| {
            let wrapped = wrap(text, width).into_iter();
            rows.extend(
                wrapped.map(|text| row(&[Piece::new(text, colour_of_text)], width, colour)),
            );
        };
        match &self.found {
            None => say("reading the history…", DIM),
            Some(Err(why)) => say(&plain(why), RED),
            Some(Ok(found)) if self.metric.is_text() => {
                found.changes.iter().rev().for_each(|change| {
                    say(&format!("{}  {}", utc(change.at_ms), plain(&shown(&change.text))), NONE);
                });
                if found.changes.is_empty() {
                    say("no values in this range: the left and right arrows change it", NONE);
                }
            }
            Some(Ok(Found { points, .. })) if points.is_empty() => {
                say("no values in this range: the left and right arrows change it", NONE);
            }
            Some(Ok(found)) => {
                rows.push(row(&self.figures(found), width, colour));
                rows.push(String::new());
                let room = height.saturating_sub(rows.len() + 1);
                let drawn = chart(&self.unit(), found.resolution, &found.points, (room, width));
                if drawn.is_empty() {
                    rows.push("a chart needs more values, or more columns".to_owned());
                }
                rows.extend(drawn);
            }
        }
        rows.truncate(height);
        rows
    }

    /// Least, average and most of all that is drawn.
    fn figures(&self, Found { resolution, points, .. }: &Found) -> Vec<Piece> {
        let count = points.iter().map(|point| point.count as f64).sum::<f64>();
        let sum = points.iter().map(|point| point.average * point.count as f64).sum::<f64>();
        let min = points.iter().map(|point| point.min).fold(f64::INFINITY, f64::min);
        let max = points.iter().map(|point| point.max).fold(f64::NEG_INFINITY, f64::max);
        let unit = self.unit();
        let mut figures: Vec<_> = [("newest", points.last().map_or(0.0, |last| last.average))]
            .into_iter()
            .chain([("min", min), ("average", sum / count.max(1.0)), ("max", max)])
            .enumerate()
            .map(|(place, (name, figure))| {
                let gap = if place == 0 { "" } else { "  " };
                Piece::new(format!("{gap}{name} {}", plain(&value(&unit, figure))), NONE)
            })
            .collect();
        let each = match resolution.length_ms() {
            None => "each value".to_owned(),
            Some(ms) => format!("averages of {}", duration(ms.unsigned_abs() / 1000)),
        };
        figures.push(Piece::new(format!("  {each}"), DIM));
        figures
    }

    fn unit(&self) -> String {
        match self.metric.is_counter {
            true => a_second(&self.metric.unit),
            false => self.metric.unit.clone(),
        }
    }
}

impl Wanted {
    /// The range that is read, and what is found in it or why nothing is.
    pub async fn read(self, client: Client) -> (usize, Result<Found, String>) {
        (self.range, self.found(client).await)
    }

    async fn found(&self, client: Client) -> Result<Found, String> {
        let remote = Remote::by(client).await?;
        let (_, seconds) = RANGES[self.range];
        // The agent's own clock, where it is ahead.
        let to_ms = remote.now_ms().max(now_ms()) + 1;
        let range_ms = [to_ms - seconds * 1000, to_ms];
        if self.metric.is_text() {
            let changes = remote.texts(&self.metric, range_ms).await?;
            return Ok(Found { resolution: Resolution::Full, points: Vec::new(), changes });
        }
        let is_few = seconds as f64 / self.period.max(0.1) <= MOST_FULL;
        let resolution = match self.range <= USUAL_RANGE && is_few {
            true => Resolution::Full,
            false => {
                let [from_ms, to_ms] = range_ms;
                Resolution::choose(self.columns as u128, from_ms, to_ms, remote.now_ms())
            }
        };
        let points = if self.metric.is_counter {
            let totals = remote.growth(&self.metric, resolution, range_ms).await?.points;
            rates(&totals, resolution, remote.now_ms())
        } else {
            remote.points(&self.metric, resolution, range_ms).await?.points
        };
        Ok(Found { resolution, points, changes: Vec::new() })
    }
}

/// How much a counter grows in a second between each two points. The newest rollup has none before it is whole: its growth
/// would be shared out over time that is still to come.
fn rates(points: &[Bucket], resolution: Resolution, now_ms: i64) -> Vec<Bucket> {
    let length_ms = resolution.length_ms().unwrap_or_default();
    let is_begun = |last: &Bucket| last.start_ms.saturating_add(length_ms) > now_ms;
    let points = match points.split_last() {
        Some((last, whole)) if length_ms > 0 && is_begun(last) => whole,
        _ => points,
    };
    let rates = points.windows(2).filter_map(|two| {
        let seconds = (two[1].start_ms - two[0].start_ms) as f64 / 1000.0;
        let (before, total) = (two[0].total?, two[1].total?);
        // From the last of the one before to its first, and within it.
        let average = (growth(before.last, total.first) + total.growth) / seconds;
        (seconds > 0.0).then_some(Bucket {
            average,
            min: average,
            max: average,
            variance: 0.0,
            total: None,
            ..two[1]
        })
    });
    rates.collect()
}

/// The ranges of a chart, and their seconds.
pub const RANGES: &[(&str, i64)] = &[
    ("15 minutes", 15 * 60),
    ("hour", 3600),
    ("6 hours", 6 * 3600),
    ("day", 86_400),
    ("2 days", 2 * 86_400),
    ("10 days", 10 * 86_400),
    ("30 days", 30 * 86_400),
    ("year", 365 * 86_400),
];

/// The hour. So long and shorter, each value is read where they are not too many, and read again soon.
const USUAL_RANGE: usize = 1;

/// Values that are read of a chart: of an hour with four in a second.
const MOST_FULL: f64 = 15_000.0;

/// Before a chart is read again.
const SOON: Duration = Duration::from_secs(5);
const LATER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Total;

    fn bucket(start_ms: i64, average: f64) -> Bucket {
        let total = Some(Total { first: average, last: average, growth: 0.0 });
        Bucket { start_ms, count: 1, average, variance: 0.0, min: average, max: average, total }
    }

    #[test]
    fn a_counter_is_a_rate_and_counted_from_zero_where_it_began_anew() {
        let totals = [bucket(0, 10.0), bucket(2000, 30.0), bucket(4000, 5.0), bucket(5000, 5.0)];
        let full = |points| rates(points, Resolution::Full, 5000);
        assert_eq!(full(&totals), [rate(2000, 10.0), rate(4000, 2.5), rate(5000, 0.0)]);
        assert_eq!(full(&totals[..1]), []);
    }

    fn rate(start_ms: i64, average: f64) -> Bucket {
        Bucket { total: None, ..bucket(start_ms, average) }
    }

    #[test]
    fn a_counter_that_began_anew_within_a_rollup_grew_by_all_that_was_counted() {
        let mut totals = [0, 1, 2].map(|nth| bucket(nth * 300_000, 1000.0));
        // To 1010, and after that from 0 to 900; then on to 1000.
        totals[1].total = Some(Total { first: 1004.0, last: 900.0, growth: 906.0 });
        totals[2].total = Some(Total { first: 910.0, last: 1000.0, growth: 90.0 });
        let rates = rates(&totals, Resolution::Min5, 900_000);
        assert_eq!(rates.iter().map(|of| of.average * 300.0).collect::<Vec<_>>(), [910.0, 100.0]);
    }

    #[test]
    fn a_rollup_of_a_counter_counts_when_it_is_whole() {
        let totals = [bucket(0, 100.0), bucket(300_000, 400.0), bucket(600_000, 410.0)];
        let at = |now_ms| rates(&totals, Resolution::Min5, now_ms);
        assert_eq!(at(610_000), [rate(300_000, 1.0)]);
        assert_eq!(at(899_999), at(610_000));
        assert_eq!(at(900_000).len(), 2);
        assert_eq!(rates(&[], Resolution::Min5, 0), []);
        assert_eq!(rates(&totals, Resolution::Full, 610_000).len(), 2);
    }
}
