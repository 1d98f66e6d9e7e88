//! Readings of the trees under tests/fixtures/containers, as texts such as `2s of 0.25 cores
//! (sys/fs/cgroup/cpu.max)`: what was used, the limit, and where the limit stands.

mod auto;
mod events;
mod faults;
mod field;
mod groups;
mod layouts;
mod limits;
mod others;

use std::fs;
use std::path::Path;

use tokio::time::Instant;

use super::Container;
use crate::config::MemoryUse;
use crate::source::Source;
use support::tree::Tree;

/// The tree of tests/fixtures/containers/NAME.tree.
pub fn fixture(name: &str) -> Tree {
    fixture_in("containers", name)
}

fn fixture_in(folder: &str, name: &str) -> Tree {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let text = fs::read_to_string(folder.join(name).with_added_extension("tree"));
    Tree::new(&text.expect("the fixture is in its folder"))
}

fn open(tree: &Tree) -> Container {
    Container::open(tree.root(), MemoryUse::Used)
}

/// A reading of CPU and memory; in place of a part that is absent, the error.
fn read(container: &mut Container, tree: &Tree) -> (String, String) {
    let reading = container.read(Instant::now());
    let cpu = match reading.cpu.expect("a container always has news") {
        Ok(cpu) => format!("{:?} of {}", cpu.used, cpu.limit),
        Err(error) => error.to_string(),
    };
    let memory = match reading.memory.expect("a container always has news") {
        Ok(memory) => format!("{} of {}", memory.used.0, memory.limit),
        Err(error) => error.to_string(),
    };
    (relative(&cpu, tree), relative(&memory, tree))
}

fn read_once(tree: &Tree) -> (String, String) {
    read(&mut open(tree), tree)
}

/// The text with paths relative to the tree's root, and with the ids of containers and tasks cut
/// to twelve digits, as Docker shows them.
fn relative(text: &str, tree: &Tree) -> String {
    let text = text.replace(&format!("{}/", tree.root().display()), "");
    let mut short = String::new();
    for part in text.split_inclusive(|letter: char| !letter.is_ascii_hexdigit()) {
        let digits = part.trim_end_matches(|letter: char| !letter.is_ascii_hexdigit());
        let shown = if digits.len() >= 32 { &digits[..12] } else { digits };
        short.push_str(shown);
        short.push_str(&part[digits.len()..]);
    }
    short
}
