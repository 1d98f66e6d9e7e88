//! `packages`: what is installed, by the files of the package manager and without running it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{HostInfo, Unavailable, file};
use crate::model::Roots;
use crate::sorted::sort;

pub const TYPE: HostInfo = HostInfo {
    name: "packages",
    about: "The packages that dpkg or apk has installed in this container or machine",
    fields: &["name", "version", "architecture"],
    gather,
};

fn gather(_: &Roots) -> Result<Value, Unavailable> {
    below(Path::new("/"))
}

fn below(root: &Path) -> Result<Value, Unavailable> {
    let mut packages = Vec::new();
    let mut is_found = false;
    for (path, format) in FILES {
        if let Some(text) = file::text(&root.join(path))? {
            is_found = true;
            packages.extend(text.split("\n\n").filter_map(|entry| package(entry, format)));
        }
    }
    // Images without a package manager, such as distroless ones, have a file for each package.
    for entry in fs::read_dir(root.join("var/lib/dpkg/status.d")).into_iter().flatten().flatten() {
        is_found = true;
        let is_package = entry.path().extension().is_none_or(|end| end != "md5sums");
        let text = if is_package { file::text(&entry.path())? } else { None };
        packages.extend(text.and_then(|text| package(&text, &DISTROLESS)));
    }
    if !is_found {
        return Err(Unavailable::NotOnThisSystem(why_not(root)));
    }
    sort(&mut packages);
    packages.dedup();
    let record = |[name, version, architecture]: [String; 3]| json!({ "name": name, "version": version, "architecture": architecture });
    Ok(packages.into_iter().map(record).collect())
}

/// How an entry of a list of packages is written: lines of a name and a value.
struct Format {
    fields: [&'static str; 3],
    /// The field that says whether it is installed. Of one that was removed the settings may be left.
    state: Option<&'static str>,
}

const FILES: &[(&str, Format)] = &[
    ("var/lib/dpkg/status", DPKG),
    ("lib/apk/db/installed", APK),
    ("usr/lib/apk/db/installed", APK),
];
const DPKG: Format =
    Format { fields: ["Package:", "Version:", "Architecture:"], state: Some("Status:") };
const DISTROLESS: Format = Format { state: None, ..DPKG };
const APK: Format = Format { fields: ["P:", "V:", "A:"], state: None };

fn package(entry: &str, format: &Format) -> Option<[String; 3]> {
    let field = |name: &str| {
        let value = entry.lines().find_map(|line| line.strip_prefix(name));
        value.map(|value| value.trim().to_owned())
    };
    let state = format.state.and_then(field);
    let is_installed = format.state.is_none() || state.is_some_and(|of| of.ends_with(" installed"));
    let [name, version, architecture] = format.fields.map(field);
    is_installed.then_some(())?;
    Some([name?, version?, architecture.unwrap_or_default()])
}

fn why_not(root: &Path) -> String {
    let has = |paths: &[&str]| paths.iter().any(|path| root.join(path).exists());
    if has(&["var/lib/rpm", "usr/lib/sysimage/rpm"]) {
        return "rpm keeps its packages in a database, which only its own programs read".to_owned();
    }
    let files: Vec<_> = FILES.iter().map(|(path, _)| format!("/{path}")).collect();
    format!("there is no list of packages: none of {} found", files.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    fn found(text: &str) -> Result<Value, Unavailable> {
        below(Tree::new(text).root())
    }

    fn row(name: &str, version: &str, architecture: &str) -> Value {
        json!({ "name": name, "version": version, "architecture": architecture })
    }

    #[test]
    fn dpkg_lists_what_is_installed_and_not_what_was_removed() {
        let info = found(
            "== var/lib/dpkg/status\nPackage: zlib1g\nStatus: install ok installed\nArchitecture: amd64\n\
             Version: 1:1.3\nDescription: a library\n Package: no\n\n\
             Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n\
             Package: half\nStatus: install reinstreq half-installed\nArchitecture: amd64\nVersion: 1\n\n\
             Package: bash\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 5.2-1\n",
        );
        let expected = json!([row("bash", "5.2-1", "amd64"), row("zlib1g", "1:1.3", "amd64")]);
        assert_eq!(info, Ok(expected));
    }

    #[test]
    fn apk_and_images_without_a_package_manager_have_lists_too() {
        let entry =
            "P:musl\nV:1.2.5-r0\nA:x86_64\nS:4\nD:so:libc\n\nC:Q1\nP:busybox\nV:1.36\nA:x86_64\n";
        let expected = json!([row("busybox", "1.36", "x86_64"), row("musl", "1.2.5-r0", "x86_64")]);
        for path in ["lib/apk/db/installed", "usr/lib/apk/db/installed"] {
            assert_eq!(found(&format!("== {path}\n{entry}")), Ok(expected.clone()), "{path}");
        }
        let info = found(
            "== var/lib/dpkg/status.d/base\nPackage: base-files\nVersion: 12\nArchitecture: arm64\n\
             == var/lib/dpkg/status.d/base.md5sums\nPackage: no\nVersion: 1\n",
        );
        assert_eq!(info, Ok(json!([row("base-files", "12", "arm64")])));
    }

    #[test]
    fn without_a_list_that_can_be_read_the_reason_is_told() {
        for (tree, why) in [
            ("== var/lib/rpm/rpmdb.sqlite\n", "rpm keeps its packages in a database"),
            ("== usr/lib/sysimage/rpm/\n", "rpm keeps its packages in a database"),
            ("== etc/\n", "none of /var/lib/dpkg/status, /lib/apk/db/installed"),
        ] {
            match found(tree) {
                Err(Unavailable::NotOnThisSystem(text)) => assert!(text.contains(why), "{text}"),
                other => panic!("{tree}: {other:?}"),
            }
        }
    }
}
