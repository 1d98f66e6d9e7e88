//! What is typed in a terminal.

/// A key that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
    /// Ctrl-C, which is no signal on a screen of its own.
    Interrupt,
    Character(char),
}

/// Takes what was typed apart. A sequence may come in several pieces.
#[derive(Debug, Default)]
pub struct Keys {
    begun: Vec<u8>,
}

impl Keys {
    /// The keys that end in this piece.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        for byte in bytes {
            match (&*self.begun, byte) {
                ([], 0x1b) => self.begun.push(0x1b),
                ([], byte) => keys.extend(of_byte(*byte)),
                // Escape was typed twice, or before something else.
                ([0x1b], 0x1b) => keys.push(Key::Escape),
                ([0x1b], b'[' | b'O') => self.begun.push(*byte),
                ([0x1b], byte) => {
                    self.begun.clear();
                    keys.push(Key::Escape);
                    keys.extend(of_byte(*byte));
                }
                // Parameters, of which there are few.
                (_, b'0'..=b'9' | b';') if self.begun.len() < LONGEST => self.begun.push(*byte),
                (begun, end) => {
                    keys.extend(of_sequence(begun.get(2..).unwrap_or_default(), *end));
                    self.begun.clear();
                }
            }
        }
        keys
    }

    /// Whether more has to come before it is known which key it is: Escape alone, or the begin of a sequence.
    pub fn is_begun(&self) -> bool {
        !self.begun.is_empty()
    }

    /// What was begun, where nothing more comes.
    pub fn end(&mut self) -> Option<Key> {
        let is_escape = std::mem::take(&mut self.begun) == [0x1b];
        is_escape.then_some(Key::Escape)
    }
}

fn of_byte(byte: u8) -> Option<Key> {
    Some(match byte {
        0x03 => Key::Interrupt,
        b'\r' | b'\n' => Key::Enter,
        0x08 | 0x7f => Key::Backspace,
        b' '..=b'~' => Key::Character(byte.into()),
        _ => return None,
    })
}

/// The sequences of xterm, of the console of Linux, and of what is like them.
fn of_sequence(parameters: &[u8], end: u8) -> Option<Key> {
    Some(match (end, parameters) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'H', _) | (b'~', b"1" | b"7") => Key::Home,
        (b'F', _) | (b'~', b"4" | b"8") => Key::End,
        (b'~', b"5") => Key::PageUp,
        (b'~', b"6") => Key::PageDown,
        (b'M', b"") => Key::Enter,
        _ => return None,
    })
}

/// Bytes of a sequence that means something here.
const LONGEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_whole_wherever_the_pieces_end() {
        let typed =
            b"\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[1~\x1b[4~\x1b[1;5C\x1b[D\x1b[Fq\r\x7f\x03\x1b[200;1x";
        let expected = [
            Key::Up,
            Key::Down,
            Key::PageUp,
            Key::PageDown,
            Key::Home,
            Key::End,
            Key::Right,
            Key::Left,
            Key::End,
            Key::Character('q'),
            Key::Enter,
            Key::Backspace,
            Key::Interrupt,
        ];
        for size in 1..=typed.len() {
            let mut keys = Keys::default();
            let found: Vec<_> = typed.chunks(size).flat_map(|piece| keys.take(piece)).collect();
            assert_eq!(found, expected, "{size}");
            assert!(!keys.is_begun());
        }
    }

    #[test]
    fn escape_is_a_key_where_nothing_follows() {
        let mut keys = Keys::default();
        assert_eq!(keys.take(b"\x1b"), []);
        assert!(keys.is_begun());
        assert_eq!((keys.end(), keys.end()), (Some(Key::Escape), None));
        assert_eq!(keys.take(b"\x1b\x1bq"), [Key::Escape, Key::Escape, Key::Character('q')]);
        assert_eq!(keys.take(b"\x1b["), []);
        assert_eq!(keys.end(), None, "half a sequence is nothing");
        assert_eq!(keys.take("é\0".as_bytes()), []);
    }

    #[test]
    fn a_sequence_without_end_is_bounded() {
        let mut keys = Keys::default();
        let endless = [b"\x1b[", &[b'1'; 99][..], b"q"].concat();
        let found = keys.take(&endless);
        assert!(keys.begun.len() < 99 && found.last() == Some(&Key::Character('q')));
    }
}
