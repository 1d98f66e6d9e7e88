//! Pressure stall information: of how much of the time tasks waited for a resource. See
//! Documentation/accounting/psi.rst of the kernel.

use std::path::Path;

use super::Sampled;
use super::kernel_file::{KernelFile, PAGE};
use crate::model::{Number, Numbers, Raw, ReadError};

/// The file of one resource, and the numbers that are made of its lines.
#[derive(Debug)]
pub struct Pressure {
    file: KernelFile,
    lines: Vec<(&'static str, Number)>,
}

impl Pressure {
    /// The files of those resources that were asked for. Their names are those of the resources with an
    /// `ending`.
    pub fn files(directory: &Path, ending: &str, numbers: Numbers) -> Vec<Self> {
        let mut files = Vec::new();
        for (resource, some, full) in RESOURCES {
            let mut lines = vec![("some", some), ("full", full)];
            lines.retain(|(_, number)| numbers.contains(*number));
            if !lines.is_empty() {
                let file = KernelFile::new(directory.join(format!("{resource}{ending}")));
                files.push(Self { file, lines });
            }
        }
        files
    }

    /// Adds the totals as they stand now, in percent × seconds.
    pub fn read(&mut self, sampled: &mut Sampled) {
        let mut page = [0; PAGE];
        let text = self.file.read(&mut page).map_err(|error| error.because(ADVICE));
        for (line, number) in &self.lines {
            let microseconds = text.clone().and_then(|text| {
                let none =
                    || ReadError::absent(format!("{}: {NO_LINE}", self.file.malformed(line)));
                if has_line(text, line) {
                    total(text, line).ok_or_else(|| self.file.malformed("total in microseconds"))
                } else {
                    Err(none())
                }
            });
            sampled.push((*number, microseconds.map(|total| Raw::Total(total as f64 / 10_000.0))));
        }
    }
}

/// The name of each resource, and its numbers: of the time in which some task waited, and in which all
/// did.
const RESOURCES: [(&str, Number, Number); 3] = [
    ("cpu", Number::CpuPressure, Number::CpuFullPressure),
    ("memory", Number::MemoryPressure, Number::MemoryFullPressure),
    ("io", Number::IoPressure, Number::IoFullPressure),
];

/// Those of the time in which some task waited, of each resource.
pub const SOME: [Number; 3] = [Number::CpuPressure, Number::MemoryPressure, Number::IoPressure];

/// Those of all resources.
pub const NUMBERS: &[Number] = &[
    Number::CpuPressure,
    Number::MemoryPressure,
    Number::IoPressure,
    Number::CpuFullPressure,
    Number::MemoryFullPressure,
    Number::IoFullPressure,
];

/// The microseconds since boot in which tasks waited, of the line `some` or `full`.
pub fn total(text: &str, line: &str) -> Option<u64> {
    let fields = text.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(' '))?;
    fields.split_ascii_whitespace().find_map(|field| field.strip_prefix("total=")?.parse().ok())
}

/// Whether the file of a resource has the line `some` or `full`.
pub fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|text| text.split(' ').next() == Some(line))
}

/// What makes the files be there and readable. With `psi=0` reading fails, or they are not there.
pub const ADVICE: &str =
    "pressure needs Linux 4.20 with CONFIG_PSI; where it is off, boot the kernel with psi=1";
pub const NO_LINE: &str = "the kernel has it of cpu since Linux 5.13";

#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    const LINUX_6: &str = "some avg10=1.50 avg60=0.34 avg300=0.87 total=3453917717\n\
        full avg10=0.00 avg60=0.00 avg300=0.00 total=115255493\n";

    #[test]
    fn a_total_is_in_microseconds() {
        assert_eq!(total(LINUX_6, "some"), Some(3_453_917_717));
        assert_eq!(total(LINUX_6, "full"), Some(115_255_493));
        // Before Linux 5.13 the CPU has one line.
        let linux_4 = "some avg10=0.00 avg60=0.00 avg300=0.00 total=12\n";
        assert_eq!((total(linux_4, "some"), total(linux_4, "full")), (Some(12), None));
        for text in [
            "",
            "some\n",
            "some total=\n",
            "some total=-1\n",
            "some total=1.5\n",
            "something total=1\n",
        ] {
            assert_eq!(total(text, "some"), None, "{text:?}");
        }
    }

    fn all() -> Numbers {
        let numbers = RESOURCES.iter().flat_map(|(_, some, full)| [*some, *full]);
        Numbers::of(&numbers.collect::<Vec<_>>())
    }

    /// What is read of a tree, with the paths relative.
    fn read(tree: &Tree, numbers: Numbers) -> Vec<(Number, Result<Raw, String>)> {
        let mut sampled = Vec::new();
        for mut file in Pressure::files(tree.root(), ".pressure", numbers) {
            file.read(&mut sampled);
        }
        let root = format!("{}/", tree.root().display());
        let text = |error: ReadError| error.to_string().replace(&root, "");
        sampled.into_iter().map(|(number, raw)| (number, raw.map_err(text))).collect()
    }

    #[test]
    fn each_number_is_a_line_of_its_file() {
        let tree = Tree::new("== memory.pressure\nsome avg10=0.00 total=20000\nfull total=10000\n");
        tree.change(
            "== cpu.pressure\nsome total=1\n== io.pressure\nsome total=50000\nfull total=x\n",
        );
        let malformed = || Err("io.pressure has no total in microseconds".to_owned());
        let no_line = format!("cpu.pressure has no full: {NO_LINE}");
        let expected = [
            (Number::CpuPressure, Ok(Raw::Total(0.0001))),
            (Number::CpuFullPressure, Err(no_line)),
            (Number::MemoryPressure, Ok(Raw::Total(2.0))),
            (Number::MemoryFullPressure, Ok(Raw::Total(1.0))),
            (Number::IoPressure, Ok(Raw::Total(5.0))),
            (Number::IoFullPressure, malformed()),
        ];
        assert_eq!(read(&tree, all()), expected);
    }

    #[test]
    fn what_was_not_asked_for_is_not_opened() {
        let tree = Tree::new("== io.pressure\nsome total=1\nfull total=1\n");
        let asked = Numbers::of(&[Number::IoFullPressure, Number::Cpu]);
        let files = Pressure::files(tree.root(), ".pressure", asked);
        assert_eq!(files.len(), 1);
        assert_eq!(read(&tree, asked), [(Number::IoFullPressure, Ok(Raw::Total(0.0001)))]);
        assert_eq!(Pressure::files(tree.root(), "", Numbers::of(&[Number::Cpu])).len(), 0);
    }

    #[test]
    fn a_kernel_without_it_is_named_with_the_cure_and_is_no_zero() {
        let tree = Tree::new("== other\n");
        let asked = Numbers::of(&[Number::MemoryPressure]);
        let error = format!("memory.pressure not found: {ADVICE}");
        assert_eq!(read(&tree, asked), [(Number::MemoryPressure, Err(error))]);
        let refused = std::io::Error::from_raw_os_error(95);
        let error = ReadError::of("memory.pressure".into(), refused).because(ADVICE);
        assert!(matches!(error, ReadError::Absent(_)), "{error:?}");
        let text = "memory.pressure cannot be read: Operation not supported (os error 95)";
        assert_eq!(error.to_string(), format!("{text}: {ADVICE}"));
    }
}
