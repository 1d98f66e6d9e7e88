//! The head of the blocks: the version of their format, and how far they go.

use super::bytes::{Bytes, Damaged, put};
use super::shelf::{Merged, Progress};

pub fn encode(progress: Progress) -> Vec<u8> {
    let mut content = Vec::new();
    put(&mut content, VERSION);
    put(&mut content, progress.closed_ms.max(0).unsigned_abs());
    put(&mut content, progress.dropped_ms.max(0).unsigned_abs());
    put(&mut content, progress.bytes);
    put(&mut content, progress.merged.before_list.into());
    put(&mut content, progress.merged.before_hour.into());
    content
}

/// What a head says.
pub fn decode(content: &[u8]) -> Result<(u64, Progress), Damaged> {
    let mut bytes = Bytes(content);
    let version = bytes.whole()?;
    let mut time = || i64::try_from(bytes.whole()?).map_err(|_| Damaged);
    let (closed_ms, dropped_ms) = (time()?, time()?);
    let total = bytes.whole()?;
    let mut number = || u32::try_from(bytes.whole()?).map_err(|_| Damaged);
    let merged = Merged { before_list: number()?, before_hour: number()? };
    Ok((version, Progress { closed_ms, dropped_ms, bytes: total, merged }))
}

/// Changes with the format. Format 1 has no texts, and seals that are not made of the keys too.
pub const VERSION: u64 = 2;
