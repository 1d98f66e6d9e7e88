//! A client that puts hand-made bytes on a raw connection.

// Each test program uses its own part of this.
#![allow(dead_code)]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ciborium::Value;
use fake_cloudwatch::{Answer, Datum, FakeCloudWatch, Seen};

pub struct Client<S = TcpStream> {
    pub stream: S,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        // Ends a hung test; nothing waits for it to pass.
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket has timeouts");
        Self { stream }
    }

    pub fn port(&self) -> u16 {
        self.stream.local_addr().expect("it is connected").port()
    }

    /// Whether there is nothing to read now, not even the end of the connection.
    pub fn is_silent(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("sockets can");
        let read = self.stream.read(&mut [0]);
        self.stream.set_nonblocking(false).expect("sockets can");
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl<S: Read + Write> Client<S> {
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    pub fn put(&mut self, body: &[u8]) -> Reply {
        self.send(&request(body, ""));
        self.reply().expect("a whole reply")
    }

    pub fn reply(&mut self) -> io::Result<Reply> {
        let head = self.head()?;
        let mut lines = head.lines();
        let status = lines.next().expect("a status line");
        let status = status.strip_prefix("HTTP/1.1 ").expect("HTTP/1.1");
        let headers: Vec<(String, String)> = lines
            .map_while(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut reply =
            Reply { status: status.trim().parse().expect("a number"), headers, body: Vec::new() };
        let length = reply.header("content-length").parse().expect("a number");
        reply.body.resize(length, 0);
        self.stream.read_exact(&mut reply.body)?;
        Ok(reply)
    }

    /// Up to and with the empty line, byte by byte so as not to touch the body.
    pub fn head(&mut self) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            head.extend_from_slice(&byte);
        }
        Ok(String::from_utf8(head).expect("heads are text"))
    }

    /// Reads on until so many bytes have come.
    pub fn read_at_least(&mut self, bytes: usize) {
        self.stream.read_exact(&mut vec![0; bytes]).expect("there is more than this");
    }

    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.find_header(name).unwrap_or_else(|| panic!("{name} in {self:?}"))
    }

    pub fn find_header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Type and message of an error of the service.
    pub fn fault(&self) -> (String, String) {
        let value: Value = ciborium::from_reader(&self.body[..]).expect("CBOR");
        let members = value.into_map().expect("a map").into_iter();
        let text: Vec<(String, String)> = members
            .map(|(key, value)| (key.into_text().unwrap(), value.into_text().unwrap()))
            .collect();
        let [(error_type, type_text), (message, message_text)] = &text[..] else {
            panic!("two members, not {text:?}");
        };
        assert_eq!((error_type.as_str(), message.as_str()), ("__type", "message"));
        (type_text.clone(), message_text.clone())
    }
}

/// A server that answers the next request so, and a client connected to it.
pub fn answering(answer: Answer) -> (FakeCloudWatch, Client) {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_next(answer);
    let client = Client::connect(cloudwatch.address());
    (cloudwatch, client)
}

pub fn one_request(seen: &Seen) -> bool {
    seen.requests.len() == 1
}

/// What the SDK sends; `more` are header lines.
pub fn request(body: &[u8], more: &str) -> Vec<u8> {
    let path = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
    let headers =
        format!("content-type: application/cbor\r\nsmithy-protocol: rpc-v2-cbor\r\n{more}");
    raw_request("POST", path, &headers, body)
}

pub fn raw_request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A valid body with one datum of one value.
pub fn body(value: f64) -> Vec<u8> {
    put_metric_data("Test", vec![sent_datum(value)])
}

/// What [`body`] is recorded as.
pub fn datum(value: f64) -> Datum {
    Datum {
        namespace: "Test".to_owned(),
        name: "CPU".to_owned(),
        dimensions: Vec::new(),
        timestamp: now(),
        values: vec![value],
        counts: vec![1.0],
        set: None,
        unit: None,
        storage_resolution: None,
    }
}

pub fn put_metric_data(namespace: &str, data: Vec<Value>) -> Vec<u8> {
    cbor(&map(vec![("Namespace", namespace.into()), ("MetricData", Value::Array(data))]))
}

pub fn sent_datum(value: f64) -> Value {
    map(vec![
        ("MetricName", "CPU".into()),
        ("Timestamp", timestamp(now())),
        ("Value", value.into()),
    ])
}

/// One moment for all of a test program: the service refuses data from long ago.
pub fn now() -> SystemTime {
    static NOW: std::sync::LazyLock<SystemTime> = std::sync::LazyLock::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        UNIX_EPOCH + Duration::from_millis(since.as_millis() as u64)
    });
    *NOW
}

pub fn timestamp(time: SystemTime) -> Value {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    Value::Tag(1, Box::new(seconds.into()))
}

pub fn map(members: Vec<(&str, Value)>) -> Value {
    let members = members.into_iter().map(|(name, value)| (name.into(), value));
    Value::Map(members.collect())
}

pub fn cbor(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("writing to memory does not fail");
    bytes
}
