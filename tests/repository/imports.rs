//! Which module uses which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{rust_files, text};

/// The modules that each module uses, of those at the root of the program. Tests may use any.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let mut imports = BTreeMap::<_, BTreeSet<_>>::new();
    for file in rust_files("src") {
        let place = file.strip_prefix("src").expect("below src");
        let is_test = place.components().any(|part| part.as_os_str() == "tests")
            || ["tests.rs", "properties.rs"].iter().any(|tests| place.ends_with(tests));
        let first = place.components().next().map(|part| Path::new(part.as_os_str()));
        let module = first.and_then(Path::file_stem).and_then(|name| name.to_str());
        let module = module.expect("a file name");
        if is_test || ["lib", "main"].contains(&module) {
            continue;
        }
        let text = text(&file);
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
        let used = used_by(&lines.collect::<Vec<_>>().join("\n"));
        let others = used.into_iter().filter(|other| other != module);
        imports.entry(module.to_owned()).or_default().extend(others);
    }
    imports
}

/// The modules of the root that a code names: `crate::NAME` and `crate::{NAME, NAME::…}`.
fn used_by(code: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        text[..end].to_owned()
    };
    let mut used = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            used.insert(word(rest));
            continue;
        };
        let mut depth = 0;
        let end = list.find(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth < 0
        });
        depth = 0;
        let items = list[..end.expect("the list ends")].split(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        });
        used.extend(items.map(|item| word(item.trim())).filter(|name| !name.is_empty()));
    }
    used
}

#[test]
fn lists_are_taken_apart() {
    let code = "use crate::a::b;\nuse crate::{c, d::{e, f}, g};\nlet x = crate::h(crate::i::J);";
    assert_eq!(used_by(code), ["a", "c", "d", "g", "h", "i"].map(str::to_owned).into());
}

/// Imports go in one direction, as the data do: then a module can be understood, moved and tested with
/// only what it uses.
#[test]
fn no_module_uses_itself_through_others() {
    let mut imports = imports();
    assert!(imports["agent"].contains("collector"), "imports are found: {imports:?}");
    // A module of which all that it uses is gone is no part of a circle.
    while let Some(free) =
        imports.iter().find(|(_, uses)| uses.iter().all(|used| !imports.contains_key(used)))
    {
        let free = free.0.clone();
        imports.remove(&free);
    }
    assert!(imports.is_empty(), "a circle is among these modules and what they use: {imports:#?}");
}
