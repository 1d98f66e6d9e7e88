//! When a check runs.

use std::time::Duration;

use tokio::time::Instant;

/// When checks are to run, each at a part of its period.
pub struct Moments {
    /// When the moments begin that checks share.
    origin: Instant,
    /// A number from 0 to 1 for each check; without it, all run at once.
    chance: Option<Box<dyn FnMut() -> f64>>,
}

impl Moments {
    pub fn of(chance: Box<dyn FnMut() -> f64>) -> Self {
        Self { origin: Instant::now(), chance: Some(chance) }
    }

    pub fn at_once() -> Self {
        Self { origin: Instant::now(), chance: None }
    }

    /// Of another check, from `now` on: at the moment of some of the `others`, but not of many, as a sample that is due
    /// then waits for all of them.
    pub fn choose<'a>(
        &mut self,
        now: Instant,
        period: Duration,
        others: impl Iterator<Item = &'a Phase>,
    ) -> Phase {
        let Some(chance) = &mut self.chance else { return Phase::of(now, period, 0.0) };
        let own = Phase::of(now, period, chance());
        let shared = own.shared(self.origin);
        let beside = others.filter(|other| other.meets(&shared)).count();
        if beside < MOST_AT_A_MOMENT { shared } else { own }
    }
}

/// Instants that are one period apart. They do not depend on how long a run takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    first: Instant,
    period: Duration,
}

impl Phase {
    /// The first instant is within one period from `now` on, by a `chance` from 0 to 1.
    pub fn of(now: Instant, period: Duration, chance: f64) -> Self {
        Self { first: now + period.mul_f64(chance.clamp(0.0, 1.0)), period }
    }

    /// The same at a moment that checks share, which lie [`MOMENTS_APART`] from another since `origin`: at most so
    /// much later. One of a period that does not fit keeps its own.
    fn shared(self, origin: Instant) -> Self {
        let fits = self.period.as_nanos().is_multiple_of(MOMENTS_APART.as_nanos());
        if self.period <= MOMENTS_APART || !fits {
            return self;
        }
        let moments = Self { first: origin, period: MOMENTS_APART };
        Self { first: moments.next(self.first), ..self }
    }

    /// Whether both are due at the same instant, at some time.
    fn meets(&self, other: &Self) -> bool {
        let apart = self.first.max(other.first).duration_since(self.first.min(other.first));
        let step = greatest_divisor(self.period.as_nanos(), other.period.as_nanos());
        apart.as_nanos().is_multiple_of(step)
    }

    /// The first of the instants from `now` on. Those that were missed are not made up for.
    pub fn next(&self, now: Instant) -> Instant {
        let Some(since) = now.checked_duration_since(self.first) else { return self.first };
        let passed = since.as_nanos().div_ceil(self.period.as_nanos().max(1));
        // A period is at least a second, so there are fewer of them than fit for longer than machines run.
        self.first + self.period * u32::try_from(passed).unwrap_or(u32::MAX)
    }

    /// The first of the instants after this one of them.
    pub fn next_after(&self, due: Instant, now: Instant) -> Instant {
        self.next(now.max(due + Duration::from_nanos(1)))
    }
}

/// By Euclid's algorithm.
const fn greatest_divisor(mut one: u128, mut other: u128) -> u128 {
    while other > 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// What runs at the same moment wakes the agent up once, and each wake-up costs as much as a short check. The usual
/// periods are multiples of it: 10, 15, 30 and 60 s.
const MOMENTS_APART: Duration = Duration::from_secs(5);

/// Most take 0.3 ms and less, and a plugin, which is a program to start, 0.5.
const MOST_AT_A_MOMENT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn checks_whose_periods_fit_share_moments_for_ever() {
        let origin = Instant::now();
        let cases = [
            // Chance, period, and seconds to the first instant.
            (0.0, 30, 0.0),
            (0.01, 30, 5.0),
            (0.5, 30, 15.0),
            (0.51, 30, 20.0),
            (0.99, 30, 30.0),
            (0.3, 60, 20.0),
            (0.5, 10, 5.0),
            (0.7, 10, 10.0),
            // These stay where they are.
            (0.5, 5, 2.5),
            (0.5, 1, 0.5),
            (0.25, 12, 3.0),
        ];
        for (chance, period, first) in cases {
            let phase = Phase::of(origin, seconds(period), chance).shared(origin);
            let due = phase.next(origin).duration_since(origin).as_secs_f64();
            assert_eq!(due, first, "{chance} of {period} s");
        }
        // One that is configured later keeps to the same moments.
        let later = origin + Duration::from_millis(7_300);
        let phase = Phase::of(later, seconds(30), 0.1).shared(origin);
        assert_eq!(phase.next(later), origin + seconds(15));
        let before = Phase::of(origin, seconds(30), 0.5).shared(origin);
        assert!(phase.meets(&before) && before.meets(&phase));
        let every_minute = Phase::of(origin, seconds(60), 0.0).shared(origin);
        assert!(!phase.meets(&every_minute));
        // They meet at a minute, and not at the first instant of either.
        let late = Phase::of(origin, seconds(30), 1.0).shared(origin);
        assert!(late.meets(&every_minute) && every_minute.meets(&late));
        let every_45 = Phase::of(origin, seconds(45), 1.0 / 3.0).shared(origin);
        assert!(every_45.meets(&every_minute), "at three minutes");
        let beside = Phase::of(origin, seconds(45), 0.3).shared(origin + seconds(1));
        assert!(!beside.meets(&every_minute));
        let half_a_minute = Phase::of(origin, seconds(30), 0.0).shared(origin);
        assert!(half_a_minute.meets(&every_minute));
    }

    #[tokio::test]
    async fn a_moment_is_shared_by_some_and_not_by_all() {
        let mut moments = Moments::of(Box::new(|| 0.5));
        let (now, period) = (moments.origin, seconds(30));
        let mut chosen = Vec::new();
        for _ in 0..20 {
            let later = now + Duration::from_millis(1_234);
            chosen.push(moments.choose(later, period, chosen.iter()));
        }
        let (shared, own) = (now + seconds(20), now + Duration::from_millis(16_234));
        for (place, phase) in chosen.iter().enumerate() {
            let due = if place < MOST_AT_A_MOMENT { shared } else { own };
            assert_eq!(phase.next(now), due, "{place}");
        }
        let mut at_once = Moments::at_once();
        let later = now + Duration::from_millis(1);
        assert_eq!(at_once.choose(later, period, chosen.iter()).next(later), later);
    }
}
