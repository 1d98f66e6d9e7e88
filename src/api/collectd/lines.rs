//! Lines as they come, each no longer than a limit.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads lines.
pub struct Lines<R> {
    reading: R,
    /// What has come and is no line yet, or was not asked for.
    buffer: Vec<u8>,
    /// How much of it is known to have no end of a line.
    searched: usize,
    /// Whether the rest of a line that was too long is still to come.
    is_skipping: bool,
}

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    Whole(String),
    TooLong,
    NoText,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub fn of(reading: R) -> Self {
        Self { reading, buffer: Vec::new(), searched: 0, is_skipping: false }
    }

    /// The next line; nothing where no more come. One without an end may be a part of another command, and is none. It
    /// may be dropped and called again.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let end = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
            match end.map(|end| self.searched + end) {
                Some(end) => {
                    let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                    self.searched = 0;
                    if std::mem::take(&mut self.is_skipping) {
                        continue;
                    }
                    line.pop();
                    if line.last() == Some(&b'\r') {
                        line.pop();
                    }
                    if line.len() > LONGEST {
                        return Ok(Some(Line::TooLong));
                    }
                    return Ok(Some(match String::from_utf8(line) {
                        Ok(text) if !text.contains('\0') => Line::Whole(text),
                        _ => Line::NoText,
                    }));
                }
                // With the carriage return that may be its last.
                None if self.buffer.len() > LONGEST + 1 || self.is_skipping => {
                    self.buffer.clear();
                    self.searched = 0;
                    if !std::mem::replace(&mut self.is_skipping, true) {
                        return Ok(Some(Line::TooLong));
                    }
                }
                None => self.searched = self.buffer.len(),
            }
            let mut piece = [0; PIECE];
            let length = self.reading.read(&mut piece).await?;
            if length == 0 {
                return Ok(None);
            }
            self.buffer.extend_from_slice(&piece[..length]);
        }
    }
}

/// Bytes of a line without its end. collectd cuts its lines at 1,024 bytes, and takes the rest for another one.
pub const LONGEST: usize = 4096;

/// Bytes that are read at once.
const PIECE: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(bytes: &[u8]) -> Vec<Line> {
        let mut lines = Lines::of(bytes);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await.expect("it can be read") {
            all.push(line);
        }
        all
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.to_owned())
    }

    #[tokio::test]
    async fn lines_end_as_they_end_anywhere_and_what_has_no_end_is_none() {
        assert_eq!(all(b"a\nb c\r\n\n \nGETVAL x").await, ["a", "b c", "", " "].map(whole));
        assert_eq!(all(b"\xff\na\0b\nok\n").await, [Line::NoText, Line::NoText, whole("ok")]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_told_once_and_the_next_one_is_read() {
        for (length, is_taken) in [(LONGEST, true), (LONGEST + 1, false), (100_000, false)] {
            for end in ["\n", "\r\n"] {
                let long = "x".repeat(length);
                let found = all(format!("{long}{end}LISTVAL\n").as_bytes()).await;
                let first = if is_taken { whole(&long) } else { Line::TooLong };
                assert_eq!(found, [first, whole("LISTVAL")], "{length} {end:?}");
            }
        }
        assert_eq!(all("x".repeat(9000).as_bytes()).await, [Line::TooLong]);
    }
}
