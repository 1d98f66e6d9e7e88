//! The report as an object for programs.

use serde_json::{Map, Value, json};

use super::advice::{Advice, FITS, TOO_FULL};
use super::sizes::{Kind, Size};
use super::{Cost, RightSize, Would, named_pressure};

impl RightSize {
    /// One object with the member `report`. What is not known is `null`, and its reason stands below
    /// `unknown`.
    pub fn json(&self) -> String {
        let mut unknown = Map::new();
        let mut note = |name: &str, why: &str| {
            unknown.insert(name.to_owned(), why.into());
            Value::Null
        };
        let cpu = match &self.cpu {
            Ok(cpu) => json!({
                "limit_cores": cpu.limit, "limit_from": cpu.origin, "values": cpu.samples,
                "p50_percent": short(cpu.p50), "p95_percent": short(cpu.p95), "max_percent": short(cpu.max),
                "p50_cores": short(cpu.cores(cpu.p50)), "p95_cores": short(cpu.cores(cpu.p95)),
                "max_cores": short(cpu.cores(cpu.max)),
            }),
            Err(why) => note("cpu", why),
        };
        let memory = match &self.memory {
            Ok(memory) => json!({
                "limit_bytes": memory.limit, "limit_from": memory.origin, "values": memory.samples,
                "max_percent": short(memory.max), "max_bytes": memory.bytes(),
            }),
            Err(why) => note("memory", why),
        };
        let throttled = match &self.throttled {
            Ok(percent) => short(*percent).into(),
            Err(why) => note("throttled_percent", why),
        };
        let oom_kills = match &self.oom_kills {
            Ok(kills) => (*kills).into(),
            Err(why) => note("oom_kills", why),
        };
        let mut pressure = Map::new();
        for (name, percent) in named_pressure(self) {
            let value = match percent {
                Ok(percent) => short(*percent).into(),
                Err(why) => note(&format!("pressure_percent.{name}"), why),
            };
            pressure.insert(name.to_owned(), value);
        }
        let size = match &self.size {
            Ok((kind, size)) => {
                let mut size = of_size(*size);
                size["kind"] = kind_name(*kind).into();
                size
            }
            Err(why) => note("size", why),
        };
        let price = |size| {
            let Cost { price, seconds, .. } = self.cost.as_ref().ok()?;
            price.dollars(size, *seconds).map(dollars)
        };
        let would = |would: &Would| {
            let mut object = of_size(would.size);
            object["cpu_p95_percent"] = would.cpu_p95.map(short).into();
            object["memory_max_percent"] = would.memory_max.map(short).into();
            object["fits"] = would.fits.into();
            object["dollars"] = price(would.size).into();
            object
        };
        let (word, advised) = match &self.advice {
            Ok(Advice::Keep) => ("keep", None),
            Ok(Advice::Smaller(size)) => ("smaller", Some(*size)),
            Ok(Advice::Larger(size)) => ("larger", Some(*size)),
            Ok(Advice::Other(size)) => ("other", Some(*size)),
            Ok(Advice::NoneIsLargeEnough) => ("none is large enough", None),
            Err(why) => ("none", Some(note("advice", why)).and(None)),
        };
        let advised = advised.map(|size| {
            let mut object = of_size(size);
            object["dollars"] = price(size).into();
            object
        });
        let cost = match &self.cost {
            Ok(cost) => json!({
                "dollars": dollars(cost.dollars), "seconds": cost.seconds,
                "since": if cost.is_since_pull { "pull of the image" } else { "first sample" },
                "region": cost.price.region, "architecture": cost.price.architecture,
                "source": cost.price.source(),
            }),
            Err(why) => note("cost", why),
        };
        let smaller: Vec<_> = self.smaller.iter().map(would).collect();
        let larger: Vec<_> = self.larger.iter().map(would).collect();
        json!({ "report": {
            "scope": self.scope,
            "seconds": short(self.lasted.as_secs_f64()),
            "seconds_left_out": short(self.left_out.as_secs_f64()),
            "cpu": cpu, "memory": memory, "throttled_percent": throttled, "oom_kills": oom_kills,
            "pressure_percent": pressure, "size": size, "smaller": smaller, "larger": larger,
            "advice": word, "advised": advised,
            "fits_at_most_percent": FITS, "too_full_above_percent": TOO_FULL,
            "cost": cost, "unknown": unknown,
        } })
        .to_string()
    }
}

fn of_size(size: Size) -> Value {
    json!({ "cpu_cores": size.cpu, "memory_bytes": size.memory })
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Fargate => "fargate",
        Kind::Limits => "limits",
    }
}

/// To a millionth of a cent.
fn dollars(amount: f64) -> f64 {
    (amount * 1e8).round() / 1e8
}

/// A number without digits that say nothing.
fn short(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
