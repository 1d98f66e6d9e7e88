//! What a check reads of a certificate: when it ends.

use tz::UtcDateTime;

/// When a certificate ends, in seconds since 1970; none where it cannot be read.
pub fn end(der: &[u8]) -> Option<i64> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut fields, _) = element(certificate, SEQUENCE)?;
    // The version, which version 1 leaves out, and the serial number, algorithm and issuer.
    if let Some((_, rest)) = element(fields, VERSION) {
        fields = rest;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        fields = element(fields, tag)?.1;
    }
    let (validity, _) = element(fields, SEQUENCE)?;
    let (_, end) = time(validity)?;
    time(end)?.0
}

/// The content of the element of this tag that some DER begins with, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first.checked_sub(LONG) {
        None => (usize::from(first), rest),
        Some(count) => {
            let digits = rest.get(..usize::from(count))?;
            // Four bytes are enough for any certificate, and more could overflow the shifts.
            let digits = Some(digits).filter(|digits| digits.len() <= size_of::<u32>())?;
            let length = digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit));
            (length, &rest[digits.len()..])
        }
    };
    rest.split_at_checked(length)
}

/// The time that some DER begins with, if it can be read, and what follows it.
fn time(der: &[u8]) -> Option<(Option<i64>, &[u8])> {
    if let Some((text, rest)) = element(der, UTC_TIME) {
        // Two digits of the year: from 1950 to 2049 (RFC 5280).
        let seconds = digits(text, 0, 2).and_then(|year| {
            let century = if year < 50 { 2000 } else { 1900 };
            seconds(century + year, text.get(2..)?)
        });
        return Some((seconds, rest));
    }
    let (text, rest) = element(der, GENERALIZED_TIME)?;
    let seconds = digits(text, 0, 4).and_then(|year| seconds(year, text.get(4..)?));
    Some((seconds, rest))
}

/// The seconds since 1970 of `MMDDHHMMSSZ`.
fn seconds(year: u16, text: &[u8]) -> Option<i64> {
    let part = |at| digits(text, at, 2).and_then(|part| u8::try_from(part).ok());
    let (month, day, hour) = (part(0)?, part(2)?, part(4)?);
    let (minute, second) = (part(6)?, part(8)?);
    let time = UtcDateTime::new(year.into(), month, day, hour, minute, second, 0).ok()?;
    (text.get(10..) == Some(b"Z")).then(|| time.unix_time())
}

fn digits(text: &[u8], at: usize, count: usize) -> Option<u16> {
    let text = text.get(at..at + count)?;
    let is_number = text.iter().all(u8::is_ascii_digit);
    let text = Some(text).filter(|_| is_number)?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// From this value on, the first byte of a length is this plus the number of bytes of the length (X.690).
const LONG: u8 = 0x80;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).expect("short");
        [&[tag, 0x82][..], &length.to_be_bytes(), content].concat()
    }

    /// A certificate with this end, as far as it is read.
    fn certificate(end: &[u8]) -> Vec<u8> {
        let start = der(UTC_TIME, b"200101000000Z");
        let validity = der(SEQUENCE, &[&start[..], end].concat());
        let before = [der(INTEGER, &[1]), der(SEQUENCE, &[]), der(SEQUENCE, &[])].concat();
        let version = der(VERSION, &der(INTEGER, &[2]));
        let fields = der(SEQUENCE, &[version, before, validity].concat());
        der(SEQUENCE, &fields)
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_forms() {
        for (tag, text, expected) in [
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "500101000000Z", Some(-631_152_000)),
            (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (UTC_TIME, "491331235959Z", None),
            (UTC_TIME, "4912312359Z", None),
            (UTC_TIME, "49123123595+Z", None),
            (INTEGER, "491231235959Z", None),
        ] {
            assert_eq!(end(&certificate(&der(tag, text.as_bytes()))), expected, "{text}");
        }
    }

    #[test]
    fn real_roots_have_an_end() {
        for root in TLS_SERVER_ROOT_CERTS {
            let end = end(root).expect("it can be read");
            assert!((1_700_000_000..4_102_444_800).contains(&end), "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, cut in 0usize..200, at in 0usize..200, byte: u8) {
            end(&bytes);
            let mut changed = certificate(&der(UTC_TIME, b"491231235959Z"));
            if let Some(place) = changed.get_mut(at) {
                *place = byte;
            }
            end(&changed);
            end(&changed[..cut.min(changed.len())]);
        }
    }
}
