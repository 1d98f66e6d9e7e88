//! A page, read as it comes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::rc::Rc;

use super::family::Family;
use super::line::{Sample, name_of_likely_sample, sample};
use crate::check::http::Wanted;
use crate::model::{Dimensions, Finding, Findings, Quantity};
use crate::wildcard::fits;

/// What has been read of a page so far.
pub struct Page<'a> {
    /// The names that are wanted.
    names: &'a [String],
    /// Which of them were there.
    are_there: Vec<bool>,
    /// How many series are taken.
    most: usize,
    /// Seconds since 1970.
    now: f64,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// How many lines were read.
    lines: usize,
    samples: usize,
    family: Family,
    found: Findings,
    known: HashSet<(Cow<'static, str>, Dimensions)>,
    left_out: LeftOut,
    /// Whether `# EOF` was there.
    pub is_over: bool,
    error: Option<String>,
}

/// How many series of those that are wanted were left out, by reason.
#[derive(Default)]
struct LeftOut {
    above: usize,
    /// The first of those, as the page has it.
    first_above: String,
    unfit: usize,
    without_number: usize,
    stale: usize,
    twice: usize,
}

impl<'a> Page<'a> {
    pub fn new(names: &'a [String], most: usize, now: f64) -> Self {
        Self {
            names,
            are_there: vec![false; names.len()],
            most,
            now,
            line: Vec::new(),
            lines: 0,
            samples: 0,
            family: Family::default(),
            found: Findings::default(),
            known: HashSet::new(),
            left_out: LeftOut::default(),
            is_over: false,
            error: None,
        }
    }

    /// Reads a piece, which may end anywhere.
    pub fn take(&mut self, piece: &[u8]) -> Wanted {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(end) if self.line.is_empty() => self.read(end),
                Some(end) => {
                    let mut line = std::mem::take(&mut self.line);
                    line.extend(end);
                    self.read(&line);
                }
                None => self.line.extend(part),
            }
            if self.line.len() > LONGEST_LINE {
                let line = self.lines + 1;
                self.error = Some(format!("line {line} is longer than {} kB", LONGEST_LINE >> 10));
            }
            if self.is_over || self.error.is_some() {
                return Wanted::NoMore;
            }
        }
        Wanted::More
    }

    /// What was found when all has been read.
    pub fn finish(mut self) -> Result<Findings, String> {
        if !self.line.is_empty() && self.error.is_none() && !self.is_over {
            let line = std::mem::take(&mut self.line);
            self.read(&line);
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.samples == 0 {
            return Err("no series on the page: check url".to_owned());
        }
        self.found.status = self.status();
        Ok(self.found)
    }

    fn read(&mut self, line: &[u8]) {
        self.lines += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(text) = std::str::from_utf8(line) else {
            return self.fail(&String::from_utf8_lossy(line), "UTF-8");
        };
        match text.trim_start_matches([' ', '\t']) {
            "" => {}
            comment if comment.starts_with('#') => self.comment(comment),
            text if name_of_likely_sample(text).is_some_and(|name| !self.is_wanted(name)) => {
                self.samples += 1;
            }
            text => match sample(text) {
                Ok(sample) => self.add(text, sample),
                Err(expected) => self.fail(text, expected),
            },
        }
    }

    fn fail(&mut self, line: &str, expected: &str) {
        let shown = &line[..line.floor_char_boundary(SHOWN)];
        let cure = if line.trim_start().starts_with('<') { WEB_PAGE } else { "" };
        self.error = Some(format!("line {} is {shown:?}: expected {expected}{cure}", self.lines));
    }

    fn comment(&mut self, comment: &str) {
        let mut words = comment.split_ascii_whitespace().skip(1);
        match (words.next(), words.next(), words.next()) {
            (Some("TYPE"), Some(name), Some(of)) => self.family = Family::of(name, of),
            (Some("EOF"), None, None) => self.is_over = true,
            _ => {}
        }
    }

    fn add(&mut self, text: &str, sample: Sample<'_>) {
        self.samples += 1;
        let Some(discovered) = self.family.discovered(&sample.name) else { return };
        if !self.is_wanted(&sample.name) {
            return;
        }
        let left_out = &mut self.left_out;
        let counted = match dimensions(&sample) {
            _ if !sample.value.is_finite() => &mut left_out.without_number,
            _ if sample.timestamp.is_some_and(|time| is_stale(time, self.now)) => {
                &mut left_out.stale
            }
            None => &mut left_out.unfit,
            Some(dimensions) => {
                let name = Cow::Owned(sample.name.into_owned());
                let key = (name, dimensions);
                let is_known = self.known.contains(&key);
                if !is_known && self.known.len() < self.most {
                    let (name, dimensions) = key.clone();
                    self.known.insert(key);
                    let quantity = Quantity::Number(sample.value);
                    let discovered = Some(discovered);
                    self.found.values.push(Finding { name, dimensions, discovered, quantity });
                    if self.found.raw.len() < MOST_RAW {
                        self.found.raw(format!("line {}", self.lines), text);
                    }
                    return;
                }
                if !is_known && left_out.above == 0 {
                    let end = text.find([' ', '\t']).unwrap_or(text.len());
                    left_out.first_above =
                        text[..end.min(text.floor_char_boundary(SHOWN))].to_owned();
                }
                if is_known { &mut left_out.twice } else { &mut left_out.above }
            }
        };
        *counted += 1;
    }

    /// Whether a sample is wanted by its own name or by that of its family.
    fn is_wanted(&mut self, sample: &str) -> bool {
        let family = self.family.of_part(sample);
        let mut is_wanted = false;
        for (name, is_there) in self.names.iter().zip(&mut self.are_there) {
            if fits(name, sample) || family.is_some_and(|family| fits(name, family)) {
                (*is_there, is_wanted) = (true, true);
            }
        }
        is_wanted
    }

    /// What there is to say; nothing where all is well.
    fn status(&self) -> Option<String> {
        let LeftOut { above, ref first_above, unfit, without_number, stale, twice } = self.left_out;
        let most = self.most;
        let mut parts = Vec::new();
        let mut say = |count, text: String| {
            if count > 0 {
                parts.push(format!("dropped {count} {text}"));
            }
        };
        say(above, format!("series above the limit of {most} (series), such as {first_above}"));
        say(unfit, "series with labels that CloudWatch does not take".to_owned());
        say(without_number, "series without a finite number".to_owned());
        say(stale, "series with a timestamp of more than 5 minutes ago".to_owned());
        say(twice, "duplicate series".to_owned());
        let missing = self.names.iter().zip(&self.are_there).filter(|(_, is_there)| !**is_there);
        let missing: Vec<_> = missing.map(|(name, _)| name.as_str()).collect();
        if !missing.is_empty() {
            parts.push(format!("not on the page: {}", missing.join(", ")));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// The labels as dimensions, in the order of their names; none where CloudWatch does not take them. A label
/// without a value is the same as none.
fn dimensions(sample: &Sample<'_>) -> Option<Dimensions> {
    let labels = sample.labels.iter().filter(|(_, value)| !value.is_empty());
    let is_plain = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let fit = labels.map(|(name, value)| {
        let is_fit = is_plain(name)
            && is_plain(value)
            && (1..=LONGEST_NAME).contains(&name.len())
            && value.len() <= LONGEST_VALUE
            && !value.trim().is_empty()
            && !name.starts_with(':');
        is_fit.then(|| (Cow::Owned(name.clone().into_owned()), Rc::from(&**value)))
    });
    let mut dimensions: Dimensions = fit.collect::<Option<_>>()?;
    dimensions.sort_unstable();
    Some(dimensions).filter(|all| all.len() <= MOST_LABELS)
}

/// Whether Prometheus would take the value for gone. One format counts milliseconds, the other seconds.
fn is_stale(timestamp: f64, now: f64) -> bool {
    let seconds = if timestamp.abs() > 1e11 { timestamp / 1e3 } else { timestamp };
    now - seconds > 300.0
}

/// More is no metric.
const LONGEST_LINE: usize = 64 << 10;

const WEB_PAGE: &str = "; this is a page for people: most servers have metrics at /metrics";

/// How much is shown of a line that is wrong, in bytes.
const SHOWN: usize = 100;

/// How many lines an explanation shows.
const MOST_RAW: usize = 20;

/// CloudWatch takes 30 dimensions, and two are there already.
const MOST_LABELS: usize = 28;
const LONGEST_NAME: usize = 255;
const LONGEST_VALUE: usize = 1024;
