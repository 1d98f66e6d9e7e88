//! `agent.prometheus`: the metrics of a page for Prometheus.

mod family;
mod line;
mod page;
#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use self::page::Page;
use super::page::{self as common, PASSWORD, USER, VERIFY};
use crate::check::connect::Awaited;
use crate::check::http::{Asked, fetch};
use crate::model::{
    Check, CheckType, Details, Discovers, Findings, Form, Opening, Running, Setting,
};

pub const TYPE: CheckType = CheckType {
    name: "agent.prometheus",
    about: "The metrics of a page that is made for Prometheus (text format 0.0.4 or OpenMetrics), with labels as \
        dimensions. A histogram or summary is its _count and _sum",
    settings: &[
        Setting::required("url", Form::Text, "The page", "http://127.0.0.1:9100/metrics"),
        Setting::required(
            "metrics",
            Form::List,
            "The names of the metrics that are taken, in which * is any number of characters; each series is a metric of its own in CloudWatch",
            "[node_load1, node_memory_*]",
        ),
        Setting::optional(
            "series",
            Form::Whole(1, 10_000),
            "How many series are taken at most, in the order of the page; 100 by default",
            "20",
        ),
        USER,
        PASSWORD,
        VERIFY,
    ],
    one_of: &[],
    metrics: &[],
    discovers: Discovers::Published,
    targets: None,
    open: |of: &Opening| Box::new(Prometheus::of(of.details)),
};

struct Prometheus {
    /// Or what is wrong with the details.
    asked: Result<Asked, String>,
    names: Vec<String>,
    most: usize,
    awaited: Awaited,
}

impl Prometheus {
    fn of(details: &Details) -> Self {
        let asked = common::asked(details, MOST_BODY).and_then(|mut asked| {
            asked.add_header(&format!("Accept: {FORMATS}"))?;
            Ok(asked)
        });
        let most = details.number("series").map_or(DEFAULT_SERIES, |most| most as usize);
        let names = details.list("metrics").to_vec();
        Self { asked, names, most, awaited: Awaited::default() }
    }
}

impl Check for Prometheus {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async { self.read().await })
    }

    fn mistake(&self) -> Option<String> {
        self.asked.as_ref().err().cloned()
    }

    fn awaited(&self) -> Option<&'static str> {
        self.awaited.get()
    }
}

impl Prometheus {
    async fn read(&self) -> Result<Findings, String> {
        let asked = self.asked.as_ref().map_err(String::clone)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut page = Page::new(&self.names, self.most, now.as_secs_f64());
        let answer = fetch(asked, &self.awaited, &mut |piece| page.take(piece)).await?;
        answer.require_success()?;
        if answer.is_cut {
            let most = MOST_BODY >> 20;
            return Err(format!(
                "{} is longer than {most} MB: have it show fewer metrics",
                answer.url
            ));
        }
        let is_open = answer.content_type.starts_with("application/openmetrics-text");
        let is_whole = page.is_over || !is_open;
        let mut found = page.finish().map_err(|error| asked.hide(&error))?;
        if !is_whole {
            return Err(format!("{} ends without # EOF, so a part is missing", answer.url));
        }
        found.raw.insert(0, (answer.url.to_string(), answer.in_words()));
        Ok(found)
    }
}

/// What is asked for, the simpler one first: OpenMetrics has other names for some.
const FORMATS: &str =
    "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1";

const DEFAULT_SERIES: usize = 100;

/// A page with some 100,000 series.
const MOST_BODY: usize = 10 << 20;
