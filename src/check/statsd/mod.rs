//! `agent.statsd`: numbers that applications send, on a socket of UDP.

mod line;
mod series;
mod socket;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use log::warn;

use self::series::{All, MOST_MEMBERS};
use self::socket::{Read, Socket};
use crate::model::{
    Check, CheckType, Declared, Discovers, Findings, Form, Opening, Running, Setting, Unit, Waiting,
};
use crate::shown::shown;

pub const TYPE: CheckType = CheckType {
    name: "agent.statsd",
    about: "What applications send in the format of StatsD or DogStatsD, by UDP",
    settings: &[
        Setting {
            name: "address",
            form: Form::Text,
            about: "The IP address to listen on, 127.0.0.1 by default; others can send to any other address",
            is_required: false,
            example: "127.0.0.1",
        },
        Setting {
            name: "port",
            form: Form::Whole(1, 65_535),
            about: "The port to listen on, 8125 by default",
            is_required: false,
            example: "8125",
        },
        Setting {
            name: "series",
            form: Form::Whole(1, 20_000),
            about: "How many different names with tags are kept, 1000 by default; lines of others are dropped and counted",
            is_required: false,
            example: "1000",
        },
    ],
    one_of: &[],
    metrics: &[
        Declared::gauge(
            "received_datagrams",
            Unit::Count,
            "datagrams that were read since the run before",
        ),
        Declared::gauge(
            "received_lines",
            Unit::Count,
            "lines in them, without events and states of services",
        ),
        Declared::gauge(
            "bad_lines",
            Unit::Count,
            "lines that were not understood; the log has the first one",
        ),
        Declared::gauge(
            "dropped_lines",
            Unit::Count,
            "lines of series above the limit, and of sets whose members are above 100,000",
        ),
        Declared::gauge(
            KERNEL_DROPS,
            Unit::Count,
            "/proc/self/net/udp or udp6, growth of the column drops of the socket since the run before: what did not fit into its buffer",
        ),
        Declared::gauge("series_count", Unit::Count, "names with tags that are kept"),
    ],
    discovers: Discovers::Published,
    targets: None,
    open: |of: &Opening| Box::new(Statsd::of(of)),
};

struct Statsd {
    id: String,
    address: Result<SocketAddr, String>,
    most_series: usize,
    proc: std::path::PathBuf,
    socket: Option<Socket>,
    all: All,
    /// Whether a bad line was told.
    has_told: bool,
    /// What the kernel had dropped at the last run.
    drops: u64,
}

impl Statsd {
    fn of(opening: &Opening) -> Self {
        let details = opening.details;
        let port = details.number("port").unwrap_or(PORT) as u16;
        let address = match details.text("address").map(str::parse::<IpAddr>) {
            None => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Some(parsed) => parsed.map_err(|_| {
                let text = details.text("address").unwrap_or_default();
                format!("address {text:?}: expected an IP address such as 127.0.0.1")
            }),
        };
        let most_series = details.number("series").unwrap_or(SERIES) as usize;
        Self {
            id: opening.id.to_owned(),
            address: address.map(|address| SocketAddr::new(address, port)),
            most_series,
            proc: opening.roots.proc.clone(),
            socket: None,
            all: All::new(most_series),
            has_told: false,
            drops: 0,
        }
    }

    /// The socket, which is opened when it is first needed.
    fn listen(&mut self) -> Result<&Socket, String> {
        let address = self.address.clone()?;
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => Socket::open(address)?,
        };
        Ok(self.socket.insert(socket))
    }

    /// Takes what has arrived, until it took so many bytes of the buffer of the socket. True if there may be
    /// more.
    fn take(&mut self, most: usize) -> bool {
        let Some(socket) = &self.socket else { return false };
        let mut buffer = [0; LONGEST_DATAGRAM];
        let mut taken = 0;
        while taken < most {
            let datagram = match socket.read(&mut buffer) {
                Read::Datagram(length) => &buffer[..length],
                Read::Nothing => return false,
            };
            taken += datagram.len() + BESIDE_TEXT;
            if let Err(bad) = self.all.take(datagram)
                && !std::mem::replace(&mut self.has_told, true)
            {
                let id = &self.id;
                warn!(
                    "check {id}: {}; further lines that are not understood are counted",
                    shown(&bad)
                );
            }
        }
        true
    }

    fn found(&mut self) -> Findings {
        let mut found = Findings { values: self.all.findings(), ..Findings::default() };
        let counts = std::mem::take(&mut self.all.counts);
        for (name, count) in [
            ("received_datagrams", counts.datagrams),
            ("received_lines", counts.lines),
            ("bad_lines", counts.bad),
            ("dropped_lines", counts.dropped + counts.dropped_members),
            ("series_count", self.all.len() as u64),
        ] {
            found.number(name, count as f64);
        }
        let mut dropped = Vec::new();
        match self.socket.as_ref().map(|socket| socket.drops(&self.proc)) {
            Some(Ok(drops)) => {
                let before = std::mem::replace(&mut self.drops, drops);
                let count = drops.saturating_sub(before);
                found.number(KERNEL_DROPS, count as f64);
                if count > 0 {
                    dropped.push(format!(
                        "datagrams dropped by the kernel since the last run: {count}; the socket's buffer was full: send fewer, or more lines in each"
                    ));
                }
            }
            Some(Err(why)) => found.absent(KERNEL_DROPS, why),
            None => found.absent(KERNEL_DROPS, "the socket is not open"),
        }
        if counts.dropped > 0 {
            dropped.push(format!(
                "lines dropped since the last run: {}; more than {} series were sent: raise series, or send fewer tags",
                counts.dropped, self.most_series
            ));
        }
        if counts.dropped_members > 0 {
            dropped.push(format!(
                "lines of sets dropped since the last run: {}; all sets together had more than {MOST_MEMBERS} different values: send fewer sets, or make period shorter",
                counts.dropped_members
            ));
        }
        found.status = (!dropped.is_empty()).then(|| dropped.join("; "));
        if let Ok(address) = &self.address {
            found.raw("address", address);
        }
        found
    }
}

impl Check for Statsd {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async {
            self.listen()?;
            // What has arrived belongs to this run, but a flood must not hold it up.
            self.take(AT_ONCE);
            Ok(self.found())
        })
    }

    fn mistake(&self) -> Option<String> {
        self.address.as_ref().err().cloned()
    }

    fn wait(&mut self) -> Waiting<'_> {
        Box::pin(async {
            loop {
                match self.listen() {
                    Ok(socket) => socket.readable().await,
                    // A run says why.
                    Err(_) => std::future::pending().await,
                }
                if self.take(AT_ONCE) {
                    // Samples and requests come first: the rest waits in the buffer of the socket.
                    tokio::task::yield_now().await;
                }
            }
        })
    }

    fn last(&mut self) -> Option<Findings> {
        // What is sent from now on is not waited for, however fast it comes.
        let waiting = self.socket.as_ref()?.buffer();
        self.take(waiting);
        Some(self.found())
    }
}

const KERNEL_DROPS: &str = "kernel_dropped_datagrams";

/// The port of StatsD.
const PORT: f64 = 8125.0;

const SERIES: f64 = 1000.0;

/// The largest datagram of UDP.
const LONGEST_DATAGRAM: usize = 65_536;

/// Bytes that are taken before anything else of the agent has its turn. Measured: 0.8 ms
/// for the shortest lines in one datagram, 0.1 ms for a line in each. The last one may be longer by 64 kB.
const AT_ONCE: usize = 32 << 10;

/// What a datagram needs of the buffer of the socket beside its text, at least: the kernel keeps more with it.
const BESIDE_TEXT: usize = 512;

/// CloudWatch takes 30 dimensions, and the agent's own are among them.
const MOST_TAGS: usize = 20;
