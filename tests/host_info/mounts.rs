//! File systems, among them one whose server never answers; and what is to be mounted.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{find, info, number, output, run};
use support::namespace::{is_inside, path_in_folder, skip};

#[test]
fn a_file_system_is_as_full_as_df_says() {
    let test = "mounts::a_file_system_is_as_full_as_df_says";
    let script = "mkdir \"$folder/a b\"; mount -t tmpfs -o size=64k,noexec none \"$folder/a b\"
        head -c 10000 /dev/zero > \"$folder/a b/file\"";
    if !is_inside(test, &[], script) {
        return;
    }
    let point = path_in_folder("a b");
    let columns = "--output=size,used,avail,itotal,iavail";
    let line = |point: &str| {
        let text = output("df", &["-k", columns, point]);
        let numbers = text.lines().nth(1).expect("a line").split_whitespace();
        numbers.map(|number| number.parse().expect("a number")).collect::<Vec<u64>>()
    };
    let found = info("filesystems");
    let of = |point: &str| {
        let names = ["total", "used", "avail", "files", "free_files"];
        names.map(|name| number(find(&found, "dir_name", point), name))
    };
    assert_eq!(of(&point).as_slice(), line(&point));
    assert_eq!(of(&point)[..3], [64, 12, 52]);
    let own = find(&found, "dir_name", &*point);
    assert_eq!([&own["sys_type_name"], &own["dev_name"]], ["tmpfs", "none"]);
    let options = own["options"].as_str().expect("a text");
    assert!(options.starts_with("rw,noexec") && options.contains("size=64k"), "{options}");
    // Others may write to this one meanwhile.
    assert_eq!(of("/")[0], line("/")[0]);
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("it can be read");
    let mut points: Vec<_> = mounts.lines().filter_map(|line| line.split(' ').nth(4)).collect();
    points.sort_unstable();
    points.dedup();
    assert_eq!(found.len(), points.len(), "each mount point once");
    let proc = find(&found, "dir_name", "/proc");
    assert_eq!([&proc["total"], &proc["reason"]], [&Value::Null; 2]);
}

#[test]
fn mounts_that_never_answer_are_told_and_hide_no_other() {
    let test = "mounts::mounts_that_never_answer_are_told_and_hide_no_other";
    if !Path::new("/dev/fuse").exists() {
        return skip(test, "it needs FUSE");
    }
    // The server of the mounts would read the requests from these descriptors.
    let script = "for number in 3 4 5; do
            mkdir \"$folder/dead-$number\"
            eval \"exec $number<>/dev/fuse\"
            mount -i -t fuse none \"$folder/dead-$number\" \
                -o fd=$number,rootmode=40000,user_id=0,group_id=0
        done
        mkdir \"$folder/alive\"; mount -t tmpfs -o size=64k none \"$folder/alive\"";
    if !is_inside(test, &[], script) {
        return;
    }
    let found = info("filesystems");
    let reasons = ["dead-3", "dead-4", "dead-5"].map(|name| {
        let dead = find(&found, "dir_name", path_in_folder(name));
        assert_eq!(dead["total"], Value::Null);
        dead["reason"].as_str().expect("a reason").to_owned()
    });
    let late = "it has not answered within 2 s";
    let no_thread =
        "no thread for asking a mount for host info, calls that still have no answer: 2";
    assert_eq!(reasons, [late, late, no_thread]);
    let alive = find(&found, "dir_name", path_in_folder("alive"));
    assert_eq!([number(alive, "total"), number(alive, "used")], [64, 0]);
}

#[test]
fn what_is_to_be_mounted_shows_no_password() {
    let test = "mounts::what_is_to_be_mounted_shows_no_password";
    let script = "cp -a /etc \"$folder/etc\"
        printf '%s\\n' '# comment' 'UUID=1 / ext4 errors=remount-ro 0 1' \
            '//nas/share /mnt cifs username=joe,password=hunter2,uid=7,pass=hunt,er2' \
            '//joe%hunter2@nas/share /a cifs api_key=hunter2,psk=hunter2,password=a,rw=hunter2,ro' \
            'https://dav.example/x?sig=hunter2 /d davfs account_key=hunter2,sas=hunter2' \
            'sshfs#joe:hunter2@nas:/x /x fuse ro,password=hunter2 0 0' > \"$folder/etc/fstab\"
        mount --bind \"$folder/etc\" /etc";
    if !is_inside(test, &[], script) {
        return;
    }
    let found = info("fstab");
    assert_eq!(found.len(), 5, "{found:#?}");
    let of = |point: &str| find(&found, "dir_name", point);
    assert_eq!(of("/a")["dev_name"], "//***@nas/share");
    assert_eq!(of("/a")["options"], "api_key=***,psk=***,password=***,ro");
    assert_eq!(of("/d")["dev_name"], "https://dav.example/x?***");
    assert_eq!(
        find(&found, "dir_name", "/mnt")["options"],
        "username=***,password=***,uid=7,pass=***"
    );
    assert_eq!(find(&found, "dir_name", "/x")["dev_name"], "sshfs#***@nas:/x");
    assert_eq!(find(&found, "dir_name", "/")["check_order"], 1);
    let (code, text, _) = run(&["host-info", "fstab"]);
    let json = Value::from(found).to_string();
    assert_eq!(code, Some(0));
    for secret in ["hunter2", "hunt", "er2", "joe"] {
        assert!(!text.contains(secret) && !json.contains(secret), "{secret}: {text}");
    }
}
