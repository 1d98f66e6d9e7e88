//! Asks an agent again and again, and follows its samples, until nobody wants to know any more.

use std::cell::RefCell;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::Value as Json;
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::snapshot::{Agent, Answers, PAUSE, Snapshot};
use crate::client::Client;
use crate::ctl::{REFUSED, Stream, Told, all};
use crate::model::{Sample, UTILIZATION};
use crate::verb::CHECKS;

/// Samples with their times in milliseconds, the oldest first.
pub type Samples = Vec<(i64, Sample)>;

/// What comes of it.
pub enum News {
    Whole(Box<Snapshot>),
    /// All samples of the last minutes, in place of those before.
    Past(Samples),
    Sample(i64, Sample),
    /// The agent does not answer, or refuses to: why.
    Lost(String),
}

/// Reads what an agent has.
pub struct Reader {
    pub client: Client,
}

impl Reader {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Everything at once.
    pub async fn snapshot(&self) -> Result<Snapshot, Told> {
        let (checks, alarms) =
            (self.list(CHECKS).await?, self.list("/entities/self/alarms").await?);
        // Asked for where something is silenced: mostly nothing is.
        let is_silenced =
            |of: &Json| of["active_suppressions"].as_array().is_some_and(|of| !of.is_empty());
        let suppressions = match checks.iter().chain(&alarms).any(is_silenced) {
            true => self.list("/suppressions").await?,
            false => Vec::new(),
        };
        let answers = Answers {
            time: self.one("/time").await?,
            agent: self.one("/agent").await?,
            checks,
            runs: self.list("/runs").await?,
            values: self.list("/values").await?,
            alarms,
            thresholds: self.list("/thresholds").await?,
            suppressions,
            publishers: self.list("/buffer").await?,
        };
        Ok(Snapshot::of(&answers))
    }

    /// The samples of the last minutes, where the agent keeps a history.
    pub async fn past(&self, now_ms: i64, agent: &Agent) -> Samples {
        let mut samples = Samples::new();
        let span_ms = (MOST_PAST as f64 * agent.sample_interval * 1000.0) as i64;
        let from_ms = (now_ms - span_ms.min(LONGEST_PAST_MS)).max(0);
        for name in [CPU, MEMORY] {
            let path = format!(
                "{CHECKS}/{UTILIZATION}/metrics/{name}/plot?from={from_ms}&to={}&resolution=FULL&limit={MOST_PAST}",
                now_ms + 1
            );
            let Ok(of) = self.one(&path).await else { continue };
            for point in of["values"].as_array().into_iter().flatten() {
                let (Some(at), Some(value)) =
                    (point["timestamp"].as_i64(), point["average"].as_f64())
                else {
                    continue;
                };
                let found = samples.binary_search_by_key(&at, |(at, _)| *at);
                let place = found.unwrap_or_else(|place| {
                    samples.insert(place, (at, Sample { cpu: None, memory: None }));
                    place
                });
                let (_, sample) = &mut samples[place];
                let part = if name == CPU { &mut sample.cpu } else { &mut sample.memory };
                *part = Some(value as f32);
            }
        }
        samples
    }

    /// Reads and reads, and begins anew where something fails. Never ends.
    pub async fn run(&self, news: Sender<News>) {
        loop {
            if let Err(Told { complaint, .. }) = self.follow(&news).await {
                let why = complaint.unwrap_or_default();
                let _ = news.send(News::Lost(why)).await;
            }
            sleep(PAUSE).await;
        }
    }

    /// Reads until something fails, or the stream of samples has ended.
    async fn follow(&self, news: &Sender<News>) -> Result<(), Told> {
        let first = self.snapshot().await?;
        let past = self.past(first.now_ms, &first.agent).await;
        let mut pause = first.pause();
        let _ = news.send(News::Whole(Box::new(first))).await;
        if !past.is_empty() {
            let _ = news.send(News::Past(past)).await;
        }
        let look = async {
            loop {
                sleep(pause).await;
                let snapshot = self.snapshot().await?;
                pause = snapshot.pause();
                let _ = news.send(News::Whole(Box::new(snapshot))).await;
            }
        };
        tokio::select! {
            failed = look => failed,
            // Where the agent has ended, the next question says so.
            () = self.samples(news) => Ok(()),
        }
    }

    /// Hands on each sample as it comes, until there are no more.
    async fn samples(&self, news: &Sender<News>) {
        let stream = RefCell::new(Stream::default());
        let path = format!("/values/stream?check={UTILIZATION}");
        let take = async |piece: &[u8]| {
            let events = stream.borrow_mut().events(piece);
            let Some(events) = events else { return false };
            for event in events {
                let body: Json = serde_json::from_str(&event.data).unwrap_or_default();
                if let Some((at, sample)) = sample(&body)
                    && news.send(News::Sample(at, sample)).await.is_err()
                {
                    return false;
                }
            }
            true
        };
        let followed = self.client.follow(&path, &[], take).await;
        if let Ok(Some(refusal)) = followed
            && refusal.status == StatusCode::SERVICE_UNAVAILABLE
        {
            // Others have all streams there are. What is asked for again and again is shown then.
            sleep(LONG_PAUSE).await;
        }
    }

    async fn one(&self, path: &str) -> Result<Json, Told> {
        let answer = self.client.get(path).await?;
        let body = answer.json();
        match answer.status.is_success() && body.is_object() {
            true => Ok(body),
            false => Err(Told::failed(self.client.refusal(&answer), REFUSED)),
        }
    }

    async fn list(&self, path: &str) -> Result<Vec<Json>, Told> {
        let list = all(&self.client, path).await?;
        let mut list = list.map_err(|why| Told::failed(why, REFUSED))?;
        match list.body["values"].take() {
            Json::Array(values) => Ok(values),
            _ => Err(Told::failed(self.client.odd("values"), REFUSED)),
        }
    }
}

/// The sample of a batch of values, where it is one.
fn sample(batch: &Json) -> Option<(i64, Sample)> {
    let values = batch["values"].as_array()?;
    let of = |name| {
        let value = values.iter().find(|value| value["metric"] == name)?;
        Some(value["value"].as_f64()? as f32)
    };
    let sample = Sample { cpu: of(CPU), memory: of(MEMORY) };
    let is_sample = sample.cpu.is_some() || sample.memory.is_some();
    Some((batch["timestamp"].as_i64().filter(|_| is_sample)?, sample))
}

const CPU: &str = "cpu";
const MEMORY: &str = "memory";

/// Before a stream is asked for again that was refused because there are too many.
const LONG_PAUSE: Duration = Duration::from_secs(30);

/// Samples that a wide terminal shows; the most that a page has.
const MOST_PAST: usize = 1440;

/// What the chart looks back on at first.
const LONGEST_PAST_MS: i64 = 15 * 60 * 1000;
