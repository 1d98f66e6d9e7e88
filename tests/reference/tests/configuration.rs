//! docs/configuration.md is what the definition of the command line gives, and leaves nothing out.

use std::fs;
use std::path::{Path, PathBuf};

use reference::configuration::{Option as Described, document, options};
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

/// The cells of the rows of a table whose first cell is an option.
fn option_rows(document: &str) -> Vec<Vec<String>> {
    let rows = document.lines().filter(|line| line.starts_with("| `--"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

#[test]
fn the_readme_does_not_contradict_it() {
    let (readme, options) = (option_rows(&text("README.md")), options());
    assert_eq!(readme.len(), options.len(), "a row an option");
    for (row, option) in readme.iter().zip(&options) {
        let Described { name, others, default, meaning, .. } = option;
        let [spellings, said, said_default] = &row[..] else { panic!("three cells: {row:?}") };
        let mut names: Vec<_> = spellings.split(['`', ',']).map(str::trim).collect();
        names.retain(|name| name.starts_with('-'));
        let names: Vec<_> =
            names.iter().map(|name| name.split(' ').next().unwrap_or_default()).collect();
        let mut expected = vec![format!("--{name}")];
        expected.extend(others.iter().cloned());
        assert_eq!(names, expected);
        // Where the default is words, the two need not have the same.
        if !default.contains(' ') && default != "none" {
            assert_eq!(said_default.trim_matches('`'), default, "{row:?}");
        }
        let numbers = |text: &str| {
            let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(str::to_owned);
            let numbers = words.filter(|word| word.contains(|c: char| c.is_ascii_digit()));
            numbers.collect::<Vec<_>>()
        };
        assert_eq!(numbers(said), numbers(meaning), "{row:?}");
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
