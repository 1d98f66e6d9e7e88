//! The levels of the history: every point, and five rollups of it.

use std::cmp::Ordering;

/// A level of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// Every point.
    Full,
    Min5,
    Min20,
    Min60,
    Min240,
    Min1440,
}

impl Resolution {
    /// The finest first.
    pub const ALL: [Self; 6] =
        [Self::Full, Self::Min5, Self::Min20, Self::Min60, Self::Min240, Self::Min1440];

    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Min5 => "MIN5",
            Self::Min20 => "MIN20",
            Self::Min60 => "MIN60",
            Self::Min240 => "MIN240",
            Self::Min1440 => "MIN1440",
        }
    }

    /// The one of this name, in upper or lower case.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name))
    }

    /// What is expected where there is another name.
    pub fn expected() -> String {
        format!("one of {}", Self::ALL.map(Self::name).join(", "))
    }

    /// Milliseconds of a bucket. Points have no buckets.
    pub fn length_ms(self) -> Option<i64> {
        let minutes = match self {
            Self::Full => return None,
            Self::Min5 => 5,
            Self::Min20 => 20,
            Self::Min60 => 60,
            Self::Min240 => 240,
            Self::Min1440 => 1440,
        };
        Some(minutes * MINUTE_MS)
    }

    /// The start of the bucket that a time is in; a point is at its own time. Buckets start at multiples of their
    /// length since 1970, in UTC.
    pub fn bucket_start(self, ms: i64) -> i64 {
        self.length_ms().map_or(ms, |length| ms.div_euclid(length).saturating_mul(length))
    }

    /// The oldest time that is kept at `now_ms`: one bucket of the next level longer than the days say, so that
    /// a request for the last two days finds every point although it takes a while to arrive.
    pub fn kept_since(self, now_ms: i64) -> i64 {
        let (days, more) = match self {
            Self::Full => (2, 5),
            Self::Min5 => (10, 20),
            Self::Min20 => (20, 60),
            Self::Min60 => (155, 240),
            Self::Min240 => (300, 1440),
            Self::Min1440 => (1826, 1440),
        };
        now_ms.saturating_sub(days * DAY_MS + more * MINUTE_MS)
    }

    /// The level whose number of points in the range is nearest to `points`, of those that reach back to
    /// `from_ms` at `now_ms`. MIN1440 where none does.
    pub fn choose(points: u128, from_ms: i64, to_ms: i64, now_ms: i64) -> Self {
        let reaching = Self::ALL.into_iter().filter(|level| level.kept_since(now_ms) <= from_ms);
        Self::nearest_of(reaching, points, to_ms.saturating_sub(from_ms)).unwrap_or(Self::Min1440)
    }

    /// The same without regard to how long a level is kept.
    pub fn nearest(points: u128, range_ms: i64) -> Self {
        Self::nearest_of(Self::ALL, points, range_ms).unwrap_or(Self::Min1440)
    }

    /// Of several that are equally near the finest, which is the first.
    fn nearest_of(
        levels: impl IntoIterator<Item = Self>,
        points: u128,
        range_ms: i64,
    ) -> Option<Self> {
        let range = u128::from(range_ms.unsigned_abs());
        // More points than there are milliseconds are as good as that many.
        let points = points.min(range);
        // |points − range / length| of each, multiplied by both lengths: whole numbers are exact.
        let distance = |length: u128, other: u128| (points * length).abs_diff(range) * other;
        let nearer = |a: &Self, b: &Self| {
            let (a, b) = (a.counted_as_ms(), b.counted_as_ms());
            distance(a, b).cmp(&distance(b, a))
        };
        levels.into_iter().reduce(|best, next| match nearer(&next, &best) {
            Ordering::Less => next,
            _ => best,
        })
    }

    /// Points are counted as if there was one every 30 s, whatever their interval is.
    fn counted_as_ms(self) -> u128 {
        self.length_ms().map_or(30_000, |length| length.unsigned_abs().into())
    }

    /// The next finer level, of which this one is made.
    pub(super) fn finer(self) -> Option<Self> {
        let place = Self::ALL.iter().position(|level| *level == self)?;
        Some(Self::ALL[place.checked_sub(1)?])
    }

    /// The next coarser level, which is made of this one.
    pub(super) fn coarser(self) -> Option<Self> {
        Self::ALL.into_iter().find(|other| *other > self)
    }

    /// Milliseconds that one block of the store covers. Each hour is written as it ends; a block of MIN5 is written
    /// four times, so that a plot of five days reads thirty of them. Coarser levels have few buckets in a day.
    pub(super) fn span_ms(self) -> i64 {
        match self {
            Self::Full => HOUR_MS,
            Self::Min5 => 4 * HOUR_MS,
            Self::Min20 | Self::Min60 => DAY_MS,
            Self::Min240 => 8 * DAY_MS,
            Self::Min1440 => 64 * DAY_MS,
        }
    }
}

const MINUTE_MS: i64 = 60_000;
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

#[cfg(test)]
mod tests;
