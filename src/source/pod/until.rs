//! Something else, until the other containers of the pod can be read.

use std::sync::Arc;

use log::{info, warn};
use tokio::time::Instant;

use super::{ALONE, Pod};
use crate::config::Scope;
use crate::model::{Evidence, Numbers, Reading, Totals, WindowReading};
use crate::source::{LIMITS_GOOD_FOR, Source};

/// What is measured as long as no other container can be, and the pod from then on for good. A sidecar
/// is often the first to start.
pub struct UntilPod {
    source: Box<dyn Source>,
    /// `None` when it is the source.
    pod: Option<Pod>,
    opened: Instant,
    looked: Instant,
    /// Whether it was said that nothing else is measured than the agent itself.
    is_alone_said: bool,
    /// Whether somebody waits for the end of the other containers.
    is_awaited: bool,
    /// Whether it was said why the pod is not measured.
    is_said: bool,
}

impl UntilPod {
    pub fn of(source: Box<dyn Source>, pod: Pod, is_awaited: bool) -> Self {
        let now = Instant::now();
        Self {
            source,
            // Then it is said at the start.
            is_alone_said: pod.is_first_process(),
            pod: Some(pod),
            opened: now,
            looked: now,
            is_awaited,
            is_said: false,
        }
    }

    /// Why the pod is not measured, where there are other containers. Logs it the first time.
    pub fn barred(&mut self) -> Option<String> {
        let why = self.pod.as_ref()?.barred()?;
        if !std::mem::replace(&mut self.is_said, true) {
            warn!("the pod is not measured: {why}");
        }
        Some(why)
    }

    fn look(&mut self, at: Instant) {
        let Some(mut pod) = self.pod.take() else { return };
        // The others come soon after the agent, which is often the first. And their end must be seen at
        // once where somebody waits for it.
        let is_early = at.duration_since(self.opened) < ALONE;
        let is_awaited = self.is_awaited && pod.others() > 0;
        if is_early || is_awaited || at.duration_since(self.looked) >= LIMITS_GOOD_FOR {
            self.looked = at;
            if let Some(reason) = pod.is_ready(at) {
                info!("scope: pod, because {reason}");
                self.source = Box::new(pod);
                return;
            }
        }
        let is_alone = pod.others() == 0 && at.duration_since(self.opened) >= ALONE;
        self.pod = Some(pod);
        if self.looked == at {
            self.barred();
            if is_alone && !std::mem::replace(&mut self.is_alone_said, true) {
                self.source.warning().iter().for_each(|warning| warn!("{warning}"));
            }
        }
    }
}

impl Source for UntilPod {
    fn scope(&self) -> Scope {
        self.source.scope()
    }

    fn warning(&self) -> Option<&'static str> {
        // A namespace with another first process may be a pod's, whose other containers are still to
        // come.
        let may_be_first = self.pod.as_ref().is_none_or(Pod::is_first_process);
        self.source.warning().filter(|_| may_be_first)
    }

    fn read(&mut self, instant: Instant) -> Reading {
        self.look(instant);
        self.source.read(instant)
    }

    fn containers(&mut self) -> Vec<(Arc<str>, Reading)> {
        self.source.containers()
    }

    fn running(&self) -> Vec<Arc<str>> {
        self.source.running()
    }

    fn explain(&mut self) -> Vec<Evidence> {
        self.source.explain()
    }

    fn totals(&mut self) -> Totals {
        self.source.totals()
    }

    fn window_readings(&mut self) -> Vec<WindowReading> {
        self.source.window_readings()
    }

    fn prompt_readings(&mut self, wanted: Numbers) -> Vec<WindowReading> {
        self.source.prompt_readings(wanted)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::MemoryUse;
    use crate::model::{Number, Part, ReadError};

    /// A source that gives something for each question.
    struct Everything;

    impl Source for Everything {
        fn scope(&self) -> Scope {
            Scope::Task
        }

        fn read(&mut self, _: Instant) -> Reading {
            Reading::of(Some(Err(ReadError::unusable("read"))), None)
        }

        fn containers(&mut self) -> Vec<(Arc<str>, Reading)> {
            vec![("read".into(), Reading::default())]
        }

        fn running(&self) -> Vec<Arc<str>> {
            vec!["running".into()]
        }

        fn explain(&mut self) -> Vec<Evidence> {
            let formula = "explained".into();
            vec![Evidence { part: Part::Cpu, values: Vec::new(), formula, notes: Vec::new() }]
        }

        fn totals(&mut self) -> Totals {
            Totals { oom_kills: Ok(7), ..Totals::none(&ReadError::unusable("none")) }
        }

        fn window_readings(&mut self) -> Vec<WindowReading> {
            vec![WindowReading::of(Number::OomKills, None)]
        }
    }

    #[test]
    fn until_the_pod_can_be_read_the_source_answers_all_questions() {
        let pod = Pod::at(Path::new("/nonexistent"), MemoryUse::Used);
        let mut source = UntilPod::of(Box::new(Everything), pod, false);
        assert_eq!(source.scope(), Scope::Task);
        assert!(source.read(Instant::now()).cpu.is_some());
        assert_eq!(source.containers()[0].0, "read".into());
        assert_eq!(source.running(), ["running".into()]);
        assert_eq!(source.explain()[0].formula, "explained");
        assert_eq!(source.totals().oom_kills.ok(), Some(7));
        assert_eq!(source.window_readings()[0].number, Number::OomKills);
    }
}
