//! docs/configuration.md is what the definition of the command line gives, and leaves nothing out.

use std::fs;
use std::path::{Path, PathBuf};

use reference::configuration::document;
use reference::{checks, schema};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(file: &str) -> String {
    fs::read_to_string(repository().join(file)).expect("a file of the repository")
}

#[test]
fn the_documents_are_as_generated() {
    let documents = [
        ("docs/configuration.md", document()),
        ("docs/checks.md", checks::document()),
        ("docs/configuration.schema.json", schema::document()),
    ];
    for (file, generated) in documents {
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(repository().join(file), &generated).expect("it is writable");
        }
        assert_eq!(
            text(file),
            generated,
            "{file}: UPDATE_EXPECTED=1 cargo test -p reference stores it anew"
        );
    }
}

#[test]
fn every_variable_that_the_source_names_is_in_it() {
    let document = document();
    let mut folders = vec![repository().join("src")];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = fs::read_to_string(&path).expect("a source file");
                for name in variables(&source) {
                    found += 1;
                    let is_there = document.contains(&format!("`{name}`"));
                    assert!(is_there, "{name} of {} is not in it", path.display());
                }
            }
        }
    }
    assert!(found >= 10, "only {found} variables were found");
}

/// What stands alone between quotes in capitals, and what is asked of the environment.
fn variables(source: &str) -> Vec<&str> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let literals: Vec<_> = source.split('"').collect();
    let asked = literals.windows(2).filter(|pair| {
        let is_asked = ["env::var(", "env::var_os("].iter().any(|call| pair[0].ends_with(call));
        let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let is_name = pair[1].contains('_') && pair[1].chars().all(letters);
        let is_name = is_name && pair[1].starts_with(|c: char| c.is_ascii_uppercase());
        is_asked || is_name
    });
    // Not of the agent: of its build and of its tests, and what all of its own begin with.
    let own = |name: &&str| {
        !name.starts_with("CARGO_")
            && !["OUT_DIR", "PROPTEST_RNG_SEED"].contains(name)
            && !name.ends_with('_')
    };
    asked.map(|pair| pair[1]).filter(own).collect()
}
