//! An agent that runs, asked through its API.

use futures_util::future::LocalBoxFuture;
use hyper::StatusCode;
use serde_json::Value;

use super::source::{Metric, Points, Source};
use crate::client::{Client, Unanswered, encoded};
use crate::config::AgentApi;
use crate::model::Kind;
use crate::sorted::sort_by;
use crate::store::{Bucket, Change, Resolution, Total};

/// An agent that answers requests.
pub struct Remote {
    client: Client,
    now_ms: i64,
}

impl Remote {
    /// Asks whether an agent is there that keeps a history.
    pub async fn find(api: AgentApi) -> Result<Self, String> {
        Self::by(Client::new(api).await?).await
    }

    /// The same with a client that has asked it before.
    pub async fn by(client: Client) -> Result<Self, String> {
        let mut remote = Self { client, now_ms: 0 };
        let capabilities = remote.get("/capabilities").await?;
        if capabilities["history"]["enabled"] != true {
            return Err(format!(
                "the agent at {} keeps no history: start it with --store memory or --store FOLDER",
                remote.client.address
            ));
        }
        let time = remote.get("/time").await?;
        remote.now_ms = remote.whole(&time, "timestamp")?;
        Ok(remote)
    }

    /// The body of the answer to a request.
    async fn get(&self, path: &str) -> Result<Value, String> {
        let answer = self.client.get(path).await;
        let answer = answer.map_err(|Unanswered { text, is_nobody }| match is_nobody {
            true => format!("{text}, or the folder of --store where it has ended"),
            false => text,
        })?;
        let body = answer.json();
        match answer.status {
            StatusCode::OK if body.is_object() => Ok(body),
            _ => Err(self.client.refusal(&answer)),
        }
    }

    /// The values of all pages of a list, and what is said of each page.
    async fn all(&self, path: &str, mut page: impl FnMut(&Value)) -> Result<Vec<Value>, String> {
        let (mut values, mut marker) = (Vec::new(), String::new());
        loop {
            let mut body = self.get(&format!("{path}{marker}")).await?;
            let Value::Array(mut of_page) = body["values"].take() else {
                return Err(self.client.odd("values"));
            };
            let is_empty = of_page.is_empty();
            values.append(&mut of_page);
            let metadata = &body["metadata"];
            page(metadata);
            let next = match &metadata["next_marker"] {
                Value::Null => return Ok(values),
                Value::String(text) => format!("&marker={}", encoded(text)),
                number => format!("&marker={number}"),
            };
            // Else it would never end.
            if is_empty || next == marker || values.len() > MOST_VALUES {
                return Err(self.client.odd("next_marker"));
            }
            marker = next;
        }
    }

    /// The points of a counter, with how much it grew in each.
    pub async fn growth(
        &self,
        metric: &Metric,
        resolution: Resolution,
        range_ms: [i64; 2],
    ) -> Result<Points, String> {
        self.read(metric, resolution, range_ms, OF_COUNTER).await
    }

    async fn list(&self) -> Result<Vec<Metric>, String> {
        let mut metrics = Vec::new();
        for of in self.all("/metrics_list?limit=1000", |_| {}).await? {
            // A text has no points, but changes.
            if of["history"] != true && of["type"] != "s" {
                continue;
            }
            metrics.push(Metric {
                check: self.text(&of, "check")?,
                name: self.text(&of, "name")?,
                unit: self.text(&of, "unit")?,
                letter: self.text(&of, "type")?.chars().next().unwrap_or_default(),
                is_counter: of["kind"] == Kind::Counter.name(),
                newest_ms: of["updated"].as_i64(),
            });
        }
        sort_by(&mut metrics, |one, other| {
            (&one.check, &one.name).cmp(&(&other.check, &other.name))
        });
        Ok(metrics)
    }

    async fn read(
        &self,
        metric: &Metric,
        resolution: Resolution,
        range_ms: [i64; 2],
        select: &str,
    ) -> Result<Points, String> {
        let path = plot(metric, resolution, range_ms, select);
        let mut damaged = 0;
        let count = |metadata: &Value| damaged += metadata["damaged"].as_u64().unwrap_or(0);
        let values = self.all(&path, count).await?;
        let total = |of: &Value| -> Result<Total, String> {
            let number = |name| of[name].as_f64().ok_or_else(|| self.client.odd(name));
            match (resolution, of.get("growth")) {
                // One value is its own total. Of a rollup nothing else says what was counted in it.
                (Resolution::Full, None) => Ok(Total::of(number("average")?)),
                _ => Ok(Total {
                    growth: number("growth")?,
                    first: number("first")?,
                    last: number("last")?,
                }),
            }
        };
        let points = values.iter().map(|of| {
            let number = |name| of[name].as_f64().ok_or_else(|| self.client.odd(name));
            Ok(Bucket {
                start_ms: self.whole(of, "timestamp")?.clamp(0, LATEST_MS),
                count: self.whole(of, "numPoints")?.unsigned_abs().min(MOST_COUNTED),
                average: number("average")?,
                variance: number("variance")?,
                min: number("min")?,
                max: number("max")?,
                total: match select {
                    OF_COUNTER => Some(total(of)?),
                    _ => None,
                },
            })
        });
        let points = points.collect::<Result<_, String>>()?;
        Ok(Points { points, damaged: usize::try_from(damaged).unwrap_or(usize::MAX) })
    }

    async fn read_texts(&self, metric: &Metric, range_ms: [i64; 2]) -> Result<Vec<Change>, String> {
        let path = plot(metric, Resolution::Full, range_ms, "text");
        let values = self.all(&path, |_| {}).await?;
        let change = |of: &Value| {
            let at_ms = self.whole(of, "timestamp")?.clamp(0, LATEST_MS);
            Ok(Change { at_ms, text: self.text(of, "text")?.into() })
        };
        values.iter().map(change).collect()
    }

    fn text(&self, of: &Value, name: &str) -> Result<String, String> {
        of[name].as_str().map(str::to_owned).ok_or_else(|| self.client.odd(name))
    }

    fn whole(&self, of: &Value, name: &str) -> Result<i64, String> {
        of[name].as_i64().ok_or_else(|| self.client.odd(name))
    }
}

impl Source for Remote {
    fn metrics(&self) -> LocalBoxFuture<'_, Result<Vec<Metric>, String>> {
        Box::pin(self.list())
    }

    fn points<'a>(
        &'a self,
        metric: &'a Metric,
        resolution: Resolution,
        range_ms: [i64; 2],
    ) -> LocalBoxFuture<'a, Result<Points, String>> {
        Box::pin(self.read(metric, resolution, range_ms, USUAL))
    }

    fn texts<'a>(
        &'a self,
        metric: &'a Metric,
        range_ms: [i64; 2],
    ) -> LocalBoxFuture<'a, Result<Vec<Change>, String>> {
        Box::pin(self.read_texts(metric, range_ms))
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }
}

/// The path of a plot.
fn plot(metric: &Metric, resolution: Resolution, range_ms: [i64; 2], select: &str) -> String {
    let (check, name) = (encoded(&metric.check), encoded(&metric.name));
    let [from_ms, to_ms] = range_ms.map(|ms| ms.clamp(0, LATEST_MS));
    format!(
        "{CHECKS}/{check}/metrics/{name}/plot?from={from_ms}&to={to_ms}&resolution={}&select={select}",
        resolution.name()
    )
}

const CHECKS: &str = "/entities/self/checks";

/// What a point has.
const USUAL: &str = "average,min,max,variance";
const OF_COUNTER: &str = "average,min,max,variance,growth";

/// Two days with ten samples a second have fewer.
const MOST_VALUES: usize = 4_000_000;

/// More points than a bucket ever has.
const MOST_COUNTED: u64 = 1 << 50;

/// The last time that the API takes.
const LATEST_MS: i64 = 999_999_999_999_999;

#[cfg(test)]
mod tests {
    use tokio::task::LocalSet;

    use super::*;
    use crate::client::tests::played::{Played, json};

    /// The totals of the points of a counter, by an agent that answers a plot with these points.
    async fn totals(
        resolution: Resolution,
        points: &'static str,
    ) -> Result<Vec<Option<Total>>, String> {
        let played = Played::start(move |asked| {
            let page = format!(r#"{{"values":[{points}],"metadata":{{"next_marker":null}}}}"#);
            let body = match asked.line.as_str() {
                "GET /capabilities" => r#"{"history":{"enabled":true}}"#,
                "GET /time" => r#"{"timestamp":600000}"#,
                _ => &page,
            };
            (json(asked, "a", body), false)
        });
        let played = played.await;
        let remote = Remote::find(played.api.clone()).await?;
        let metric = Metric {
            check: "net".to_owned(),
            name: "rx_bytes".to_owned(),
            unit: "bytes".to_owned(),
            letter: 'L',
            is_counter: true,
            newest_ms: None,
        };
        let found = remote.growth(&metric, resolution, [0, 600_000]).await;
        // The port is another one each time.
        let found = found.map_err(|why| {
            why.split(" at ").next().unwrap_or_default().to_owned()
                + why.rsplit(" has").next().unwrap_or_default()
        });
        Ok(found?.points.iter().map(|point| point.total).collect())
    }

    const PLAIN: &str = r#"{"numPoints":1,"timestamp":0,"average":7,"min":7,"max":7,"variance":0}"#;

    #[tokio::test]
    async fn a_value_without_its_growth_is_its_own_total_and_a_rollup_without_it_is_refused() {
        let test = async {
            let full = totals(Resolution::Full, PLAIN).await;
            assert_eq!(full, Ok(vec![Some(Total::of(7.0))]));
            let why = "the answer of the agent no valid field growth".to_owned();
            assert_eq!(totals(Resolution::Min5, PLAIN).await, Err(why));
            let whole = r#"{"numPoints":2,"timestamp":0,"average":7,"min":5,"max":9,"variance":4,"first":9,"last":5,"growth":5}"#;
            let total = Total { first: 9.0, last: 5.0, growth: 5.0 };
            for resolution in [Resolution::Full, Resolution::Min5] {
                assert_eq!(totals(resolution, whole).await, Ok(vec![Some(total)]));
            }
        };
        LocalSet::new().run_until(test).await;
    }
}
