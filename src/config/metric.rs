//! Which metrics are measured and published.

/// The metrics that were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    pub cpu: bool,
    pub memory: bool,
    pub throttling: bool,
    pub oom_kills: bool,
}

/// The names that metrics have in CloudWatch.
pub const NAMES: [&str; 6] = [
    "CPUUtilization",
    "MaxCPUUtilization",
    "MemoryUtilization",
    "MaxMemoryUtilization",
    "CPUThrottling",
    "OOMKills",
];

impl Metrics {
    const NONE: Self = Self { cpu: false, memory: false, throttling: false, oom_kills: false };
}

impl Default for Metrics {
    fn default() -> Self {
        Self { cpu: true, memory: true, ..Self::NONE }
    }
}

/// `--metrics`: names with commas between them.
pub fn metrics(text: &str) -> Result<Metrics, String> {
    let mut metrics = Metrics::NONE;
    for name in text.split(',') {
        let metric = match name.trim() {
            "cpu" => &mut metrics.cpu,
            "memory" => &mut metrics.memory,
            "throttling" => &mut metrics.throttling,
            "oom-kills" => &mut metrics.oom_kills,
            _ => return Err("any of cpu, memory, throttling and oom-kills, with commas".into()),
        };
        *metric = true;
    }
    Ok(metrics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas() {
        assert_eq!(metrics("cpu,memory"), Ok(Metrics::default()));
        let all = Metrics { cpu: true, memory: true, throttling: true, oom_kills: true };
        assert_eq!(metrics("oom-kills, throttling,memory,cpu,cpu"), Ok(all));
        assert_eq!(metrics("cpu"), Ok(Metrics { cpu: true, ..Metrics::NONE }));
        for text in ["", "cpu,", "CPU", "cpu memory", "swap"] {
            assert!(metrics(text).is_err(), "{text:?}");
        }
    }
}
