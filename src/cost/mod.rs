//! Estimates what a configuration will cost at CloudWatch.

mod prices;

use std::fmt;
use std::rc::Rc;

use serde::Serialize;

use self::prices::{CALL, LOG_GIGABYTE, METRIC_MONTH, OTLP_GIGABYTE, SOURCE};
use crate::auto_dimensions::resource;
use crate::collector::sink::Sink;
use crate::config::{Publish, Settings, ValueForm};
use crate::delivery;
use crate::delivery::choice::Choice;
use crate::logging::COST;
use crate::model::{Entry, Number, Statistics, Summary, ValueCount};
use crate::publisher::{self, Retries, emf, otlp};
use crate::sorted::sort_by_key;

/// What one agent sends in a month in which it runs all the time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Each name with each set of dimensions, of the whole and of each container.
    pub metrics: usize,
    pub calls: f64,
    pub log_bytes: f64,
    /// Points of a window by OTLP, which have no price each, and their bytes.
    pub points: usize,
    pub otlp_bytes: f64,
}

impl Cost {
    /// The cost of windows like this one. Two publishers that send the same metrics do not make them twice.
    pub fn of(settings: &Settings, summary: &Summary) -> Self {
        let publishing = &settings.publishing;
        // What another receiver costs is not known here.
        let is_paid = |publish: &Publish| *publish != Publish::Otlp || otlp::is_to_aws(settings);
        let publishers = publishing.publishers.iter().copied().filter(is_paid).collect::<Vec<_>>();
        Self::with(settings, summary, &publishers, publishing.form)
    }

    /// The same with other publishers, or another form.
    fn with(
        settings: &Settings,
        summary: &Summary,
        publishers: &[Publish],
        form: ValueForm,
    ) -> Self {
        let to = |publish| publishers.contains(&publish);
        let (by_calls, by_log, by_otlp) =
            (to(Publish::CloudWatch), to(Publish::Emf), to(Publish::Otlp));
        let choice = Choice { form, ..Choice::of(settings) };
        let whole = Rc::new(whole_window(settings, summary, form));
        // All sets of dimensions go together in a line of a log, and by themselves in a request.
        let (once, sets) = (choice.data(&whole, 1), settings.identity.dimension_sets().len());
        let windows = MONTH_SECONDS / settings.measuring.period.as_secs_f64();
        let a_window = |count: usize| windows * count as f64;
        let (points, otlp_bytes) =
            if by_otlp { of_otlp(settings, choice, summary) } else { (0, 0) };
        Self {
            points,
            otlp_bytes: a_window(otlp_bytes),
            metrics: if by_calls || by_log { once.len() * sets } else { 0 },
            calls: if by_calls { a_window(requests(settings, choice, &whole)) } else { 0.0 },
            log_bytes: if by_log { a_window(emf::log_bytes(settings, &whole, &once)) } else { 0.0 },
        }
    }

    /// US dollars a month at list price, for so many agents, each with metrics of its own.
    pub fn dollars(self, agents: f64) -> f64 {
        let calls = CALL * self.calls;
        let logs = LOG_GIGABYTE * self.log_bytes / 1e9;
        let points = OTLP_GIGABYTE * self.otlp_bytes / 1e9;
        metric_dollars(self.metrics as f64 * agents) + agents * (calls + logs + points)
    }
}

/// Fails if the metrics of the checks that are known before they ever ran are more than are allowed.
pub fn check_cap(settings: &Settings) -> Result<(), String> {
    let (metrics, most) = (declared(settings), settings.checks.max_metrics);
    if metrics <= most {
        return Ok(());
    }
    Err(format!(
        "the checks would publish {metrics} metrics, about ${:.2} a month ({SOURCE}), and --max-metrics \
         allows {most}: list fewer metrics under publish: in the checks, or raise --max-metrics",
        metric_dollars(metrics as f64)
    ))
}

/// The metrics of all checks, and what they cost, in a sentence.
pub fn of_checks(settings: &Settings) -> String {
    let checks = settings.checks.all.iter().filter(|check| !check.is_disabled).count();
    let metrics = declared(settings);
    let dollars = metric_dollars(metrics as f64);
    let finding = settings.checks.all.iter().filter(|check| check.publishes_what_it_finds());
    let finding: Vec<_> = finding.map(|check| check.id.as_str()).collect();
    let more = match &finding[..] {
        [] => String::new(),
        finding => format!(
            "; more are those that {} will find, each about ${:.2}: explain shows them, and --max-metrics allows {} in all",
            finding.join(", "),
            metric_dollars(1.0),
            settings.checks.max_metrics
        ),
    };
    format!(
        "checks: {checks}, metrics they publish: {metrics}, about ${dollars:.2} a month ({SOURCE}){more}"
    )
}

/// How many metrics the checks and the states of their alarms are, each with each set of dimensions.
fn declared(settings: &Settings) -> usize {
    let checks = settings.checks.all.iter();
    let known = checks.map(|check| check.declared().len() + check.named_to_discover());
    let states = settings.checks.published_alarms().len();
    (known.sum::<usize>() + states) * settings.identity.number_of_sets()
}

/// How many requests of CloudWatch a window takes. Nothing is sent by this.
fn requests(settings: &Settings, choice: Choice, summary: &Rc<Summary>) -> usize {
    let publisher = publisher::choose::open(Publish::CloudWatch, settings, &Retries::default());
    let data = choice.data(summary, publisher.terms().sets);
    delivery::sends(&*publisher, summary.clone(), data)
}

/// How many points a window is by OTLP, and how many bytes are counted for them. A histogram is that of one whole
/// window: a cumulative one becomes longer as its counts get more digits.
fn of_otlp(settings: &Settings, choice: Choice, summary: &Summary) -> (usize, usize) {
    let with_samples = settings.publishing.otlp.sample_points;
    let choice = Choice { with_values: true, with_samples, ..choice };
    let mut whole = whole_window(settings, summary, ValueForm::Distribution);
    if with_samples {
        let samples = settings.measuring.samples_per_window();
        for entry in &mut whole.entries {
            if entry.metric.number().is_some_and(Number::has_distribution) {
                entry.statistics.samples = vec![(whole.start, 50.0); samples];
            }
        }
    }
    let data = choice.data(&whole, 1);
    (data.len(), otlp::billed_bytes(settings, &whole, &data))
}

/// The tiers, one after the other.
fn metric_dollars(metrics: f64) -> f64 {
    let mut dollars = 0.0;
    let mut from = 0.0;
    for (to, price) in METRIC_MONTH {
        dollars += (metrics.min(to) - from).max(0.0) * price;
        from = to;
    }
    dollars
}

/// The window as it would be with all of its samples, if all of its values are sent: it may have been
/// shorter, and it has no values where they are not sent. Each value is taken for another, so that this
/// is the most that they can be.
fn whole_window(settings: &Settings, summary: &Summary, form: ValueForm) -> Summary {
    let mut whole = summary.clone();
    if form == ValueForm::Distribution {
        let samples = settings.measuring.samples_per_window();
        let different = samples.min(10_001);
        let count = |place| samples / different + usize::from(place < samples % different);
        let value = |place| ValueCount { hundredths: place as u16, count: count(place) as u32 };
        for entry in &mut whole.entries {
            if entry.metric.number().is_some_and(Number::has_distribution) {
                entry.statistics.values = (0..different).map(value).collect();
            }
        }
    }
    add_declared(settings, &mut whole.entries);
    whole
}

/// Adds the metrics of checks that have not run yet, and of the states of their alarms, beside those of the same check that have a value.
fn add_declared(settings: &Settings, entries: &mut Vec<Entry>) {
    for check in &settings.checks.all {
        let runs = settings.measuring.period.as_secs_f64() / check.period.as_secs_f64();
        for metric in check.declared() {
            if !entries.iter().any(|entry| *entry.metric == metric) {
                let mut statistics = Statistics::of_none();
                statistics.count = runs.ceil() as usize;
                entries.push(Entry { metric: Rc::new(metric), statistics });
            }
        }
    }
    for metric in settings.checks.published_alarms() {
        if !entries.iter().any(|entry| *entry.metric == metric) {
            let statistics = Statistics { count: 1, ..Statistics::of_none() };
            entries.push(Entry { metric: Rc::new(metric), statistics });
        }
    }
    let order = |entry: &Entry| {
        entry.metric.published_check().map(|id| (id.to_owned(), entry.metric.dimensions.clone()))
    };
    sort_by_key(entries, order);
}

/// The cost, and the cost with other settings.
#[derive(Debug, Serialize)]
pub struct Comparison {
    dollars_a_month: f64,
    /// Those that have a price each.
    metrics: usize,
    /// By OTLP, where they have none.
    otlp_points_a_window: usize,
    calls_a_month: f64,
    log_bytes_a_month: f64,
    otlp_bytes_a_month: f64,
    /// Whether something goes to a receiver whose price is not known.
    #[serde(skip)]
    is_elsewhere: bool,
    alternatives: Vec<Alternative>,
    /// The source of the prices, for people.
    source: &'static str,
}

/// Other options, and what it would cost with them.
#[derive(Debug, Serialize)]
struct Alternative {
    options: &'static str,
    dollars_a_month: f64,
}

impl Comparison {
    pub fn of(settings: &Settings, summary: &Summary) -> Self {
        let publishing = &settings.publishing;
        let to_cloudwatch = match publishing.publishers.contains(&Publish::CloudWatch) {
            true => ["--statistics median-max", "--statistics distribution"],
            false => ["--publish cloudwatch", "--publish cloudwatch --statistics distribution"],
        };
        let is_elsewhere =
            publishing.publishers.contains(&Publish::Otlp) && !otlp::is_to_aws(settings);
        let by_otlp = match is_elsewhere {
            true => "--publish otlp to CloudWatch",
            false => "--publish otlp",
        };
        let all = [
            (Publish::CloudWatch, ValueForm::MedianMax, to_cloudwatch[0]),
            (Publish::CloudWatch, ValueForm::Distribution, to_cloudwatch[1]),
            (Publish::Emf, ValueForm::MedianMax, "--publish emf"),
            (Publish::Emf, ValueForm::Distribution, "--publish emf --statistics distribution"),
            (Publish::Otlp, ValueForm::MedianMax, by_otlp),
        ];
        let others = all.into_iter().filter(|(publish, form, _)| {
            let is_other = publishing.publishers != [*publish] || publishing.form != *form;
            is_other || (is_elsewhere && *publish == Publish::Otlp)
        });
        let alternatives = others.map(|(publish, form, options)| {
            let cost = Cost::with(settings, summary, &[publish], form);
            Alternative { options, dollars_a_month: cost.dollars(1.0) }
        });
        let chosen = Cost::of(settings, summary);
        Self {
            dollars_a_month: chosen.dollars(1.0),
            metrics: chosen.metrics,
            otlp_points_a_window: chosen.points,
            calls_a_month: chosen.calls,
            log_bytes_a_month: chosen.log_bytes,
            otlp_bytes_a_month: chosen.otlp_bytes,
            is_elsewhere,
            alternatives: alternatives.collect(),
            source: SOURCE,
        }
    }
}

/// Logs the cost with the first window. That may have begun too late to have all metrics, and containers
/// may start later: the cost is logged again with a window that has more metrics than all before.
pub struct SayCost {
    settings: Settings,
    most_entries: usize,
    most_metrics: usize,
}

impl SayCost {
    pub fn of(settings: &Settings) -> Self {
        let mut settings = settings.clone();
        // Their values are still being found out. Of these only the length changes the price.
        let found = settings.identity.auto_dimensions.iter();
        let found: Vec<_> = found.map(|asked| asked.with(SUPPOSED.to_owned())).collect();
        settings.identity.dimensions.extend(found);
        settings = with_place(&settings);
        Self { settings, most_entries: 0, most_metrics: 0 }
    }
}

impl Sink for SayCost {
    fn summary(&mut self, summary: &Rc<Summary>) {
        if summary.entries.len() > self.most_entries {
            self.most_entries = summary.entries.len();
            let cost = Comparison::of(&self.settings, summary);
            // Those of checks that had not run yet were counted before.
            let metrics = cost.metrics.max(cost.otlp_points_a_window);
            if metrics > self.most_metrics {
                self.most_metrics = metrics;
                log::info!(target: COST, "cost: {cost}");
            }
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, metrics) = (self.dollars_a_month, self.metrics);
        let (calls, log_bytes) = (self.calls_a_month, self.log_bytes_a_month);
        write!(f, "about ${dollars:.2} a month")?;
        if self.is_elsewhere {
            write!(f, " at AWS, and what the receiver of OTLP charges")?;
        }
        let points = self.otlp_points_a_window;
        // By OTLP alone no metric has a price.
        match metrics == 0 && points > 0 {
            true => write!(f, ": {points} points a window")?,
            false => write!(f, ": {metrics} metrics")?,
        }
        if calls > 0.0 {
            write!(f, ", {calls:.0} PutMetricData calls")?;
        }
        if log_bytes > 0.0 {
            write!(f, ", {:.1} MB of logs", log_bytes / 1e6)?;
        }
        if self.otlp_bytes_a_month > 0.0 {
            write!(f, ", {:.1} MB of points by OTLP", self.otlp_bytes_a_month / 1e6)?;
        }
        write!(f, " ({SOURCE}); it would be")?;
        for (place, other) in self.alternatives.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma} ${:.2} with {}", other.dollars_a_month, other.options)?;
        }
        Ok(())
    }
}

/// A month as AWS reckons it: 730 hours.
const MONTH_SECONDS: f64 = 730.0 * 3600.0;

/// The settings with the attributes of the place as they would be by OTLP, where these were not asked for or are not
/// known yet.
pub fn with_place(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    let otlp = &mut settings.publishing.otlp;
    if otlp.found.is_empty() {
        otlp.found = resource::expected(otlp, SUPPOSED);
    }
    settings
}

/// As long as the id of a task, which is the longest value that is usual for a dimension.
const SUPPOSED: &str = "0123456789abcdef0123456789abcdef";

#[cfg(test)]
mod tests;
