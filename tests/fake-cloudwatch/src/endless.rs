//! Replies that have no end.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::answer::Endless;
use crate::http::{CBOR, Http};

impl Endless {
    /// Writes until the client is gone, which is an error, or `going_on` says no after a pause.
    pub(crate) fn write_to<S: Read + Write>(
        self,
        http: &mut Http<S>,
        going_on: impl Fn(Duration) -> bool,
    ) -> io::Result<()> {
        http.write(format!("HTTP/1.1 200 \r\n{}", self.head()).as_bytes())?;
        let (piece, pause) = self.piece();
        while going_on(pause) {
            http.write(&piece)?;
        }
        Ok(())
    }

    fn head(self) -> String {
        // With the header of the service: only the length is wrong with it.
        let service = format!("content-type: {CBOR}\r\nsmithy-protocol: rpc-v2-cbor\r\n");
        match self {
            Self::Chunks | Self::Drip => service + "transfer-encoding: chunked\r\n\r\n",
            Self::Promised(length) => format!("{service}content-length: {length}\r\n\r\n"),
            Self::Head => service,
        }
    }

    /// What is written again and again, and the pause before it.
    fn piece(self) -> (Vec<u8>, Duration) {
        let chunk = |length: usize| {
            [format!("{length:x}\r\n").as_bytes(), &vec![b'x'; length], b"\r\n"].concat()
        };
        match self {
            Self::Chunks => (chunk(PIECE), Duration::ZERO),
            Self::Drip => (chunk(1), BETWEEN_DROPS),
            Self::Promised(_) => (vec![b'x'; PIECE], Duration::ZERO),
            Self::Head => {
                (format!("x-more: {}\r\n", "x".repeat(PIECE / 64)).into_bytes(), Duration::ZERO)
            }
        }
    }
}

const PIECE: usize = 64 << 10;

/// Often enough that no timeout between two bytes would end it.
const BETWEEN_DROPS: Duration = Duration::from_millis(10);
