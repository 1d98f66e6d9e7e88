//! The figures of the report as metrics of the last window.

use std::rc::Rc;

use super::RightSize;
use crate::model::{Kind, Metric, Number, Unit};

impl RightSize {
    /// What is known of the run, each as a metric.
    pub fn metrics(&self) -> Vec<(Rc<Metric>, f64)> {
        let (cpu, memory) = (self.cpu.as_ref().ok(), self.memory.as_ref().ok());
        let known = [
            ("RunSeconds", Unit::Seconds, Some(self.lasted.as_secs_f64())),
            ("RunCPUp50", Unit::Percent, cpu.map(|cpu| cpu.p50)),
            ("RunCPUp95", Unit::Percent, cpu.map(|cpu| cpu.p95)),
            ("RunCPUMax", Unit::Percent, cpu.map(|cpu| cpu.max)),
            ("RunMemoryMax", Unit::Percent, memory.map(|memory| memory.max)),
            ("RunThrottled", Unit::Percent, self.throttled.as_ref().ok().copied()),
            ("RunOOMKills", Unit::Count, self.oom_kills.as_ref().ok().map(|kills| *kills as f64)),
            ("RunCost", Unit::None, self.cost.as_ref().ok().map(|cost| cost.dollars)),
        ];
        let metric = |name: &'static str, unit| Metric {
            check: CHECK.into(),
            check_type: "agent.report",
            name: name.into(),
            unit,
            kind: Kind::Gauge,
            published: Some(name.into()),
            ..Number::Cpu.of(None)
        };
        let known = known.into_iter();
        known
            .filter_map(|(name, unit, value)| Some((Rc::new(metric(name, unit)), value?)))
            .collect()
    }
}

/// The check that they count as one of.
const CHECK: &str = "report";
