//! What the pod is in percent of.

use std::fmt::Display;
use std::sync::Arc;

use log::info;

use super::opened::OwnLimit;
use crate::model::{Bytes, Cores, Limit, Origin, Part, ReadError};

/// What a part of the pod is in percent of, and how that is known.
#[derive(Debug)]
pub struct PodLimit<T> {
    part: Part,
    pub limit: Result<Limit<T>, ReadError>,
    /// For people.
    pub note: String,
    is_said: bool,
}

/// A container's limit of a part.
pub type OfContainer<'pod, T> = (&'pod Arc<str>, &'pod Result<OwnLimit<T>, ReadError>);

/// An amount of which those of several containers make one of all.
pub trait Amount: Copy + PartialOrd + Display {
    fn plus(self, other: Self) -> Self;
}

impl Amount for Cores {
    fn plus(self, other: Self) -> Self {
        // Decimal fractions such as 0.1 have no exact sum; a millionth of a core is less than any quota.
        Self(((self.0 + other.0) * 1e6).round() / 1e6)
    }
}

impl Amount for Bytes {
    fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl<T: Amount> PodLimit<T> {
    pub fn of(part: Part) -> Self {
        let unknown = ReadError::unusable("no container has been read yet");
        Self { part, limit: Err(unknown), note: String::new(), is_said: false }
    }

    /// Finds the limit: that of the task, where the endpoint tells it; otherwise the limits of all
    /// containers together, if each has one, and no more than the machine has; otherwise the machine.
    pub fn find<'pod>(
        &mut self,
        task: Option<Limit<T>>,
        containers: impl Iterator<Item = OfContainer<'pod, T>>,
        machine: Result<Limit<T>, ReadError>,
    ) where
        T: 'pod,
    {
        let (limit, note) = match task {
            Some(task) => (Ok(task), String::new()),
            None => match sum(containers) {
                Ok(Some((amount, files))) => of_all(amount, &files, machine),
                Ok(None) => (machine, "no container is known".to_owned()),
                Err(Lacks::Limit(name)) => {
                    let why = format!("container {name} has no {} limit", self.part);
                    (machine, format!("the limit is the machine's, because {why}"))
                }
                Err(Lacks::Reading(error)) => (Err(error), String::new()),
            },
        };
        self.is_said &= note == self.note;
        (self.limit, self.note) = (limit, note);
    }

    /// Says how the limit is known, when that has changed.
    pub fn say(&mut self) {
        if !std::mem::replace(&mut self.is_said, true) && !self.note.is_empty() {
            info!("pod {}: {}", self.part, self.note);
        }
    }
}

/// Why the limits of the containers are none of the pod.
enum Lacks<'pod> {
    Limit(&'pod str),
    Reading(ReadError),
}

/// The limits of all containers together, with their files. `None` without any container.
fn sum<'pod, T: Amount + 'pod>(
    containers: impl Iterator<Item = OfContainer<'pod, T>>,
) -> Result<Option<(T, String)>, Lacks<'pod>> {
    let mut sum: Option<(T, String)> = None;
    for (name, bound) in containers {
        let bound = bound.as_ref().map_err(|error| Lacks::Reading(error.clone()))?;
        if !bound.is_own {
            return Err(Lacks::Limit(name));
        }
        let (amount, file) = (bound.limit.amount, format!("{name} {}", bound.limit));
        sum = Some(match sum {
            Some((sum, files)) => (sum.plus(amount), format!("{files} + {file}")),
            None => (amount, file),
        });
    }
    Ok(sum)
}

fn of_all<T: Amount>(
    amount: T,
    files: &str,
    machine: Result<Limit<T>, ReadError>,
) -> (Result<Limit<T>, ReadError>, String) {
    match machine {
        Ok(machine) if machine.amount < amount => {
            let note = format!("the limit is the machine's, which has less than {files}");
            (Ok(machine), note)
        }
        _ => {
            let origin = Origin::Containers;
            (Ok(Limit { amount, origin }), format!("the limit is that of all containers: {files}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn own(cores: f64) -> Result<OwnLimit<Cores>, ReadError> {
        Ok(OwnLimit { limit: Limit::in_file(Cores(cores), Path::new("cpu.max")), is_own: true })
    }

    /// The limit and the note of a pod of these containers on a machine of 4 cores.
    fn of(
        task: Option<f64>,
        containers: &[Result<OwnLimit<Cores>, ReadError>],
    ) -> (String, String) {
        let names: Vec<Arc<str>> = ["app", "agent", "db"].map(Arc::from).into();
        let limit = |cores, name| Limit { amount: Cores(cores), origin: Origin::Call(name) };
        let mut whole = PodLimit::of(Part::Cpu);
        let task = task.map(|cores| limit(cores, "the task"));
        whole.find(task, names.iter().zip(containers), Ok(limit(4.0, "the machine")));
        let text = whole.limit.map_or_else(|error| error.to_string(), |limit| limit.to_string());
        (text, whole.note)
    }

    #[test]
    fn the_limits_of_all_containers_add_up() {
        let (limit, note) = of(None, &[own(0.5), own(0.25)]);
        assert_eq!(limit, "0.75 cores (the limits of all containers)");
        let expected = "the limit is that of all containers: app 0.5 cores (cpu.max) + agent 0.25 cores (cpu.max)";
        assert_eq!(note, expected);
        assert_eq!(of(None, &[own(0.5)]).0, "0.5 cores (the limits of all containers)");
    }

    #[test]
    fn one_without_a_limit_makes_the_machine_the_limit() {
        let machine = Limit { amount: Cores(4.0), origin: Origin::Call("the machine") };
        let none = Ok(OwnLimit { limit: machine, is_own: false });
        let (limit, note) = of(None, &[own(0.5), none]);
        assert_eq!(limit, "4 cores (the machine)");
        assert_eq!(note, "the limit is the machine's, because container agent has no CPU limit");
    }

    #[test]
    fn more_than_the_machine_has_is_the_machine() {
        let (limit, note) = of(None, &[own(3.0), own(2.0)]);
        assert_eq!(limit, "4 cores (the machine)");
        assert!(
            note.starts_with("the limit is the machine's, which has less than app 3"),
            "{note}"
        );
    }

    #[test]
    fn the_tasks_limit_goes_before_all() {
        let unknown = Err(ReadError::unusable("unreadable"));
        assert_eq!(of(Some(1.0), &[own(3.0)]), ("1 cores (the task)".into(), String::new()));
        assert_eq!(of(Some(1.0), &[unknown]).0, "1 cores (the task)");
    }

    #[test]
    fn a_limit_that_cannot_be_read_is_not_no_limit() {
        let unknown = Err(ReadError::unusable("unreadable"));
        assert_eq!(of(None, &[own(0.5), unknown]).0, "unreadable");
        assert_eq!(of(None, &[]).0, "4 cores (the machine)");
    }
}
