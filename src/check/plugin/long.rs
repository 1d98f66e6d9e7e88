//! A program that keeps running and prints values at its own pace.

use std::convert::Infallible;
use std::time::Duration;

use log::{info, warn};
use tokio::time::{Instant, sleep_until, timeout};

use super::Program;
use super::collectd::Values;
use super::process::{Process, TooMuch};
use super::{how_it_ended, too_much};
use crate::model::Findings;
use crate::shown::shown;

/// The program, while it runs, and what it has printed since the last run of the check.
#[derive(Debug, Default)]
pub struct LongRunning {
    process: Option<Process>,
    /// When it was started last.
    started: Option<Instant>,
    values: Values,
    /// Since when it does not run, why, and when it is started again.
    ended: Option<Ended>,
    /// Lines of standard error since the last run.
    logged: usize,
}

#[derive(Debug)]
struct Ended {
    why: String,
    again: Instant,
    pause: Duration,
}

impl LongRunning {
    /// Takes what it prints, and starts it again when it has ended.
    pub async fn go_on(&mut self, program: &mut Program) -> Infallible {
        loop {
            self.step(program).await;
        }
    }

    /// The values since the last run; the first ones are waited for.
    pub async fn values(&mut self, program: &mut Program) -> Result<Findings, String> {
        let limit = program.limit;
        let first = async {
            while self.values.is_empty() {
                if self.process.is_none()
                    && let Some(ended) = &self.ended
                {
                    return Err(ended.why.clone());
                }
                self.step(program).await;
            }
            Ok(())
        };
        match limit {
            Some(limit) => match timeout(limit, first).await {
                Ok(first) => first?,
                Err(_) => return Err(format!("no values within {} s", limit.as_secs_f64())),
            },
            None => first.await?,
        }
        // What is printed at once belongs together. Some programs never pause.
        let latest = Instant::now() + LONGEST_TOGETHER;
        while timeout(TOGETHER, self.step(program)).await.is_ok()
            && self.process.is_some()
            && Instant::now() < latest
        {}
        program.has_logged(std::mem::take(&mut self.logged));
        if let Some(process) = &mut self.process {
            process.output.forget_bytes();
        }
        self.values.take_findings()
    }

    /// Waits for one thing that happens. If this is dropped, nothing is lost.
    async fn step(&mut self, program: &mut Program) {
        let Some(process) = &mut self.process else {
            if let Some(ended) = &self.ended {
                sleep_until(ended.again).await;
            }
            match program.start().await {
                Ok((process, _)) => {
                    let pid = process.group.pid().map_or(0, |pid| pid.as_raw_nonzero().get());
                    info!("check {}: {} runs as process {pid}", program.id, program.file);
                    (self.process, self.started) = (Some(process), Some(Instant::now()));
                    self.ended =
                        self.ended.take().map(|ended| Ended { again: Instant::now(), ..ended });
                }
                Err(why) => self.end(&program.id, &why),
            }
            return;
        };
        tokio::select! {
            biased;
            line = process.output.next() => match line {
                Ok(Some(line)) => {
                    self.values.take(&String::from_utf8_lossy(&line));
                    if self.started.is_some_and(|started| started.elapsed() > RUNS_WELL) {
                        self.ended = None;
                    }
                }
                Ok(None) => {
                    // It has closed its output, and will print nothing any more.
                    let end = timeout(UNTIL_END, process.group.ended()).await;
                    self.read_rest(program).await;
                    let why = end.map_or_else(|_| CLOSED.to_owned(), how_it_ended);
                    self.end(&program.id, &why);
                }
                Err(of @ TooMuch::Line) => self.values.misunderstand(too_much(of)),
                Err(of @ TooMuch::Output) => self.end(&program.id, &too_much(of)),
            },
            // A line that is too long is left out.
            line = process.errors.next(), if process.errors.is_open() => {
                if let Ok(Some(line)) = line {
                    program.log(&line, &mut self.logged);
                }
            }
            status = process.group.ended() => {
                self.read_rest(program).await;
                self.end(&program.id, &how_it_ended(status));
            }
        }
    }

    /// Takes what the program printed before its end: what it says of that is not to be lost.
    async fn read_rest(&mut self, program: &Program) {
        let Some(process) = &mut self.process else { return };
        while let Ok(Ok(Some(line))) = timeout(UNTIL_READ, process.output.next()).await {
            self.values.take(&String::from_utf8_lossy(&line));
        }
        while let Ok(Ok(Some(line))) = timeout(UNTIL_READ, process.errors.next()).await {
            program.log(&line, &mut self.logged);
        }
    }

    fn end(&mut self, id: &str, why: &str) {
        self.process = None;
        let pause =
            self.ended.as_ref().map_or(FIRST_PAUSE, |ended| (ended.pause * 2).min(LONGEST_PAUSE));
        let why = format!("{}; it is started again in {} s", shown(why), pause.as_secs_f64());
        warn!("check {id}: {why}");
        self.ended = Some(Ended { why, again: Instant::now() + pause, pause });
    }
}

/// Values that are printed within this time of each other are one result.
const TOGETHER: Duration = Duration::from_millis(100);

/// The longest that such values are waited for.
const LONGEST_TOGETHER: Duration = Duration::from_millis(500);

/// Why a program that runs gives nothing more.
const CLOSED: &str = "the plugin closed its output";

/// How long what a program printed before its end is waited for.
const UNTIL_READ: Duration = Duration::from_millis(100);

/// How long a program that has closed its output may take to end.
const UNTIL_END: Duration = Duration::from_secs(1);

/// A program that gives a value after this time is started again soon when it ends.
const RUNS_WELL: Duration = Duration::from_secs(60);

/// How long after its end a program is started again; twice as long each time that it did not run well.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
