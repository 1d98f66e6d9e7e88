//! The folder of plugins: which files in it may be run.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use crate::model::{Roots, Target};
use crate::permissions::replaceable_by_others;
use crate::shown::shown;

/// A plugin that was found.
#[derive(Debug)]
pub struct Found {
    pub path: PathBuf,
}

/// What is wrong with the name of a file.
pub fn mistake(name: &str) -> Option<String> {
    let mut parts = Path::new(name).components();
    let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    let is_right = is_name && !name.contains('/');
    let text = "expected the name of a file in the folder of --plugins, without a path";
    (!is_right).then(|| format!("file {name:?}: {text}"))
}

/// The file of this name in the folder. It may be a link, but not one that leads out of the folder.
pub fn find(folder: &Path, name: &str) -> Result<Found, String> {
    if let Some(mistake) = mistake(name) {
        return Err(mistake);
    }
    let named = folder.join(name);
    let missing = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => not_found(folder, name),
        _ => format!("{} cannot be read: {error}", path(&named)),
    };
    let inside = fs::canonicalize(folder).map_err(|error| no_folder(folder, &error))?;
    let real = fs::canonicalize(&named).map_err(missing)?;
    if real.parent() != Some(&inside) {
        return Err(format!("{} leads to a file outside of the folder of plugins", path(&named)));
    }
    let of_folder = fs::metadata(&inside).map_err(|error| no_folder(folder, &error))?;
    let of_file = fs::metadata(&real).map_err(missing)?;
    let problem = replaceable_by_others(&real, &of_file)
        .or_else(|| replaceable_by_others(&inside, &of_folder));
    if let Some(problem) = problem {
        return Err(problem);
    }
    if !of_file.is_file() {
        return Err(format!("{} is not a regular file", path(&named)));
    }
    // On a disk that does not answer this hangs here, in a helper thread, and not where it is started.
    // A program that may be run and not read is fine.
    let _ = fs::File::open(&real).and_then(|mut file| file.read(&mut [0]));
    Ok(Found { path: real })
}

/// The files that can be run.
pub fn targets(roots: &Roots) -> Result<Vec<Target>, String> {
    let names = names(&roots.plugins).map_err(|error| no_folder(&roots.plugins, &error))?;
    Ok(names.into_iter().map(|name| Target { label: name.clone(), id: name }).collect())
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_plugin = fs::metadata(entry.path())
            .is_ok_and(|of| of.is_file() && of.permissions().mode() & 0o111 != 0);
        names.extend(entry.file_name().to_str().filter(|_| is_plugin).map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

fn not_found(folder: &Path, name: &str) -> String {
    let names = names(folder).unwrap_or_default();
    let there = match names.len() {
        0 => "it has no executable file".to_owned(),
        1..=MOST_NAMES => format!("there are: {}", names.join(", ")),
        more => format!("there are {more}: {}, …", names[..MOST_NAMES].join(", ")),
    };
    shown(&format!("no plugin {name:?} in {}; {there}", folder.display()))
}

fn no_folder(folder: &Path, error: &io::Error) -> String {
    format!(
        "the folder of plugins {} cannot be read: {error}; --plugins names another",
        path(folder)
    )
}

/// Why a program was not started, with what to do.
pub fn cannot_run(program: &Path, error: &io::Error) -> String {
    let name = program.file_name().map_or(program.as_os_str(), OsStr::new);
    let cure = match error.kind() {
        ErrorKind::PermissionDenied => ": make it executable, by chmod +x",
        ErrorKind::NotFound => {
            ": the interpreter in its first line is not there, or that line ends in CR LF"
        }
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            ": a script needs a first line such as #!/bin/sh"
        }
        _ => "",
    };
    shown(&format!("cannot run {}: {error}{cure}", name.display()))
}

fn path(path: &Path) -> String {
    shown(&path.display().to_string())
}

/// How many names an error lists.
const MOST_NAMES: usize = 20;
