//! Where a process's groups are found, from the texts of /proc/self/cgroup and mountinfo.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Version::{V1, V2};
use super::*;

/// A directory with some directories in it, that goes when this is dropped.
struct Root(PathBuf);

impl Root {
    fn with(directories: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let name = format!("{}-{process}-{count}", module_path!().replace("::", "-"));
        let root = Self(std::env::temp_dir().join(name));
        fs::create_dir(&root.0).expect("the temporary directory is writable");
        for directory in directories {
            fs::create_dir_all(root.0.join(directory)).expect("the root was just made");
        }
        root
    }

    /// A path below the root, relative to it.
    fn relative<'path>(&self, path: &'path Path) -> &'path Path {
        path.strip_prefix(&self.0).expect("all paths are below the root")
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // A directory that stays behind is no reason to fail.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The version and directory of the group, relative to a root in which `directories` exist.
fn find(
    controller: &str,
    cgroup: &str,
    mountinfo: &str,
    directories: &[&str],
) -> Option<(Version, String)> {
    let root = Root::with(directories);
    let group = Group::find(controller, cgroup, mountinfo, &root.0)?;
    let own = root.relative(group.own());
    Some((group.version, own.display().to_string().trim_end_matches('/').to_owned()))
}

fn found(version: Version, own: &str) -> Option<(Version, String)> {
    Some((version, own.to_owned()))
}

const V1_MOUNTS: &str = "\
22 20 0:20 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755
23 22 0:21 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw,nsdelegate
24 22 0:22 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,name=systemd
25 22 0:23 / /sys/fs/cgroup/cpuset rw shared:12 - cgroup cgroup rw,cpuset
26 22 0:24 / /sys/fs/cgroup/cpu,cpuacct rw shared:13 - cgroup cgroup rw,cpu,cpuacct
27 22 0:25 / /sys/fs/cgroup/memory rw shared:14 - cgroup cgroup rw,memory
";
const V1_GROUPS: &str = "\
5:name=systemd:/systemd
4:cpuset:/cpuset
3:cpuacct,cpu:/cpu
2:memory:/memory
0::/unified
";
const V1_DIRECTORIES: [&str; 4] = [
    "sys/fs/cgroup/unified/unified",
    "sys/fs/cgroup/cpuset/cpuset",
    "sys/fs/cgroup/cpu,cpuacct/cpu",
    "sys/fs/cgroup/memory/memory",
];
const V2_MOUNT: &str = "29 21 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

fn reversed(text: &str) -> String {
    text.lines().rev().map(|line| format!("{line}\n")).collect()
}

#[test]
fn each_controller_of_version_1_has_its_own_hierarchy() {
    for (controller, own) in [
        ("cpu", "sys/fs/cgroup/cpu,cpuacct/cpu"),
        ("cpuacct", "sys/fs/cgroup/cpu,cpuacct/cpu"),
        ("cpuset", "sys/fs/cgroup/cpuset/cpuset"),
        ("memory", "sys/fs/cgroup/memory/memory"),
        // On a hybrid system version 2 has what version 1 has not.
        ("io", "sys/fs/cgroup/unified/unified"),
    ] {
        let version = if controller == "io" { V2 } else { V1 };
        let (groups, mounts) = (reversed(V1_GROUPS), reversed(V1_MOUNTS));
        for (groups, mounts) in
            [(V1_GROUPS, V1_MOUNTS), (&groups, V1_MOUNTS), (V1_GROUPS, &mounts), (&groups, &mounts)]
        {
            let own = found(version, own);
            assert_eq!(find(controller, groups, mounts, &V1_DIRECTORIES), own, "{controller}");
        }
    }
}

#[test]
fn version_2_has_all_controllers_in_one_group() {
    for controller in ["cpu", "cpuacct", "cpuset", "memory"] {
        let own = find(controller, "0::/a/b\n", V2_MOUNT, &["sys/fs/cgroup/a/b"]);
        assert_eq!(own, found(V2, "sys/fs/cgroup/a/b"), "{controller}");
    }
}

#[test]
fn a_hierarchy_of_version_1_that_is_not_mounted_is_looked_for_in_version_2() {
    let groups = "2:memory:/memory\n0::/a\n";
    assert_eq!(
        find("memory", groups, V2_MOUNT, &["sys/fs/cgroup/a"]),
        found(V2, "sys/fs/cgroup/a")
    );
    assert_eq!(find("memory", "2:memory:/memory\n", V2_MOUNT, &[]), None);
}

#[test]
fn without_a_line_or_a_mount_there_is_no_group() {
    assert_eq!(find("memory", "", V1_MOUNTS, &[]), None);
    assert_eq!(find("memory", V1_GROUPS, "", &[]), None);
    assert_eq!(find("memory", "1:pids:/a\n", V1_MOUNTS, &[]), None);
}

#[test]
fn a_hierarchy_with_a_name_is_not_that_of_the_controller_called_so() {
    let named = "24 22 0:22 / /sys/fs/cgroup/named rw - cgroup cgroup rw,xattr,name=memory\n";
    assert_eq!(find("memory", "2:memory:/\n", named, &[]), None);
    assert_eq!(find("memory", "2:name=memory:/\n", V1_MOUNTS, &[]), None);
}

#[test]
fn lines_that_are_not_understood_are_passed_over() {
    let mountinfo = format!("\ngarbage\n1 2 - cgroup2\n - \n1 2 0:3 / /x rw - cgroup2\n{V2_MOUNT}");
    let own = find("cpu", "garbage\n\n7\n8:\n0::/a\n", &mountinfo, &["sys/fs/cgroup/a"]);
    assert_eq!(own, found(V2, "sys/fs/cgroup/a"));
}

#[test]
fn optional_fields_and_empty_sources_are_no_obstacle() {
    for line in [
        "29 21 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
        "29 21 0:26 / /sys/fs/cgroup rw shared:9 master:1 propagate_from:2 - cgroup2 none rw",
        "29 21 0:26 / /sys/fs/cgroup rw unbindable - cgroup2  rw",
    ] {
        let own = find("cpu", "0::/a", line, &["sys/fs/cgroup/a"]);
        assert_eq!(own, found(V2, "sys/fs/cgroup/a"), "{line}");
    }
}

#[test]
fn escaped_letters_of_a_mount_point_are_read() {
    for (escaped, plain) in [
        (r"/mnt/control\040groups", "mnt/control groups"),
        (r"/mnt/tab\011and\012newline", "mnt/tab\tand\nnewline"),
        (r"/mnt/back\134slash", r"mnt/back\slash"),
        (r"/mnt/not\134040blank", r"mnt/not\040blank"),
    ] {
        let mountinfo = format!("40 26 0:26 / {escaped} rw - cgroup2 none rw\n");
        assert_eq!(find("cpu", "0::/", &mountinfo, &[]), found(V2, plain), "{escaped}");
    }
}

#[test]
fn a_path_may_hold_colons_and_backslashes() {
    for path in ["system.slice/a:b:c.service", r"system-foo\x2dbar.slice/foo-bar@1.service"] {
        let own = format!("sys/fs/cgroup/{path}");
        let line = format!("0::/{path}\n");
        assert_eq!(find("cpu", &line, V2_MOUNT, &[&own]), found(V2, &own), "{path}");
        let own = format!("sys/fs/cgroup/memory/{path}");
        let line = format!("2:memory:/{path}\n");
        assert_eq!(find("memory", &line, V1_MOUNTS, &[&own]), found(V1, &own), "{path}");
    }
}

#[test]
fn the_path_is_taken_relative_to_what_is_mounted() {
    let mount = "617 616 0:29 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    for (path, own) in
        [("/docker/abc", "sys/fs/cgroup"), ("/docker/abc/init", "sys/fs/cgroup/init")]
    {
        let line = format!("0::{path}\n");
        let own = found(V2, own);
        assert_eq!(find("cpu", &line, mount, &["sys/fs/cgroup/init"]), own, "{path}");
    }
}

#[test]
fn a_path_that_only_begins_like_what_is_mounted_is_not_below_it() {
    let mount = "617 616 0:29 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    let own = find("cpu", "0::/docker/abcd\n", mount, &["sys/fs/cgroup/d"]);
    assert_ne!(own, found(V2, "sys/fs/cgroup/d"));
}

#[test]
fn the_visible_groups_are_those_up_to_the_mount_point() {
    let root = Root::with(&["sys/fs/cgroup/a/b/c"]);
    let group = Group::find("cpu", "0::/a/b/c\n", V2_MOUNT, &root.0).expect("it is mounted");
    let seen: Vec<_> = group.directories().map(|path| root.relative(path)).collect();
    let expected = ["sys/fs/cgroup/a/b/c", "sys/fs/cgroup/a/b", "sys/fs/cgroup/a", "sys/fs/cgroup"];
    assert_eq!(seen, expected.map(Path::new));
}

#[test]
fn a_field_is_found_by_its_whole_name() {
    let text = "file_mapped 1\nfile 2\ninactive_file 3\nshmem\nslab x\n";
    assert_eq!(field(text, "file"), Some(2));
    assert_eq!(field(text, "inactive_file"), Some(3));
    for name in ["shmem", "slab", "mapped", ""] {
        assert_eq!(field(text, name), None, "{name:?}");
    }
}

fn v2_mount(root: &str, point: &str) -> String {
    format!("29 21 0:26 {root} {point} rw - cgroup2 cgroup2 rw\n")
}

#[test]
fn a_mount_that_begins_above_the_namespace_is_not_the_group() {
    // `docker run -v /sys/fs/cgroup:/host` with a private namespace.
    let host = v2_mount("/../..", "/host");
    assert_eq!(find("cpu", "0::/\n", &host, &["host"]), None);
    let both = host + &v2_mount("/", "/sys/fs/cgroup");
    assert_eq!(find("cpu", "0::/\n", &both, &["host"]), found(V2, "sys/fs/cgroup"));
}

#[test]
fn a_mount_of_another_group_is_not_this_one() {
    let other = v2_mount("/docker/other", "/other");
    assert_eq!(find("cpu", "0::/docker/abc\n", &other, &["other"]), None);
    let both = other + &v2_mount("/docker/abc", "/sys/fs/cgroup");
    assert_eq!(find("cpu", "0::/docker/abc\n", &both, &["other"]), found(V2, "sys/fs/cgroup"));
}

#[test]
fn of_several_mounts_the_one_that_shows_most_is_taken() {
    let narrow = v2_mount("/docker/abc", "/narrow");
    for mounts in [narrow.clone() + &v2_mount("/", "/wide"), v2_mount("/", "/wide") + &narrow] {
        assert_eq!(find("cpu", "0::/docker/abc\n", &mounts, &[]), found(V2, "wide/docker/abc"));
    }
}

#[test]
fn a_name_with_two_dots_is_not_the_group_above() {
    let mount = v2_mount("/", "/sys/fs/cgroup");
    let cgroup = "0::/system.slice/a..b.service\n";
    let own = "sys/fs/cgroup/system.slice/a..b.service";
    assert_eq!(find("cpu", cgroup, &mount, &[]), found(V2, own));
    assert_eq!(find("cpu", "0::/../sibling\n", &mount, &[]), None);
}

#[test]
fn the_root_of_a_mount_is_unescaped_as_well() {
    let mount = v2_mount("/system-foo\\134x2dbar.slice", "/sys/fs/cgroup");
    let cgroup = "0::/system-foo\\x2dbar.slice/init\n";
    assert_eq!(find("cpu", cgroup, &mount, &[]), found(V2, "sys/fs/cgroup/init"));
}

#[test]
fn several_fields_are_found_by_their_names() {
    let text = "file 4096\nfile_mapped 8\nshmem  12 \nanon x\nanon 7\nlast 9";
    let names = ["file", "shmem", "anon", "last", "file_mapped", "mapped"];
    let expected = [Some(4096), Some(12), Some(7), Some(9), Some(8), None];
    assert_eq!(fields(text, names), expected);
    assert_eq!(fields("", ["a"]), [None]);
    assert_eq!(fields("a 1\r\nb 2\n\n", ["b", "a"]), [Some(2), Some(1)]);
    assert_eq!(fields("a 1\na 2\n", ["a"]), [Some(1)], "the first");
    assert_eq!(field("é 1\nusage 3", "usage"), Some(3));
    assert_eq!(field("inactive_file 1\nfile_file 2\nfile 3\n", "file"), Some(3), "a whole name");
    assert_eq!(field("file 18446744073709551616\nfile 3", "file"), Some(3), "a number of 64 bits");
    assert_eq!((field("file", "file"), field("x\nfile ", "file")), (None, None));
}
