//! The repository's own rules.

mod imports;

use std::fs;
use std::path::{Path, PathBuf};

/// All Rust files below `folder`, relative to the repository.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path.strip_prefix(root).expect("below the root").to_owned());
            }
        }
    }
    assert!(!files.is_empty(), "no Rust files in {folder}");
    files.sort();
    files
}

fn text(file: &Path) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("a text file")
}

#[test]
fn only_the_cloudwatch_publisher_knows_the_sdk() {
    for file in rust_files("src") {
        let allowed = file.starts_with("src/publisher/cloudwatch")
            || file == Path::new("src/publisher/cloudwatch.rs");
        // A text that begins so is none of its names.
        let imports = text(&file).lines().any(|line| line.replace("\"aws_", "").contains("aws_"));
        assert!(allowed || !imports, "{} imports the AWS SDK", file.display());
    }
}

#[test]
fn threads_and_children_have_one_owner_each() {
    let threads = ["thread::spawn", "thread::Builder", "spawn_blocking", "lookup_host"];
    let children = ["waitpid", "waitid", "WaitOptions", "wait_with_output", "try_wait"];
    // The ends of processes that are no children.
    let others = ["pidfd_open"];
    for (owner, ways) in [
        ("src/blocking.rs", &threads[..]),
        ("src/children.rs", &children),
        ("src/source/pod/end.rs", &others),
    ] {
        // A test may have a server of its own.
        let others = rust_files("src").into_iter().filter(|file| !file.ends_with("tests.rs"));
        for file in others.filter(|file| file != Path::new(owner)) {
            let found = ways.iter().find(|way| text(&file).contains(**way));
            assert_eq!(found, None, "{} is for {owner} alone", file.display());
        }
        assert!(ways.iter().any(|way| text(Path::new(owner)).contains(way)), "{owner}");
    }
}

#[test]
fn every_source_and_publisher_is_in_its_table() {
    for (folder, part) in [("src/source", "Source"), ("src/publisher", "Publisher")] {
        let table = text(&Path::new(folder).join("choose.rs"));
        for file in rust_files(folder) {
            let is_part = text(&file).contains(&format!("\nimpl {part} for "));
            // A part of several files is a folder.
            let below = file.strip_prefix(folder).expect("it is below");
            let first = below.components().next().map(|first| Path::new(first.as_os_str()));
            let name = first.and_then(Path::file_stem).and_then(|name| name.to_str());
            let name = name.expect("a file name");
            // macOS has its own file for a source of the same name.
            let name = name.trim_end_matches("_macos");
            if is_part && !file.ends_with("tests.rs") {
                assert!(
                    table.contains(&format!("{name}::")),
                    "{} is not in its table",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    for file in ["src", "tests"].into_iter().flat_map(rust_files) {
        let lines = text(&file).lines().count();
        assert!(lines <= 400, "{} has {lines} lines", file.display());
    }
}

/// A file is the module that its place says, so that what a test crate shares is in tests/support.
#[test]
fn a_module_is_where_its_name_says() {
    let attribute = "#[path".to_owned() + " = ";
    for file in ["src", "tests"].into_iter().flat_map(rust_files) {
        // The source of macOS has the name of the one it stands for.
        let allowed = file == Path::new("src/source/mod.rs");
        assert!(allowed || !text(&file).contains(&attribute), "{}", file.display());
    }
}

#[test]
fn the_model_depends_on_nothing() {
    for file in rust_files("src/model") {
        assert!(!text(&file).contains("crate::"), "{} depends on another module", file.display());
    }
}

/// `collect` and `from` sort by code of their own for every place, which `sorted` is there to avoid: the binary would grow
/// by 2 to 3 kB for each. Where the type does not stand beside it, this does not see it.
#[test]
fn sorted_maps_and_sets_are_not_collected() {
    let types = ["BTreeMap<", "BTreeSet<", "Value::Object(", " Map<", "json::Map<"];
    let found = |code: &str| {
        let statements = code.split([';', '{', '}']).map(str::trim);
        let is_one = |statement: &&str| {
            let statement = statement.replace(".collect::<Vec<_>>()", "");
            let has = |types: &[&str]| types.iter().any(|name| statement.contains(name));
            has(&["BTreeMap::from(", "BTreeSet::from(", " Map::from_iter("])
                || has(&[".collect()", ".collect::<"]) && has(&types)
        };
        statements.filter(is_one).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found("let all: BTreeSet<_> =\n    of.iter()\n.collect();").len(), 1);
    assert_eq!(found("let all = Vec::new(); Value::Object(all.into_iter().collect())").len(), 1);
    assert_eq!(
        found("let all: HashMap<_, _> = of.collect(); x(|map: &BTreeMap<A, B>| 1)").len(),
        0
    );
    for file in rust_files("src") {
        let is_test = file.iter().any(|name| name == "tests" || name == "tests.rs");
        let text = text(&file);
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
        let found = found(&lines.collect::<Vec<_>>().join("\n"));
        assert!(is_test || found.is_empty(), "{}: use `sorted` for {found:#?}", file.display());
    }
}

#[test]
fn the_configuration_document_names_every_option() {
    let document = text(Path::new("docs/configuration.md"));
    for option in text(Path::new("tests/expected/help.txt")).split_whitespace() {
        let option =
            option.trim_matches([',', ';', '[', ']']).split(['=', '[']).next().unwrap_or_default();
        if option.starts_with("--") && !["--help", "--version"].contains(&option) {
            let named = document.contains(&format!("`{option}"));
            assert!(named, "docs/configuration.md does not name {option}");
        }
    }
}

/// It is read at once, so that all else is in docs/, which it leads to.
#[test]
fn the_readme_is_short_and_leads_to_the_documents() {
    let readme = text(Path::new("README.md"));
    let lines = readme.lines().count();
    assert!(lines <= 130, "{lines} lines");
    assert!(readme.contains("](docs/README.md)"), "it does not lead to the index");
}

/// What a reader looks for has a line there, and every page is found.
#[test]
fn the_index_names_every_document() {
    let index = text(Path::new("docs/README.md"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let entries = fs::read_dir(folder).expect("a folder of the repository");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    let documents = names.iter().filter(|name| name.ends_with(".md") && *name != "README.md");
    for name in documents {
        assert!(index.contains(&format!("]({name})")), "docs/README.md does not name {name}");
    }
    assert!(names.iter().any(|name| name == "configuration.md"), "{names:?}");
}

/// A new run of scripts/pictures.py has other numbers.
#[test]
fn the_readme_has_the_numbers_of_its_picture() {
    let (readme, picture) =
        (text(Path::new("README.md")), text(Path::new("docs/pictures/minute.svg")));
    let mut found = 0;
    for word in ["highest ", "average "] {
        for after in picture.split(word).skip(1) {
            let number = after.split(' ').next().unwrap_or_default();
            if number.parse::<u32>().is_ok() {
                found += 1;
                assert!(readme.contains(&format!("{number} %")), "{word}{number} %");
            }
        }
    }
    assert_eq!(found, 4, "CPU and memory, each with its average and its highest value");
}
