//! The little of HTTP/1.1 that is needed: a head, a body with a content-length, a reply.

use std::io::{self, Read, Write};
use std::time::SystemTime;

/// The content type of Smithy RPC v2 CBOR, in both directions.
pub(crate) const CBOR: &str = "application/cbor";

/// Far above the service's own limit of 1 MB: only keeps a broken client from filling the memory.
pub(crate) const MAX_BODY: usize = 16 << 20;

/// Reads requests from a stream and writes replies to it.
pub(crate) struct Http<S> {
    stream: S,
    /// Read, but not used up yet.
    buffer: Vec<u8>,
}

pub(crate) struct Head {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl<S: Read + Write> Http<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The next request's head. None if the client closed the connection before it.
    pub fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some((head, length)) = Head::parse(&self.buffer)? {
                self.buffer.drain(..length);
                return Ok(Some(head));
            }
            if self.fill()? == 0 {
                return Ok(None);
            }
        }
    }

    pub fn body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 << 10];
        let length = self.stream.read(&mut chunk)?;
        self.buffer.extend_from_slice(&chunk[..length]);
        Ok(length)
    }
}

impl Head {
    /// The head and its length. None if it is not whole yet.
    fn parse(bytes: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let mut slots = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut slots);
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let httparse::Status::Complete(length) = request.parse(bytes).map_err(invalid)? else {
            return Ok(None);
        };
        let text = |header: &httparse::Header| {
            let value = String::from_utf8_lossy(header.value).into_owned();
            (header.name.to_ascii_lowercase(), value)
        };
        let head = Self {
            method: request.method.unwrap_or_default().to_owned(),
            path: request.path.unwrap_or_default().to_owned(),
            headers: request.headers.iter().map(text).collect(),
        };
        Ok(Some((head, length)))
    }

    /// The value of a header; its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// None if there is no usable one: chunked bodies are not supported, as the SDK sends none.
    pub fn content_length(&self) -> Option<usize> {
        match self.header("content-length") {
            Some(value) => value.parse().ok(),
            None if self.header("transfer-encoding").is_some() => None,
            None => Some(0),
        }
    }
}

impl Reply {
    pub fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        let reply = Self { status, headers: Vec::new(), body };
        match content_type {
            "" => reply,
            content_type => reply.with("content-type", content_type),
        }
    }

    pub fn cbor(status: u16, body: Vec<u8>) -> Self {
        Self::new(status, CBOR, body).with("smithy-protocol", "rpc-v2-cbor")
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Status line and headers, for a body of this reply's length.
    pub fn head_bytes(&self, date: SystemTime) -> Vec<u8> {
        // The reason phrase is optional; clients go by the number.
        let mut head = format!("HTTP/1.1 {} \r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n", self.body.len());
        head += &format!("date: {}\r\n\r\n", httpdate::fmt_http_date(date));
        head.into_bytes()
    }

    pub fn bytes(&self, date: SystemTime) -> Vec<u8> {
        let mut bytes = self.head_bytes(date);
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
