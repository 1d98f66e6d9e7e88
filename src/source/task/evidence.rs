//! The raw values behind the figures of a task, for people.

use std::collections::BTreeMap;

use super::containers::Containers;
use super::fusion::Fusion;
use super::stats::Usage;
use crate::config::MemoryUse;
use crate::model::{Evidence, Part, RawValue};
use crate::surroundings::ecs::VARIABLE;

/// The exact figures: the sum over the containers.
pub fn of_containers(
    usages: &BTreeMap<String, Usage>,
    containers: &Containers,
    address: &str,
    which: MemoryUse,
) -> Vec<Evidence> {
    let memory_formula = match which {
        MemoryUse::Used => "usage − inactive_file − active_file − slab_reclaimable",
        MemoryUse::WorkingSet => "usage − inactive_file",
    };
    let sum = |part, name: &str, unit, origin: String, value: fn(&Usage) -> Option<u64>| {
        let raw = |(id, usage): (&String, &Usage)| {
            let name = format!("{name} of {}", containers.name(id).unwrap_or(id)).into();
            let value = value(usage).ok_or_else(|| format!("not found in {origin}"));
            RawValue { name, origin: origin.clone(), value }
        };
        let values: Vec<_> = usages.iter().map(raw).collect();
        let names: Vec<_> = values.iter().map(|raw| &*raw.name).collect();
        let formula = format!("({}) {unit}", names.join(" + ")).into();
        Evidence { part, values, formula, notes: Vec::new() }
    };
    let nanoseconds =
        |usage: &Usage| usage.cpu.map(|cpu| u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX));
    let origin = format!("{address}/stats");
    let memory_origin = format!("{origin}, {memory_formula}");
    vec![
        sum(Part::Cpu, "total_usage", "ns", origin, nanoseconds),
        sum(Part::Memory, "memory", "bytes", memory_origin, |usage| {
            usage.memory.map(|memory| memory.0)
        }),
    ]
}

/// The machine's figures less the overhead of the platform.
pub fn less_overhead(
    machine: Vec<Evidence>,
    fusion: &Fusion,
    address: &str,
    failure: Option<&str>,
) -> Vec<Evidence> {
    let origin = format!("the machine's value minus that of {address}/stats");
    let less = |evidence: Evidence| {
        let (value, formula) = match evidence.part {
            Part::Cpu => {
                let cores = fusion.cpu.overhead.map(|cores| Ok((cores * 1e6) as u64));
                (cores, format!("{} − overhead µs/s × time", evidence.formula))
            }
            Part::Memory => {
                let bytes = fusion.memory.overhead.map(|bytes| {
                    u64::try_from(bytes)
                        .map_err(|_| format!("the machine is {} bytes lower", -bytes))
                });
                (bytes, format!("{} − overhead bytes", evidence.formula))
            }
        };
        let none = || Err(failure.unwrap_or("not measured yet").to_owned());
        let name = "overhead".into();
        let overhead = RawValue { name, origin: origin.clone(), value: value.unwrap_or_else(none) };
        let mut values = evidence.values;
        values.push(overhead);
        Evidence { values, formula: formula.into(), ..evidence }
    };
    machine.into_iter().map(less).collect()
}

/// Why there are no figures of either part. The log has it from the polling.
pub fn failed(why: &str) -> [Evidence; 2] {
    [Part::Cpu, Part::Memory].map(|part| {
        let (name, origin) = ("task metadata endpoint".into(), VARIABLE.to_owned());
        let value = RawValue { name, origin, value: Err(why.to_owned()) };
        Evidence {
            part,
            values: vec![value],
            formula: "sum of the containers from the endpoint".into(),
            notes: Vec::new(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Vec<Evidence> {
        let evidence = |part, formula: &'static str| {
            let formula = formula.into();
            Evidence { part, values: Vec::new(), formula, notes: Vec::new() }
        };
        vec![evidence(Part::Cpu, "ticks × 10 ms"), evidence(Part::Memory, "(total − free) kB")]
    }

    /// Formula, and value or reason of the overhead, of CPU and memory.
    fn told(fusion: &Fusion) -> Vec<(String, Result<u64, String>)> {
        let told = |evidence: Evidence| {
            let overhead = evidence.values.last().expect("the overhead");
            assert_eq!(overhead.name, "overhead");
            assert_eq!(overhead.origin, "the machine's value minus that of http://e/task/stats");
            (evidence.formula.to_string(), overhead.value.clone())
        };
        less_overhead(machine(), fusion, "http://e/task", None).into_iter().map(told).collect()
    }

    #[test]
    fn the_overhead_is_shown_as_what_is_taken_off() {
        let mut fusion = Fusion::default();
        (fusion.cpu.overhead, fusion.memory.overhead) = (Some(0.0215), Some(7_000));
        let expected = [
            ("ticks × 10 ms − overhead µs/s × time".to_owned(), Ok(21_500)),
            ("(total − free) kB − overhead bytes".to_owned(), Ok(7_000)),
        ];
        assert_eq!(told(&fusion), expected);
    }

    #[test]
    fn what_is_not_measured_yet_or_negative_is_said() {
        let mut fusion = Fusion::default();
        fusion.memory.overhead = Some(-5);
        let values: Vec<_> = told(&fusion).into_iter().map(|(_, value)| value).collect();
        let reasons = ["not measured yet", "the machine is 5 bytes lower"];
        assert_eq!(values, reasons.map(|reason| Err(reason.to_owned())));
    }
}
