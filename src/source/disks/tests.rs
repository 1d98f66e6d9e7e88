//! Texts of several kernels, and trees of /proc and /sys.

use super::*;
use crate::model::Raw;
use support::tree::Tree;

type Found = Vec<(String, Transfers)>;

fn found(parse: impl FnOnce(&mut dyn FnMut(&str, Transfers)) -> Option<()>) -> Option<Found> {
    let mut found = Vec::new();
    parse(&mut |device, transfers| found.push((device.to_owned(), transfers)))?;
    Some(found)
}

fn all(device: &str, [read, written, reads, writes]: [u64; 4]) -> (String, Transfers) {
    (device.to_owned(), [Some(read), Some(written), Some(reads), Some(writes)])
}

#[test]
fn diskstats_count_sectors_of_512_bytes() {
    let of = |text: &str| found(|call| diskstats(text, call));
    let linux_6 = " 254       0 vda 3969879 98537 194516682 5993902 1405499 1022225 457270168 1826796 0 \
        424924 7961448 1954263 987 368664112 139462 21321 1286\n   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n";
    let vda = [194_516_682 * 512, 457_270_168 * 512, 3_969_879, 1_405_499];
    assert_eq!(of(linux_6), Some(vec![all("vda", vda), all("loop0", [0; 4])]));
    // Fourteen columns, and a partition of Linux 2.6.24 with seven.
    let linux_2 = "   8    0 sda 10 1 100 5 20 2 200 6 0 7 8\n   8    1 sda1 5 50 6 60\n";
    let partition = [6 * 512, 0, 5, 0];
    assert_eq!(
        of(linux_2),
        Some(vec![all("sda", [51_200, 102_400, 10, 20]), all("sda1", partition)])
    );
    for text in ["", "\n", "8 0\n", "8 0 sda x\n", "8 0 sda 1 2 -3 4\n"] {
        assert_eq!(of(text), None, "{text:?}");
    }
}

#[test]
fn io_stat_names_devices_by_their_numbers() {
    let of = |text: &str| found(|call| io_stat(text, call));
    let linux_6 = "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n\
        8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252 dbytes=50331648 dios=3021\n";
    let expected = vec![
        all("8:16", [1_459_200, 314_773_504, 192, 353]),
        all("8:0", [90_430_464, 299_008_000, 8950, 1252]),
    ];
    assert_eq!(of(linux_6), Some(expected.clone()));
    assert_eq!(of(""), Some(vec![]), "a group that has transferred nothing");
    // A device without transfers, a line without its end, and keys of other policies.
    let odd = "253:0 \n253:1 8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353\n\
        7:0 cost.vrate=100.00 use_delay=0 delay_nsec=0 depth=max\n\
        8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252 cost.usage=7\n";
    assert_eq!(of(odd), Some(expected));
    for text in [
        "8:0 rbytes=1 wbytes=2 rios=3\n",
        "rbytes=1 wbytes=2 rios=3 wios=4\n",
        "8:0 rbytes=-1 wbytes=2 rios=3 wios=4\n",
        "8:x rbytes=1 wbytes=2 rios=3 wios=4\n",
    ] {
        assert_eq!(of(text), None, "{text:?}");
    }
}

#[test]
fn blkio_has_a_line_for_each_device_and_kind() {
    let text = "8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 12288\n8:0 Async 0\n8:0 Discard 0\n\
        8:0 Total 12288\nTotal 12288\n";
    let device = |transfers| ("8:0".to_owned(), transfers);
    let bytes = [[Some(4096), None, None, None], [None, Some(8192), None, None]].map(device);
    assert_eq!(found(|call| blkio(text, true, call)), Some(bytes.to_vec()));
    let operations = [[None, None, Some(4096), None], [None, None, None, Some(8192)]].map(device);
    assert_eq!(found(|call| blkio(text, false, call)), Some(operations.to_vec()));
    assert_eq!(found(|call| blkio("Total 0\n", true, call)), Some(vec![]));
    for text in ["8:0 Read\n", "8:0 Read x\n", "sda Read 1\n", "Total x\n", "8:0\n"] {
        assert_eq!(found(|call| blkio(text, true, call)), None, "{text:?}");
    }
}

fn of_machine(tree: &Tree) -> Disks {
    let (proc, sys) = (tree.root().join("proc"), tree.root().join("sys"));
    Disks::of_machine(&proc, &sys, Numbers::of(NUMBERS)).expect("asked for")
}

fn of_group(tree: &Tree, version: &str) -> Disks {
    let mount = match version {
        "v1" => "30 24 0:26 / /cgroup rw - cgroup cgroup rw,blkio",
        _ => "30 24 0:26 / /cgroup rw - cgroup2 cgroup2 rw",
    };
    let group = Group::find("blkio", "4:blkio:/app\n0::/app\n", mount, tree.root());
    let group = group.expect("the mount holds it");
    Disks::of_group(&group, &tree.root().join("sys"), Numbers::of(NUMBERS)).expect("asked for")
}

/// The totals, or why there are none, with the paths relative.
fn read(disks: &mut Disks, tree: &Tree) -> Result<[u64; 4], String> {
    let mut sampled = Vec::new();
    disks.read(&mut sampled);
    assert_eq!(sampled.iter().map(|(number, _)| *number).collect::<Vec<_>>(), NUMBERS);
    let mut totals = [0; 4];
    for (place, (_, raw)) in sampled.into_iter().enumerate() {
        match raw {
            Ok(Raw::Total(total)) => totals[place] = total as u64,
            Ok(Raw::Level(level)) => return Err(format!("a level of {level}")),
            Err(error) => {
                return Err(error.to_string().replace(&format!("{}/", tree.root().display()), ""));
            }
        }
    }
    Ok(totals)
}

/// Lines of /proc/diskstats: name, sectors read and written, reads and writes.
fn machine(tree: &Tree, disks: &[(&str, [u64; 4])]) {
    let line = |(name, [read, written, reads, writes]): &(&str, [u64; 4])| {
        format!("   8  0 {name} {reads} 0 {read} 0 {writes} 0 {written} 0 0 0 0 0 0 0 0 0 0\n")
    };
    let lines: String = disks.iter().map(line).collect();
    tree.change(&format!("== proc/diskstats\n{lines}"));
}

#[test]
fn of_a_machine_whole_disks_count_once() {
    let tree = Tree::new(
        "== sys/block/nvme0n1/size\n1\n== sys/block/cciss!c0d0/size\n1\n== sys/block/dm-0/slaves/nvme0n1/\n\
         == sys/block/md127/slaves/nvme0n1/\n== sys/block/loop0/slaves/\n== sys/block/ram15/size\n1\n\
         == sys/block/zram0/size\n1\n== sys/block/sda/slaves/\n",
    );
    let mut disks = of_machine(&tree);
    let at = |base: u64| {
        let all =
            ["nvme0n1", "nvme0n1p1", "sda", "sda1", "cciss/c0d0", "cciss/c0d0p1", "dm-0", "md127"];
        let all = all.into_iter().chain(["loop0", "ram15", "zram0"]);
        all.map(|name| (name, [base, 2 * base, base, base])).collect::<Vec<_>>()
    };
    machine(&tree, &at(1000));
    assert_eq!(read(&mut disks, &tree), Ok([0; 4]));
    machine(&tree, &at(1010));
    let three = [3 * 10 * 512, 3 * 20 * 512, 3 * 10, 3 * 10];
    assert_eq!(read(&mut disks, &tree), Ok(three), "nvme0n1, sda and cciss/c0d0");
}

#[test]
fn a_disk_that_goes_does_not_take_the_growth_of_the_others_away() {
    let tree = Tree::new("== sys/block/sda/\n== sys/block/sdb/\n");
    let mut disks = of_machine(&tree);
    let mut at = |all: &[(&str, [u64; 4])]| {
        machine(&tree, all);
        read(&mut disks, &tree).map(|totals| totals[2])
    };
    assert_eq!(at(&[("sda", [1, 1, 100, 1]), ("sdb", [1, 1, 5000, 1])]), Ok(0));
    assert_eq!(at(&[("sda", [1, 1, 110, 1]), ("sdb", [1, 1, 5001, 1])]), Ok(11));
    assert_eq!(at(&[("sda", [1, 1, 120, 1])]), Ok(21));
    assert_eq!(at(&[("sda", [1, 1, 121, 1]), ("sdb", [1, 1, 7, 1])]), Ok(29), "another sdb");
}

#[test]
fn a_machine_without_what_tells_disks_from_partitions_has_no_figure() {
    let tree = Tree::new("== sys/block/loop0/\n");
    let mut disks = of_machine(&tree);
    assert_eq!(
        read(&mut disks, &tree),
        Err("proc/diskstats not found: the kernel shows no disks here".to_owned())
    );
    machine(&tree, &[("loop0", [1; 4])]);
    assert_eq!(read(&mut disks, &tree), Err("proc/diskstats: no device is a disk".to_owned()));
    let tree = Tree::new("");
    machine(&tree, &[("sda", [1; 4])]);
    let error = "sys/block not found: without it disks cannot be told from partitions";
    assert_eq!(read(&mut of_machine(&tree), &tree), Err(error.to_owned()));
}

#[test]
fn a_group_counts_what_reaches_a_disk() {
    let tree = Tree::new("== sys/dev/block/253:0/slaves/8:0/\n== sys/dev/block/8:0/slaves/\n");
    let mut disks = of_group(&tree, "v2");
    assert_eq!(
        read(&mut disks, &tree),
        Err("cgroup/app/io.stat not found: the io controller is off for this group, or it is that of the \
             whole machine"
            .to_owned())
    );
    tree.change("== cgroup/app/io.stat\n");
    assert_eq!(read(&mut disks, &tree), Ok([0; 4]), "it has transferred nothing");
    let at = |[read, written, reads, writes]: [u64; 4]| {
        let of = format!("rbytes={read} wbytes={written} rios={reads} wios={writes}");
        // The same passes the mapper and reaches the disk; a RAM disk and a loop device are none.
        tree.change(&format!("== cgroup/app/io.stat\n253:0 {of}\n8:0 {of}\n7:3 {of}\n1:0 {of}\n"));
    };
    at([4096, 8192, 1, 2]);
    assert_eq!(read(&mut disks, &tree), Ok([4096, 8192, 1, 2]), "a disk that is new counts from 0");
    at([4096, 12288, 1, 3]);
    assert_eq!(read(&mut disks, &tree), Ok([4096, 12288, 1, 3]));
    tree.change("== cgroup/app/io.stat\n8:0 rbytes=1\n");
    let malformed = "cgroup/app/io.stat has no rbytes, wbytes, rios and wios";
    assert_eq!(read(&mut disks, &tree), Err(malformed.to_owned()));
    at([4097, 12288, 2, 3]);
    assert_eq!(read(&mut disks, &tree), Ok([4097, 12288, 2, 3]), "nothing was lost meanwhile");
}

#[test]
fn version_1_has_a_file_for_bytes_and_one_for_operations() {
    for suffix in ["", "_recursive"] {
        let tree = Tree::new("");
        let bytes = format!("cgroup/app/blkio.throttle.io_service_bytes{suffix}");
        let operations = format!("cgroup/app/blkio.throttle.io_serviced{suffix}");
        let at = |[read, written, reads, writes]: [u64; 4]| {
            tree.change(&format!(
                "== {bytes}\n8:0 Read {read}\n8:0 Write {written}\n8:0 Total 9\nTotal 9\n\
                 == {operations}\n8:0 Read {reads}\n8:0 Write {writes}\n8:0 Total 9\nTotal 9\n"
            ));
        };
        at([10, 20, 1, 2]);
        let mut disks = of_group(&tree, "v1");
        assert_eq!(read(&mut disks, &tree), Ok([0; 4]));
        at([110, 20, 3, 2]);
        assert_eq!(read(&mut disks, &tree), Ok([100, 0, 2, 0]), "{suffix:?}");
        tree.change(&format!("== {operations} (unreadable)\n"));
        at_bytes(&tree, &bytes);
        let mut disks = of_group(&tree, "v1");
        let error = format!("{operations} cannot be read: Is a directory (os error 21)");
        assert_eq!(read(&mut disks, &tree), Err(error));
    }
}

fn at_bytes(tree: &Tree, bytes: &str) {
    tree.change(&format!("== {bytes}\n8:0 Read 110\n8:0 Write 20\nTotal 130\n"));
}

#[test]
fn version_1_that_has_no_device_does_not_count_and_is_no_zero() {
    let tree = Tree::new(
        "== cgroup/app/blkio.throttle.io_service_bytes\nTotal 0\n\
         == cgroup/app/blkio.throttle.io_serviced\nTotal 0\n",
    );
    let mut disks = of_group(&tree, "v1");
    let none = format!("cgroup/app/blkio.throttle.io_service_bytes: {NOT_COUNTED}");
    assert_eq!(read(&mut disks, &tree), Err(none));
    tree.change(
        "== cgroup/app/blkio.throttle.io_service_bytes\n7:0 Read 5\n8:0 Read 7\nTotal 12\n",
    );
    assert_eq!(read(&mut disks, &tree), Ok([7, 0, 0, 0]));
    tree.change("== cgroup/app/blkio.throttle.io_service_bytes\n7:0 Read 6\nTotal 6\n");
    assert_eq!(
        read(&mut disks, &tree),
        Ok([7, 0, 0, 0]),
        "a loop device is no disk, and is counted"
    );
}

#[test]
fn a_group_with_many_devices_is_read_to_its_end() {
    let tree = Tree::new("");
    let mut disks = of_group(&tree, "v2");
    let at = |base: u64| {
        let line =
            |minor: u64| format!("8:{minor} rbytes={base} wbytes=0 rios=1000000 wios=1000000000\n");
        let lines: String = (0..200).map(line).collect();
        assert!(lines.len() > 8192);
        tree.change(&format!("== cgroup/app/io.stat\n{lines}"));
    };
    at(5);
    assert_eq!(read(&mut disks, &tree), Ok([0; 4]));
    at(6);
    assert_eq!(read(&mut disks, &tree), Ok([200, 0, 0, 0]));
}
