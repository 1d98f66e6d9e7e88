//! Disks that take nothing any more.

use std::fs;
use std::process::Command;

use cloudwatch_metrics_agent::Resolution;
use support::Agent;
use support::namespace::{is_inside, path_in_folder};
use support::server::wait_until;

use super::{count_of_cpu, keeping, points};

/// A file system of a megabyte in the memory of the machine.
const SMALL_DISK: &str = "mkdir $folder/disk; mount -t tmpfs -o size=1m tmpfs $folder/disk";

#[test]
fn a_full_disk_costs_no_point_once_there_is_room_again() {
    let test = "disks::a_full_disk_costs_no_point_once_there_is_room_again";
    if !is_inside(test, &[], SMALL_DISK) {
        return;
    }
    let (store, filler) = (path_in_folder("disk/history"), path_in_folder("disk/filler"));
    let agent = Agent::start(&mut keeping(&store));
    agent.wait_for_stdout_lines("\"cpu\"", 2);
    // It ends with the error of a full disk.
    let filled = fs::write(&filler, vec![0; 2 << 20]);
    assert_eq!(filled.map_err(|error| error.kind()), Err(std::io::ErrorKind::StorageFull));
    let line = agent.wait_for_log("cannot be written, and is kept in memory meanwhile");
    assert!(line.contains("No space left on device"), "{line}");
    agent.wait_for_stdout_lines("\"cpu\"", 5);
    assert!(!agent.log_so_far().contains("is written again"), "there is no room yet");
    fs::remove_file(filler).expect("it is there");
    agent.wait_for_log("is written again; points dropped meanwhile: 0");
    let ended = agent.terminate().expect_code(0);
    assert_all_there(&ended.stdout, &store);
}

#[test]
fn a_disk_that_is_read_only_at_first_costs_no_point_either() {
    let test = "disks::a_disk_that_is_read_only_at_first_costs_no_point_either";
    if !is_inside(test, &[], SMALL_DISK) {
        return;
    }
    let store = path_in_folder("disk/history");
    let remount = |how: &str| {
        let disk = path_in_folder("disk");
        let mut command = Command::new("mount");
        let status = command.args(["-o", &format!("remount,{how}"), &disk]).status();
        assert!(status.is_ok_and(|status| status.success()), "mount -o remount,{how}");
    };
    // A mount with a file that is open for writing is not made read-only, so it is so from the start.
    remount("ro");
    let agent = Agent::start(&mut keeping(&store));
    let line = agent.wait_for_log("cannot be opened, and is kept in memory meanwhile");
    assert!(line.contains("Read-only file system"), "{line}");
    agent.wait_for_stdout_lines("\"cpu\"", 3);
    remount("rw");
    agent.wait_for_log("is written again; points dropped meanwhile: 0");
    let ended = agent.terminate().expect_code(0);
    assert_all_there(&ended.stdout, &store);
}

/// As a kernel does it with a disk that has errors, and an administrator puts it right under the agent that runs.
#[test]
fn a_disk_that_becomes_read_only_while_it_is_written_costs_no_point() {
    // Where the disk is mounted nothing can be written while it is not.
    let script = "truncate -s 16M \"$folder/image\"; mkfs.ext4 -q \"$folder/image\"
        mkdir \"$folder/place\"; mount -t tmpfs tmpfs \"$folder/place\"; mkdir \"$folder/place/disk\"
        mount -o loop \"$folder/image\" \"$folder/place/disk\"; mount -o remount,ro \"$folder/place\"";
    let test = "disks::a_disk_that_becomes_read_only_while_it_is_written_costs_no_point";
    if !is_inside(test, &[], script) {
        return;
    }
    let (store, disk) = (path_in_folder("place/disk/history"), path_in_folder("place/disk"));
    let agent = Agent::start(&mut keeping(&store));
    agent.wait_for_stdout_lines("\"cpu\"", 2);
    wait_until("a write", || {
        fs::metadata(format!("{store}/history.redb")).is_ok_and(|of| of.len() > 0)
    });
    let run = |program: &str, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).status();
        assert!(status.is_ok_and(|status| status.success()), "{program} {arguments:?}");
    };
    run("mount", &["-o", "remount,abort", &disk]);
    let line = agent.wait_for_log("cannot be written, and is kept in memory meanwhile");
    // The kernel refuses a write from then on; one that had begun before fails in its journal.
    let refused = ["Read-only file system", "Input/output error"];
    assert!(refused.iter().any(|reason| line.contains(reason)), "{line}");
    agent.wait_for_log("cannot be opened, and is kept in memory meanwhile");
    agent.wait_for_stdout_lines("\"cpu\"", 5);
    // It holds no file there any more.
    run("umount", &[&disk]);
    run("mount", &["-o", "loop", &path_in_folder("image"), &disk]);
    agent.wait_for_log("is written again; points dropped meanwhile: 0");
    let ended = agent.terminate().expect_code(0);
    assert_all_there(&ended.stdout, &store);
}

#[test]
fn a_damaged_file_on_a_full_disk_is_not_read_at_each_write() {
    let test = "disks::a_damaged_file_on_a_full_disk_is_not_read_at_each_write";
    if !is_inside(test, &[], SMALL_DISK) {
        return;
    }
    let (store, filler) = (path_in_folder("disk/history"), path_in_folder("disk/filler"));
    let agent = Agent::start(&mut keeping(&store));
    agent.wait_for_stdout_lines("\"cpu\"", 2);
    agent.terminate().expect_code(0);
    let before = points(&store, "cpu", Resolution::Full);
    let file = format!("{store}/history.redb");
    let mut damaged = fs::read(&file).expect("the file");
    damaged[64..320].fill(0);
    fs::write(&file, &damaged).expect("it is writable");
    let filled = fs::write(&filler, vec![0; 2 << 20]);
    assert_eq!(filled.map_err(|error| error.kind()), Err(std::io::ErrorKind::StorageFull));
    let agent = Agent::start(&mut keeping(&store));
    let line = agent.wait_for_log("is damaged, and what is whole in it could not be taken over: ");
    assert!(line.contains("/history.redb.new: No space left on device"), "{line}");
    assert!(line.contains("tried again after 10 minutes and at the next start"), "{line}");
    fs::remove_file(filler).expect("it is there");
    // Writes whose time has come since then leave it alone.
    agent.wait_for_stdout_lines("\"cpu\"", 5);
    let ended = agent.terminate().expect_code(0);
    assert!(!ended.stderr.contains("a new one begins"), "{}", ended.stderr);
    assert!(ended.stderr.contains("could not be written before the end: points lost"));
    assert!(fs::read(&file).expect("the file") == damaged);
    let agent = Agent::start(&mut keeping(&store));
    agent.wait_for_log("is damaged: a new one begins with what is whole in it, ");
    agent.terminate().expect_code(0);
    assert!(points(&store, "cpu", Resolution::Full).starts_with(&before));
}

/// Whether every sample of the windows is in the history.
fn assert_all_there(stdout: &str, store: &str) {
    let shown: u64 = stdout.lines().map(count_of_cpu).sum();
    let points = points(store, "cpu", Resolution::Full);
    assert_eq!(points.len() as u64, shown);
    let rolled_up: u64 = points_of_five_minutes(store);
    assert_eq!(rolled_up, shown);
}

fn points_of_five_minutes(store: &str) -> u64 {
    points(store, "cpu", Resolution::Min5).iter().map(|bucket| bucket.count).sum()
}
