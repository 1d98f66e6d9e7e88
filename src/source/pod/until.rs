//! Something else, until the other containers of the pod can be read.

use std::sync::Arc;

use log::info;
use tokio::time::Instant;

use super::Pod;
use crate::model::{Evidence, Reading, WindowReading};
use crate::source::{LIMITS_GOOD_FOR, Source};

/// What is measured as long as no other container can be, and the pod from then on for good. A sidecar
/// is often the first to start.
pub struct UntilPod {
    source: Box<dyn Source>,
    /// `None` when it is the source.
    pod: Option<Pod>,
    looked: Instant,
}

impl UntilPod {
    pub fn of(source: Box<dyn Source>, pod: Pod) -> Self {
        Self { source, pod: Some(pod), looked: Instant::now() }
    }

    fn look(&mut self, at: Instant) {
        let Some(mut pod) = self.pod.take() else { return };
        if at.duration_since(self.looked) >= LIMITS_GOOD_FOR {
            self.looked = at;
            if let Some(reason) = pod.is_ready(at) {
                info!("scope: pod, because {reason}");
                self.source = Box::new(pod);
                return;
            }
        }
        self.pod = Some(pod);
    }
}

impl Source for UntilPod {
    fn read(&mut self, instant: Instant) -> Reading {
        self.look(instant);
        self.source.read(instant)
    }

    fn containers(&mut self) -> Vec<(Arc<str>, Reading)> {
        self.source.containers()
    }

    fn explain(&mut self) -> Vec<Evidence> {
        self.source.explain()
    }

    fn window_readings(&mut self) -> Vec<WindowReading> {
        self.source.window_readings()
    }
}
