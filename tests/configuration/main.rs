//! Configuration files and the commands around them, by the real binary.
#![cfg(target_os = "linux")]

mod checks;
mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};

use support::command;

/// A folder of a test, which is removed at its end.
struct Folder(PathBuf);

impl Folder {
    /// With these files: names and texts.
    fn of(files: &[(&str, &str)]) -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("configuration-{}-{number}", process::id());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir(&folder.0).expect("a folder");
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file");
        path
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    fn whole(&self) -> String {
        self.path("").trim_end_matches('/').to_owned()
    }

    /// A text without the path of this folder.
    fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.whole()), "").replace(&self.whole(), ".")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The exit code, standard output and standard error of a command line.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    outcome(command().args(args))
}

fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn mode(path: impl AsRef<Path>, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("another mode");
}
