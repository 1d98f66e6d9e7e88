//! Parses the texts that tell what devices have transferred. Pure functions.
//!
//! Each calls back with what it finds of a device, and gives `None` where the text is not what the
//! kernel writes.

/// Bytes read, bytes written, read operations, write operations, as far as a text tells.
pub type Transfers = [Option<u64>; 4];

/// /proc/diskstats (Documentation/admin-guide/iostats.rst), by the names of the devices.
pub fn diskstats(text: &str, found: &mut dyn FnMut(&str, Transfers)) -> Option<()> {
    for line in text.lines() {
        // Before Linux 2.6.25 a partition has four of them, and is none of the disks.
        let (name, numbers, _) = disk(line)?;
        let [reads, _, sectors_read, _, writes, _, sectors_written] = numbers;
        let bytes = |sectors: u64| Some(sectors.saturating_mul(SECTOR));
        found(name, [bytes(sectors_read), bytes(sectors_written), Some(reads), Some(writes)]);
    }
    (!text.trim().is_empty()).then_some(())
}

/// The name of the device in a line of /proc/diskstats, its first numbers, and how many of them there are;
/// the others are 0.
pub fn disk<const N: usize>(line: &str) -> Option<(&str, [u64; N], usize)> {
    let mut fields = line.split_ascii_whitespace().skip(2);
    let name = fields.next()?;
    let (mut numbers, mut count) = ([0; N], 0);
    for (number, field) in numbers.iter_mut().zip(fields) {
        *number = field.parse().ok()?;
        count += 1;
    }
    Some((name, numbers, count))
}

/// `io.stat` of version 2, by the numbers of the devices, such as `8:0`.
///
/// A line may have keys of other policies and none of these. Some kernels leave out the end of the line
/// of a device that has transferred nothing, so that the next device follows in it.
pub fn io_stat(text: &str, found: &mut dyn FnMut(&str, Transfers)) -> Option<()> {
    for line in text.lines() {
        let (mut device, mut transfers) = (None, [None; 4]);
        for word in line.split_ascii_whitespace() {
            let Some((key, value)) = word.split_once('=') else {
                is_device(word).then(|| device = Some(word));
                continue;
            };
            let Some(place) = IO_STAT.iter().position(|name| *name == key) else { continue };
            transfers[place] = Some(value.parse().ok()?);
        }
        match transfers {
            [None, None, None, None] => {}
            [Some(_), Some(_), Some(_), Some(_)] => found(device?, transfers),
            _ => return None,
        }
    }
    Some(())
}

/// `blkio.throttle.io_service_bytes` or `blkio.throttle.io_serviced` of version 1, or those with
/// `_recursive`, by the numbers of the devices. One of them tells the bytes, the other the operations.
pub fn blkio(text: &str, is_bytes: bool, found: &mut dyn FnMut(&str, Transfers)) -> Option<()> {
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (device, kind, value) = (words.next()?, words.next()?, words.next());
        // The last line is the total of all devices.
        let Some(value) = value else {
            (device == "Total" && kind.parse::<u64>().is_ok()).then_some(())?;
            continue;
        };
        let value: u64 = value.parse().ok().filter(|_| is_device(device))?;
        let mut transfers = [None; 4];
        match kind {
            "Read" => transfers[if is_bytes { 0 } else { 2 }] = Some(value),
            "Write" => transfers[if is_bytes { 1 } else { 3 }] = Some(value),
            _ => continue,
        }
        found(device, transfers);
    }
    Some(())
}

fn is_device(word: &str) -> bool {
    let numbers = word.split_once(':');
    numbers.is_some_and(|(major, minor)| [major, minor].iter().all(|of| of.parse::<u32>().is_ok()))
}

const IO_STAT: [&str; 4] = ["rbytes", "wbytes", "rios", "wios"];

/// The kernel counts in sectors of this size, whatever that of the disk.
pub const SECTOR: u64 = 512;
