//! Reads what may be longer than the files of the measurement, or is a file of the system.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::Unavailable;

/// The bytes of a file; `None` where there is no such file.
pub fn bytes(path: &Path) -> Result<Option<Vec<u8>>, Unavailable> {
    let failed = |error: std::io::Error| {
        Unavailable::Failed(format!("{} cannot be read: {error}", path.display()))
    };
    // In the place of the file there may be a pipe, whose opening would wait for a writer.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LONGEST {
        let path = path.display();
        let megabytes = LONGEST >> 20;
        return Err(Unavailable::Failed(format!("{path} is longer than {megabytes} MB")));
    }
    Ok(Some(bytes))
}

/// The same as text. What is no text is replaced.
pub fn text(path: &Path) -> Result<Option<String>, Unavailable> {
    Ok(bytes(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// The text of a file that this system has, if it has such a thing at all.
#[cfg(target_os = "linux")]
pub fn required(path: &Path) -> Result<String, Unavailable> {
    let missing = || Unavailable::NotOnThisSystem(format!("{} not found", path.display()));
    text(path)?.ok_or_else(missing)
}

/// A list of the packages of a full desktop has some 10 MB.
const LONGEST: u64 = 64 << 20;
