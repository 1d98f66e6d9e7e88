//! The wire format of Protocol Buffers, as far as OTLP needs it.
//!
//! <https://protobuf.dev/programming-guides/encoding/>

/// A message that is being written. Fields may come in any order.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A number of the types `uint64`, `bool` or `enum`.
    pub fn varint(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        self.raw_varint(value);
    }

    /// A number of the type `sint32`: small numbers are short, negative ones too.
    pub fn sint32(&mut self, field: u32, value: i32) {
        self.varint(field, u64::from(((value << 1) ^ (value >> 31)).cast_unsigned()));
    }

    /// A number of the type `fixed64`.
    pub fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    /// A text, or a message that is written already.
    pub fn bytes(&mut self, field: u32, value: &[u8]) {
        self.tag(field, LENGTH);
        self.raw_varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub fn text(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A message, which `write` fills.
    pub fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }

    /// Many numbers of the type `uint64`, without a tag for each.
    pub fn packed(&mut self, field: u32, values: impl Iterator<Item = u64>) {
        self.message(field, |inner| values.for_each(|value| inner.raw_varint(value)));
    }

    /// What is written already, as it is.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn tag(&mut self, field: u32, kind: u64) {
        self.raw_varint(u64::from(field) << 3 | kind);
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// The fields of a message, as far as it can be read.
pub struct Reader<'a>(pub &'a [u8]);

/// What is in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    Number(u64),
    /// A text or a message.
    Bytes(&'a [u8]),
}

impl<'a> Reader<'a> {
    /// The last field of this number: by the rules of the format it counts.
    pub fn last(self, number: u64) -> Option<Field<'a>> {
        self.filter(|(field, _)| *field == number).last().map(|(_, value)| value)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = (u64, Field<'a>);

    /// Ends at the end and at what is no field.
    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            VARINT => Field::Number(self.varint()?),
            FIXED64 => Field::Bytes(self.take(8)?),
            LENGTH => {
                let length = usize::try_from(self.varint()?).ok()?;
                Field::Bytes(self.take(length)?)
            }
            FIXED32 => Field::Bytes(self.take(4)?),
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

// What follows a tag.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED32: u64 = 5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::default();
        write(&mut writer);
        writer.into_bytes()
    }

    /// The examples of the documentation of the format.
    #[test]
    fn numbers_texts_and_messages_are_as_the_format_says() {
        assert_eq!(written(|w| w.varint(1, 150)), [0x08, 0x96, 0x01]);
        assert_eq!(written(|w| w.text(2, "testing")), b"\x12\x07testing");
        assert_eq!(written(|w| w.message(3, |w| w.varint(1, 150))), [0x1a, 3, 0x08, 0x96, 1]);
        let packed = [0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05];
        assert_eq!(written(|w| w.packed(6, [3, 270, 86_942].into_iter())), packed);
        for (value, zigzag) in [(0, 0), (-1, 1), (1, 2), (-2, 3), (i32::MAX, 0xffff_fffe)] {
            assert_eq!(written(|w| w.sint32(1, value)), written(|w| w.varint(1, zigzag)));
        }
        assert_eq!(written(|w| w.sint32(1, i32::MIN)), written(|w| w.varint(1, 0xffff_ffff)));
        let two = [0x21, 0, 0, 0, 0, 0, 0, 0, 0x40];
        assert_eq!(written(|w| w.double(4, 2.0)), two);
    }

    #[test]
    fn of_a_field_that_is_there_twice_the_last_counts_and_unknown_ones_are_skipped() {
        let bytes = written(|w| {
            w.varint(1, 7);
            w.double(9, 1.0);
            w.text(2, "a");
            w.varint(1, 8);
            w.raw(&[0x55, 1, 2, 3, 4]);
            w.text(2, "b");
        });
        assert_eq!(Reader(&bytes).last(1), Some(Field::Number(8)));
        assert_eq!(Reader(&bytes).last(2), Some(Field::Bytes(b"b")));
        assert_eq!(Reader(&bytes).last(3), None);
    }

    proptest! {
        #[test]
        fn what_is_no_message_is_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(Reader(&bytes).count() <= bytes.len());
        }

        #[test]
        fn what_is_written_is_read(number in any::<u64>(), text in ".*", field in 1_u32..1000) {
            let bytes = written(|w| {
                w.varint(field, number);
                w.text(field + 1, &text);
            });
            let field = u64::from(field);
            let expected =
                vec![(field, Field::Number(number)), (field + 1, Field::Bytes(text.as_bytes()))];
            prop_assert_eq!(Reader(&bytes).collect::<Vec<_>>(), expected);
        }
    }
}
