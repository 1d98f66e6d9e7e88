//! The latest points as they are written beside the blocks, so that a kill loses no more than the time between two
//! commits.

use std::collections::BTreeMap;

use super::bytes::{Bytes, Damaged, put};
use super::chunk::Points;
use super::resolution::HOUR_MS;

/// Points of several series: each with the number of its series, and its time.
pub fn encode(points: impl IntoIterator<Item = (u32, i64, f64)>) -> Vec<u8> {
    let mut sorted: BTreeMap<(u32, u32), Points> = BTreeMap::new();
    for (series, at_ms, value) in points {
        let (hour, at) = hour_of(at_ms);
        sorted.entry((series, hour)).or_default().put(at, value);
    }
    let mut out = Vec::new();
    for ((series, hour), points) in sorted {
        let mut chunk = Vec::new();
        points.encode(&mut chunk);
        put(&mut out, series.into());
        put(&mut out, hour.into());
        put(&mut out, chunk.len() as u64);
        out.extend(chunk);
    }
    out
}

/// What [`encode`] wrote: the number of the series, the hour since 1970, and the points.
pub fn decode(bytes: &[u8]) -> impl Iterator<Item = Result<(u32, u32, Points), Damaged>> {
    let mut bytes = Bytes(bytes);
    std::iter::from_fn(move || {
        if bytes.0.is_empty() {
            return None;
        }
        let mut next = || {
            let mut number = || u32::try_from(bytes.whole()?).map_err(|_| Damaged);
            let (series, hour) = (number()?, number()?);
            let length = bytes.count()?;
            Ok((series, hour, Points::decode(bytes.take(length)?)?))
        };
        let next = next();
        if next.is_err() {
            // Where the next one begins is not known.
            bytes.0 = &[];
        }
        Some(next)
    })
}

/// The hour since 1970 that a time is in, and the milliseconds since it began.
pub fn hour_of(at_ms: i64) -> (u32, u32) {
    let hour = at_ms.div_euclid(HOUR_MS);
    let at = at_ms.rem_euclid(HOUR_MS);
    (u32::try_from(hour).unwrap_or_default(), u32::try_from(at).unwrap_or_default())
}
