//! Numbers of one kind, one after another, as few bytes as they allow. Each comes back bit by bit as it was.

use super::bytes::{Bytes, Damaged, fold, put_signed};

// How whole numbers are written.
const SAME: u8 = 0;
/// The smallest of them, a width in bits, and how much each is above the smallest.
const ABOVE: u8 = 1;
/// The same of the differences from one to the next.
const STEPS: u8 = 2;
/// The differences, each in as many bytes as it needs: for few large ones among small ones.
const BYTES: u8 = 3;

/// Writes whole numbers.
pub fn put_wholes(out: &mut Vec<u8>, values: &[i64]) {
    let Some(first) = values.first() else { return };
    if values.iter().all(|value| value == first) {
        out.push(SAME);
        return put_signed(out, *first);
    }
    let steps: Vec<i64> = values.windows(2).map(|two| two[1].wrapping_sub(two[0])).collect();
    let (above, in_steps) = (Packed::of(values), Packed::of(&steps));
    let in_bytes: usize = steps.iter().map(|step| length(fold(*step))).sum();
    if above.size() <= in_steps.size() && above.size() <= in_bytes {
        out.push(ABOVE);
        return above.put(out, values);
    }
    let form = if in_steps.size() <= in_bytes { STEPS } else { BYTES };
    out.push(form);
    put_signed(out, *first);
    match form {
        STEPS => in_steps.put(out, &steps),
        _ => steps.iter().for_each(|step| put_signed(out, *step)),
    }
}

/// Reads so many whole numbers.
pub fn wholes(bytes: &mut Bytes, count: usize) -> Result<Vec<i64>, Damaged> {
    if count == 0 {
        return Ok(Vec::new());
    }
    match bytes.byte()? {
        SAME => Ok(vec![bytes.signed()?; bounded(count)?]),
        ABOVE => unpacked(bytes, count),
        form @ (STEPS | BYTES) => {
            let mut value = bytes.signed()?;
            let mut all = Vec::with_capacity(bounded(count)?);
            all.push(value);
            let mut step = |by: i64| {
                value = value.wrapping_add(by);
                all.push(value);
            };
            match form {
                STEPS => unpacked(bytes, count - 1)?.into_iter().for_each(step),
                _ => {
                    for _ in 1..count {
                        step(bytes.signed()?);
                    }
                }
            }
            Ok(all)
        }
        _ => Err(Damaged),
    }
}

/// How whole numbers are packed into the same number of bits each.
struct Packed {
    smallest: i64,
    width: u32,
    count: usize,
}

impl Packed {
    fn of(values: &[i64]) -> Self {
        let smallest = values.iter().min().copied().unwrap_or_default();
        let largest = values.iter().max().copied().unwrap_or_default();
        let width = 64 - (largest.wrapping_sub(smallest) as u64).leading_zeros();
        Self { smallest, width, count: values.len() }
    }

    fn size(&self) -> usize {
        length(fold(self.smallest)) + 1 + (self.count * self.width as usize).div_ceil(8)
    }

    fn put(&self, out: &mut Vec<u8>, values: &[i64]) {
        put_signed(out, self.smallest);
        out.push(self.width as u8);
        let (mut held, mut bits) = (0u128, 0);
        for value in values {
            held |= u128::from(value.wrapping_sub(self.smallest) as u64) << bits;
            bits += self.width;
            while bits >= 8 {
                out.push(held as u8);
                held >>= 8;
                bits -= 8;
            }
        }
        if bits > 0 {
            out.push(held as u8);
        }
    }
}

fn unpacked(bytes: &mut Bytes, count: usize) -> Result<Vec<i64>, Damaged> {
    let (smallest, width) = (bytes.signed()?, u32::from(bytes.byte()?));
    if width > 64 {
        return Err(Damaged);
    }
    let mut packed = bytes.take((bounded(count)? * width as usize).div_ceil(8))?.iter();
    let (mut held, mut bits) = (0u128, 0);
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        while bits < width {
            held |= u128::from(*packed.next().ok_or(Damaged)?) << bits;
            bits += 8;
        }
        all.push(smallest.wrapping_add((held as u64 & mask) as i64));
        held >>= width;
        bits -= width;
    }
    Ok(all)
}

fn length(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// A count that is plausible: what is damaged must not ask for all memory.
fn bounded(count: usize) -> Result<usize, Damaged> {
    if count <= MOST { Ok(count) } else { Err(Damaged) }
}

/// More than an hour has milliseconds, which is the most points that a chunk can have.
const MOST: usize = 3_600_001;

// How numbers with a fraction are written: up to nine digits after the point as whole numbers, or one of these.
const HALF: u8 = 10;
const WHOLE: u8 = 11;

/// Writes numbers.
pub fn put_floats(out: &mut Vec<u8>, values: &[f64]) {
    let Some(first) = values.first() else { return };
    if let Some((digits, wholes)) = decimals(values) {
        out.push(digits);
        return put_wholes(out, &wholes);
    }
    if values.iter().all(|value| f64::from(*value as f32).to_bits() == value.to_bits()) {
        out.push(HALF);
        return values.iter().for_each(|value| out.extend((*value as f32).to_le_bytes()));
    }
    out.push(WHOLE);
    // Neighbours have the first bits in common: what is left of each is shorter.
    let mut before = first.to_bits();
    out.extend(first.to_le_bytes());
    for value in &values[1..] {
        put_nibbled(out, value.to_bits() ^ before);
        before = value.to_bits();
    }
}

/// Reads so many numbers.
pub fn floats(bytes: &mut Bytes, count: usize) -> Result<Vec<f64>, Damaged> {
    if count == 0 {
        return Ok(Vec::new());
    }
    match bytes.byte()? {
        digits @ 0..HALF => {
            let scale = SCALES[usize::from(digits)];
            Ok(wholes(bytes, count)?.into_iter().map(|whole| whole as f64 / scale).collect())
        }
        HALF => {
            let halves = bytes.take(bounded(count)? * 4)?.chunks_exact(4);
            Ok(halves
                .map(|half| f32::from_le_bytes([half[0], half[1], half[2], half[3]]).into())
                .collect())
        }
        WHOLE => {
            let mut bits = bytes.float()?.to_bits();
            let mut all = Vec::with_capacity(bounded(count)?);
            all.push(f64::from_bits(bits));
            for _ in 1..count {
                bits ^= nibbled(bytes)?;
                all.push(f64::from_bits(bits));
            }
            Ok(all)
        }
        _ => Err(Damaged),
    }
}

/// The bytes of a number behind its zeros, after their count.
fn put_nibbled(out: &mut Vec<u8>, bits: u64) {
    let length = 8 - (bits.leading_zeros() / 8) as usize;
    out.push(length as u8);
    out.extend_from_slice(&bits.to_le_bytes()[..length]);
}

fn nibbled(bytes: &mut Bytes) -> Result<u64, Damaged> {
    let length = usize::from(bytes.byte()?);
    let mut all = [0; 8];
    all.get_mut(..length).ok_or(Damaged)?.copy_from_slice(bytes.take(length)?);
    Ok(u64::from_le_bytes(all))
}

/// The values as whole numbers of the fewest digits after the point that give back each of them exactly.
fn decimals(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut digits = 0;
    let mut wholes = Vec::with_capacity(values.len());
    for (place, value) in values.iter().enumerate() {
        let before = digits;
        let whole = loop {
            let scale = SCALES.get(digits)?;
            let whole = (value * scale).round();
            // Beyond 2^53 not every whole number is a float.
            if whole.abs() > LARGEST_WHOLE {
                return None;
            }
            if is_exact(whole, *scale, *value) {
                break whole as i64;
            }
            digits += 1;
        };
        if digits > before {
            // Those before had fewer digits; with more they must still be exact.
            for (whole, value) in wholes.iter_mut().zip(&values[..place]) {
                *whole = exact(*value, digits)?;
            }
        }
        wholes.push(whole);
    }
    Some((digits as u8, wholes))
}

fn exact(value: f64, digits: usize) -> Option<i64> {
    let scale = SCALES[digits];
    let whole = (value * scale).round();
    (whole.abs() <= LARGEST_WHOLE && is_exact(whole, scale, value)).then_some(whole as i64)
}

/// Whether it is this number bit by bit when it is read. Minus zero is not zero.
fn is_exact(whole: f64, scale: f64, value: f64) -> bool {
    (whole as i64 as f64 / scale).to_bits() == value.to_bits()
}

const SCALES: [f64; HALF as usize] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests;
