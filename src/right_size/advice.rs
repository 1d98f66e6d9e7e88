//! Which size would have been enough.

use super::prices::Price;
use super::sizes::{Kind, Size, bytes, cores, fargate};

/// What was used at a size, all of it known.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// What 95 percent of the samples did not exceed.
    pub cpu_p95: f64,
    pub memory_max: u64,
    /// `None` where it is not known.
    pub oom_kills: Option<u64>,
    /// Percent of the scheduling periods; `None` where it is not known.
    pub throttled: Option<f64>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Advice {
    Keep,
    Smaller(Size),
    Larger(Size),
    /// More of one and less of the other.
    Other(Size),
    /// More is needed, and there is no such size.
    NoneIsLargeEnough,
}

/// Percent of a size that may be used where another size is advised or said to fit: the rest is the margin.
pub const FITS: f64 = 80.0;

/// Percent of the present size above which it is too small. Between the two it is kept: a size that is
/// left at once at the margin would be changed to and fro.
pub const TOO_FULL: f64 = 90.0;

/// Percent of the periods with throttling above which less CPU is not advised: there are peaks that are shorter than
/// a sample.
pub const MUCH_THROTTLING: f64 = 10.0;

impl Used {
    /// P95 of CPU and the maximum of memory in percent of a size; `None` for what it does not limit.
    pub fn percent_of(&self, size: Size) -> (Option<f64>, Option<f64>) {
        let cpu = size.cpu.map(|cores| 100.0 * self.cpu_p95 / cores);
        let memory = size.memory.map(|bytes| 100.0 * self.memory_max as f64 / bytes as f64);
        (cpu, memory)
    }

    /// Whether a size would have been enough, with the margin.
    pub fn fits(&self, size: Size) -> bool {
        let (cpu, memory) = self.percent_of(size);
        [cpu, memory].into_iter().flatten().all(|percent| percent <= FITS)
    }

    /// The advice for the size that it had. On Fargate it is the cheapest that would have been enough; of limits it
    /// is the smallest of each.
    pub fn advice(&self, kind: Kind, size: Size, price: &Price) -> Advice {
        let (cpu, memory) = self.percent_of(size);
        let is_full = |percent: Option<f64>| percent.is_some_and(|percent| percent > TOO_FULL);
        let cpu = Need {
            is_more: is_full(cpu),
            is_no_less: self.throttled.is_some_and(|percent| percent > MUCH_THROTTLING),
        };
        let was_killed = self.oom_kills.is_some_and(|kills| kills > 0);
        let memory = Need { is_more: is_full(memory) || was_killed, is_no_less: false };
        let has_cpu = |new: f64| cpu.is_met(new, size.cpu, self.cpu_p95);
        let used = self.memory_max as f64;
        let has_memory =
            |new: u64| memory.is_met(new as f64, size.memory.map(|bytes| bytes as f64), used);
        let best = match kind {
            Kind::Fargate => {
                let is_enough =
                    |new: &Size| new.cpu.is_none_or(has_cpu) && new.memory.is_none_or(has_memory);
                let dollars = |of: &Size| price.dollars(*of, 3600.0).unwrap_or(f64::INFINITY);
                fargate()
                    .filter(is_enough)
                    .min_by(|one, other| dollars(one).total_cmp(&dollars(other)))
            }
            Kind::Limits => {
                let least_cpu = |has| {
                    let all = cores().chain([has]).filter(|new| has_cpu(*new));
                    all.min_by(f64::total_cmp)
                };
                let least_memory = |has| bytes().chain([has]).filter(|new| has_memory(*new)).min();
                let new = Size {
                    cpu: size.cpu.and_then(least_cpu),
                    memory: size.memory.and_then(least_memory),
                };
                let is_whole = new.cpu.is_some() == size.cpu.is_some()
                    && new.memory.is_some() == size.memory.is_some();
                is_whole.then_some(new)
            }
        };
        match best {
            None => Advice::NoneIsLargeEnough,
            Some(new) if new == size => Advice::Keep,
            Some(new) if new.cpu <= size.cpu && new.memory <= size.memory => Advice::Smaller(new),
            Some(new) if new.cpu >= size.cpu && new.memory >= size.memory => Advice::Larger(new),
            Some(new) => Advice::Other(new),
        }
    }
}

/// What is wanted of CPU or memory beside the margin.
struct Need {
    /// More than there is.
    is_more: bool,
    is_no_less: bool,
}

impl Need {
    /// Whether so much is enough, where `has` was there.
    fn is_met(&self, new: f64, has: Option<f64>, used: f64) -> bool {
        let fits = 100.0 * used <= FITS * new;
        match has {
            // What is enough without the margin need not grow.
            Some(has) if new >= has && !self.is_more => true,
            Some(has) if new > has => fits,
            _ => fits && !self.is_more && !self.is_no_less,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: f64 = (1_u64 << 30) as f64;

    fn size(cpu: f64, gibibytes: f64) -> Size {
        Size { cpu: Some(cpu), memory: Some((gibibytes * GIB) as u64) }
    }

    fn used(cpu_p95: f64, gibibytes: f64) -> Used {
        let memory_max = (gibibytes * GIB) as u64;
        Used { cpu_p95, memory_max, oom_kills: Some(0), throttled: Some(0.0) }
    }

    fn price() -> Price {
        Price::of(Some("us-east-1"), "x86_64").expect("it is in the table")
    }

    fn on_fargate(used: &Used, size: Size) -> Advice {
        used.advice(Kind::Fargate, size, &price())
    }

    #[test]
    fn on_fargate_the_cheapest_size_with_the_margin_is_advised() {
        let has = size(1.0, 2.0);
        for (cpu, memory, expected) in [
            (0.1, 0.2, Advice::Smaller(size(0.25, 0.5))),
            (0.2, 0.4, Advice::Smaller(size(0.25, 0.5))),
            // A little more than 80 percent of it.
            (0.201, 0.4, Advice::Smaller(size(0.5, 1.0))),
            (0.3, 0.81, Advice::Smaller(size(0.5, 2.0))),
            (0.6, 1.4, Advice::Keep),
            // Between the margin and too full.
            (0.9, 1.8, Advice::Keep),
            (0.91, 1.4, Advice::Larger(size(2.0, 4.0))),
            (0.6, 1.9, Advice::Larger(size(1.0, 3.0))),
            (0.1, 1.9, Advice::Other(size(0.5, 3.0))),
            (1.0, 2.0, Advice::Larger(size(2.0, 4.0))),
        ] {
            assert_eq!(on_fargate(&used(cpu, memory), has), expected, "{cpu} {memory}");
        }
        let most = size(16.0, 120.0);
        assert_eq!(on_fargate(&used(15.5, 100.0), most), Advice::NoneIsLargeEnough);
        assert_eq!(on_fargate(&used(14.0, 108.0), most), Advice::Keep);
    }

    #[test]
    fn kills_need_more_memory_and_throttling_keeps_the_cpu() {
        let has = size(1.0, 2.0);
        let killed = Used { oom_kills: Some(1), ..used(0.6, 1.0) };
        assert_eq!(on_fargate(&killed, has), Advice::Larger(size(1.0, 3.0)));
        let limits = |used: &Used| used.advice(Kind::Limits, has, &price());
        assert_eq!(limits(&killed), Advice::Larger(size(1.0, 4.0)));
        let throttled = Used { throttled: Some(10.1), ..used(0.1, 0.2) };
        assert_eq!(on_fargate(&throttled, has), Advice::Keep, "one core has 2 GiB at least");
        assert_eq!(limits(&throttled), Advice::Smaller(size(1.0, 0.25)));
        let unknown = Used { throttled: None, oom_kills: None, ..used(0.1, 0.2) };
        assert_eq!(on_fargate(&unknown, has), Advice::Smaller(size(0.25, 0.5)));
    }

    #[test]
    fn of_limits_the_smallest_power_of_two_of_each_is_advised() {
        let of = |has, used: &Used| used.advice(Kind::Limits, has, &price());
        assert_eq!(of(size(3.0, 0.7), &used(2.1, 0.45)), Advice::Keep, "two cores are too few");
        assert_eq!(of(size(3.0, 0.7), &used(1.6, 0.45)), Advice::Smaller(size(2.0, 0.7)));
        assert_eq!(of(size(1.0, 1.0), &used(0.99, 0.1)), Advice::Other(size(2.0, 0.125)));
        let memory_alone = Size { cpu: None, memory: Some(1 << 30) };
        let expected = Size { cpu: None, memory: Some(1 << 31) };
        assert_eq!(of(memory_alone, &used(7.0, 0.95)), Advice::Larger(expected));
    }

    #[test]
    fn what_is_advised_fits_and_costs_no_more_than_any_other_that_fits() {
        for has in fargate() {
            for step in 1..=9 {
                let part = f64::from(step) / 10.0;
                let (cpu, memory) = (has.cpu.unwrap_or(0.0), has.memory.unwrap_or(0) as f64 / GIB);
                let used = used(cpu * part, memory * (1.0 - part));
                let (Advice::Smaller(new) | Advice::Larger(new) | Advice::Other(new)) =
                    on_fargate(&used, has)
                else {
                    continue;
                };
                let dollars = |of| price().dollars(of, 1.0).unwrap_or(f64::NAN);
                let cheaper =
                    fargate().find(|of| used.fits(*of) && dollars(*of) < dollars(new) - 1e-12);
                assert_eq!(cheaper, None, "{used:?} at {has:?}: {new:?}");
            }
        }
    }
}
