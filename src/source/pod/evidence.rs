//! What the figures of a pod are made of, for people.

use super::neighbour::{Neighbour, Role};
use super::opened::Opened;
use super::{Pod, alone};
use crate::model::{Evidence, Part, RawValue};

/// The values of each container, and their sum.
pub fn of(pod: &mut Pod) -> Vec<Evidence> {
    if let Some(refused) = &pod.refused {
        return [Part::Cpu, Part::Memory].map(|part| none(part, &refused.to_string())).into();
    }
    let notes = notes(pod);
    let counted = || pod.neighbours.counted();
    let cpu = counted().map(cpu_of).chain([RawValue {
        name: "ended containers".into(),
        origin: "the last readings of those that have ended".to_owned(),
        value: Ok(u64::try_from(pod.ended.as_nanos()).unwrap_or(u64::MAX)),
    }]);
    let cpu = sum(Part::Cpu, cpu.collect(), "ns", [&pod.cpu.note, &*notes]);
    let memory = counted().map(memory_of).collect();
    vec![cpu, sum(Part::Memory, memory, "bytes", [&pod.memory.note, &*notes])]
}

fn sum(part: Part, values: Vec<RawValue>, unit: &str, notes: [&str; 2]) -> Evidence {
    let names: Vec<_> = values.iter().map(|raw| &*raw.name).collect();
    let formula = format!("({}) {unit}", names.join(" + ")).into();
    let notes = notes.iter().flat_map(|note| note.lines()).map(str::to_owned).collect();
    Evidence { part, values, formula, notes }
}

fn cpu_of(neighbour: &Neighbour) -> RawValue {
    let name = format!("CPU time of {}", neighbour.name);
    raw(neighbour, name, |opened| {
        let mut counters = opened.counters();
        let used = counters.read_cpu().map_err(|error| error.to_string())?;
        let evidence = counters.cpu.as_mut().map_err(|error| error.to_string())?.explain();
        let nanoseconds = u64::try_from(neighbour.used(used).as_nanos()).unwrap_or(u64::MAX);
        Ok((origin_of(&evidence), nanoseconds))
    })
}

fn memory_of(neighbour: &Neighbour) -> RawValue {
    let name = format!("memory of {}", neighbour.name);
    raw(neighbour, name, |opened| {
        let mut counters = opened.counters();
        let used = counters.read_memory().map_err(|error| error.to_string())?;
        let evidence = counters.memory.as_mut().map_err(|error| error.to_string())?.explain();
        Ok((origin_of(&evidence), used.0))
    })
}

fn raw(
    neighbour: &Neighbour,
    name: String,
    read: impl FnOnce(&Opened) -> Result<(String, u64), String>,
) -> RawValue {
    let opened = neighbour.opened.as_ref().map_err(|error| error.to_string());
    let (origin, value) = match opened.and_then(read) {
        Ok((origin, value)) => (origin, Ok(value)),
        Err(error) => (neighbour.place.clone(), Err(error)),
    };
    RawValue { name: name.into(), origin, value }
}

/// The first file, and how the figure is made of it.
fn origin_of(evidence: &Evidence) -> String {
    let file = evidence.values.first().map(|raw| raw.origin.as_str()).unwrap_or_default();
    format!("{file}, {}", evidence.formula)
}

fn notes(pod: &Pod) -> String {
    let left_out = pod.neighbours.all.iter().filter(|of| !of.is_counted()).map(|of| {
        let why = match of.role {
            Role::Excluded => "--pod-exclude",
            Role::Platform => "it is not in the task definition",
            Role::Own | Role::Counted | Role::Pause => "it holds the namespaces",
        };
        format!("container {} is left out: {why}", of.name)
    });
    let alone =
        pod.alone.is_alone().then(|| format!("no other container is visible: {}", alone::CURE));
    left_out.chain(alone).collect::<Vec<_>>().join("\n")
}

fn none(part: Part, why: &str) -> Evidence {
    let (name, origin) = ("processes".into(), "/proc".to_owned());
    let value = RawValue { name, origin, value: Err(why.to_owned()) };
    Evidence {
        part,
        values: vec![value],
        formula: "sum of the containers".into(),
        notes: Vec::new(),
    }
}
