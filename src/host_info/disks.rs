//! `disks`: the block devices, and what they have transferred.

use super::HostInfo;

pub const TYPE: HostInfo = HostInfo {
    name: "disks",
    about: "The machine's disks and partitions, and what they have transferred since the start; times in milliseconds",
    fields: &["name", "reads", "writes", "read_bytes", "write_bytes", "rtime", "wtime", "time"],
    #[cfg(target_os = "linux")]
    gather: linux::gather,
    #[cfg(not(target_os = "linux"))]
    gather: super::macos::disks,
};

/// sysinfo lists the file systems that are mounted, and counts bytes alone.
#[cfg(target_os = "linux")]
mod linux {
    use serde_json::{Value, json};

    use super::super::{Unavailable, file};
    use crate::model::Roots;
    use crate::source::disks::{SECTOR, disk};

    pub fn gather(roots: &Roots) -> Result<Value, Unavailable> {
        let path = roots.proc.join("diskstats");
        let text = file::required(&path)?;
        let records = text.lines().map(record).collect::<Option<Vec<_>>>();
        records.map(Value::from).ok_or_else(|| {
            Unavailable::Failed(format!("{} has a line that is not of a disk", path.display()))
        })
    }

    /// `None` for a line that the kernel does not write.
    fn record(line: &str) -> Option<Value> {
        let (name, numbers, count) = disk::<10>(line)?;
        let [reads, _, sectors_read, rtime, writes, _, sectors_written, wtime, _, time] = numbers;
        (count == numbers.len()).then_some(())?;
        Some(json!({
            "name": name,
            "reads": reads,
            "writes": writes,
            "read_bytes": sectors_read.saturating_mul(SECTOR),
            "write_bytes": sectors_written.saturating_mul(SECTOR),
            "rtime": rtime,
            "wtime": wtime,
            "time": time,
        }))
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host_info::Unavailable;
    use crate::host_info::tests::{failed, gathered};

    #[test]
    fn each_device_has_its_counters_in_bytes_and_milliseconds() {
        let info = gathered(
            &TYPE,
            "== proc/diskstats\n   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n\
             259 1 nvme0n1p1 10 0 80 5 0 0 0 0 0 7 5\n",
        );
        let expected = json!([
            { "name": "sda", "reads": 1, "writes": 5, "read_bytes": 1536, "write_bytes": 3584,
              "rtime": 4, "wtime": 8, "time": 10 },
            { "name": "nvme0n1p1", "reads": 10, "writes": 0, "read_bytes": 40960, "write_bytes": 0,
              "rtime": 5, "wtime": 0, "time": 7 },
        ]);
        assert_eq!(info, expected);
        assert_eq!(gathered(&TYPE, "== proc/diskstats\n"), json!([]), "a container may see none");
    }

    #[test]
    fn what_is_no_line_of_a_disk_is_a_failure() {
        for line in ["8 0 sda 1 2 3", "8 0 sda 1 2 3 4 5 6 7 x 9 10", "8 0"] {
            let error = failed(&TYPE, &format!("== proc/diskstats\n{line}\n"));
            let text = "proc/diskstats has a line that is not of a disk".to_owned();
            assert_eq!(error, Unavailable::Failed(text), "{line}");
        }
    }
}
