//! Measures the agent's own container when the endpoint gives no data for a minute.

use std::time::Duration;

use log::{info, warn};
use tokio::time::Instant;

use crate::model::{Numbers, ReadError, Reading, WindowReading};
use crate::source::Source;
use crate::source::container::{Container, Limited};

/// Watches for figures of the task, and replaces them when none come.
#[derive(Debug)]
pub struct Fallback {
    /// Whether the agent's own container may be measured in place of the task: not with `--scope task`.
    may_measure_container: bool,
    /// Since the last reading of that part, either a figure or an error.
    cpu: Silence,
    memory: Silence,
    /// Since the last reading with a figure of any part.
    figures: Silence,
    /// What is read now.
    state: State,
}

/// How long there has been nothing.
#[derive(Debug, Default)]
struct Silence {
    since: Option<Instant>,
    readings: u32,
}

#[derive(Debug)]
enum State {
    /// The task.
    Task,
    /// The agent's own container.
    Container(Box<Container>),
    /// Nothing since this instant: the container has no limit, or none that can be read, and the
    /// whole machine is not the task.
    Nothing(Instant),
}

impl Fallback {
    pub fn new(may_measure_container: bool) -> Self {
        let [cpu, memory, figures] = Default::default();
        Self { may_measure_container, cpu, memory, figures, state: State::Task }
    }

    /// The reading of the task, if there is one. After a minute without any value, it is the reading of
    /// the container that `open` gives, if that has a limit. Otherwise each part without a value becomes
    /// an error. `why` is the last failure of the endpoint.
    pub fn complete(
        &mut self,
        mut task: Reading,
        at: Instant,
        why: Option<&str>,
        open: impl FnOnce() -> Container,
    ) -> Reading {
        let has_figure = matches!(task.cpu, Some(Ok(_))) || matches!(task.memory, Some(Ok(_)));
        let cpu_is_silent = self.cpu.is_long(task.cpu.is_some(), at);
        let memory_is_silent = self.memory.is_long(task.memory.is_some(), at);
        if !self.figures.is_long(has_figure, at) {
            if let State::Container(_) = std::mem::replace(&mut self.state, State::Task) {
                info!("the task metadata endpoint works again: measuring the task");
                // A part without a figure gets another minute before it counts as unavailable: CPU on
                // Fargate needs two of the endpoint's figures.
                (self.cpu, self.memory) = (Silence::default(), Silence::default());
                return task;
            }
        } else if self.has_to_choose(at) {
            self.state = self.choose(open, why, at);
        }
        if let State::Container(container) = &mut self.state {
            // Only parts with a limit: the others would be in percent of the machine, which is not the
            // task.
            let Reading { cpu, memory, others } = container.read_limited(at);
            return Reading {
                cpu: cpu.or_else(|| Some(Err(silence(why)))),
                memory: memory.or_else(|| Some(Err(silence(why)))),
                others,
            };
        }
        if cpu_is_silent {
            task.cpu = Some(Err(silence(why)));
        }
        if memory_is_silent {
            task.memory = Some(Err(silence(why)));
        }
        task
    }

    /// The container's numbers of the window, while it is measured in place of the task.
    pub fn window_readings(&mut self) -> Option<Vec<WindowReading>> {
        match &mut self.state {
            State::Container(container) => Some(container.window_readings()),
            State::Task | State::Nothing(_) => None,
        }
    }

    /// Whether to choose again: a group that could not be read may be readable later, and a limit may be
    /// set later.
    fn has_to_choose(&self, at: Instant) -> bool {
        match self.state {
            State::Task => true,
            State::Container(_) => false,
            State::Nothing(since) => at.duration_since(since) >= LONG,
        }
    }

    /// The same of what is read for a sample.
    pub fn prompt_readings(&mut self, wanted: Numbers) -> Option<Vec<WindowReading>> {
        match &mut self.state {
            State::Container(container) => Some(container.prompt_readings(wanted)),
            State::Task | State::Nothing(_) => None,
        }
    }

    fn choose(&self, open: impl FnOnce() -> Container, why: Option<&str>, at: Instant) -> State {
        if !self.may_measure_container {
            return State::Nothing(at);
        }
        let mut container = open();
        match container.limited_by() {
            Limited::By(limits) => {
                let why = silence(why);
                warn!(
                    "{why}: measuring only this container (limit {limits}) until the endpoint works again"
                );
                State::Container(Box::new(container))
            }
            Limited::ByNothing | Limited::Unknown(_) | Limited::NotFound(_) => State::Nothing(at),
        }
    }
}

fn silence(why: Option<&str>) -> ReadError {
    let seconds = LONG.as_secs();
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    ReadError::unusable(format!("no data from the task metadata endpoint for {seconds} s{why}"))
}

impl Silence {
    /// Whether there has been nothing for long, with this reading, which has something or nothing.
    fn is_long(&mut self, has_something: bool, at: Instant) -> bool {
        if has_something {
            *self = Self::default();
            return false;
        }
        self.readings = self.readings.saturating_add(1);
        let since = *self.since.get_or_insert(at);
        // Both, because with the longest sample interval a minute is a single reading.
        at.duration_since(since) >= LONG && self.readings > MANY
    }
}

/// The endpoint has new figures every ten seconds at the latest, and CPU on Fargate needs two of
/// them, each between two readings.
const LONG: Duration = Duration::from_secs(60);
const MANY: u32 = 6;

#[cfg(test)]
mod tests;
