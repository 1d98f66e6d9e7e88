//! Bytes that a network namespace receives and sends, from /proc/PID/net/dev (proc_pid_net(5)).

use std::fs;
use std::path::{Path, PathBuf};

use super::Sampled;
use super::counters::{Counters, Values, add_totals};
use super::kernel_file::KernelFile;
use crate::model::{Number, Numbers, ReadError};

/// Reads the counters of the interfaces.
#[derive(Debug)]
pub struct Network {
    file: KernelFile,
    text: Vec<u8>,
    counters: Counters,
    /// Where only those interfaces count that are devices of the machine, what has their names.
    devices: Option<PathBuf>,
    numbers: Numbers,
}

impl Network {
    /// The interfaces of the namespace of the process whose directory of /proc this is, but `lo`; if any of
    /// the numbers was asked for.
    pub fn of_process(process: &Path, numbers: Numbers) -> Option<Self> {
        let numbers = numbers.among(NUMBERS);
        let file = KernelFile::new(process.join("net/dev"));
        let (text, counters) = (Vec::new(), Counters::default());
        let network = Self { file, text, counters, devices: None, numbers };
        (!numbers.is_empty()).then_some(network)
    }

    /// Those of the machine. Where some of them are devices, only those count: what passes a bridge, a
    /// bond or a tunnel of the machine passes a device, too.
    pub fn of_machine(proc: &Path, sys: &Path, numbers: Numbers) -> Option<Self> {
        let devices = sys.join("class/net");
        let network = Self::of_process(&proc.join("self"), numbers)?;
        let all = fs::read_dir(&devices).into_iter().flatten().flatten();
        let has_devices = all.map(|one| one.path()).any(|one| is_device(&one));
        Some(Self { devices: has_devices.then_some(devices), ..network })
    }

    /// Adds the totals as they stand now.
    pub fn read(&mut self, sampled: &mut Sampled) {
        add_totals(&self.sums(), NUMBERS, self.numbers, sampled);
    }

    fn sums(&mut self) -> Result<Values, ReadError> {
        let Self { file, text, counters, devices, .. } = self;
        let text = file.read_whole(text)?;
        counters.begin();
        let is_read = interfaces(text, &mut |name, [received, sent]| {
            let is_device =
                || devices.as_ref().is_none_or(|devices| is_device(&devices.join(name)));
            *counters.of(name, &|| name != "lo" && is_device()) = [received, sent, 0, 0];
        });
        is_read.ok_or_else(|| file.malformed("16 columns for each interface"))?;
        let none = || ReadError::absent(format!("{}: no interface but lo", file.path().display()));
        counters.sum().ok_or_else(none)
    }
}

fn is_device(interface: &Path) -> bool {
    interface.join("device").exists()
}

/// Calls back with the name of each interface, and the bytes that it has received and sent. `None` where
/// the text is not what the kernel writes.
pub fn interfaces(text: &str, found: &mut dyn FnMut(&str, [u64; 2])) -> Option<()> {
    for line in lines(text)? {
        let (name, numbers) = line?;
        let mut numbers = numbers.split_ascii_whitespace();
        let received = numbers.next()?.parse().ok()?;
        let sent = numbers.nth(SENT - 1)?.parse().ok()?;
        found(name, [received, sent]);
    }
    Some(())
}

/// The name of each interface, and the text of its counters. `None` where there is no head of the table, or
/// for a line without a name.
pub fn lines(text: &str) -> Option<impl Iterator<Item = Option<(&str, &str)>>> {
    let mut lines = text.lines();
    // Two lines are the head of the table.
    lines.next().filter(|line| line.contains("Receive"))?;
    lines.next().filter(|line| line.contains("bytes"))?;
    // The name of an alias has a colon, too.
    Some(lines.map(|line| line.rsplit_once(':').map(|(name, numbers)| (name.trim(), numbers))))
}

/// In the order of the counters.
pub const NUMBERS: &[Number] = &[Number::NetworkReceivedBytes, Number::NetworkSentBytes];

/// The column of the bytes that were sent; those that were received are the first.
const SENT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Raw;
    use support::tree::Tree;

    const HEAD: &str = "Inter-|   Receive                                                |  Transmit\n \
        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop \
        fifo colls carrier compressed\n";

    fn all(lines: &str) -> Option<Vec<(String, [u64; 2])>> {
        let mut all = Vec::new();
        interfaces(&format!("{HEAD}{lines}"), &mut |name, bytes| {
            all.push((name.to_owned(), bytes));
        })?;
        Some(all)
    }

    #[test]
    fn the_columns_of_bytes_are_read_of_each_interface() {
        let linux_6 = "    lo: 6195819535  621340    0    0    0     0          0         0 6195819535  \
            621340    0    0    0     0       0          0\n  eth0: 3094504235   85873    0    0    0     \
            0          0         0  4926839   54855    0    0    0     0       0          0\n";
        let expected = [
            ("lo".to_owned(), [6_195_819_535; 2]),
            ("eth0".to_owned(), [3_094_504_235, 4_926_839]),
        ];
        assert_eq!(all(linux_6).as_deref(), Some(&expected[..]));
        // Before Linux 2.6.39 a long number follows the colon at once.
        let linux_2 = "  eth0:30945042351 85873 0 0 0 0 0 0 4926839 54855 0 0 0 0 0 0\n";
        assert_eq!(all(linux_2), Some(vec![("eth0".to_owned(), [30_945_042_351, 4_926_839])]));
        let alias = "eth0:1: 1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0\n";
        assert_eq!(all(alias), Some(vec![("eth0:1".to_owned(), [1, 2])]));
        assert_eq!(all(""), Some(vec![]));
    }

    #[test]
    fn what_the_kernel_does_not_write_is_no_zero() {
        for lines in
            ["eth0 1 2\n", "eth0: 1 0 0 0 0 0 0 0\n", "eth0: x 0 0 0 0 0 0 0 2\n", "eth0:\n"]
        {
            assert_eq!(all(lines), None, "{lines:?}");
        }
        assert_eq!(interfaces("", &mut |_, _| {}), None);
        assert_eq!(interfaces("eth0: 1 0 0 0 0 0 0 0 2\n", &mut |_, _| {}), None, "no head");
    }

    fn line(name: &str, received: u64, sent: u64) -> String {
        format!("{name}: {received} 9 0 0 0 0 0 0 {sent} 9 0 0 0 0 0 0\n")
    }

    /// What is read of a network; the error with the paths relative.
    fn read(network: &mut Network, tree: &Tree) -> Result<[f64; 2], String> {
        let mut sampled = Vec::new();
        network.read(&mut sampled);
        let total = |raw: Result<Raw, ReadError>| match raw {
            Ok(Raw::Total(total)) => Ok(total),
            Ok(Raw::Level(_)) => Err("a level".to_owned()),
            Err(error) => {
                Err(error.to_string().replace(&format!("{}/", tree.root().display()), ""))
            }
        };
        let [received, sent] = sampled.try_into().expect("both numbers");
        Ok([total(received.1)?, total(sent.1)?])
    }

    fn change(tree: &Tree, lines: &[String]) {
        tree.change(&format!("== proc/self/net/dev\n{HEAD}{}", lines.concat()));
    }

    #[test]
    fn a_namespace_is_the_sum_of_its_interfaces_without_lo() {
        let tree = Tree::new("");
        let process = tree.root().join("proc/self");
        let mut network = Network::of_process(&process, Numbers::of(NUMBERS)).expect("asked for");
        let missing = "proc/self/net/dev not found".to_owned();
        assert_eq!(read(&mut network, &tree), Err(missing));
        change(&tree, &[line("lo", 500, 500)]);
        let alone = Err("proc/self/net/dev: no interface but lo".to_owned());
        assert_eq!(read(&mut network, &tree), alone);
        let many = (2..90).map(|number| line(&format!("veth{number}"), 7, 7));
        let lines = |eth0: [u64; 2], eth1: [u64; 2]| -> Vec<_> {
            let first = [line("lo", 900, 900), line("eth0", eth0[0], eth0[1])];
            first.into_iter().chain(many.clone()).chain([line("eth1", eth1[0], eth1[1])]).collect()
        };
        change(&tree, &lines([1000, 100], [50, 5]));
        let before = read(&mut network, &tree).expect("both");
        change(&tree, &lines([1001, 102], [54, 13]));
        let after = read(&mut network, &tree).expect("both");
        assert_eq!([after[0] - before[0], after[1] - before[1]], [5.0, 10.0], "the last page, too");
        change(&tree, &[line("eth1", 60, 13)]);
        assert_eq!(read(&mut network, &tree), Ok([after[0] + 6.0, after[1]]), "eth0 is gone");
    }

    #[test]
    fn of_a_machine_the_devices_count_and_not_what_lies_upon_them() {
        let tree = Tree::new("== sys/class/net/eth0/device/\n== sys/class/net/docker0/\n");
        let (proc, sys) = (tree.root().join("proc"), tree.root().join("sys"));
        let numbers = Numbers::of(NUMBERS);
        let mut network = Network::of_machine(&proc, &sys, numbers).expect("asked for");
        let at =
            |bytes| [line("docker0", bytes, 0), line("eth0", bytes, 0), line("veth1", 0, bytes)];
        change(&tree, &at(10));
        assert_eq!(read(&mut network, &tree), Ok([0.0, 0.0]));
        change(&tree, &at(30));
        assert_eq!(read(&mut network, &tree), Ok([20.0, 0.0]));
        // A container shows its own interfaces, none of which is a device.
        let tree = Tree::new("== sys/class/net/eth0/\n");
        let (proc, sys) = (tree.root().join("proc"), tree.root().join("sys"));
        let mut network = Network::of_machine(&proc, &sys, numbers).expect("asked for");
        change(&tree, &at(10));
        read(&mut network, &tree).expect("it can be read");
        change(&tree, &at(30));
        assert_eq!(read(&mut network, &tree), Ok([40.0, 20.0]));
    }

    #[test]
    fn one_number_alone_can_be_asked_for() {
        let sent = Numbers::of(&[Number::NetworkSentBytes]);
        let mut network = Network::of_process(Path::new("/proc/self"), sent).expect("asked for");
        let mut sampled = Vec::new();
        network.read(&mut sampled);
        assert_eq!(
            sampled.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
            [Number::NetworkSentBytes]
        );
        assert!(
            Network::of_process(Path::new("/proc/self"), Numbers::of(&[Number::Swap])).is_none()
        );
    }
}
