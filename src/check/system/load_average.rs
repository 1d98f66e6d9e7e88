//! `agent.load_average`: how many tasks run or wait to run.

use sysinfo::System;

use crate::model::{Check, CheckType, Declared, Details, Findings, Roots, Running, Unit};

pub const TYPE: CheckType = CheckType {
    name: "agent.load_average",
    about: "How many tasks run, wait to run, or wait for a disk, averaged over time",
    settings: &[],
    metrics: &[
        Declared::gauge("1m", Unit::None, "getloadavg: the average of the last minute"),
        Declared::gauge("5m", Unit::None, "getloadavg: of the last 5 minutes"),
        Declared::gauge("15m", Unit::None, "getloadavg: of the last 15 minutes"),
        Declared::gauge("1m_per_core", Unit::None, "1m / the CPUs that are online").headline(),
    ],
    targets: None,
    open: |_: &Details, _: &Roots| Box::new(LoadAverage),
};

struct LoadAverage;

impl Check for LoadAverage {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async {
            let load = System::load_average();
            let load = load.map_err(|error| format!("the load average cannot be read: {error}"))?;
            let cores = std::thread::available_parallelism();
            let mut found = Findings::default();
            found.number("1m", load.one);
            found.number("5m", load.five);
            found.number("15m", load.fifteen);
            match cores {
                Ok(cores) => found.number("1m_per_core", load.one / cores.get() as f64),
                Err(error) => {
                    found.absent("1m_per_core", format!("the CPUs cannot be counted: {error}"))
                }
            }
            found.raw("load average", format_args!("{} {} {}", load.one, load.five, load.fifteen));
            Ok(found)
        })
    }
}
