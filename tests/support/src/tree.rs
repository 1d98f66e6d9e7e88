//! A small copy of /proc and /sys below the temporary directory, made from one readable text.
//!
//! A line `== PATH` begins a file, whose text follows; `== PATH/` is a directory. `== PATH
//! (missing)` takes away what an earlier text made, and `== PATH (unreadable)` puts a directory in
//! the file's place: opening it succeeds, reading it fails, for root too. Lines before the first
//! `==` are a comment.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that goes when this is dropped.
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    pub fn new(text: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let name = format!("{}-{process}-{count}", module_path!().replace("::", "-"));
        let tree = Self { root: std::env::temp_dir().join(name) };
        fs::create_dir(&tree.root).expect("the temporary directory is writable");
        tree.change(text);
        tree
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Adds and replaces what the text holds.
    pub fn change(&self, text: &str) {
        let mut sections: Vec<(&str, String)> = Vec::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("== ") {
                sections.push((heading, String::new()));
            } else if let Some((_, text)) = sections.last_mut() {
                text.push_str(line);
                text.push('\n');
            }
        }
        for (heading, text) in sections {
            self.apply(heading, &text).expect("the temporary directory is writable");
        }
    }

    fn apply(&self, heading: &str, text: &str) -> std::io::Result<()> {
        let bare = heading.trim_end_matches(" (missing)").trim_end_matches(" (unreadable)");
        let path = self.root.join(bare);
        if heading.ends_with(" (missing)") {
            fs::remove_file(path)
        } else if heading.ends_with(" (unreadable)") {
            fs::remove_file(&path)?;
            fs::create_dir(path)
        } else if heading.ends_with('/') {
            fs::create_dir_all(path)
        } else {
            fs::create_dir_all(path.parent().expect("a file below the root"))?;
            fs::write(path, text)
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // A directory that stays behind is no reason to fail.
        let _ = fs::remove_dir_all(&self.root);
    }
}
