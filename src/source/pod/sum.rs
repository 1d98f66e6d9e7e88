//! What all containers use together.

use std::time::Duration;

use crate::model::{Bytes, ReadError};

/// The figures of all containers together.
pub struct Sum {
    pub cpu: Result<Duration, ReadError>,
    pub memory: Result<Bytes, ReadError>,
    /// Percent of its limit that the container uses that is fullest, where that was asked for.
    pub fullest: Result<f64, ReadError>,
    /// Whether one of them is only about to start, and cannot be read yet.
    pub is_waiting: bool,
}

impl Default for Sum {
    /// Of no container.
    fn default() -> Self {
        Self { cpu: Ok(Duration::ZERO), memory: Ok(Bytes(0)), fullest: Ok(0.0), is_waiting: false }
    }
}

impl Sum {
    /// Adds a container. The first that cannot be read is what the sum lacks.
    pub fn add(&mut self, cpu: Result<Duration, ReadError>, memory: Result<Bytes, ReadError>) {
        if let Ok(sum) = self.cpu {
            self.cpu = cpu.map(|used| sum + used);
        }
        if let Ok(sum) = self.memory {
            self.memory = memory.map(|used| Bytes(sum.0.saturating_add(used.0)));
        }
    }
}
