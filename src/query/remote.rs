//! An agent that runs, asked through its API.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::source::{Metric, Points, Source};
use crate::api::TokenFile;
use crate::blocking::{self, Purpose};
use crate::config::cli::variable;
use crate::config::{API_TOKEN, ApiAddress, ApiSettings};
use crate::exchange::{Connection, exchange};
use crate::model::{Kind, Secret};
use crate::shown::shown;
use crate::store::{Bucket, Resolution};

/// An agent that answers requests.
pub struct Remote {
    address: ApiAddress,
    token: Option<Secret>,
    now_ms: i64,
}

impl Remote {
    /// Asks whether an agent is there that keeps a history.
    pub async fn find(api: ApiSettings) -> Result<Self, String> {
        let ApiSettings { address, token, token_file, .. } = api;
        let token = match token_file {
            Some(path) => first_token(path).await?,
            None => token,
        };
        let mut remote = Self { address, token, now_ms: 0 };
        let capabilities = remote.get("/capabilities").await?;
        if capabilities["history"]["enabled"] != true {
            return Err(format!(
                "the agent at {} keeps no history: start it with --store memory or --store FOLDER",
                remote.address
            ));
        }
        let time = remote.get("/time").await?;
        remote.now_ms = remote.whole(&time, "timestamp")?;
        Ok(remote)
    }

    /// The body of the answer to a request.
    async fn get(&self, path: &str) -> Result<Value, String> {
        let address = &self.address;
        let asked = timeout(PATIENCE, self.ask(path));
        let answer = asked
            .await
            .map_err(|_| format!("the agent at {address} has not answered for {PATIENCE:?}"))?;
        let (status, body) = answer.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => format!(
                "no agent answers at {address}: name the address that the agent has in --api, or the folder of \
                 --store where it has ended"
            ),
            io::ErrorKind::PermissionDenied => format!(
                "the API at {address} cannot be opened: {error}; run this as the user that the agent has"
            ),
            _ => format!("the agent at {address} cannot be asked: {error}"),
        })?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            StatusCode::OK if body.is_object() => Ok(body),
            StatusCode::UNAUTHORIZED if self.token.is_none() => Err(format!(
                "the agent at {address} wants a token: set {} or name a file with --api-token-file",
                variable(API_TOKEN)
            )),
            StatusCode::UNAUTHORIZED => {
                Err(format!("the agent at {address} does not know the token that was sent"))
            }
            _ => {
                let message = body["message"].as_str().unwrap_or("it is no agent of this kind");
                let message = shown(message);
                Err(format!("the agent at {address} answered {}: {message}", status.as_u16()))
            }
        }
    }

    async fn ask(&self, path: &str) -> io::Result<(StatusCode, Bytes)> {
        let (connection, host): (Box<dyn Connection>, _) = match &self.address {
            ApiAddress::Unix(path) => {
                (Box::new(UnixStream::connect(path).await?), "localhost".to_owned())
            }
            ApiAddress::Tcp(address) => {
                (Box::new(TcpStream::connect(address).await?), address.to_string())
            }
        };
        let mut request = Request::get(path).header(HOST, host);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, ["Bearer ", &token.0].concat());
        }
        let request = request.body(Empty::new()).map_err(io::Error::other)?;
        exchange(connection, request, LARGEST).await
    }

    /// The values of all pages of a list, and what is said of each page.
    async fn all(&self, path: &str, mut page: impl FnMut(&Value)) -> Result<Vec<Value>, String> {
        let (mut values, mut marker) = (Vec::new(), String::new());
        loop {
            let mut body = self.get(&format!("{path}{marker}")).await?;
            let Value::Array(mut of_page) = body["values"].take() else {
                return Err(self.odd("values"));
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
                return Err(self.odd("next_marker"));
            }
            marker = next;
        }
    }

    async fn list(&self) -> Result<Vec<Metric>, String> {
        let mut metrics = Vec::new();
        for of in self.all("/metrics_list?limit=1000", |_| {}).await? {
            // A text has no points.
            if of["history"] != true {
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
        metrics.sort_by(|one, other| (&one.check, &one.name).cmp(&(&other.check, &other.name)));
        Ok(metrics)
    }

    async fn read(
        &self,
        metric: &Metric,
        resolution: Resolution,
        range_ms: [i64; 2],
    ) -> Result<Points, String> {
        let (check, name) = (encoded(&metric.check), encoded(&metric.name));
        let [from_ms, to_ms] = range_ms.map(|ms| ms.clamp(0, LATEST_MS));
        let path = format!(
            "{CHECKS}/{check}/metrics/{name}/plot?from={from_ms}&to={to_ms}&resolution={}\
             &select=average,min,max,variance",
            resolution.name()
        );
        let mut damaged = 0;
        let count = |metadata: &Value| damaged += metadata["damaged"].as_u64().unwrap_or(0);
        let values = self.all(&path, count).await?;
        let points = values.iter().map(|of| {
            let number = |name| of[name].as_f64().ok_or_else(|| self.odd(name));
            Ok(Bucket {
                start_ms: self.whole(of, "timestamp")?.clamp(0, LATEST_MS),
                count: self.whole(of, "numPoints")?.unsigned_abs().min(MOST_COUNTED),
                average: number("average")?,
                variance: number("variance")?,
                min: number("min")?,
                max: number("max")?,
            })
        });
        let points = points.collect::<Result<_, String>>()?;
        Ok(Points { points, damaged: usize::try_from(damaged).unwrap_or(usize::MAX) })
    }

    fn text(&self, of: &Value, name: &str) -> Result<String, String> {
        of[name].as_str().map(str::to_owned).ok_or_else(|| self.odd(name))
    }

    fn whole(&self, of: &Value, name: &str) -> Result<i64, String> {
        of[name].as_i64().ok_or_else(|| self.odd(name))
    }

    fn odd(&self, field: &str) -> String {
        format!("the answer of the agent at {} has no valid field {field}", self.address)
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
        Box::pin(self.read(metric, resolution, range_ms))
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }
}

/// The first token of a file.
async fn first_token(path: PathBuf) -> Result<Option<Secret>, String> {
    let read = blocking::call(Purpose::Files, move || TokenFile::read(&path));
    let file = read.await.map_err(|refused| refused.to_string())??;
    Ok(file.tokens.into_iter().next().map(|(token, _)| token))
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

const CHECKS: &str = "/entities/self/checks";

/// An agent answers in far less, also one that is busy.
const PATIENCE: Duration = Duration::from_secs(15);

/// Two days with ten samples a second have fewer.
const MOST_VALUES: usize = 4_000_000;

/// More points than a bucket ever has.
const MOST_COUNTED: u64 = 1 << 50;

/// The last time that the API takes.
const LATEST_MS: i64 = 999_999_999_999_999;

/// A page of points has some 200 kB.
const LARGEST: usize = 8 << 20;
