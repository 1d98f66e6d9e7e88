//! `agent.filesystem` and `agent.filesystem_state`.

use crate::{Found, output, run, targets};
use support::namespace::{is_inside, path_in_folder};

/// What df says: kilobytes in all, used and available; inodes in all and available; percent used.
fn df(point: &str) -> [f64; 6] {
    let fields = "--output=size,used,avail,itotal,iavail,pcent";
    let table = output("df", &["-k", fields, point]);
    let values = table.lines().nth(1).expect("a line of values").split_ascii_whitespace();
    let values = values.map(|value| value.trim_end_matches('%').parse().expect("a number"));
    values.collect::<Vec<_>>().try_into().expect("six of them")
}

fn assert_as_df(found: &Found, point: &str) {
    let [size, used, avail, files, free_files, percent] = df(point);
    let names = ["total", "used", "avail", "files", "free_files"];
    let expected = [size, used, avail, files, free_files];
    assert_eq!(names.map(|name| found.number(name)), expected, "{found:#?}");
    assert_eq!(found.number("used_percent").ceil(), percent, "df rounds up");
}

#[test]
fn a_disk_image_is_as_full_as_df_says() {
    let script = "truncate -s 16M \"$folder/image\"; mkdir \"$folder/mount\"
        mkfs.ext4 -q -m 10 \"$folder/image\"
        mount -o loop,nosuid,noatime \"$folder/image\" \"$folder/mount\"
        head -c 3000000 /dev/zero > \"$folder/mount/file\"; sync";
    if !is_inside("file_systems::a_disk_image_is_as_full_as_df_says", &[], script) {
        return;
    }
    let point = path_in_folder("mount");
    let found = run("agent.filesystem", &[("target", &point)]).expect("it is mounted");
    assert_as_df(&found, &point);
    let reserve = found.number("free") - found.number("avail");
    assert!(reserve > 1000.0, "a tenth is root's: {reserve} kB");
    assert!(found.number("used") > 2929.0, "the file is there");
    for option in ["rw", "nosuid", "noatime"] {
        assert!(found.texts["options"].split(',').any(|one| one == option), "{found:#?}");
    }
    assert!(targets("agent.filesystem").contains(&point));
    std::fs::remove_file(format!("{point}/file")).expect("it was just written");
    let later = run("agent.filesystem", &[("target", &point)]).expect("it is mounted");
    assert_as_df(&later, &point);
    assert!(later.number("free") > found.number("free"));
}

#[test]
fn a_file_system_in_memory_has_the_size_that_it_was_given() {
    let script = "mkdir \"$folder/a mount\"
        mount -t tmpfs -o size=1024k,nr_inodes=100,mode=700 none \"$folder/a mount\"
        head -c 262144 /dev/zero > \"$folder/a mount/file\"";
    let test = "file_systems::a_file_system_in_memory_has_the_size_that_it_was_given";
    if !is_inside(test, &[], script) {
        return;
    }
    let point = path_in_folder("a mount");
    let found = run("agent.filesystem", &[("target", &point)]).expect("it is mounted");
    let names = ["total", "free", "used", "avail", "used_percent", "files", "free_files"];
    let expected = [1024.0, 768.0, 256.0, 768.0, 25.0, 100.0, 98.0];
    assert_eq!(names.map(|name| found.number(name)), expected);
    assert_as_df(&found, &point);
    output("umount", &[&point]);
    let error = run("agent.filesystem", &[("target", &point)]).expect_err("it is gone");
    assert!(
        error.starts_with(&format!("nothing is mounted at {point}; mount points: ")),
        "{error}"
    );
}

#[test]
fn a_device_that_becomes_read_only_is_counted_and_a_second_mount_is_not() {
    let script = "for name in one two; do
            truncate -s 4M \"$folder/$name\"; mkfs.ext2 -q \"$folder/$name\"
            mkdir \"$folder/mount-$name\"
            mount -o loop \"$folder/$name\" \"$folder/mount-$name\"
        done
        mkdir \"$folder/bound\"
        mount --bind \"$folder/mount-two\" \"$folder/bound\"
        mount -o remount,bind,ro \"$folder/bound\"";
    let test = "file_systems::a_device_that_becomes_read_only_is_counted_and_a_second_mount_is_not";
    if !is_inside(test, &[], script) {
        return;
    }
    let state = || run("agent.filesystem_state", &[]).expect("there are mounts");
    let of = |found: &Found| ["total_ro", "total_rw"].map(|name| found.number(name));
    let [one, two] = ["one", "two"].map(|name| {
        let point = path_in_folder(&format!("mount-{name}"));
        output("findmnt", &["-n", "-o", "SOURCE", &point]).trim().to_owned()
    });
    let has = |list: &str, device: &String| list.split(',').any(|one| one == device);
    let before = state();
    let [read_only, writable] = of(&before);
    for device in [&one, &two] {
        assert!(has(&before.texts["devices_rw"], device), "{before:#?}");
        assert!(!has(&before.texts["devices_ro"], device), "bound read-only: {before:#?}");
    }
    output("mount", &["-o", "remount,ro", &path_in_folder("mount-one")]);
    let after = state();
    assert_eq!(of(&after), [read_only + 1.0, writable - 1.0]);
    assert!(has(&after.texts["devices_ro"], &one), "{after:#?}");
    assert!(!has(&after.texts["devices_rw"], &one), "{after:#?}");
    let point = path_in_folder("mount-one");
    let found = run("agent.filesystem", &[("target", &point)]).expect("it is mounted");
    assert!(found.texts["options"].starts_with("ro"), "{found:#?}");
}
