//! Whole numbers and texts as few bytes, and a seal that tells whether bytes are as they were written.

/// Bytes that were not written by this program, or have changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// Reads what [`put`] and its like wrote.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn byte(&mut self) -> Result<u8, Damaged> {
        Ok(self.take(1)?[0])
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (taken, left) = self.0.split_at_checked(count).ok_or(Damaged)?;
        self.0 = left;
        Ok(taken)
    }

    /// A whole number of seven bits a byte, the lowest first.
    pub fn whole(&mut self) -> Result<u64, Damaged> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Damaged)
    }

    pub fn count(&mut self) -> Result<usize, Damaged> {
        usize::try_from(self.whole()?).map_err(|_| Damaged)
    }

    pub fn signed(&mut self) -> Result<i64, Damaged> {
        self.whole().map(unfold)
    }

    pub fn float(&mut self) -> Result<f64, Damaged> {
        let bytes = self.take(8)?.try_into().map_err(|_| Damaged)?;
        Ok(f64::from_le_bytes(bytes))
    }

    pub fn text(&mut self) -> Result<&'a str, Damaged> {
        let length = self.count()?;
        str::from_utf8(self.take(length)?).map_err(|_| Damaged)
    }
}

pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, fold(value));
}

pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// A number near zero as a small one: 0, −1, 1, −2 become 0, 1, 2, 3.
pub fn fold(value: i64) -> u64 {
    (value as u64) << 1 ^ (value >> 63) as u64
}

pub fn unfold(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// A number that changes with each byte, and with the words in front of them: FNV-1a, folded to 32 bits. It finds
/// damage, and no forgery.
pub fn seal(words: &[u64], bytes: &[u8]) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |word: u64| {
        hash = (hash ^ word).wrapping_mul(0x100_0000_01b3);
        hash ^= hash >> 29;
    };
    words.iter().for_each(|word| add(*word));
    // Eight bytes a step: a page is sealed in half a microsecond. Their number is in it because the last step is
    // filled up with zeros.
    for chunk in bytes.chunks(8) {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        add(u64::from_le_bytes(eight));
    }
    hash = (hash ^ bytes.len() as u64).wrapping_mul(0x100_0000_01b3);
    (hash >> 32) as u32 ^ hash as u32
}

/// The bytes, and their seal behind them. `words` are the key under which they lie, and `first` is the seal of the page
/// that they belong to, or 0: with their neighbours of another time they make no whole.
pub fn sealed(words: &[u64], first: u32, content: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(content.len() + SEAL);
    sealed.extend_from_slice(content);
    sealed.extend((seal(words, content) ^ first).to_le_bytes());
    sealed
}

/// What stands before its seal, if the seal is its own. Without words it is that of format 1.
pub fn unsealed<'a>(words: &[u64], first: u32, bytes: &'a [u8]) -> Result<&'a [u8], Damaged> {
    let (content, end) = split(bytes)?;
    let is_own = seal(words, content) ^ first == end || seal(&[], content) == end;
    if is_own { Ok(content) } else { Err(Damaged) }
}

/// The content, and its seal.
pub fn split(bytes: &[u8]) -> Result<(&[u8], u32), Damaged> {
    let (content, end) = bytes.split_last_chunk().ok_or(Damaged)?;
    Ok((content, u32::from_le_bytes(*end)))
}

/// Bytes of a seal.
pub const SEAL: usize = 4;
