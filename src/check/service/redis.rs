//! `agent.redis`: what a Redis server, or one that speaks as it does, counts of itself.

use super::said;
use super::stream::{Address, Server, Stream};
use crate::model::{
    Check, CheckType, Declared, Details, Discovers, Findings, Form, Opening, Running, Setting, Unit,
};

pub const TYPE: CheckType = CheckType {
    name: "agent.redis",
    about: "What a Redis or Valkey server counts of its clients, its memory and its keys",
    settings: &[
        Setting {
            name: "host",
            form: Form::Text,
            about: "The name or address of the server, or the path of its unix socket, which begins with /",
            is_required: true,
            example: "127.0.0.1",
        },
        Setting {
            name: "port",
            form: Form::Whole(1, 65535),
            about: "The port of the server, without TLS; 6379 by default",
            is_required: false,
            example: "6379",
        },
        Setting {
            name: "user",
            form: Form::Text,
            about: "The user of an access control list, since Redis 6; the default user by default",
            is_required: false,
            example: "monitor",
        },
        Setting {
            name: "password",
            form: Form::Secret,
            about: "The password of the server, or of the user",
            is_required: false,
            example: "${REDIS_PASSWORD}",
        },
        Setting {
            name: "timeout",
            form: Form::LastingMilliseconds(100.0, 600_000.0),
            about: "How long connecting and the answer may take; 5000 ms by default",
            is_required: false,
            example: "5000",
        },
    ],
    one_of: &[],
    metrics: &[
        Declared::text("version", "INFO: valkey_version where there is one, else redis_version"),
        Declared::gauge("uptime_in_seconds", Unit::Seconds, "INFO: uptime_in_seconds"),
        Declared::gauge(
            "connected_clients",
            Unit::Count,
            "INFO: connected_clients, the connection of this check included",
        )
        .headline(),
        Declared::gauge("blocked_clients", Unit::Count, "INFO: blocked_clients"),
        Declared::gauge(
            "bgsave_in_progress",
            Unit::Count,
            "INFO: rdb_bgsave_in_progress, before Redis 2.6 bgsave_in_progress: 1 while it saves, else 0",
        ),
        Declared::gauge(
            "changes_since_last_save",
            Unit::Count,
            "INFO: rdb_changes_since_last_save, before Redis 2.6 changes_since_last_save",
        ),
        Declared::gauge("used_memory", Unit::Bytes, "INFO: used_memory").headline(),
        Declared::counter(
            "total_connections_received",
            Unit::Count,
            "INFO: total_connections_received",
        ),
        Declared::counter(
            "total_commands_processed",
            Unit::Count,
            "INFO: total_commands_processed",
        ),
        Declared::counter("expired_keys", Unit::Count, "INFO: expired_keys"),
        Declared::counter("evicted_keys", Unit::Count, "INFO: evicted_keys"),
    ],
    discovers: Discovers::Nothing,
    targets: None,
    open: |of: &Opening| Box::new(Redis::of(of.details)),
};

/// The names of a number in INFO, of which the first that is there counts.
const NUMBERS: [(&str, &[&str]); 10] = [
    ("uptime_in_seconds", &["uptime_in_seconds"]),
    ("connected_clients", &["connected_clients"]),
    ("blocked_clients", &["blocked_clients"]),
    ("bgsave_in_progress", &["rdb_bgsave_in_progress", "bgsave_in_progress"]),
    ("changes_since_last_save", &["rdb_changes_since_last_save", "changes_since_last_save"]),
    ("used_memory", &["used_memory"]),
    ("total_connections_received", &["total_connections_received"]),
    ("total_commands_processed", &["total_commands_processed"]),
    ("expired_keys", &["expired_keys"]),
    ("evicted_keys", &["evicted_keys"]),
];

const VERSION: &[&str] = &["valkey_version", "redis_version"];

struct Redis {
    server: Server,
    user: Option<String>,
    password: Option<String>,
}

impl Redis {
    fn of(details: &Details) -> Self {
        let host = details.text("host").unwrap_or_default();
        let address = match host.starts_with('/') {
            true => Address::Unix(host.into()),
            false => Address::Tcp(
                host.to_owned(),
                details.number("port").map_or(DEFAULT_PORT, |port| port as u16),
            ),
        };
        Self {
            server: Server::of(address, details),
            user: details.text("user").map(str::to_owned),
            password: details.secret("password").map(str::to_owned),
        }
    }

    /// Logs in where that is asked for, and asks. There may be something to say beside the answer.
    async fn talk(&self, mut stream: Stream) -> Result<(String, Option<String>), String> {
        let mut status = None;
        if let Some(words) = self.login() {
            match self.ask(&mut stream, &words).await? {
                Reply::Simple => {}
                Reply::Error(text) if wants_no_password(&text) => {
                    status = Some(NEEDLESS.to_owned());
                }
                Reply::Error(text) => return Err(self.failure("AUTH", &text)),
                Reply::Bulk(_) => return Err(NOT_REDIS.to_owned()),
            }
        }
        match self.ask(&mut stream, &["INFO"]).await? {
            Reply::Bulk(text) => Ok((text, status)),
            Reply::Error(text) => Err(self.failure("INFO", &text)),
            Reply::Simple => Err(NOT_REDIS.to_owned()),
        }
    }

    fn login(&self) -> Option<Vec<&str>> {
        match (&self.user, &self.password) {
            (None, None) => None,
            (None, Some(password)) => Some(vec!["AUTH", password]),
            // One without a password takes any.
            (Some(user), password) => {
                Some(vec!["AUTH", user, password.as_deref().unwrap_or_default()])
            }
        }
    }

    async fn ask(&self, stream: &mut Stream, words: &[&str]) -> Result<Reply, String> {
        let sent = stream.send(&request(words)).await;
        // A server that has too many clients answers before it is asked, and closes.
        let reply = self.reply(stream).await;
        match (sent, reply) {
            (Err(why), Err(_)) => Err(why),
            (_, reply) => reply,
        }
    }

    async fn reply(&self, stream: &mut Stream) -> Result<Reply, String> {
        let line = stream.line(LONGEST_LINE).await;
        if stream.pending().first() == Some(&TLS_ALERT) {
            return Err(SPEAKS_TLS.to_owned());
        }
        // A TLS port closes a connection that does not begin with TLS.
        let silent = stream.pending().is_empty();
        let line = line.map_err(|why| if silent { format!("{why}{NO_ANSWER}") } else { why });
        let line = line?.ok_or(NOT_REDIS)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match line.split_first() {
            Some((b'+', _)) => Ok(Reply::Simple),
            Some((b'-', rest)) => Ok(Reply::Error(text(rest))),
            Some((b'$', rest)) => {
                let length: usize = text(rest).parse().map_err(|_| NOT_REDIS)?;
                if length > LONGEST_ANSWER {
                    return Err(format!(
                        "the answer has {length} bytes, and {LONGEST_ANSWER} are read at most"
                    ));
                }
                Ok(Reply::Bulk(text(&stream.take(length).await?)))
            }
            _ => {
                let said = said(&line, self.password.as_deref());
                Err(format!("{NOT_REDIS}; it said \"{said}\""))
            }
        }
    }

    /// What an error of the server means. One of AUTH may repeat the password, and is told by its first
    /// word alone.
    fn failure(&self, command: &str, text: &str) -> String {
        let is = |part: &str| text.to_ascii_lowercase().contains(part);
        let code = text.split(' ').next().unwrap_or_default();
        let known = match code {
            "NOAUTH" => "the server wants a password: set password",
            "WRONGPASS" if self.user.is_some() => {
                "access denied: user or password is wrong, or the user is off"
            }
            "WRONGPASS" => "access denied: the password is wrong",
            "NOPERM" => {
                "the user may not run INFO: allow it, as with ACL SETUSER NAME +info, or set another user"
            }
            "LOADING" => "the server loads its data and answers when that is done",
            "BUSY" => "the server runs a script and answers nothing else until it ends",
            "DENIED" => {
                "protected mode: without a password the server answers its own machine only; set one \
                 there (requirepass) and here"
            }
            _ if is("max number of clients") => {
                "the server has as many clients as it takes: raise its maxclients, or close some"
            }
            _ if command == "AUTH" && is("invalid password") => {
                "access denied: the password is wrong"
            }
            _ if command == "AUTH" && is("wrong number of arguments") => {
                "the server knows no users, as before Redis 6: leave out user"
            }
            _ if is("unknown command") => {
                return format!("the server has no command {command}: expected Redis");
            }
            _ if command == "AUTH" => {
                let is_code =
                    code.len() <= 16 && code.bytes().all(|byte| byte.is_ascii_uppercase());
                let code = if is_code { code } else { "an error" };
                return format!("the server answers AUTH with {code}");
            }
            _ => {
                let said = said(text.as_bytes(), self.password.as_deref());
                return format!("the server answers INFO with \"{said}\"");
            }
        };
        known.to_owned()
    }
}

impl Check for Redis {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async {
            let talk = async |stream| {
                let (text, status) = self.talk(stream).await?;
                let mut found = findings(&text)?;
                found.status = status;
                Ok(found)
            };
            self.server.ask(talk).await
        })
    }
}

enum Reply {
    Simple,
    Error(String),
    Bulk(String),
}

/// The words as an array of bulk strings.
fn request(words: &[&str]) -> Vec<u8> {
    let head = format!("*{}\r\n", words.len());
    let words = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    std::iter::once(head).chain(words).collect::<String>().into_bytes()
}

/// A server without a password refuses AUTH and accepts all other commands.
fn wants_no_password(text: &str) -> bool {
    text.contains("no password is set") || text.contains("without any password configured")
}

fn findings(text: &str) -> Result<Findings, String> {
    let lines: Vec<_> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let find = |names: &[&'static str]| {
        let found = names.iter().find_map(|name| lines.iter().find(|(key, _)| key == name));
        found.copied().map(|(key, value)| (key, value.trim_end()))
    };
    let mut found = Findings::default();
    let mut raw = Vec::new();
    match find(VERSION) {
        Some((key, version)) => {
            raw.push(format!("{key}:{version}"));
            found.text("version", said(version.as_bytes(), None));
        }
        None => found.absent("version", missing(VERSION)),
    }
    for (name, keys) in NUMBERS {
        let Some((key, value)) = find(keys) else {
            found.absent(name, missing(keys));
            continue;
        };
        raw.push(format!("{key}:{value}"));
        match value.parse::<u64>() {
            Ok(number) => found.number(name, number as f64),
            Err(_) => {
                let value = said(value.as_bytes(), None);
                found.absent(name, format!("INFO has {key} {value:?}: expected a whole number"));
            }
        }
    }
    if raw.is_empty() {
        return Err("INFO has no line that Redis has".to_owned());
    }
    found.raw("INFO", raw.join("\n"));
    Ok(found)
}

fn missing(keys: &[&str]) -> String {
    format!("INFO has no line {}", keys.join(" or "))
}

const NOT_REDIS: &str = "what answers there is not Redis: correct host and port";
const SPEAKS_TLS: &str =
    "the server speaks TLS there: set port to one without TLS, or host to its unix socket";
const NO_ANSWER: &str = " without an answer; if TLS is spoken there, set port to one without it";
const NEEDLESS: &str =
    "the server wants no password: take password out of details, or set one there";

const DEFAULT_PORT: u16 = 6379;

/// Bytes of the first line of an answer, which is a length or an error.
const LONGEST_LINE: usize = 4096;

/// INFO has some 6 kB, and a line more for each database and each kind of error.
const LONGEST_ANSWER: usize = 1 << 20;

/// What a server with TLS begins with when it refuses what is none.
const TLS_ALERT: u8 = 0x15;

#[cfg(test)]
mod tests;
