//! How fine points are: each value by itself, or one point for all values of a while.

/// A level of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// Each value as it came.
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

    /// The one of this name, in capital or small letters.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|of| of.name().eq_ignore_ascii_case(name))
    }

    /// The length of its buckets in milliseconds; none of full resolution, which has no buckets.
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

    /// The start of the bucket that an instant falls into, in milliseconds since 1970; of full resolution the
    /// instant itself. Buckets are aligned to 1970 in UTC.
    pub fn bucket_start(self, ms: i64) -> i64 {
        self.length_ms().map_or(ms, |length| ms.div_euclid(length).saturating_mul(length))
    }

    /// The oldest instant of which this level has points at `now`. Each is kept one bucket of the next level
    /// longer than its name says, so that "the last two days" is full resolution when the request arrives.
    pub fn kept_since(self, now_ms: i64) -> i64 {
        let days = match self {
            Self::Full => 2,
            Self::Min5 => 10,
            Self::Min20 => 20,
            Self::Min60 => 155,
            Self::Min240 => 300,
            Self::Min1440 => 1826,
        };
        let longer = match self {
            Self::Full => 5,
            Self::Min5 => 20,
            Self::Min20 => 60,
            Self::Min60 => 240,
            Self::Min240 | Self::Min1440 => 1440,
        };
        now_ms.saturating_sub((days * MINUTES_OF_DAY + longer) * MINUTE_MS)
    }

    /// The level whose number of points over `[from_ms, to_ms)` is nearest to `points`, of those that reach
    /// back to `from_ms` at `now_ms`; the coarsest where none does.
    pub fn choose(points: u128, from_ms: i64, to_ms: i64, now_ms: i64) -> Self {
        let range_ms = to_ms.saturating_sub(from_ms);
        Self::nearest_of(points, range_ms, |of| of.kept_since(now_ms) <= from_ms)
    }

    /// The same, whatever is kept.
    #[cfg(test)]
    pub fn nearest(points: u128, range_ms: i64) -> Self {
        Self::nearest_of(points, range_ms, |_| true)
    }

    fn nearest_of(points: u128, range_ms: i64, is_candidate: impl Fn(Self) -> bool) -> Self {
        let range = u128::from(range_ms.max(0).unsigned_abs());
        // No level has as many points as the range has milliseconds. With more asked for, the finest is the
        // nearest all the same, and products stay below 2^127.
        let points = points.min(range);
        let candidates = Self::ALL.into_iter().filter(|of| is_candidate(*of));
        // |points − range / length|, times the length of both. A tie goes to the finer, which is first.
        let nearest = candidates.reduce(|best, next| {
            let (best_length, next_length) = (best.assumed_ms(), next.assumed_ms());
            let of_best = (points * best_length).abs_diff(range) * next_length;
            let of_next = (points * next_length).abs_diff(range) * best_length;
            if of_next < of_best { next } else { best }
        });
        nearest.unwrap_or(Self::Min1440)
    }

    /// The time between two points, in milliseconds: of full resolution half a minute, whatever it really is.
    fn assumed_ms(self) -> u128 {
        self.length_ms().map_or(FULL_ASSUMED_MS, |length| u128::from(length.unsigned_abs()))
    }
}

const MINUTE_MS: i64 = 60_000;
const MINUTES_OF_DAY: i64 = 1440;

/// Most checks run every half minute or minute. It decides only which level answers a number of points.
const FULL_ASSUMED_MS: u128 = 30_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of each line that is no comment.
    fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split('\t').collect())
    }

    fn number<T: std::str::FromStr>(text: &str) -> T {
        text.parse().ok().expect("a number")
    }

    #[test]
    fn a_number_of_points_chooses_the_nearest_level() {
        let text = include_str!("../../tests/fixtures/plot/points_to_resolution.tsv");
        for line in lines(text) {
            let [_, range, points, expected, _] = line[..] else { panic!("{line:?}") };
            let nearest = Resolution::nearest(number(points), number(range));
            assert_eq!(nearest.name(), expected, "{line:?}");
        }
        assert_eq!(lines(text).count(), 29);
    }

    #[test]
    fn the_first_number_of_points_of_each_level_for_some_ranges() {
        use Resolution::{Full, Min5, Min20, Min60, Min240, Min1440};
        let day = 86_400_000;
        for (range, firsts) in [
            (
                2 * day,
                &[(Min1440, 0), (Min240, 7), (Min60, 30), (Min20, 96), (Min5, 360), (Full, 3168)][..],
            ),
            (day / 24, &[(Min1440, 0), (Min60, 1), (Min20, 2), (Min5, 8), (Full, 66)]),
            (
                day,
                &[(Min1440, 0), (Min240, 4), (Min60, 15), (Min20, 48), (Min5, 180), (Full, 1584)],
            ),
            (
                7 * day,
                &[
                    (Min1440, 0),
                    (Min240, 25),
                    (Min60, 105),
                    (Min20, 336),
                    (Min5, 1260),
                    (Full, 11088),
                ],
            ),
            (
                30 * day,
                &[
                    (Min1440, 0),
                    (Min240, 105),
                    (Min60, 450),
                    (Min20, 1440),
                    (Min5, 5400),
                    (Full, 47520),
                ],
            ),
        ] {
            let mut found = Vec::new();
            for points in 0..50_000 {
                let level = Resolution::nearest(points, range);
                if found.last().is_none_or(|(last, _)| *last != level) {
                    found.push((level, points));
                }
            }
            assert_eq!(found, firsts, "{range}");
        }
    }

    #[test]
    fn any_number_of_points_and_any_range_is_fine() {
        assert_eq!(Resolution::nearest(u128::MAX, i64::MAX), Resolution::Full);
        assert_eq!(Resolution::nearest(u128::MAX, 1), Resolution::Full);
        assert_eq!(Resolution::nearest(0, i64::MAX), Resolution::Min1440);
        assert_eq!(Resolution::nearest(0, 0), Resolution::Full);
        assert_eq!(Resolution::choose(u128::MAX, i64::MIN, i64::MAX, 0), Resolution::Min1440);
    }

    #[test]
    fn buckets_are_aligned_to_1970() {
        let text = include_str!("../../tests/fixtures/plot/bucket_start.tsv");
        for line in lines(text) {
            let [name, time, start] = line[..] else { panic!("{line:?}") };
            let level = Resolution::of_name(name).expect("a level");
            assert_eq!(level.bucket_start(number(time)), number::<i64>(start), "{line:?}");
        }
        assert_eq!(lines(text).count(), 16);
        assert_eq!(Resolution::Full.bucket_start(1234), 1234);
        assert_eq!(Resolution::Min5.bucket_start(-1), -300_000);
        assert_eq!(Resolution::Min20.bucket_start(2_399_999), 1_200_000);
        assert_eq!(Resolution::Min240.bucket_start(28_799_999), 14_400_000);
    }

    /// Those of an upstream whose ranges include `to` have one more where `to` begins a bucket.
    #[test]
    fn a_range_has_as_many_buckets_as_begin_before_its_end() {
        let text = include_str!("../../tests/fixtures/plot/range_counts.tsv");
        for line in lines(text) {
            let [from, to, name, count, _] = line[..] else { panic!("{line:?}") };
            let level = Resolution::of_name(name).expect("a level");
            let (from, to): (i64, i64) = (number(from), number(to));
            // A point a minute.
            let length = level.length_ms().unwrap_or(60_000);
            let buckets = (to - level.bucket_start(from) + length - 1) / length;
            assert_eq!(buckets, number::<i64>(count), "{line:?}");
        }
        assert_eq!(lines(text).count(), 11);
    }

    #[test]
    fn a_level_that_does_not_reach_back_is_not_chosen() {
        let (day, now) = (86_400_000, 1_795_843_899_102);
        let choose = |days: i64, points| {
            Resolution::choose(points, now - days * day, now - days * day + day, now).name()
        };
        assert_eq!(choose(2, u128::MAX), "FULL");
        assert_eq!(choose(3, u128::MAX), "MIN5");
        assert_eq!(choose(10, u128::MAX), "MIN5");
        assert_eq!(choose(11, u128::MAX), "MIN20");
        assert_eq!(choose(21, u128::MAX), "MIN60");
        assert_eq!(choose(156, u128::MAX), "MIN240");
        assert_eq!(choose(302, u128::MAX), "MIN1440");
        assert_eq!(choose(4000, u128::MAX), "MIN1440");
        assert_eq!(choose(156, 0), "MIN1440");
    }

    #[test]
    fn each_level_is_kept_a_bucket_of_the_next_one_longer_than_its_name_says() {
        let kept = Resolution::ALL.map(|of| -of.kept_since(0) / 60_000);
        let day = 1440;
        let expected = [
            2 * day + 5,
            10 * day + 20,
            20 * day + 60,
            155 * day + 240,
            300 * day + day,
            1826 * day + day,
        ];
        assert_eq!(kept, expected);
        assert_eq!(Resolution::Full.kept_since(i64::MIN), i64::MIN);
    }

    #[test]
    fn a_name_is_found_in_any_case() {
        for of in Resolution::ALL {
            assert_eq!(Resolution::of_name(&of.name().to_lowercase()), Some(of));
        }
        assert_eq!(Resolution::of_name("MIN1"), None);
    }
}
