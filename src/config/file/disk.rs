//! Reads configuration files from disk.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::config::text::{Form, Source};
use crate::config::typed::Typed;
use crate::permissions::writable_by_others;
use crate::shown::shown;
use crate::sorted::sort;

/// Why a file or folder cannot be used.
pub struct Unread {
    pub text: String,
    /// Whether nothing but checks is missing without it.
    pub is_of_checks: bool,
}

/// The files at these paths, in their order, those of a folder by their names. In place of one that cannot
/// be read there is a sentence that says why.
pub fn read(paths: &[Typed]) -> Vec<Result<Source, Unread>> {
    let mut sources = Vec::new();
    for Typed { text, origin, .. } in paths {
        let path = Path::new(text);
        match path.is_dir() {
            true => folder(path, &mut sources),
            false => {
                let source = file(path, Form::Main);
                sources.push(source.map_err(|why| Unread {
                    text: format!("{origin} {text:?}: {why}"),
                    is_of_checks: false,
                }));
            }
        }
    }
    sources
}

/// The files of a folder that are checks. Hidden ones are of editors and of Kubernetes.
fn folder(path: &Path, sources: &mut Vec<Result<Source, Unread>>) {
    let of_checks = |text| Unread { text, is_of_checks: true };
    let shown_path = |path: &Path| shown(&path.display().to_string());
    let listed = fs::metadata(path).and_then(|of| {
        let entries = fs::read_dir(path)?;
        let paths: Result<Vec<_>, _> =
            entries.map(|entry| entry.map(|entry| entry.path())).collect();
        Ok((of, paths?))
    });
    let (metadata, mut paths) = match listed {
        Ok(listed) => listed,
        Err(error) => {
            let text = format!("{} cannot be read: {error}", shown_path(path));
            sources.push(Err(of_checks(text)));
            return;
        }
    };
    if let Some(problem) = writable_by_others(path, &metadata) {
        sources.push(Err(of_checks(problem)));
        return;
    }
    sort(&mut paths);
    let before = sources.len();
    for path in paths {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        let extension = path.extension().and_then(|extension| extension.to_str());
        let meant =
            |extension: &str| ["yaml", "yml"].iter().any(|of| extension.eq_ignore_ascii_case(of));
        match extension {
            _ if is_hidden => {}
            Some("yaml") => {
                let source = file(&path, Form::Check(name.to_owned()));
                let named = |why| of_checks(format!("{}: {why}", shown_path(&path)));
                sources.push(source.map_err(named));
            }
            Some(extension) if meant(extension) => sources.push(Err(of_checks(format!(
                "{}: expected a name that ends with .yaml; rename it, or its check does not run",
                shown_path(&path)
            )))),
            _ => {}
        }
    }
    if sources.len() == before {
        let path = shown_path(path);
        sources.push(Err(of_checks(format!(
            "{path}: there is no *.yaml in this folder, so no check"
        ))));
    }
}

fn file(path: &Path, form: Form) -> Result<Source, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("it cannot be read: {error}");
    // A pipe without a writer would be waited for.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    let file = File::from(opened.map_err(|error| unreadable(&std::io::Error::from(error)))?);
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err("expected a file or a folder".to_owned());
    }
    if let Some(problem) = writable_by_others(path, &metadata) {
        return Err(problem);
    }
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("expected at most {} KiB", LARGEST >> 10));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].split(|b| *b == b'\n').count();
        format!("expected text in UTF-8, which line {line} is not")
    })?;
    Ok(Source { name: shown(&path.display().to_string()), form, text })
}

/// More than thousands of checks need.
const LARGEST: u64 = 1 << 20;
