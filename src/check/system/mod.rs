//! Checks of the machine or container that this process runs in.

pub mod cpu;
pub mod disk;
pub mod filesystem;
pub mod filesystem_state;
pub mod load_average;
#[cfg(not(target_os = "linux"))]
mod macos;
pub mod memory;
#[cfg(target_os = "linux")]
pub mod mounts;
pub mod network;
pub mod pressure;
pub mod process;
#[cfg(all(test, target_os = "linux"))]
mod properties;

use std::time::Duration;

/// How far apart the two readings of a first run are, for what is the change between two readings: far
/// enough for counters in steps of 10 ms, and short beside any time limit. Later runs use the reading of
/// the run before.
const FIRST_INTERVAL: Duration = Duration::from_millis(250);

/// What the tests of the types share.
#[cfg(test)]
pub mod tests {
    use tokio::sync::{Mutex, MutexGuard};

    use crate::model::{
        AVAILABLE, Check, CheckType, Configured, Detail, Details, Discovers, Findings, Quantity,
        Roots,
    };
    use support::tree::Tree;

    /// Mounts are asked in few threads at once, which all tests of this process share: one test at a time
    /// asks them.
    pub async fn asking_mounts() -> MutexGuard<'static, ()> {
        static ONE: Mutex<()> = Mutex::const_new(());
        ONE.lock().await
    }

    /// The roots of a tree with `proc` and `sys`.
    pub fn roots(tree: &Tree) -> Roots {
        Roots { proc: tree.root().join("proc"), sys: tree.root().join("sys"), ..Roots::default() }
    }

    /// A check with these texts as details.
    pub fn open(of: &'static CheckType, details: &[(&str, &str)], roots: &Roots) -> Box<dyn Check> {
        let text =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Detail::Text((*value).to_owned()));
        let details = Details(details.iter().map(text).collect());
        Configured::of(of, details).open(roots)
    }

    /// One run; the error with the paths relative.
    pub async fn run(check: &mut Box<dyn Check>, tree: &Tree) -> Result<Findings, String> {
        let root = format!("{}/", tree.root().display());
        check.run().await.map_err(|error| error.replace(&root, ""))
    }

    /// The number of this name.
    pub fn number(found: &Findings, name: &str) -> f64 {
        let value = found.values.iter().find(|value| value.name == name);
        let value = value.unwrap_or_else(|| panic!("{name} has a value: {found:#?}"));
        value.quantity.number().unwrap_or_else(|| panic!("{name} is a number"))
    }

    /// The text of this name.
    pub fn text<'a>(found: &'a Findings, name: &str) -> &'a str {
        match found.values.iter().find(|value| value.name == name).map(|value| &value.quantity) {
            Some(Quantity::Text(text)) => text,
            other => panic!("{name} is a text, and not {other:?}"),
        }
    }

    /// Why there is no value of this name.
    pub fn absent<'a>(found: &'a Findings, name: &str) -> &'a str {
        let absent = found.absent.iter().find(|(absent, _)| *absent == name);
        &absent.unwrap_or_else(|| panic!("{name} is absent: {found:#?}")).1
    }

    /// Each declared metric has a value of its form or a reason why not, and there is nothing else. Whether it
    /// is available is no finding.
    pub fn assert_complete(of: &CheckType, found: &Findings) {
        let mut names: Vec<&str> = found.values.iter().map(|value| &*value.name).collect();
        names.extend(found.absent.iter().map(|(name, _)| *name));
        names.sort_unstable();
        let mut declared: Vec<_> = of.metrics.iter().map(|metric| metric.name).collect();
        declared.retain(|name| *name != AVAILABLE);
        declared.sort_unstable();
        assert_eq!(names, declared, "{}", of.name);
        for value in &found.values {
            let is_text = matches!(value.quantity, Quantity::Text(_));
            assert_eq!(of.metric(&value.name).map(|metric| metric.is_text), Some(is_text));
            assert!(value.quantity.number().is_none_or(f64::is_finite), "{value:?}");
        }
    }

    #[test]
    fn each_type_says_where_its_metrics_come_from_and_has_a_headline() {
        for of in crate::check::TABLE {
            let is_declared = of.discovers == Discovers::Nothing;
            let has_headline = of.metrics.iter().any(|metric| metric.is_headline);
            assert!(has_headline || !is_declared, "{}", of.name);
            for metric in of.metrics {
                assert!(!metric.source.is_empty(), "{} {}", of.name, metric.name);
            }
        }
    }
}
