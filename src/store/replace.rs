//! Opens the file of a history, and puts a damaged one aside: a new one takes over what is whole in it.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::disk::{Disk, Found, file_in};
use super::salvage::{self, Salvaged};
use super::shelf::Failure;
use super::unusable::{Unusable, of_failure};

/// A history that is open.
pub struct Opened {
    pub disk: Disk,
    pub found: Found,
    pub replaced: Option<Replaced>,
}

/// A damaged file was replaced.
#[derive(Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The name that it has now.
    pub aside: String,
    /// What the new one took over, if there was anything.
    pub salvaged: Option<Salvaged>,
}

pub fn open_or_replace(folder: &Path) -> Result<Opened, Unusable> {
    match Disk::open(folder) {
        Err(Unusable::Damaged) => {
            let replaced = Some(replace(folder)?);
            Disk::open(folder).map(|(disk, found)| Opened { disk, found, replaced })
        }
        opened => opened.map(|(disk, found)| Opened { disk, found, replaced: None }),
    }
}

/// Puts a damaged file aside, and a new one with what is whole in it in its place.
pub fn replace(folder: &Path) -> Result<Replaced, Unusable> {
    let failed = |error: io::Error| Unusable::Failed(error.to_string());
    let (file, new) = (file_in(folder), folder.join(NEW));
    let filled = fill(&file, &new);
    let has_any = |of: &Salvaged| of.blocks + of.points + of.texts > 0;
    if !filled.as_ref().is_ok_and(has_any) {
        // What was begun is of no use to anybody.
        let _ = fs::remove_file(&new);
    }
    let salvaged = match filled {
        Ok(salvaged) => Some(salvaged).filter(has_any),
        Err(Failure::Damaged) => None,
        // A full disk: it is tried again.
        Err(failure) => return Err(of_failure(failure)),
    };
    let aside = place_aside(folder);
    if salvaged.is_none() {
        fs::rename(&file, folder.join(&aside)).map_err(failed)?;
        return Ok(Replaced { aside, salvaged });
    }
    // With a second name first there is a history at each instant. Not every file system has second names.
    let _ = fs::remove_file(folder.join(&aside));
    if fs::hard_link(&file, folder.join(&aside)).is_err() {
        fs::rename(&file, folder.join(&aside)).map_err(failed)?;
    }
    fs::rename(&new, &file).map_err(failed)?;
    Ok(Replaced { aside, salvaged })
}

/// Fills a new file with what is whole in a damaged one.
fn fill(damaged: &Path, new: &Path) -> Result<Salvaged, Failure> {
    let failed = |error: io::Error| Failure::Failed(error.to_string());
    // One that a kill has left.
    let _ = fs::remove_file(new);
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlags::NOFOLLOW.bits() as i32);
    let old = options.open(damaged).map_err(failed)?;
    let file = options.write(true).create_new(true).mode(0o600).open(new).map_err(failed)?;
    let (disk, _) = Disk::of(file)?;
    salvage::salvage(&old, &disk)
}

/// A name for a damaged file, so that somebody can look at it. The latest of very many takes the last name.
fn place_aside(folder: &Path) -> String {
    let names = (1..).map(|nth| match nth {
        1 => DAMAGED.to_owned(),
        _ => format!("{DAMAGED}.{nth}"),
    });
    let mut names = names.take(MOST_DAMAGED);
    let free = names.by_ref().find(|name| !folder.join(name).exists());
    free.unwrap_or_else(|| format!("{DAMAGED}.{MOST_DAMAGED}"))
}

/// The new file until it is filled.
const NEW: &str = "history.redb.new";

const DAMAGED: &str = "history.redb.damaged";

/// More damaged files than this are not put aside each.
const MOST_DAMAGED: usize = 9;
