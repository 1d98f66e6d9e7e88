//! Puts the parts together and runs them until it is told to stop.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use log::{info, warn};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::delivery::{Counts, Delivery};
use crate::sampler::{self, Sampled};
use crate::settings::Settings;
use crate::source::Chosen;
use crate::window::Windows;
use crate::{auto_dimensions, publisher, source};

/// Measures and publishes until `stop` is cancelled, then delivers what is left within the
/// shutdown timeout. Fails if some of it could not be delivered.
pub async fn run(settings: &Settings, stop: CancellationToken) -> Result<(), Undelivered> {
    let windows = Windows::new(settings.period, settings.samples_per_window());
    let (sender, summaries) = mpsc::channel(CHANNEL_DEPTH);
    info!(
        "sampling every {} s in windows of {} s",
        settings.sample_interval.as_secs_f64(),
        settings.period.as_secs(),
    );
    let mut sampled = Sampled::default();
    let sampling = async {
        let Chosen { source, scope, reason } = source::open(settings).await;
        info!("scope: {scope}, because {reason}");
        if settings.per_container && scope != "task" {
            warn!("--per-container has no effect: only an ECS task tells of its containers");
        }
        let every = settings.sample_interval;
        sampled = sampler::run(source, every, windows, SystemTime::now, sender, stop.clone()).await;
    };
    let (mut delivery, mut stopped) = (None, None);
    let delivering = async {
        // May have to ask somebody, so it is done here, beside the sampling.
        let settings = auto_dimensions::complete(settings).await;
        let publisher = publisher::open(&settings);
        let delay = publish_delay(settings.period, publisher.spread());
        info!("each window is sent {:.1} s after it closes", delay.as_secs_f64());
        let clock = Box::new(SystemTime::now);
        let delivery = delivery.insert(Delivery::new(publisher, settings.buffer, delay, clock));
        delivery.run(summaries, &stop).await;
    };
    let deadline = async {
        stop.cancelled().await;
        stopped = Some(Instant::now());
        info!("stopping: delivering what is left within {:?}", settings.shutdown_timeout);
        sleep(settings.shutdown_timeout).await;
    };
    tokio::select! {
        biased;
        _ = async { tokio::join!(sampling, delivering) } => {}
        () = deadline => {}
    }
    let flush = stopped.map(|stopped| stopped.elapsed()).unwrap_or_default();
    outcome(sampled, delivery.as_ref(), flush)
}

/// Says in one line how it ended.
fn outcome(
    sampled: Sampled,
    delivery: Option<&Delivery>,
    flush: Duration,
) -> Result<(), Undelivered> {
    let Counts { delivered, overflowed, expired, rejected, rejected_data } =
        delivery.map(Delivery::counts).unwrap_or_default();
    let Sampled { windows, dropped: stalled } = sampled;
    let dropped = overflowed + expired + rejected + stalled;
    let left = windows.saturating_sub(delivered + dropped);
    let line = format!(
        "windows={windows} delivered={delivered} dropped={dropped} undelivered={left} \
         overflowed={overflowed} expired={expired} rejected={rejected} stalled={stalled} \
         rejected_metrics={rejected_data} retries={} flush={:.3}s",
        delivery.map(Delivery::retries).unwrap_or_default(),
        flush.as_secs_f64(),
    );
    if left == 0 {
        info!("stopped; {line}");
        return Ok(());
    }
    let cause = delivery.and_then(Delivery::failure).map(ToString::to_string);
    Err(Undelivered { line, cause })
}

/// What could not be delivered before the end.
#[derive(Debug)]
pub struct Undelivered {
    line: String,
    cause: Option<String>,
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped; {}", self.line)?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => f.write_str(": the shutdown timeout ended the last send"),
        }
    }
}

impl std::error::Error for Undelivered {}

/// A random time within the part `spread` of the period, the same for each period, so that a
/// fleet that was started at once does not send at once.
fn publish_delay(period: Duration, spread: f64) -> Duration {
    let random = RandomState::new().hash_one(0) as f64 / u64::MAX as f64;
    period.mul_f64(spread).min(MOST_PUBLISH_DELAY).mul_f64(random)
}

/// How many summaries may wait for a delivery that is busy sending. A send takes at most its
/// operation timeout, so even with periods of a second this is never reached; if it is, the
/// newest summary is dropped and counted.
const CHANNEL_DEPTH: usize = 128;

/// No metric is later than this because of the spread, however long the period.
const MOST_PUBLISH_DELAY: Duration = Duration::from_secs(30);
