//! The AWS configuration files, as the SDK finds and parses them.

use std::borrow::Cow;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use aws_config::profile::{self, ProfileFileLoadError, ProfileSet};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::os_shim_internal::{Env, Fs};
use futures_util::FutureExt;

use super::Place;
use crate::publisher::cloudwatch::failure::causes;

/// The content of the files.
pub struct Found {
    pub mistakes: Vec<String>,
    /// `None` if a file cannot be used, since the profile may be in that file.
    pub profiles: Option<ProfileSet>,
    pub looked_at: Vec<String>,
}

/// Reads both files, and parses each by itself to know which one is wrong.
pub fn files(place: Place<'_>) -> Found {
    let mut found = Found { mistakes: Vec::new(), profiles: None, looked_at: Vec::new() };
    let mut texts = Vec::new();
    for (variable, default, kind) in [
        ("AWS_CONFIG_FILE", "~/.aws/config", EnvConfigFileKind::Config),
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", EnvConfigFileKind::Credentials),
    ] {
        let named = (place.variable)(variable);
        let path = expanded(named.as_deref().unwrap_or(default), place);
        let name = match &named {
            Some(value) => format!("{variable} {value:?}"),
            None => path.display().to_string(),
        };
        found.looked_at.push(name.clone());
        let text = match (place.read)(&path) {
            // A default file may be missing; only a file that the user names must exist.
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => continue,
            Err(error) => {
                let cure = named.map(|_| format!(": name a readable file, or unset {variable}"));
                let cure = cure.unwrap_or_default();
                found.mistakes.push(format!("{name} cannot be read: {error}{cure}"));
                continue;
            }
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => {
                    found.mistakes.push(format!("{name} is not UTF-8 text: save it as UTF-8"));
                    continue;
                }
            },
        };
        match parsed(&[(kind, &path.to_string_lossy(), &text)]) {
            Ok(_) => texts.push((kind, path.to_string_lossy().into_owned(), text)),
            Err(error) => found.mistakes.push(format!(
                "{name}: {}: expected sections such as [default] with lines NAME = VALUE",
                causes(&error),
            )),
        }
    }
    if found.mistakes.is_empty() {
        let texts: Vec<_> =
            texts.iter().map(|(kind, path, text)| (*kind, &**path, &**text)).collect();
        found.profiles = parsed(&texts).ok();
    }
    found
}

/// The profiles of files with these paths and texts together.
fn parsed(texts: &[(EnvConfigFileKind, &str, &str)]) -> Result<ProfileSet, ProfileFileLoadError> {
    if texts.is_empty() {
        return Ok(ProfileSet::default());
    }
    let contents: Vec<_> = texts.iter().map(|&(_, path, text)| (path, text)).collect();
    let files = texts
        .iter()
        .fold(EnvConfigFiles::builder(), |files, (kind, path, _)| files.with_file(*kind, path));
    let (fs, env) = (Fs::from_slice(&contents), Env::from_slice(&[]));
    // The selected profile does not matter: `mistakes::find` asks for one by its name.
    let (files, profile) = (files.build(), Some(Cow::Borrowed("default")));
    // The files are in memory, so there is nothing to wait for.
    let loaded = profile::load(&fs, &env, &files, profile).now_or_never();
    loaded.unwrap_or_else(|| Ok(ProfileSet::default()))
}

/// A path with the home directory in place of `~`.
fn expanded(path: &str, place: Place<'_>) -> PathBuf {
    match (path.strip_prefix("~/"), (place.variable)("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.into(),
    }
}

/// A file's bytes. Anything else, such as a pipe without a writer, could block the agent.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a directory"));
    }
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LONGEST_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Configuration files and tokens are some kilobytes. The rest of a longer file is not read.
const LONGEST_FILE: u64 = 1 << 20;
