//! `remote.tcp`: whether a port takes connections, and what it says.

#[cfg(test)]
mod tests;

use tokio::time::Instant;

use super::AVAILABILITY;
use super::matching::{Pattern, beginning};
use crate::check::connect::{self, Awaited, milliseconds};
use crate::check::tls::{self, Switches, Trust};
use crate::exchange::{self, Connection};
use crate::model::{
    Check, CheckType, Declared, Details, Discovers, Findings, Form, Opening, Running, Setting, Unit,
};

pub const TYPE: CheckType = CheckType {
    name: "remote.tcp",
    about: "Whether a port of a host takes connections, how fast, and what it says",
    settings: &[
        Setting::required("host", Form::Text, "The name or address of the host", "mail.example.com"),
        Setting::required("port", Form::Whole(1, 65_535), "The port", "25"),
        Setting::optional(
            "send_body",
            Form::Text,
            "What is sent; \\r, \\n, \\t, \\0, \\\\ and \\xHH stand for a character each; an answer is waited for",
            "'PING\\r\\n'",
        ),
        Setting::optional(
            "banner_match",
            Form::Text,
            "A text or regular expression that the first kilobyte from the server has to have, or it is unavailable",
            "'^220 '",
        ),
        Setting::optional("tls", Form::YesOrNo, "Whether TLS is spoken from the beginning", "yes"),
        Setting::optional(
            "verify",
            Form::YesOrNo,
            "Whether the certificate has to be valid and trusted here; yes by default",
            "no",
        ),
    ],
    one_of: &[],
    metrics: &[
        AVAILABILITY,
        Declared::gauge(
            "duration",
            Unit::Milliseconds,
            "from the beginning of the name lookup to the end of the check: of the connection, or of the banner \
            where one is waited for",
        )
        .headline(),
        Declared::gauge(
            "tt_connect",
            Unit::Milliseconds,
            "until the connection stands: name lookup and TCP, without TLS",
        ),
        Declared::gauge(
            "tt_firstbyte",
            Unit::Milliseconds,
            "until the first byte from the server, from the same beginning; only where send_body or banner_match is set",
        ),
        Declared::text(
            "banner",
            "what the server said first, of which 80 bytes are shown; only where send_body or banner_match is set",
        ),
    ],
    discovers: Discovers::Nothing,
    targets: None,
    open: |of: &Opening| Box::new(Tcp::of(of.details)),
};

struct Tcp {
    /// Or what is wrong with the details.
    plan: Result<Plan, String>,
    awaited: Awaited,
}

struct Plan {
    host: String,
    port: u16,
    sent: Option<Vec<u8>>,
    pattern: Option<Pattern>,
    has_tls: bool,
    trust: Trust,
}

impl Tcp {
    fn of(details: &Details) -> Self {
        Self { plan: plan(details), awaited: Awaited::default() }
    }
}

fn plan(details: &Details) -> Result<Plan, String> {
    let host = details.text("host").unwrap_or_default().trim_matches(['[', ']']).to_owned();
    if host.contains("//") || host.contains(char::is_whitespace) {
        return Err(format!(
            "host {host:?}: expected a name or an address, such as mail.example.com"
        ));
    }
    let pattern = details.text("banner_match").map(|text| Pattern::of("banner_match", text));
    Ok(Plan {
        host,
        port: details.number("port").unwrap_or_default() as u16,
        sent: details.text("send_body").map(unescaped).transpose()?,
        pattern: pattern.transpose()?,
        has_tls: details.is_on("tls"),
        trust: Trust::of(details.is_on_unless_off("verify")),
    })
}

/// The bytes of a text in which `\` begins a character that cannot be written.
fn unescaped(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend(rest[..at].bytes());
        let escape = &rest[at + 1..];
        let (byte, length) = match escape.bytes().next() {
            Some(b'r') => (b'\r', 1),
            Some(b'n') => (b'\n', 1),
            Some(b't') => (b'\t', 1),
            Some(b'0') => (0, 1),
            Some(b'\\') => (b'\\', 1),
            Some(b'x') => {
                let digits =
                    escape.get(1..3).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                (
                    byte.ok_or(
                        "send_body: expected two hexadecimal digits behind \\x, such as \\x1b",
                    )?,
                    3,
                )
            }
            _ => {
                return Err(
                    "send_body: expected r, n, t, 0, x or \\ behind \\; \\\\ is one \\".to_owned()
                );
            }
        };
        bytes.push(byte);
        rest = &escape[length..];
    }
    bytes.extend(rest.bytes());
    Ok(bytes)
}

impl Check for Tcp {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async {
            let plan = self.plan.as_ref().map_err(String::clone)?;
            plan.run(&self.awaited).await
        })
    }

    fn mistake(&self) -> Option<String> {
        self.plan.as_ref().err().cloned()
    }

    fn awaited(&self) -> Option<&'static str> {
        self.awaited.get()
    }
}

impl Plan {
    async fn run(&self, awaited: &Awaited) -> Result<Findings, String> {
        let start = Instant::now();
        let stream = connect::connect(&self.host, self.port, awaited).await?;
        let mut found = Findings::default();
        let address = stream.peer_addr().map(|address| address.to_string()).unwrap_or_default();
        found.raw(format!("{}:{}", self.host, self.port), format_args!("connected to {address}"));
        found.number("tt_connect", milliseconds(start, Instant::now()));
        let mut stream: Box<dyn Connection> = if self.has_tls {
            awaited.set("the TLS handshake");
            Box::new(Box::pin(tls::connect(stream, &self.host, self.trust, SWITCHES)).await?)
        } else {
            Box::new(stream)
        };
        if let Some(sent) = &self.sent {
            awaited.set("the server to take what is sent");
            let written = exchange::write_all(&mut *stream, sent).await;
            written.map_err(|error| format!("sending failed: {error}"))?;
        }
        if self.sent.is_some() || self.pattern.is_some() {
            self.read_banner(&mut *stream, start, awaited, &mut found).await?;
        } else {
            for name in ["tt_firstbyte", "banner"] {
                found.absent(name, "neither send_body nor banner_match is set in details");
            }
        }
        found.number("duration", milliseconds(start, Instant::now()));
        Ok(found)
    }

    /// A text from the server without what was sent, which may be a password that some servers repeat.
    fn hide(&self, text: &str) -> String {
        let sent = self.sent.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let lines = sent.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.fold(text.to_owned(), |text, line| text.replace(line, "***"))
    }

    async fn read_banner(
        &self,
        stream: &mut dyn Connection,
        start: Instant,
        awaited: &Awaited,
        found: &mut Findings,
    ) -> Result<(), String> {
        awaited.set("the first byte from the server");
        let (mut banner, mut first) = (vec![0; MOST_BANNER], None);
        let mut length = 0;
        loop {
            let read = exchange::read_some(stream, &mut banner[length..]).await;
            let read = read.map_err(|error| format!("the connection failed: {error}"))?;
            length += read;
            let text = String::from_utf8_lossy(&banner[..length]);
            if read > 0 {
                first.get_or_insert_with(Instant::now);
                awaited.set("what banner_match asks for");
            }
            if length > 0 && self.pattern.as_ref().is_none_or(|of| of.find(&text).is_some()) {
                found.text("banner", beginning(&self.hide(&text), SHOWN));
                break;
            }
            if read == 0 || length == MOST_BANNER {
                return Err(match length {
                    0 => "the server closed the connection and said nothing".to_owned(),
                    _ => format!(
                        "banner_match is not in what the server says, which begins with {:?}",
                        beginning(&self.hide(&text), SHOWN)
                    ),
                });
            }
        }
        found.number("tt_firstbyte", milliseconds(start, first.unwrap_or(start)));
        Ok(())
    }
}

/// How a user switches TLS.
const SWITCHES: Switches = Switches { any: "set verify: no", off: "set tls: no" };

/// How much is read of what a server says.
const MOST_BANNER: usize = 1024;

/// How much of it is shown, in bytes.
const SHOWN: usize = 80;
