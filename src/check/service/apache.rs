//! `agent.apache`: what Apache's `mod_status` tells.

#[cfg(test)]
mod tests;

use super::page::{self, PASSWORD, USER, VERIFY};
use crate::check::connect::Awaited;
use crate::check::http::{Asked, Wanted, fetch};
use crate::model::{
    Check, CheckType, Declared, Details, Discovers, Findings, Form, Opening, Running, Setting, Unit,
};

pub const TYPE: CheckType = CheckType {
    name: "agent.apache",
    about: "What an Apache HTTP server serves and what its workers do, by the page server-status?auto of mod_status",
    settings: &[
        Setting::required(
            "url",
            Form::Text,
            "The page, with ?auto",
            "http://127.0.0.1/server-status?auto",
        ),
        USER,
        PASSWORD,
        VERIFY,
    ],
    one_of: &[],
    metrics: &[
        Declared::counter(
            "total_accesses",
            Unit::Count,
            "Total Accesses: requests since the start; its growth is the present rate of requests",
        )
        .since(EXTENDED),
        Declared::counter(
            "total_kbytes",
            Unit::Kilobytes,
            "Total kBytes: what was sent since the start",
        )
        .since(EXTENDED),
        Declared::gauge(
            "uptime",
            Unit::Seconds,
            "Uptime, else ServerUptimeSeconds: since the start or the last restart",
        ),
        Declared::gauge(
            "bytes_per_second",
            Unit::BytesPerSecond,
            "BytesPerSec: an average since the start, and not the present rate",
        )
        .since(EXTENDED),
        Declared::gauge(
            "bytes_per_request",
            Unit::Bytes,
            "BytesPerReq: an average since the start; absent before the first request",
        )
        .since(EXTENDED),
        Declared::gauge(
            "busy_workers",
            Unit::Count,
            "BusyWorkers: those with a request, that of this check included",
        )
        .headline(),
        Declared::gauge("idle_workers", Unit::Count, "IdleWorkers: those that wait for a request"),
        Declared::gauge(
            "cpu_load",
            Unit::Percent,
            "CPULoad: of one CPU, an average since the start; absent before any CPU time was used",
        )
        .since(EXTENDED),
        Declared::gauge(
            "requests_per_second",
            Unit::CountPerSecond,
            "ReqPerSec: an average since the start, and not the present rate, which is the growth of total_accesses",
        )
        .headline()
        .since(EXTENDED),
        worker("waiting", "Scoreboard: workers at _, that wait for a connection"),
        worker("starting", "Scoreboard: S, that start up"),
        worker("reading", "Scoreboard: R, that read a request"),
        worker("sending", "Scoreboard: W, that send an answer"),
        worker("keepalive", "Scoreboard: K, that keep a connection for a further request"),
        worker("dns", "Scoreboard: D, that look up a name"),
        worker("closing", "Scoreboard: C, that close a connection"),
        worker("logging", "Scoreboard: L, that write to the log"),
        worker("gracefully_finishing", "Scoreboard: G, that finish before they end"),
        worker("idle", "Scoreboard: I, that are cleaned up because they were idle"),
        worker("open", "Scoreboard: ., places for a worker with none"),
    ],
    discovers: Discovers::Nothing,
    targets: None,
    open: |of: &Opening| Box::new(Apache::of(of.details)),
};

const fn worker(name: &'static str, source: &'static str) -> Declared {
    Declared::gauge(name, Unit::Count, source)
}

const EXTENDED: &str = "ExtendedStatus On";

struct Apache {
    /// Or what is wrong with the details.
    asked: Result<Asked, String>,
    awaited: Awaited,
}

impl Apache {
    fn of(details: &Details) -> Self {
        Self { asked: page::asked(details, MOST_BODY), awaited: Awaited::default() }
    }
}

impl Check for Apache {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async {
            let asked = self.asked.as_ref().map_err(String::clone)?;
            let mut body = Vec::new();
            let mut take = |piece: &[u8]| {
                body.extend(piece);
                Wanted::More
            };
            let answer = fetch(asked, &self.awaited, &mut take).await?;
            answer.require_success()?;
            if answer.is_cut {
                let most = MOST_BODY >> 10;
                return Err(format!("{} is longer than {most} kB: correct url", answer.url));
            }
            let text = String::from_utf8_lossy(&body);
            let mut found = findings(&text).ok_or_else(|| no_status(&text, &asked.url))?;
            found.raw(answer.url.to_string(), text.trim());
            Ok(found)
        })
    }

    fn mistake(&self) -> Option<String> {
        self.asked.as_ref().err().cloned()
    }

    fn awaited(&self) -> Option<&'static str> {
        self.awaited.get()
    }
}

/// The error of a page that is another one.
fn no_status(text: &str, url: impl std::fmt::Display) -> String {
    let is_html = text.trim_start().starts_with('<');
    match is_html {
        true if text.contains("Apache Server Status") => {
            format!("{url} is the status page for people: add ?auto to url")
        }
        true => format!("{url} is another page: expected that of mod_status, with ?auto in url"),
        false => format!(
            "{url} has no line Scoreboard: expected the page of mod_status, with ?auto in url"
        ),
    }
}

/// The values of a page, if it is that of mod_status.
fn findings(text: &str) -> Option<Findings> {
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
    };
    let scoreboard = value("Scoreboard")?;
    let is_extended = value("Total Accesses").is_some();
    let mut found = Findings::default();
    for (name, keys) in LINES {
        let Some((key, text)) = keys.iter().find_map(|key| Some((key, value(key)?))) else {
            let reason = match *name {
                "idle_workers" | "busy_workers" | "uptime" => "the page has no such line",
                _ if !is_extended => "the server has ExtendedStatus Off: set it to On",
                "bytes_per_request" => "there was no request yet",
                "cpu_load" => "no CPU time was used yet",
                _ => "the page has no such line",
            };
            found.absent(name, reason);
            continue;
        };
        match text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0) {
            Some(number) => found.number(name, number),
            None => found.absent(name, format!("{key}: {text:.40} is no number")),
        }
    }
    for (name, letter) in LETTERS {
        let count = scoreboard.bytes().filter(|found| found == letter).count();
        found.number(name, count as f64);
    }
    Some(found)
}

/// The lines of each metric, of which the first that is there counts.
const LINES: &[(&str, &[&str])] = &[
    ("total_accesses", &["Total Accesses"]),
    ("total_kbytes", &["Total kBytes"]),
    ("uptime", &["Uptime", "ServerUptimeSeconds"]),
    ("bytes_per_second", &["BytesPerSec"]),
    ("bytes_per_request", &["BytesPerReq"]),
    // Before version 2.2 they were called servers.
    ("busy_workers", &["BusyWorkers", "BusyServers"]),
    ("idle_workers", &["IdleWorkers", "IdleServers"]),
    ("cpu_load", &["CPULoad"]),
    ("requests_per_second", &["ReqPerSec"]),
];

/// The letter of each metric in the scoreboard.
const LETTERS: &[(&str, u8)] = &[
    ("waiting", b'_'),
    ("starting", b'S'),
    ("reading", b'R'),
    ("sending", b'W'),
    ("keepalive", b'K'),
    ("dns", b'D'),
    ("closing", b'C'),
    ("logging", b'L'),
    ("gracefully_finishing", b'G'),
    ("idle", b'I'),
    ("open", b'.'),
];

/// The page has a letter for each place of a worker, of which there are rarely more than a few thousand.
const MOST_BODY: usize = 256 << 10;
