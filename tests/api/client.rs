//! A client that sends what it is told.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

/// Where an agent answers.
pub enum Place {
    Unix(String),
    Tcp(u16),
}

/// A connection.
pub struct Client {
    reading: BufReader<Box<dyn Read>>,
    writing: Box<dyn Write>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Client {
    pub fn at(place: &Place) -> Self {
        match place {
            Place::Tcp(port) => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).expect("it listens");
                stream.set_read_timeout(Some(HUNG_TEST)).expect("it can be set");
                let writing = stream.try_clone().expect("a descriptor");
                Self { reading: BufReader::new(Box::new(stream)), writing: Box::new(writing) }
            }
            Place::Unix(path) => {
                let stream = UnixStream::connect(path).expect("it listens");
                stream.set_read_timeout(Some(HUNG_TEST)).expect("it can be set");
                let writing = stream.try_clone().expect("a descriptor");
                Self { reading: BufReader::new(Box::new(stream)), writing: Box::new(writing) }
            }
        }
    }

    /// Over a stream that is there.
    pub fn over(reading: impl Read + 'static, writing: impl Write + 'static) -> Self {
        Self { reading: BufReader::new(Box::new(reading)), writing: Box::new(writing) }
    }

    /// Sends a text, as far as it is taken.
    pub fn send(&mut self, text: &str) {
        let _ = self.writing.write_all(text.as_bytes());
    }

    /// The next answer; nothing where the connection was closed instead.
    pub fn answer(&mut self) -> Option<Answer> {
        self.answer_to("GET")
    }

    /// The same to a method: that to HEAD has no body.
    pub fn answer_to(&mut self, method: &str) -> Option<Answer> {
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or(line).expect("it begins with a status");
        let mut headers = Vec::new();
        loop {
            let line = self.line().expect("the head ends");
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        // A 204 has neither a body nor a length.
        assert_eq!(length.is_none(), status == 204, "{answer:?}");
        if method != "HEAD" && status != 204 {
            answer.body = vec![0; length.expect("each answer has a length")];
            self.reading.read_exact(&mut answer.body).expect("the body is whole");
        }
        Some(answer)
    }

    /// The same where TLS may end the connection with an error.
    pub fn try_answer(&mut self) -> Option<Answer> {
        let is_there = self.reading.fill_buf().is_ok_and(|bytes| !bytes.is_empty());
        if is_there { self.answer() } else { None }
    }

    /// All that comes until the connection is closed.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.reading.read_to_end(&mut rest) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            read => drop(read.expect("it is closed in time")),
        }
        rest
    }

    /// The next line, without its end; nothing where the connection was closed.
    pub fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.reading.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            read => {
                read.expect("there is an answer in time");
                Some(String::from_utf8(line).expect("ASCII").trim_end().to_owned())
            }
        }
    }

    /// Whether the connection is closed, with nothing more on it.
    pub fn is_closed(&mut self) -> bool {
        self.line().is_none()
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(of, _)| of == name);
        found.map(|(_, value)| &**value)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Status and type of an error, which has the four fields that clients read.
    #[track_caller]
    pub fn error(&self) -> (u16, String) {
        let body = self.json();
        let texts = ["type", "code", "message", "details"]
            .map(|field| body[field].as_str().ok_or(&body).expect("it has all fields").to_owned());
        assert_eq!(texts[1], self.status.to_string(), "{body}");
        assert!(texts[2].len() > 5 && self.status >= 400, "{body}");
        (self.status, texts[0].clone())
    }
}

/// A guard against a test that would hang; nothing is measured by it.
pub const HUNG_TEST: Duration = Duration::from_secs(60);
