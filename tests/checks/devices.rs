//! `agent.disk`, of a loop device.

use crate::{output, read, run, targets};
use support::namespace::{is_inside, path_in_folder};

/// The metrics in the order of the columns of /sys/block/NAME/stat, with what makes one of the other. Later
/// kernels have more columns.
const COLUMNS: [(&str, usize, f64); 8] = [
    ("reads", 0, 1.0),
    ("read_bytes", 2, 512.0),
    ("rtime", 3, 1.0),
    ("writes", 4, 1.0),
    ("write_bytes", 6, 512.0),
    ("wtime", 7, 1.0),
    ("time", 9, 1.0),
    ("qtime", 10, 1.0),
];

fn stat(device: &str) -> Vec<f64> {
    let text = read(&format!("/sys/block/{device}/stat"));
    text.split_ascii_whitespace().map(|number| number.parse().expect("a number")).collect()
}

#[test]
fn a_loop_device_has_transferred_what_the_kernel_says() {
    let script = "truncate -s 16M \"$folder/image\"; mkfs.ext2 -q \"$folder/image\"
        mkdir \"$folder/mount\"; mount -o loop \"$folder/image\" \"$folder/mount\"";
    if !is_inside("devices::a_loop_device_has_transferred_what_the_kernel_says", &[], script) {
        return;
    }
    let point = path_in_folder("mount");
    let path = output("findmnt", &["-n", "-o", "SOURCE", &point]).trim().to_owned();
    let device = path.trim_start_matches("/dev/");
    let written = stat(device)[6] * 512.0;
    std::fs::write(format!("{point}/file"), vec![7; 4 << 20]).expect("there is room");
    output("sync", &["-f", &point]);
    let before = stat(device);
    let found = run("agent.disk", &[("target", &path)]).expect("it is there");
    let after = stat(device);
    for (name, column, unit) in COLUMNS {
        let range = before[column] * unit..=after[column] * unit;
        assert!(range.contains(&found.number(name)), "{name}: {range:?} {found:#?}");
    }
    let grown = found.number("write_bytes") - written;
    assert!(grown >= f64::from(4 << 20), "the file was written: {grown}");
    assert!(targets("agent.disk").contains(&device.to_owned()));
    assert!(found.number("queue") >= 0.0);
    let error = run("agent.disk", &[("target", "no-such-disk")]).expect_err("it is not there");
    assert!(error.starts_with("no disk no-such-disk in /proc/diskstats; there are: "), "{error}");
    assert!(error.contains(device), "{error}");
}
