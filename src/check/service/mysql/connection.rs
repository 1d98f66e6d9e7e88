//! Packets, and the parts that they are made of.

use super::super::stream::Stream;

/// A connection to a server, whose packets are numbered from each command on.
pub struct Connection {
    stream: Stream,
    sequence: u8,
    /// How much has come since the last command.
    received: usize,
}

impl Connection {
    pub fn of(stream: Stream) -> Self {
        Self { stream, sequence: 0, received: 0 }
    }

    /// The first packet of a server, or of something else.
    pub async fn greeting(&mut self) -> Result<Vec<u8>, String> {
        let head = self.stream.take(HEAD).await?;
        let [length, sequence] = number_and_sequence(&head);
        if length == 0 || length > LONGEST_GREETING || sequence != 0 {
            return Err(NOT_MYSQL.to_owned());
        }
        self.sequence = 1;
        self.stream.take(length).await
    }

    pub async fn receive(&mut self) -> Result<Vec<u8>, String> {
        let head = self.stream.take(HEAD).await?;
        let [length, sequence] = number_and_sequence(&head);
        if sequence != usize::from(self.sequence) {
            return Err(UNEXPECTED.to_owned());
        }
        if length > LONGEST_PACKET {
            return Err(format!(
                "a packet of the server has {length} bytes, and {LONGEST_PACKET} are read at most"
            ));
        }
        self.received += length;
        if self.received > LONGEST_ANSWER {
            return Err(format!("the answer has more than {LONGEST_ANSWER} bytes"));
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.stream.take(length).await
    }

    pub async fn send(&mut self, payload: &[u8]) -> Result<(), String> {
        let [first, second, third, ..] = (payload.len() as u32).to_le_bytes();
        let mut packet = vec![first, second, third, self.sequence];
        packet.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.stream.send(&packet).await
    }

    /// Begins a command.
    pub async fn command(&mut self, code: u8, text: &str) -> Result<(), String> {
        (self.sequence, self.received) = (0, 0);
        self.send(&[&[code], text.as_bytes()].concat()).await
    }

    /// Takes leave. Whether the server hears it matters to nobody here.
    pub async fn quit(mut self) {
        let _ = self.command(QUIT, "").await;
    }

    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The same with another stream, which goes on where this one is.
    pub async fn over(
        self,
        change: impl AsyncFnOnce(Stream) -> Result<Stream, String>,
    ) -> Result<Self, String> {
        Ok(Self { stream: change(self.stream).await?, ..self })
    }
}

fn number_and_sequence(head: &[u8]) -> [usize; 2] {
    let byte = |at: usize| head.get(at).copied().map_or(0, usize::from);
    [byte(0) | byte(1) << 8 | byte(2) << 16, byte(3)]
}

/// A packet that is taken apart from its beginning on. Each part is `None` where the packet is too short
/// for it.
pub struct Parts<'a>(pub &'a [u8]);

impl<'a> Parts<'a> {
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A whole number of so many bytes.
    pub fn number(&mut self, count: usize) -> Option<u64> {
        let bytes = self.bytes(count)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// What stands before a zero.
    pub fn until_zero(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.bytes(end);
        self.bytes(1)?;
        text
    }

    /// A number that says itself how many bytes it has.
    pub fn length(&mut self) -> Option<u64> {
        match self.number(1)? {
            0xfc => self.number(2),
            0xfd => self.number(3),
            0xfe => self.number(8),
            0xfb | 0xff => None,
            number => Some(number),
        }
    }

    /// A text behind its length.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.bytes(usize::try_from(length).ok()?)
    }

    /// The same of a value, which may be NULL.
    pub fn value(&mut self) -> Option<Option<&'a [u8]>> {
        if self.0.first() == Some(&NULL) {
            self.bytes(1)?;
            return Some(None);
        }
        self.text().map(Some)
    }
}

pub const NOT_MYSQL: &str =
    "what answers there is neither MySQL nor MariaDB: correct host and port";
pub const UNEXPECTED: &str = "the server sent a packet that is not expected there";

const HEAD: usize = 4;

/// A command of the protocol.
const QUIT: u8 = 1;

/// A value that is NULL.
const NULL: u8 = 0xfb;

/// A greeting has some hundred bytes; an error in its place a sentence.
const LONGEST_GREETING: usize = 2048;

/// A row of what is asked for has some hundred bytes, and with the longest errors of replication some
/// thousand; all of them together some ten thousand.
const LONGEST_PACKET: usize = 1 << 18;
const LONGEST_ANSWER: usize = 1 << 20;
