//! Server-sent events: the text of a stream taken apart.

/// An event of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Nothing for the usual kind.
    pub kind: String,
    pub data: String,
}

/// What has come of a stream and is not taken yet.
#[derive(Default)]
pub struct Stream {
    /// Bytes of a line that is not whole.
    line: Vec<u8>,
    next: Sent,
}

impl Stream {
    /// The events that end in a piece of the stream; nothing where a line is too long for any event.
    pub fn events(&mut self, piece: &[u8]) -> Option<Vec<Sent>> {
        let mut events = Vec::new();
        for byte in piece {
            if *byte != b'\n' {
                self.line.push(*byte);
                if self.line.len() + self.next.data.len() > LONGEST {
                    return None;
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(&line);
            let line = line.strip_suffix('\r').unwrap_or(&line);
            if line.is_empty() {
                let sent = std::mem::take(&mut self.next);
                if !sent.data.is_empty() || !sent.kind.is_empty() {
                    events.push(sent);
                }
                continue;
            }
            self.take(line);
        }
        Some(events)
    }

    /// Takes a line. One that begins with a colon is a comment, and its name is empty.
    fn take(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.next.kind),
            "data" => {
                if !self.next.data.is_empty() {
                    self.next.data.push('\n');
                }
                self.next.data.push_str(value);
            }
            _ => {}
        }
    }
}

/// An event has some kilobytes.
const LONGEST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(kind: &str, data: &str) -> Sent {
        Sent { kind: kind.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_whole_wherever_the_pieces_end() {
        let text = ": hello\n\nid: 1\r\ndata: {\"a\":\r\ndata:1}\r\n\r\nevent: gap\ndata: {}\n\ndata: half";
        let expected = [sent("", "{\"a\":\n1}"), sent("gap", "{}")];
        for size in 1..text.len() {
            let mut stream = Stream::default();
            let pieces = text.as_bytes().chunks(size);
            let events: Vec<_> =
                pieces.flat_map(|piece| stream.events(piece).expect("it is short")).collect();
            assert_eq!(events, expected, "{size}");
        }
    }

    #[test]
    fn a_line_without_end_ends_it() {
        let mut stream = Stream::default();
        let endless = std::iter::repeat_with(|| stream.events(&[b'x'; 4096]).is_none());
        assert!(endless.take(1000).any(|is_ended| is_ended));
    }
}
