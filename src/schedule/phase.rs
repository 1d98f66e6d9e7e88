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
    /// then waits for all of them. Where that one is full, the next moments are tried.
    pub fn choose<'a>(
        &mut self,
        now: Instant,
        period: Duration,
        others: impl Iterator<Item = &'a Phase>,
    ) -> Phase {
        let Some(chance) = &mut self.chance else { return Phase::of(now, period, 0.0) };
        let own = Phase::of(now, period, chance());
        let shared = own.shared(self.origin);
        let Some(place) = shared.place(self.origin) else { return own };
        let others: Vec<_> = others.filter_map(|other| other.place(self.origin)).collect();
        let has_room = |later: &u32| {
            let place = Place { at: place.at + u64::from(*later), ..place };
            others.iter().filter(|other| other.meets(&place)).count() < MOST_AT_A_MOMENT
        };
        let Some(later) = (0..MOST_TRIED).find(has_room) else { return own };
        let first = shared.first + MOMENTS_APART * later;
        // The first run is within a period from now.
        let before = first.duration_since(now + period).as_nanos().div_ceil(period.as_nanos());
        Phase { first: first - period * before as u32, period }
    }
}

/// Where a phase lies among the moments that checks share, counted in those.
#[derive(Clone, Copy)]
struct Place {
    /// The moment of its first instant.
    at: u64,
    /// How many moments one of its periods has.
    every: u64,
}

impl Place {
    /// Whether both are due at the same moment, at some time.
    const fn meets(&self, other: &Self) -> bool {
        self.at.abs_diff(other.at).is_multiple_of(greatest_divisor(self.every, other.every))
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
        if self.every().is_none() {
            return self;
        }
        let moments = Self { first: origin, period: MOMENTS_APART };
        Self { first: moments.next(self.first), ..self }
    }

    /// Where it lies among the moments since `origin`. `None` if it keeps its own.
    fn place(&self, origin: Instant) -> Option<Place> {
        let at = in_moments(self.first.checked_duration_since(origin)?)?;
        Some(Place { at, every: self.every()? })
    }

    /// How many moments a period has. `None` if it does not fit.
    fn every(&self) -> Option<u64> {
        in_moments(self.period).filter(|every| *every > 1)
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

/// How many times [`MOMENTS_APART`] a time is. `None` if it is not a whole number.
fn in_moments(time: Duration) -> Option<u64> {
    let is_whole = time.as_nanos().is_multiple_of(MOMENTS_APART.as_nanos());
    is_whole.then_some(time.as_secs() / MOMENTS_APART.as_secs())
}

/// By Euclid's algorithm.
const fn greatest_divisor(mut one: u64, mut other: u64) -> u64 {
    while other > 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// What runs at the same moment wakes the agent up once, and each wake-up costs as much as a short check. The usual
/// periods are multiples of it: 10, 15, 30 and 60 s.
const MOMENTS_APART: Duration = Duration::from_secs(5);

/// Most take 0.3 ms and less, and a plugin, which is a program to start, 0.5. Checks of other periods count as well if they
/// are due there at any time.
const MOST_AT_A_MOMENT: usize = 8;

/// How many moments are tried: those of a minute. A shorter period has fewer, and tries some again.
const MOST_TRIED: u32 = 12;

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
        let meet = |one: Phase, other: Phase| {
            let [one, other] = [one, other].map(|of| of.place(origin).expect("it is shared"));
            assert_eq!(one.meets(&other), other.meets(&one));
            one.meets(&other)
        };
        let before = Phase::of(origin, seconds(30), 0.5).shared(origin);
        assert!(meet(phase, before));
        let every_minute = Phase::of(origin, seconds(60), 0.0).shared(origin);
        assert!(!meet(phase, every_minute));
        // They meet at a minute, and not at the first instant of either.
        assert!(meet(Phase::of(origin, seconds(30), 1.0).shared(origin), every_minute));
        let every_45 = Phase::of(origin, seconds(45), 1.0 / 3.0).shared(origin);
        assert!(meet(every_45, every_minute), "at three minutes");
        assert!(meet(Phase::of(origin, seconds(30), 0.0).shared(origin), every_minute));
        // What keeps a moment of its own meets none.
        for (chance, period) in [(0.5, 5), (0.5, 1), (0.25, 12)] {
            assert!(Phase::of(origin, seconds(period), chance).place(origin).is_none());
        }
        assert!(Phase::of(origin, seconds(30), 0.01).place(origin).is_none());
    }

    #[tokio::test]
    async fn each_moment_takes_some_and_the_next_ones_take_the_others() {
        let mut moments = Moments::of(Box::new(|| 0.5));
        let (now, period) = (moments.origin, seconds(30));
        let later = now + Duration::from_millis(1_234);
        let mut chosen = Vec::new();
        for _ in 0..6 * MOST_AT_A_MOMENT + 2 {
            chosen.push(moments.choose(later, period, chosen.iter()));
        }
        for (place, phase) in chosen.iter().enumerate() {
            let due = phase.next(later).duration_since(now).as_secs_f64();
            // The first moment after the middle of a period is at 20 s; none has room for the last two.
            let moments = [20.0, 25.0, 30.0, 5.0, 10.0, 15.0, 16.234];
            assert_eq!(due, moments[place / MOST_AT_A_MOMENT], "{place}");
            assert!(phase.first >= later, "{place}");
        }
        // One that comes less often meets some of them at each of its moments, and one of 7 s meets none.
        let minute = moments.choose(later, seconds(60), chosen.iter());
        assert_eq!(minute.first, later + seconds(30));
        let seven = moments.choose(later, seconds(7), chosen.iter());
        assert_eq!(seven.first, later + Duration::from_millis(3_500));
        // What ends makes room.
        chosen.remove(0);
        let again = moments.choose(later, period, chosen.iter());
        assert_eq!(again.first, now + seconds(20));
        let mut at_once = Moments::at_once();
        assert_eq!(at_once.choose(later, period, chosen.iter()).next(later), later);
    }
}
