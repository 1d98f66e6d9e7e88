//! Which module uses which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{rust_files, text};

/// The names from the root of the program down to a module or to something in one.
type Names = Vec<String>;

/// The code of each module, without its tests, which may use any module.
struct Program(BTreeMap<Names, String>);

/// Which modules each module uses, of those beside it in the same module.
type Uses = BTreeMap<String, BTreeSet<String>>;

impl Program {
    fn read() -> Self {
        let mut program = BTreeMap::new();
        for file in rust_files("src") {
            let module = module_of(file.strip_prefix("src").expect("below src"));
            let is_test = module.iter().any(|name| name == "tests" || name == "properties");
            if is_test || module == ["main"] {
                continue;
            }
            let text = text(&file);
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
            program.insert(module, lines.collect::<Vec<_>>().join("\n"));
        }
        Self(program)
    }

    /// The uses among the modules that lie in the same one, by that one.
    fn uses(&self) -> BTreeMap<Names, Uses> {
        let mut all = BTreeMap::<Names, Uses>::new();
        let starts = ["crate::", "self::", "super::", "use "];
        let uses = self.0.iter().flat_map(|(user, code)| {
            let paths = self.paths(user, code, &starts).into_iter();
            paths.flat_map(|path| self.targets(path)).map(move |used| (user, used))
        });
        for (user, used) in uses {
            let common = user.iter().zip(&used).take_while(|(one, other)| one == other).count();
            // Where one lies in the other, that is no circle: a module may use the modules in it, and they
            // the types that it has for all of them.
            if let (Some(one), Some(other)) = (user.get(common), used.get(common)) {
                let uses = all.entry(user[..common].to_vec()).or_default();
                uses.entry(one.clone()).or_default().insert(other.clone());
            }
        }
        all
    }

    /// The modules that a path leads to: the one that it names, and where that only imports the name, the
    /// one that it imports it from.
    fn targets(&self, mut path: Names) -> Vec<Names> {
        let mut targets = Vec::new();
        loop {
            let mut module = path.clone();
            while !module.is_empty() && !self.0.contains_key(&module) {
                module.pop();
            }
            if targets.contains(&module) {
                return targets;
            }
            let imported = path.get(module.len()).and_then(|name| {
                let imports = self.paths(&module, self.0.get(&module)?, &["use "]);
                imports.into_iter().find(|import| import.last() == Some(name))
            });
            targets.push(module);
            let Some(imported) = imported else { return targets };
            path = imported;
        }
    }

    /// The paths into this program that stand in the code of a module where one of `starts` does.
    fn paths(&self, module: &Names, code: &str, starts: &[&str]) -> BTreeSet<Names> {
        let mut found = Vec::new();
        for start in starts {
            let keyword = if *start == "use " { start.len() } else { 0 };
            for (at, _) in code.match_indices(start) {
                if !code[..at].ends_with(|c: char| is_of_name(c) || c == ':') {
                    take_apart(&code[at + keyword..], Vec::new(), &mut found);
                }
            }
        }
        found.into_iter().filter_map(|path| self.in_program(module, &path)).collect()
    }

    /// The whole path, from the root of the program on; `None` where it leads to another crate.
    fn in_program(&self, module: &Names, path: &[String]) -> Option<Names> {
        let mut whole = module.clone();
        let mut rest = path;
        if path.first()? == "crate" {
            whole.clear();
            rest = &path[1..];
        }
        while let Some(name @ ("self" | "super")) = rest.first().map(String::as_str) {
            if name == "super" {
                whole.pop();
            }
            rest = &rest[1..];
        }
        let is_bare = rest.len() == path.len();
        whole.extend(rest.iter().filter(|name| *name != "self").cloned());
        (!is_bare || self.0.contains_key(whole.get(..=module.len())?)).then_some(whole)
    }
}

/// The module that is in a file.
fn module_of(file: &Path) -> Names {
    let file = file.with_extension("");
    let names = file.iter().map(|name| name.to_str().expect("a file name").to_owned());
    names.filter(|name| name != "mod" && name != "lib").collect()
}

/// Adds the paths that a text begins with, `a::b` or `a::{b, c::d}`, and returns what follows them.
fn take_apart<'a>(text: &'a str, before: Names, paths: &mut Vec<Names>) -> &'a str {
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if let Some(rest) = rest.strip_prefix('}') {
                return rest;
            }
            rest = take_apart(rest, before.clone(), paths);
            // What follows is a comma, or the name that the item has here: `as NAME`.
            let end = rest.find([',', '}']).expect("the list ends");
            rest = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]);
        }
    }
    let (name, rest) = text.split_at(text.find(|c| !is_of_name(c)).unwrap_or(text.len()));
    let mut path = before;
    path.extend((!name.is_empty()).then(|| name.to_owned()));
    match rest.strip_prefix("::") {
        Some(rest) => take_apart(rest, path, paths),
        None => {
            paths.push(path);
            rest
        }
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Those that use themselves through others, and what they use of each other.
fn circle(mut uses: Uses) -> Uses {
    loop {
        let left: BTreeSet<_> = uses.keys().cloned().collect();
        let used: BTreeSet<_> = uses.values().flatten().cloned().collect();
        // One that uses nothing, or that nothing uses, is no part of a circle.
        uses.retain(|user, used_by_it| {
            used_by_it.retain(|used| left.contains(used));
            used.contains(user) && !used_by_it.is_empty()
        });
        if uses.len() == left.len() {
            return uses;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str) -> Names {
        path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    fn program(code: &[(&str, &str)]) -> Program {
        Program(code.iter().map(|(path, code)| (names(path), (*code).to_owned())).collect())
    }

    #[test]
    fn paths_are_taken_apart() {
        let code = "use crate::a::b;\nuse crate::{c, d::{e as x, f,}, g::{self}};\nuse log::info;\n\
                    let x = crate::h(super::i::J, self::k);\nuse own::l;\nlet y = other::m;";
        let program = program(&[("at::here", code), ("at::here::own", "")]);
        let starts = ["crate::", "self::", "super::", "use "];
        let found = program.paths(&names("at::here"), code, &starts);
        let expected = ["a::b", "at::here::k", "at::here::own::l", "at::i::J"];
        let expected = expected.iter().chain(&["c", "d::e", "d::f", "g", "h"]);
        assert_eq!(found, expected.map(|path| names(path)).collect());
    }

    #[test]
    fn a_circle_is_found_where_a_name_comes_by_way_of_the_module_around() {
        let around = ("a", "mod b; mod c; pub use self::c::Item; pub struct Shared;");
        let c = ("a::c", "use super::Shared; fn c() { super::b::call() }");
        let uses = program(&[around, ("a::b", "use super::Item;"), c]).uses();
        assert_eq!(circle(uses[&names("a")].clone()).len(), 2);
        let uses = program(&[around, ("a::b", "use super::Shared;"), c]).uses();
        assert!(circle(uses[&names("a")].clone()).is_empty());
    }
}

/// The circles that there are: in which module, and between which of its modules.
const CIRCLES: &[&str] = &[];

/// Imports go in one direction, as the data do: then a module can be understood, moved and tested with
/// only what it uses.
#[test]
fn no_module_uses_itself_through_others() {
    let uses = Program::read().uses();
    for (around, user, used) in
        [("", "agent", "collector"), ("sampler", "gauge", "numbers"), ("source", "swap", "cgroup")]
    {
        let around = around.split("::").filter(|name| !name.is_empty()).map(str::to_owned);
        let uses = &uses[&around.collect::<Names>()];
        assert!(uses[user].contains(used), "uses are found: {uses:?}");
    }
    let circles = uses.into_iter().map(|(around, uses)| (around.join("::"), circle(uses)));
    let circles: Vec<_> = circles.filter(|(_, circle)| !circle.is_empty()).collect();
    let names = |(around, circle): &(String, Uses)| {
        format!("{around}: {}", circle.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
    };
    let found: Vec<_> = circles.iter().map(names).collect();
    assert_eq!(found, CIRCLES, "these use each other: {circles:#?}");
}
