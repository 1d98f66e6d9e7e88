//! Bytes and operations of disks: of the machine, or of a control group.

mod texts;

use std::fs;
use std::path::{Path, PathBuf};

pub use self::texts::{SECTOR, Transfers, blkio, disk, diskstats, io_stat};
use super::Sampled;
use super::cgroup::{Group, Version};
use super::counters::{Counters, Values, add_totals};
use super::kernel_file::KernelFile;
use crate::model::{Number, Numbers, ReadError};

/// Reads the disks' counters.
#[derive(Debug)]
pub struct Disks {
    files: Vec<(KernelFile, Format)>,
    text: Vec<u8>,
    counters: Counters,
    devices: Devices,
    numbers: Numbers,
}

/// How a file is written.
#[derive(Clone, Copy, Debug)]
enum Format {
    Diskstats,
    IoStat,
    BlkioBytes,
    BlkioOperations,
}

/// Tells which devices count: each transfer once, where it reaches a disk. A device that lies upon others
/// passes on what it is asked for, and each of those counts it again.
#[derive(Debug)]
struct Devices {
    /// Where sysfs has devices: by their names, or by their numbers.
    directory: PathBuf,
    named_by: NamedBy,
}

/// Whose devices they are, and so what the files have of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamedBy {
    /// Disks and partitions by their names.
    Machine,
    /// Disks by their numbers.
    Version1,
    Version2,
}

impl Disks {
    /// Those of the machine, if any of their numbers was asked for.
    pub fn of_machine(proc: &Path, sys: &Path, numbers: Numbers) -> Option<Self> {
        let files = vec![(KernelFile::new(proc.join("diskstats")), Format::Diskstats)];
        Self::new(files, sys.join("block"), NamedBy::Machine, numbers)
    }

    /// What a control group has transferred, if any of the numbers was asked for.
    pub fn of_group(group: &Group, sys: &Path, numbers: Numbers) -> Option<Self> {
        let file = |name: &str| KernelFile::new(group.own().join(name));
        let (files, named_by) = match group.version {
            Version::V2 => (vec![(file("io.stat"), Format::IoStat)], NamedBy::Version2),
            Version::V1 => {
                // Older kernels tell of the group alone, without those below it.
                let recursive = group.own().join("blkio.throttle.io_service_bytes_recursive");
                let recursive = if recursive.exists() { "_recursive" } else { "" };
                let name = |what| format!("blkio.throttle.{what}{recursive}");
                let bytes = (file(&name("io_service_bytes")), Format::BlkioBytes);
                let operations = (file(&name("io_serviced")), Format::BlkioOperations);
                (vec![bytes, operations], NamedBy::Version1)
            }
        };
        Self::new(files, sys.join("dev/block"), named_by, numbers)
    }

    fn new(
        files: Vec<(KernelFile, Format)>,
        directory: PathBuf,
        named_by: NamedBy,
        numbers: Numbers,
    ) -> Option<Self> {
        let (numbers, devices) = (numbers.among(NUMBERS), Devices { directory, named_by });
        let (text, counters) = (Vec::new(), Counters::default());
        (!numbers.is_empty()).then_some(Self { files, text, counters, devices, numbers })
    }

    /// Counts from 0, as the group is new.
    pub fn count_from_zero(&mut self) {
        self.counters.count_from_zero();
    }

    /// Goes on with what another one has counted of the same group.
    pub fn go_on_from(&mut self, before: &mut Self) {
        std::mem::swap(&mut self.counters, &mut before.counters);
    }

    /// Adds the totals as they stand now.
    pub fn read(&mut self, sampled: &mut Sampled) {
        add_totals(&self.sums(), NUMBERS, self.numbers, sampled);
    }

    fn sums(&mut self) -> Result<Values, ReadError> {
        let Self { files, text, counters, devices, .. } = self;
        if counters.is_empty() {
            devices.can_be_told_from_partitions()?;
        }
        let advice = if devices.named_by == NamedBy::Machine { NO_DISKS } else { NO_CONTROLLER };
        counters.begin();
        for (file, format) in &mut *files {
            let text = file.read_whole(text).map_err(|error| error.because(advice))?;
            let mut add = |device: &str, transfers: Transfers| {
                let of_device = counters.of(device, &|| devices.counts(device));
                for (place, value) in transfers.into_iter().enumerate() {
                    of_device[place] = value.unwrap_or(of_device[place]);
                }
            };
            let (is_read, expected) = match format {
                Format::Diskstats => (diskstats(text, &mut add), "14 columns for each disk"),
                Format::IoStat => (io_stat(text, &mut add), "rbytes, wbytes, rios and wios"),
                Format::BlkioBytes => (blkio(text, true, &mut add), "lines such as 8:0 Read 4096"),
                Format::BlkioOperations => {
                    (blkio(text, false, &mut add), "lines such as 8:0 Read 4096")
                }
            };
            is_read.ok_or_else(|| file.malformed(expected))?;
        }
        if let Some(sums) = counters.sum() {
            return Ok(sums);
        }
        let file = files[0].0.path().display();
        match devices.named_by {
            NamedBy::Machine => Err(ReadError::absent(format!("{file}: no device is a disk"))),
            NamedBy::Version1 if counters.is_empty() => {
                Err(ReadError::absent(format!("{file}: {NOT_COUNTED}")))
            }
            // A group that has transferred nothing yet has no devices.
            NamedBy::Version1 | NamedBy::Version2 => Ok(counters.so_far()),
        }
    }
}

impl Devices {
    fn can_be_told_from_partitions(&self) -> Result<(), ReadError> {
        if self.named_by != NamedBy::Machine || self.directory.exists() {
            return Ok(());
        }
        let reason = "without it disks cannot be told from partitions";
        Err(ReadError::Missing(self.directory.clone()).because(reason))
    }

    /// Whether a device is a disk, by its name or its numbers.
    fn counts(&self, device: &str) -> bool {
        // sysfs writes a slash in a name so.
        let directory = self.directory.join(device.replace('/', "!"));
        let link = fs::read_link(&directory);
        let name = link.as_deref().ok().and_then(Path::file_name).and_then(|name| name.to_str());
        let name = name.unwrap_or(device);
        let is_numbered = |kind: &&str| {
            name.strip_prefix(*kind).is_some_and(|number| number.parse::<u32>().is_ok())
        };
        let is_no_disk = NO_DISK_NAMES.iter().any(is_numbered)
            || NO_DISK_MAJORS.iter().any(|major| name.starts_with(major));
        let is_partition = self.named_by == NamedBy::Machine && !directory.exists();
        let below = fs::read_dir(directory.join("slaves"));
        let lies_upon_others = below.is_ok_and(|mut below| below.next().is_some());
        !is_no_disk && !is_partition && !lies_upon_others
    }
}

/// In the order of the counters.
pub const NUMBERS: &[Number] = &[
    Number::DiskReadBytes,
    Number::DiskWriteBytes,
    Number::DiskReadOperations,
    Number::DiskWriteOperations,
];

/// Block devices that are memory, and those that are a file on another: what they transfer is no disk's,
/// or is counted there again. By their names, and by their numbers where /sys does not tell the names
/// (Documentation/admin-guide/devices.txt of the kernel; zram has no number of its own).
const NO_DISK_NAMES: &[&str] = &["ram", "zram", "loop"];
const NO_DISK_MAJORS: &[&str] = &["1:", "7:"];

const NO_DISKS: &str = "the kernel shows no disks here";
const NO_CONTROLLER: &str =
    "the io controller is off for this group, or it is that of the whole machine";
const NOT_COUNTED: &str = "nothing is counted: version 1 counts from the first transfer on, and since Linux \
    6.10 only where a limit of blkio.throttle is set";

#[cfg(test)]
mod tests;
