//! `fstab`: what is to be mounted at the start.

use std::path::Path;

use serde_json::{Value, json};

use super::{HostInfo, Unavailable, file};
use crate::model::Roots;
use crate::secret;

pub const TYPE: HostInfo = HostInfo {
    name: "fstab",
    about: "What /etc/fstab says is to be mounted; passwords are hidden",
    fields: &["dev_name", "dir_name", "sys_type_name", "options", "dump", "check_order"],
    gather,
};

fn gather(_: &Roots) -> Result<Value, Unavailable> {
    of_file(Path::new("/etc/fstab"))
}

fn of_file(path: &Path) -> Result<Value, Unavailable> {
    let missing = || Unavailable::NotOnThisSystem(format!("{} not found", path.display()));
    let text = file::text(path)?.ok_or_else(missing)?;
    Ok(text.lines().filter_map(record).collect())
}

/// Of a line that is no comment.
fn record(line: &str) -> Option<Value> {
    let mut columns = line.split_ascii_whitespace();
    let device = columns.next().filter(|device| !device.starts_with('#'))?;
    let (point, kind) = (columns.next()?, columns.next()?);
    let options = unescape(columns.next().unwrap_or("defaults"));
    let mut number = || columns.next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
    Some(json!({
        "dev_name": secret::device(&unescape(device)),
        "dir_name": unescape(point),
        "sys_type_name": kind,
        "options": secret::mount_options(&options),
        "dump": number(),
        "check_order": number(),
    }))
}

/// Blanks and tabs stand in octal, as in the lists of the kernel (fstab(5)).
fn unescape(text: &str) -> String {
    let plain = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\043", "#")];
    let text = plain.iter().fold(text.to_owned(), |text, (octal, is)| text.replace(octal, is));
    text.replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    #[test]
    fn each_line_is_a_file_system_and_passwords_are_hidden() {
        let tree = Tree::new(
            "== fstab\n# /dev/sda1 / ext4\n\nUUID=12 / ext4 errors=remount-ro 0 1\n\
             \t//server/share\t/my\\040data cifs username=joe,password=hunter2,uid=7\n\
             curlftpfs#joe:hunter3@ftp.example /ftp fuse ro\n\
             https://joe:hunter4@dav.example/x /dav davfs\nodd line\n",
        );
        let info = of_file(&tree.root().join("fstab")).expect("it is there");
        let row = |dev: &str, dir: &str, kind: &str, options: &str, order: u64| {
            json!({ "dev_name": dev, "dir_name": dir, "sys_type_name": kind, "options": options,
                    "dump": 0, "check_order": order })
        };
        let expected = json!([
            row("UUID=12", "/", "ext4", "errors=remount-ro", 1),
            row("//server/share", "/my data", "cifs", "username=***,password=***,uid=7", 0),
            row("curlftpfs#***@ftp.example", "/ftp", "fuse", "ro", 0),
            row("https://***@dav.example/x", "/dav", "davfs", "defaults", 0),
        ]);
        assert_eq!(info, expected);
        assert!(!info.to_string().contains("hunter"));
    }

    #[test]
    fn a_system_without_the_file_has_none_and_one_that_cannot_be_read_is_a_failure() {
        let tree = Tree::new("== fstab/\n");
        let missing = of_file(&tree.root().join("none")).expect_err("it is not there");
        assert!(matches!(missing, Unavailable::NotOnThisSystem(_)), "{missing:?}");
        let unreadable = of_file(&tree.root().join("fstab")).expect_err("it is a folder");
        assert!(matches!(unreadable, Unavailable::Failed(_)), "{unreadable:?}");
    }
}
