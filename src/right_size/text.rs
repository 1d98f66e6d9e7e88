//! The report as a line for people.

use std::fmt;

use super::advice::{Advice, FITS, TOO_FULL};
use super::sizes::{Kind, Size};
use super::{Cpu, Memory, RightSize, Would, named_pressure};
use crate::model::amount::{cores, rounded, size as bytes};

impl fmt::Display for RightSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = if self.scope.is_empty() { "nothing" } else { self.scope };
        write!(f, "right size: measured {scope} for {:.1} s", self.lasted.as_secs_f64())?;
        if !self.left_out.is_zero() {
            let before = self.left_out.as_secs_f64();
            write!(f, " (not the {before:.1} s before that, when another scope was measured)")?;
        }
        match &self.cpu {
            Ok(cpu) => write!(f, "; {cpu}")?,
            Err(why) => write!(f, "; CPU unknown ({why})")?,
        }
        match &self.memory {
            Ok(memory) => write!(f, "; {memory}")?,
            Err(why) => write!(f, "; memory unknown ({why})")?,
        }
        match &self.throttled {
            Ok(percent) => write!(f, "; throttled in {} of the periods", in_percent(*percent))?,
            Err(why) => write!(f, "; throttling unknown ({why})")?,
        }
        match &self.oom_kills {
            Ok(kills) => write!(f, "; OOM kills {kills}")?,
            Err(why) => write!(f, "; OOM kills unknown ({why})")?,
        }
        self.pressure(f)?;
        match &self.size {
            Ok((kind, size)) => write!(f, "; size {}{}", word(*kind), named(*size))?,
            Err(why) => write!(f, "; size unknown ({why})")?,
        }
        for (word, all) in [("smaller", &self.smaller), ("larger", &self.larger)] {
            all.iter().try_for_each(|would| write!(f, "; {word} {would}"))?;
        }
        self.advice(f)?;
        match &self.cost {
            Ok(cost) => {
                let since =
                    if cost.is_since_pull { "since the image was pulled" } else { "measured" };
                let (dollars, seconds, price) = (cost.dollars, cost.seconds, &cost.price);
                write!(f, "; cost ${dollars:.4} for {seconds} s {since} ({price})")
            }
            Err(why) => write!(f, "; cost unknown ({why})"),
        }
    }
}

impl RightSize {
    /// One reason that all have is said once.
    fn pressure(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [Err(one), Err(two), Err(three)] = &self.pressure
            && one == two
            && two == three
        {
            return write!(f, "; pressure unknown ({one})");
        }
        for (place, (name, pressure)) in named_pressure(self).enumerate() {
            let before = if place == 0 { "; pressure " } else { ", " };
            match pressure {
                Ok(percent) => write!(f, "{before}{name} {}", in_percent(*percent))?,
                Err(why) => write!(f, "{before}{name} unknown ({why})")?,
            }
        }
        Ok(())
    }

    fn advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, new) = match &self.advice {
            Err(why) => return write!(f, "; no advice ({why})"),
            Ok(Advice::Keep) => {
                let free = 100.0 - FITS;
                return write!(
                    f,
                    "; advice: keep this size (a smaller one is advised with {free}% free, a larger one above {TOO_FULL}%)"
                );
            }
            Ok(Advice::NoneIsLargeEnough) => {
                return write!(f, "; advice: more than the largest size that there is");
            }
            Ok(Advice::Smaller(new)) => ("smaller", new),
            Ok(Advice::Larger(new)) => ("larger", new),
            Ok(Advice::Other(new)) => ("other", new),
        };
        write!(f, "; advice: {word}, {}", named(*new))?;
        if let Ok(cost) = &self.cost
            && let Some(dollars) = cost.price.dollars(*new, cost.seconds)
        {
            write!(f, ", ${dollars:.4} for the same time")?;
        }
        write!(f, " (with {}% free)", 100.0 - FITS)
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p95, max] = [self.p50, self.p95, self.max]
            .map(|percent| format!("{} ({})", in_percent(percent), cores(self.cores(percent))));
        let Self { samples, limit, origin, .. } = self;
        write!(
            f,
            "CPU p50 {p50}, p95 {p95}, max {max} of {} ({origin}), {samples} values",
            cores(*limit)
        )
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (max, used) = (in_percent(self.max), bytes(self.bytes() as f64));
        let (limit, origin) = (bytes(self.limit as f64), &self.origin);
        write!(f, "memory max {max} ({used}) of {limit} ({origin})")
    }
}

impl fmt::Display for Would {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&named(self.size))?;
        let mut before = ": ";
        for (name, percent) in [("CPU p95", self.cpu_p95), ("memory max", self.memory_max)] {
            if let Some(percent) = percent {
                write!(f, "{before}{name} {}", in_percent(percent))?;
                before = ", ";
            }
        }
        f.write_str(if self.fits { ", fits" } else { ", too little" })
    }
}

/// A size, such as `0.25 vCPU and 512 MiB`.
pub fn named(size: Size) -> String {
    // An eighth of a core is a size.
    let cpu = size.cpu.map(|cpu| format!("{} vCPU", (cpu * 1000.0).round() / 1000.0));
    let memory = size.memory.map(|memory| bytes(memory as f64));
    cpu.into_iter().chain(memory).collect::<Vec<_>>().join(" and ")
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Fargate => "Fargate ",
        Kind::Limits => "",
    }
}

fn in_percent(percent: f64) -> String {
    format!("{}%", rounded(percent))
}
