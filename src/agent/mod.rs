//! Puts the parts together and runs them until it is told to stop.

mod host;
mod only_window;
mod outcome;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures_util::future::{OptionFuture, join_all};
use log::{Level, error, info, log_enabled, warn};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::host::{Ending, Host};
use self::only_window::OnlyWindow;
use self::outcome::Outcome;
use crate::HOST_AGENT;
use crate::collector::Collector;
use crate::collector::sink::{HandOut, HandedOut};
use crate::config::cli::Cli;
use crate::config::{MemoryUse, Reporting, Scope, Settings};
use crate::cost::SayCost;
use crate::delivery::Delivery;
use crate::logging::{COST, START};
use crate::model::Company;
use crate::sampler::{self, Beside, Pace};
use crate::terminal::live::Live;
use crate::{auto_dimensions, ending, right_size, signals, source};

/// Measures and publishes until `stop` is cancelled, or with `--until-alone` until the other containers
/// have ended; then delivers what is left within the shutdown timeout, and cancels `stop`. Fails if some
/// of it could not be delivered.
///
/// `changing` is of what may be changed meanwhile; without it, nothing can be.
pub async fn run(
    settings: &Settings,
    changing: Changing,
    stop: CancellationToken,
) -> Result<(), Undelivered> {
    let channels = settings.publishing.publishers.iter().map(|_| mpsc::channel(CHANNEL_DEPTH));
    let (senders, summaries): (Vec<_>, Vec<_>) = channels.unzip();
    let mut collector = Collector::of(settings, HandOut::to(senders));
    if !settings.publishing.is_preview() && log_enabled!(target: COST, Level::Info) {
        collector.add_sink(Box::new(SayCost::of(settings)));
    }
    let (live, feeds) = Live::open(settings, signals::suspensions).unzip();
    if settings.publishing.live == Some(true) && live.is_none() {
        warn!(
            "--live has no effect: standard output is no terminal that can draw, or TERM is not set"
        );
    }
    let mut health = Vec::new().into_iter();
    if let Some(feeds) = feeds {
        collector.add_sink(Box::new(feeds.samples));
        health = feeds.health.into_iter();
    }
    let record = match settings.report {
        Reporting::No => None,
        report => Some(right_size::Shared::new(report == Reporting::Published)),
    };
    if let Some(record) = &record {
        collector.add_sink(Box::new(record.clone()));
    }
    let reported = record.clone();
    let (company_sender, company) = watch::channel(Company::default());
    // The one window of `--once` is a whole one: it begins and ends as all others do.
    let once = settings.measuring.once && settings.command.is_empty();
    let only_window = once.then(|| OnlyWindow::of(settings.measuring.period));
    // Two tokens: a signal cancels the first, and with `--until-alone` the second is cancelled later.
    let (asked, stop) = (stop, CancellationToken::new());
    // A third one for those who tell and keep what was found: the last reading, after the stop, may change an alarm.
    let (measured, told) = (CancellationToken::new(), CancellationToken::new());
    let last_reading = async {
        stop.cancelled().await;
        let _ = timeout(LAST_READING, measured.cancelled()).await;
        told.cancel();
    };
    let host = match HOST_AGENT {
        true => {
            let ending = Ending { stop: stop.clone(), told: told.clone() };
            host::open(settings, changing, &mut collector, only_window, &ending)
        }
        false => Host::default(),
    };
    let Host { reports, closings, prompt, served, found, running } = host;
    let (running, mut served) = (OptionFuture::from(running), served.into_iter());
    let mut handed_out = HandedOut::default();
    let sampling = async {
        let _measured = measured.clone().drop_guard();
        let chosen = source::choose::open(&settings.measuring, company_sender).await;
        let (scope, numbers) = (chosen.source.scope(), settings.measuring.metrics);
        info!("scope: {scope}, because {}", chosen.reason);
        info!(target: START, "{}", start_line(settings, scope));
        if let Some(history) = &settings.history {
            info!("the history is kept {history}");
        }
        warn_of(settings, scope);
        // With a command it is in the same container, or about to be.
        if let Some(warning) = chosen.source.warning().filter(|_| settings.command.is_empty()) {
            warn!("{warning}");
        }
        if let Some(window) = only_window
            && stop.run_until_cancelled(sleep_until(window.begin)).await.is_none()
        {
            return;
        }
        let pace = Pace::every(settings.measuring.sample_interval);
        let clock = move || OnlyWindow::time_in(only_window);
        let stop = stop.clone();
        let beside = Beside { reports, closings, prompt, record };
        handed_out = sampler::run(chosen, numbers, pace, collector, beside, clock, stop).await;
    };
    let (mut deliveries, mut stopped) = (Vec::new(), None);
    let delivering = async {
        // Finding dimensions may need the network, so it runs beside the sampling. At a stop it may
        // use half of the shutdown timeout; the rest is for the delivery.
        let too_late = async {
            stop.cancelled().await;
            sleep(settings.publishing.shutdown_timeout / 2).await;
        };
        let settings = auto_dimensions::complete(settings, too_late).await;
        found.iter().for_each(|found| found(&settings));
        for publish in &settings.publishing.publishers {
            let delivery = Delivery::open(*publish, &settings);
            // RandomState has random keys, so this is a random number without a crate for it.
            let chance = RandomState::new().hash_one(0);
            let delay = publish_delay(settings.measuring.period, delivery.spread(), chance);
            let (name, seconds) = (delivery.publisher(), delay.as_secs_f64());
            info!("{name} sends each window {seconds:.1} s after it closes");
            deliveries
                .push(delivery.delayed_by(delay).telling(health.next()).serving(served.next()));
        }
        let all = deliveries.iter_mut().zip(summaries);
        join_all(all.map(|(delivery, summaries)| delivery.run(summaries, &stop))).await;
    };
    let showing = OptionFuture::from(live.map(Live::run));
    let deadline = async {
        // Beside a command it is the command's end that counts.
        let longest = settings.measuring.until_alone.filter(|_| settings.command.is_empty());
        let end_of_window = OptionFuture::from(only_window.map(|window| sleep_until(window.end)));
        tokio::select! {
            () = ending::wait(&asked, company, longest) => {}
            Some(()) = end_of_window => {}
        }
        asked.cancel();
        stop.cancel();
        stopped = Some(Instant::now());
        info!("stopping: sending all windows within {:?}", settings.publishing.shutdown_timeout);
        sleep(settings.publishing.shutdown_timeout).await;
    };
    tokio::select! {
        biased;
        // First: at the deadline this ends, however much else is ready.
        () = deadline => {}
        _ = async { tokio::join!(
            sampling,
            delivering,
            running,
            last_reading,
        ) } => {}
        // It ends with the others.
        Some(()) = showing => {}
    }
    let flush = stopped.map(|stopped| stopped.elapsed()).unwrap_or_default();
    let outcomes: Vec<_> = (0..settings.publishing.publishers.len())
        .map(|place| Outcome::of(&handed_out, place, deliveries.get(place), flush))
        .collect();
    outcomes.iter().for_each(Outcome::say);
    if let Some(record) = reported {
        outcome::report(&record, settings.publishing.output).await;
    }
    if once && handed_out.windows == 0 {
        error!("nothing could be measured");
        return Err(Undelivered);
    }
    match outcomes.iter().all(|outcome| outcome.undelivered == 0) {
        true => Ok(()),
        false => Err(Undelivered),
    }
}

/// What may be changed while the agent runs.
pub struct Changing {
    /// What was typed, with the configuration files.
    pub cli: Cli,
    /// What is wrong with the files of now, where others that were good last are in force.
    pub broken: Vec<String>,
    /// The SIGHUPs, which ask for these files to be read again.
    pub hangups: Option<mpsc::Receiver<()>>,
}

/// Warns of settings that change nothing with what is measured.
fn warn_of(settings: &Settings, scope: Scope) {
    if settings.measuring.per_container && !matches!(scope, Scope::Task | Scope::Pod) {
        warn!(
            "--per-container has no effect: it needs an ECS task (--scope task) or visible containers (--scope pod)"
        );
    }
    let is_found_out = settings.measuring.scope == Scope::Auto;
    let wants_memory = settings.measuring.memory == MemoryUse::WorkingSet;
    if is_found_out && wants_memory && scope == Scope::Host {
        warn!(
            "--memory working-set has no effect: it is of a container, task or pod, and the machine is measured"
        );
    }
}

/// What is measured and where it is sent, in one line.
fn start_line(settings: &Settings, scope: Scope) -> String {
    let (measuring, identity) = (&settings.measuring, &settings.identity);
    let names = settings.publishing.publishers.iter().map(|publish| publish.name());
    let (interval, period) = (measuring.sample_interval.as_secs_f64(), measuring.period.as_secs());
    let dimensions = identity.dimensions.iter().map(|of| format!(", {}={}", of.name, of.value));
    let checks = match settings.checks.all.iter().filter(|check| !check.is_disabled).count() {
        0 => String::new(),
        1 => " and runs 1 check".to_owned(),
        count => format!(" and runs {count} checks"),
    };
    format!(
        "{} {} measures the {scope} every {interval} s{checks}; to {} every {period} s; namespace {}{}",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
        names.collect::<Vec<_>>().join(" and "),
        identity.shown_namespace(),
        dimensions.collect::<String>(),
    )
}

/// Some windows were not delivered in time. The log already has how many.
#[derive(Debug)]
pub struct Undelivered;

/// How long after a window closes it is sent: between 0 and `spread` times the period, by `chance`.
/// It is the same in each period. Agents that started together so send at different times.
fn publish_delay(period: Duration, spread: f64, chance: u64) -> Duration {
    let random = chance as f64 / u64::MAX as f64;
    period.mul_f64(spread).min(MOST_PUBLISH_DELAY).mul_f64(random)
}

/// How many summaries may wait for a delivery that is busy sending. A send takes at most its
/// operation timeout, so even with periods of a second this is never reached; if it is, the
/// newest summary is dropped and counted.
const CHANNEL_DEPTH: usize = 128;

/// The last reading takes some milliseconds, unless a disk hangs.
const LAST_READING: Duration = Duration::from_secs(1);

/// No metric is later than this because of the spread, however long the period.
const MOST_PUBLISH_DELAY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::collections::hash_map::DefaultHasher;
    use std::hash::BuildHasherDefault;

    use super::*;
    use crate::config::Publish;
    use crate::publisher::cloudwatch::tests::settings;

    const AGENTS: u64 = 10_000;

    /// How many requests of a fleet fall into the fullest second of a period of a minute, where
    /// `tick` is how long after the boundary an agent closes its window.
    fn fullest_second(fleet: u64, tick: impl Fn(f64) -> f64) -> usize {
        let settings = settings(60, &[]);
        let spread = Delivery::open(Publish::CloudWatch, &settings).spread();
        // The hash that makes the chance, with keys that do not change from run to run.
        let chance = |of| BuildHasherDefault::<DefaultHasher>::new().hash_one((fleet, of));
        let mut seconds = [0; 60];
        for agent in 0..AGENTS {
            let phase = chance((agent, "phase")) as f64 / u64::MAX as f64;
            let delay = publish_delay(settings.measuring.period, spread, chance((agent, "delay")));
            seconds[(tick(phase) + delay.as_secs_f64()) as usize] += 1;
        }
        assert_eq!(seconds.iter().sum::<usize>() as u64, AGENTS, "each within the period");
        seconds.into_iter().max().unwrap_or_default()
    }

    #[test]
    fn no_second_gets_more_than_five_percent_of_the_requests_of_a_fleet() {
        for fleet in 0..20 {
            // Agents that were started one by one, and agents whose ticks fall together.
            let (apart, together) =
                (fullest_second(fleet, |phase| 0.9 * phase), fullest_second(fleet, |_| 0.0));
            println!("fleet {fleet}: {apart} and {together} of {AGENTS} in the fullest second");
            assert!(apart.max(together) <= AGENTS as usize / 20, "{fleet}: {apart} {together}");
        }
    }
}
