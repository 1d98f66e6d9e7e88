//! The live view of the console: below its lines, charts of the last minutes, drawn again at each
//! sample.
//!
//! Nothing ever waits for it. If the terminal cannot accept a frame at once, the frame is skipped.

mod checks;
mod picture;

use std::io;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use futures_util::future::OptionFuture;
use tokio::signal::unix::Signal as Arrivals;
use tokio::sync::{mpsc, watch};

use self::checks::Results;
use self::picture::Picture;
use crate::collector::series::Table;
use crate::collector::sink::Sink;
use crate::collector::window::window_start;
use crate::config::{Output, Publish, Settings};
use crate::model::{Health, Measured, Number, Numbers, Report, Sample, Series};
use crate::terminal::canvas::Canvas;
use crate::terminal::history::History;
use crate::terminal::{can_draw, erase_before_a_panic, has_colours, region, screen, stop_here};

/// What is shown, and where.
#[derive(Debug)]
pub struct Live {
    terminal: Canvas,
    /// Whether it is in a region of its own, below the output of a command.
    in_region: bool,
    /// Rows and columns that the last frame was made for.
    size: (usize, usize),
    colour: bool,
    chosen: Numbers,
    period: Duration,
    /// Service, namespace and dimensions.
    names: Vec<String>,
    samples: mpsc::Receiver<Sample>,
    measured: watch::Receiver<Measured>,
    checks: watch::Receiver<Results>,
    /// Ctrl-Z, where this process takes it over.
    suspensions: Option<Arrivals>,
    /// Whether there is nothing more to draw, or nothing to draw on.
    is_over: bool,
    publishers: Vec<watch::Receiver<Option<Health>>>,
    history: History,
}

/// The channels of the view: what it shows comes from them.
#[derive(Debug)]
pub struct Feeds {
    pub samples: Samples,
    /// One for each publisher.
    pub health: Vec<watch::Sender<Option<Health>>>,
}

impl Live {
    /// The view of these settings, if there is one, on a terminal that can draw: of the console's text, as
    /// far as no command writes to the terminal as well; or where it is asked for.
    ///
    /// `suspensions` takes over Ctrl-Z.
    pub fn open(
        settings: &Settings,
        suspensions: impl FnOnce() -> Option<Arrivals>,
    ) -> Option<(Self, Feeds)> {
        let is_text = settings.publishing.publishers.contains(&Publish::Console)
            && settings.publishing.output == Output::Text;
        let is_beside_command = !settings.command.is_empty();
        let is_wanted = settings.publishing.live.unwrap_or(is_text && !is_beside_command);
        if !is_wanted || !can_draw() {
            return None;
        }
        let terminal = Canvas::open()?;
        // A command writes to the terminal by itself, so the view cannot make room for its lines.
        let in_region = is_beside_command;
        screen::set_has_log(terminal.has_log() && !in_region);
        erase_before_a_panic(move || match in_region {
            true => region::RESET.to_owned(),
            false => format!("\r{}", screen::ERASE_BELOW),
        });
        let (sender, samples) = mpsc::channel(SAMPLES_DEPTH);
        let (measured_sender, measured) = watch::channel(Measured::default());
        let (results, checks) = watch::channel(Results::default());
        let (health, publishers) =
            settings.publishing.publishers.iter().map(|_| watch::channel(None)).unzip();
        let live = Self {
            terminal,
            in_region,
            size: (0, 0),
            colour: has_colours(),
            chosen: settings.measuring.metrics,
            period: settings.measuring.period,
            samples,
            publishers,
            history: History::new(settings.measuring.sample_interval),
            names: settings.identity.title(),
            measured,
            checks,
            // A command is stopped by itself, and takes this process with it.
            suspensions: if in_region { None } else { suspensions() },
            is_over: false,
        };
        let checks = checks::Feed::new(results);
        let samples = Samples { view: sender, measured: measured_sender, checks };
        Some((live, Feeds { samples, health }))
    }

    /// Draws at each sample, until there are no more or the terminal is closed. Does not end, because
    /// nothing else suspends this process at Ctrl-Z.
    pub async fn run(mut self) {
        loop {
            tokio::select! {
                biased;
                Some(_) = OptionFuture::from(self.suspensions.as_mut().map(Arrivals::recv)) => {
                    self.suspend();
                }
                sample = self.samples.recv(), if !self.is_over => match sample {
                    Some(sample) => self.history.add(sample),
                    None => {
                        self.is_over = true;
                        self.erase();
                    }
                },
                () = screen::lines_are_written() => {}
            }
            self.is_over = self.is_over || self.draw().is_err();
        }
    }

    /// Erases the view and stops this process, as Ctrl-Z would without the handler. Returns when it is
    /// resumed.
    fn suspend(&mut self) {
        self.erase();
        stop_here();
        // What was written meanwhile may be where the view was.
        self.size = (0, 0);
    }

    fn erase(&self) {
        // Fails where the terminal is closed or stopped. Then the view cannot be erased.
        let _ = screen::erase(|erase| self.terminal.write(erase));
        let _ = self.terminal.write(region::take_away().as_bytes());
    }

    fn draw(&mut self) -> io::Result<()> {
        if self.terminal.is_in_background() {
            return Ok(());
        }
        let size = self.terminal.size()?;
        if self.in_region {
            // At most half of the terminal is the view's; a low one shows none.
            let (height, width) = (size.0 / 2 + 1, size.1);
            let rows = self.picture(SystemTime::now()).rows((height, width), self.colour);
            return region::draw(&rows, size, |frame| self.terminal.write(frame));
        }
        let rows = self.picture(SystemTime::now()).rows(size, self.colour);
        let anew = std::mem::replace(&mut self.size, size) != size;
        screen::draw(&rows, anew, |frame| self.terminal.write(frame))
    }

    fn picture(&self, now: SystemTime) -> Picture<'_> {
        let end = window_start(now, self.period) + self.period;
        Picture {
            history: &self.history,
            chosen: self.chosen,
            names: &self.names,
            measured: self.measured.borrow().clone(),
            checks: self.checks.borrow().clone(),
            now,
            to_publish: end.duration_since(now).unwrap_or_default(),
            publishers: self
                .publishers
                .iter()
                .filter_map(|health| health.borrow().clone())
                .collect(),
        }
    }
}

/// Passes each sample of the whole, and what it is of, on to the view.
#[derive(Debug)]
pub struct Samples {
    view: mpsc::Sender<Sample>,
    measured: watch::Sender<Measured>,
    checks: checks::Feed,
}

impl Sink for Samples {
    fn measured(&mut self, measured: &Rc<Measured>) {
        self.measured.send_replace((**measured).clone());
    }

    fn report(&mut self, report: &Report) {
        self.checks.report(report);
    }

    fn sample(&mut self, _at: SystemTime, values: &[(Series, f64)], table: &Table) {
        let of = |number| {
            let is_it = |series: Series| table.metric(series).is_of(number, None);
            let value = values.iter().find(|(series, _)| is_it(*series));
            value.map(|(_, value)| *value as f32)
        };
        // A full channel drops the sample: the view must not hold up sampling.
        let _ = self.view.try_send(Sample { cpu: of(Number::Cpu), memory: of(Number::Memory) });
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.erase();
    }
}

/// How many samples may wait to be shown; each is shown before the next is made. If this is ever
/// reached, the newest is not shown.
const SAMPLES_DEPTH: usize = 8;
