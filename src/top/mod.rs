//! `top`: a live view of an agent that runs, through its API.
//!
//! One part asks the agent, and the other draws and takes the keys. Both run in the same thread, and neither waits for
//! the other.

mod cursor;
mod head;
mod help;
mod list;
mod metrics;
mod page;
mod plotted;
mod reader;
mod snapshot;
mod state;

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::future::OptionFuture;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::interval;

use self::plotted::Found;
use self::reader::Reader;
use self::state::State;
use crate::client::Client;
use crate::config::cli::Cli;
use crate::config::{AgentApi, Problems};
use crate::ctl::{Told, WRONG_USE, no_address};
use crate::terminal::full::Full;
use crate::terminal::has_colours;

/// What is asked.
pub struct Top {
    api: AgentApi,
}

/// A chart that is being read.
type Reading = Pin<Box<dyn Future<Output = (usize, Result<Found, String>)>>>;

impl Top {
    pub fn new(cli: &Cli) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let api = AgentApi::new(cli, &mut problems);
        if api.is_none() && problems.is_empty() {
            problems.of_several(no_address());
        }
        match api {
            Some(api) if problems.is_empty() => Ok(Self { api }),
            _ => Err(problems),
        }
    }

    /// Shows the agent until that is ended by a key; prints a table where there is no terminal to draw on. An agent that
    /// does not answer at first is an error.
    pub async fn run(self) -> Told {
        let reader = match Client::new(self.api.clone()).await {
            Ok(client) => Reader::new(client),
            Err(why) => return Told::failed(why, WRONG_USE),
        };
        let address = self.api.address.to_string();
        let state = match reader.snapshot().await {
            Ok(snapshot) => State::new(address, snapshot, has_colours()),
            Err(told) => return told,
        };
        match Full::open() {
            Ok(Some(full)) => {
                // Fails where the terminal is gone. Then nobody sees it any more.
                let _ = self.show(full, state, &reader).await;
                Told::default()
            }
            // One that is no terminal, or cannot be drawn on.
            Ok(None) | Err(_) => Told::of(state.plain()),
        }
    }

    /// Draws whatever is new, and does what the keys say.
    async fn show(&self, mut full: Full, mut state: State, reader: &Reader) -> io::Result<()> {
        let (sender, mut news) = mpsc::channel(DEPTH);
        let mut asking = pin!(reader.run(sender));
        let mut resized = signal(SignalKind::window_change())?;
        let mut suspended = signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?;
        let mut resumed = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        // Ages grow also where nothing comes.
        let mut ticks = interval(TICK);
        let mut reading: Option<Reading> = None;
        loop {
            let size = full.size()?;
            match state.chart() {
                Some(chart) => {
                    if let Some(wanted) = chart.wanted(size.1) {
                        reading = Some(Box::pin(wanted.read(reader.client.clone())));
                    }
                }
                None => reading = None,
            }
            full.draw(state.rows(size))?;
            tokio::select! {
                keys = full.keys() => {
                    let size = full.size()?;
                    if !keys?.into_iter().all(|key| state.press(key, size)) {
                        return Ok(());
                    }
                }
                Some(one) = news.recv() => {
                    state.take(one);
                    while let Ok(another) = news.try_recv() {
                        state.take(another);
                    }
                }
                Some(found) = OptionFuture::from(reading.as_mut()) => {
                    reading = None;
                    if let Some(chart) = state.chart() {
                        chart.take(found);
                    }
                }
                _ = resized.recv() => full.forget(),
                _ = suspended.recv() => full.suspend()?,
                _ = resumed.recv() => full.take_over()?,
                _ = ticks.tick() => {}
                () = &mut asking => {}
            }
        }
    }
}

/// News that may wait to be shown. What comes next waits in its connection.
const DEPTH: usize = 16;

const TICK: Duration = Duration::from_secs(1);
