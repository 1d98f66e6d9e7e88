//! `agent.network`: what an interface receives and sends.

use crate::model::{CheckType, Declared, Discovers, Form, Opening, Setting, Unit};

pub const TYPE: CheckType = CheckType {
    name: "agent.network",
    about: "What a network interface receives and sends, its errors, and the state of its link",
    settings: &[Setting {
        name: "target",
        form: Form::Text,
        about: "The name of the interface",
        is_required: true,
        example: "eth0",
    }],
    one_of: &[],
    metrics: &[
        counter("rx_bytes", Unit::Bytes, "/proc/self/net/dev, receive: bytes").headline(),
        counter("rx_packets", Unit::Count, "/proc/self/net/dev, receive: packets"),
        counter("rx_errors", Unit::Count, "/proc/self/net/dev, receive: errs"),
        counter(
            "rx_dropped",
            Unit::Count,
            "/proc/self/net/dev, receive: drop, those missed included",
        ),
        counter("rx_overruns", Unit::Count, "/proc/self/net/dev, receive: fifo"),
        counter("rx_frame", Unit::Count, "/proc/self/net/dev, receive: frame"),
        counter("tx_bytes", Unit::Bytes, "/proc/self/net/dev, transmit: bytes").headline(),
        counter("tx_packets", Unit::Count, "/proc/self/net/dev, transmit: packets"),
        counter("tx_errors", Unit::Count, "/proc/self/net/dev, transmit: errs"),
        counter("tx_dropped", Unit::Count, "/proc/self/net/dev, transmit: drop"),
        counter("tx_overruns", Unit::Count, "/proc/self/net/dev, transmit: fifo"),
        counter("tx_carrier", Unit::Count, "/proc/self/net/dev, transmit: carrier"),
        counter("tx_collisions", Unit::Count, "/proc/self/net/dev, transmit: colls"),
        Declared::text("link_state", LINK_STATE_SOURCE),
    ],
    discovers: Discovers::Nothing,
    #[cfg(target_os = "linux")]
    targets: Some(linux::targets),
    #[cfg(target_os = "linux")]
    open: |of: &Opening| Box::new(linux::Network::of(of.details, of.roots)),
    #[cfg(not(target_os = "linux"))]
    targets: Some(super::macos::interfaces),
    #[cfg(not(target_os = "linux"))]
    open: |of: &Opening| Box::new(super::macos::Network::of(of.details)),
};

const fn counter(name: &'static str, unit: Unit, source: &'static str) -> Declared {
    Declared::counter(name, unit, source)
}

const LINK_STATE_SOURCE: &str = "/sys/class/net/INTERFACE/operstate: up; down also for lowerlayerdown, notpresent, testing \
    and dormant, in which no packet can pass; else unknown, as of lo";

#[cfg(target_os = "linux")]
mod linux {
    use std::path::PathBuf;

    use crate::model::{Check, Details, Findings, ReadError, Roots, Running, Target};
    use crate::source::kernel_file::required;
    use crate::source::network::lines;

    pub struct Network {
        interface: String,
        file: PathBuf,
        sys: PathBuf,
    }

    impl Network {
        pub fn of(details: &Details, roots: &Roots) -> Self {
            let interface = details.text("target").unwrap_or_default().to_owned();
            Self { interface, file: file(roots), sys: roots.sys.clone() }
        }

        fn read(&self) -> Result<Findings, String> {
            let text = required(&self.file).map_err(|error| error.to_string())?;
            let all = table(&text).ok_or_else(|| self.malformed())?;
            let Some((_, numbers)) = all.iter().find(|(name, _)| *name == self.interface) else {
                let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
                let (path, names) = (self.file.display(), names.join(", "));
                return Err(format!(
                    "no interface {} in {path}; there are: {names}",
                    self.interface
                ));
            };
            let columns = columns(numbers).ok_or_else(|| self.malformed())?;
            let mut found = Findings::default();
            for (name, column) in NAMES {
                found.number(name, columns[column] as f64);
            }
            let line = numbers.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            found.raw(self.file.display().to_string(), format_args!("{}: {line}", self.interface));
            self.add_link_state(&mut found);
            Ok(found)
        }

        fn add_link_state(&self, found: &mut Findings) {
            let path = self.sys.join("class/net").join(&self.interface).join("operstate");
            match required(&path) {
                Ok(state) => {
                    found.text("link_state", link_state(state.trim()));
                    found.raw(path.display().to_string(), state.trim());
                }
                Err(error) => found.absent("link_state", error.to_string()),
            }
        }

        fn malformed(&self) -> String {
            let expected = "16 columns for each interface";
            ReadError::Malformed { path: self.file.clone(), expected }.to_string()
        }
    }

    impl Check for Network {
        fn run(&mut self) -> Running<'_> {
            Box::pin(async { self.read() })
        }
    }

    pub fn targets(roots: &Roots) -> Result<Vec<Target>, String> {
        let text = required(&file(roots)).map_err(|error| error.to_string())?;
        let all = table(&text).ok_or_else(|| format!("{} is no table", file(roots).display()))?;
        let target = |name: &str| Target { id: name.to_owned(), label: name.to_owned() };
        Ok(all.into_iter().map(|(name, _)| target(name)).collect())
    }

    fn file(roots: &Roots) -> PathBuf {
        roots.proc.join("self/net/dev")
    }

    fn table(text: &str) -> Option<Vec<(&str, &str)>> {
        lines(text)?.collect()
    }

    fn columns(numbers: &str) -> Option<[u64; 16]> {
        let numbers = numbers.split_ascii_whitespace().map(|number| number.parse().ok());
        numbers.collect::<Option<Vec<u64>>>()?.try_into().ok()
    }

    /// What is a state of RFC 2863, in three words.
    fn link_state(operstate: &str) -> &'static str {
        match operstate {
            "up" => "up",
            "down" | "lowerlayerdown" | "notpresent" | "testing" | "dormant" => "down",
            _ => "unknown",
        }
    }

    /// The column of each metric (proc_pid_net(5)).
    const NAMES: [(&str, usize); 13] = [
        ("rx_bytes", 0),
        ("rx_packets", 1),
        ("rx_errors", 2),
        ("rx_dropped", 3),
        ("rx_overruns", 4),
        ("rx_frame", 5),
        ("tx_bytes", 8),
        ("tx_packets", 9),
        ("tx_errors", 10),
        ("tx_dropped", 11),
        ("tx_overruns", 12),
        ("tx_collisions", 13),
        ("tx_carrier", 14),
    ];
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::super::tests::{absent, assert_complete, number, open, roots, run, text};
    use super::*;
    use support::tree::Tree;

    const HEAD: &str = "== proc/self/net/dev\nInter-|   Receive            |  Transmit\n face |bytes packets errs drop \
        fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n";
    const LO: &str = "    lo: 7 7 0 0 0 0 0 0 7 7 0 0 0 0 0 0\n";

    fn change(tree: &Tree, lines: &str) {
        tree.change(&format!("{HEAD}{LO}{lines}"));
    }

    #[tokio::test]
    async fn each_column_is_a_metric() {
        let tree = Tree::new("== sys/class/net/eth0/operstate\nup\n");
        change(&tree, "  eth0:1 2 3 4 5 6 90 91 10 11 12 13 14 15 16 92\n");
        let mut check = open(&TYPE, &[("target", "eth0")], &roots(&tree));
        let found = run(&mut check, &tree).await.expect("it is there");
        assert_complete(&TYPE, &found);
        let expected = [1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14, 16, 15].map(f64::from);
        let numbers = TYPE.metrics.iter().filter(|metric| !metric.is_text);
        let values: Vec<_> = numbers.map(|metric| number(&found, metric.name)).collect();
        assert_eq!(values, expected);
        assert_eq!(text(&found, "link_state"), "up");
        assert_eq!(found.raw[0].1, "eth0: 1 2 3 4 5 6 90 91 10 11 12 13 14 15 16 92");
        // They go back when a driver is loaded again; a rate is not made here.
        change(&tree, "  eth0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
        let found = run(&mut check, &tree).await.expect("it is there");
        assert_eq!(number(&found, "rx_bytes"), 0.0);
    }

    #[tokio::test]
    async fn a_link_that_passes_no_packets_is_down() {
        let tree = Tree::new("");
        change(&tree, "");
        let mut check = open(&TYPE, &[("target", "lo")], &roots(&tree));
        let found = run(&mut check, &tree).await.expect("it is there");
        assert_complete(&TYPE, &found);
        assert!(absent(&found, "link_state").ends_with("sys/class/net/lo/operstate not found"));
        for (state, expected) in [
            ("up", "up"),
            ("down", "down"),
            ("lowerlayerdown", "down"),
            ("notpresent", "down"),
            ("dormant", "down"),
            ("testing", "down"),
            ("unknown", "unknown"),
            ("", "unknown"),
        ] {
            tree.change(&format!("== sys/class/net/lo/operstate\n{state}\n"));
            let found = run(&mut check, &tree).await.expect("it is there");
            assert_eq!(text(&found, "link_state"), expected, "{state}");
        }
    }

    #[tokio::test]
    async fn an_interface_that_vanishes_is_an_error_with_those_that_are_there() {
        let tree = Tree::new("");
        let eth0 = "eth0: 1 2 3 4 5 6 90 91 10 11 12 13 14 15 16 92\n";
        change(&tree, eth0);
        let mut check = open(&TYPE, &[("target", "eth0")], &roots(&tree));
        assert!(run(&mut check, &tree).await.is_ok());
        change(&tree, &eth0.replace("eth0", "eth01"));
        let error = "no interface eth0 in proc/self/net/dev; there are: lo, eth01".to_owned();
        assert_eq!(run(&mut check, &tree).await, Err(error));
        change(&tree, eth0);
        assert!(run(&mut check, &tree).await.is_ok(), "it is back");
        let targets = TYPE.targets.expect("it has some")(&roots(&tree)).expect("readable");
        let ids: Vec<_> = targets.into_iter().map(|target| target.id).collect();
        assert_eq!(ids, ["lo", "eth0"]);
    }

    #[tokio::test]
    async fn what_the_kernel_does_not_write_is_an_error() {
        let tree = Tree::new("== proc/\n");
        let mut check = open(&TYPE, &[("target", "eth0")], &roots(&tree));
        assert_eq!(run(&mut check, &tree).await, Err("proc/self/net/dev not found".to_owned()));
        let malformed = "proc/self/net/dev has no 16 columns for each interface";
        for line in ["eth0: 1 2 3\n", "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x\n", "eth0 1\n"] {
            change(&tree, line);
            assert_eq!(run(&mut check, &tree).await, Err(malformed.to_owned()), "{line}");
        }
        tree.change("== proc/self/net/dev\n");
        assert_eq!(run(&mut check, &tree).await, Err(malformed.to_owned()));
    }
}
