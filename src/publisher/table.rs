//! Writes summaries for a person at a terminal: aligned columns under a heading, as wide as the terminal.
//! What is read by programs is in `line.rs`.

use std::rc::Rc;

use super::names::name;
use crate::config::Settings;
use crate::local_time::time_of_day;
use crate::model::{Entry, Measured, Number, Numbers, Statistic, Summary, Value, amount, figure};
use crate::shown::shown;

/// The table of one configuration.
#[derive(Debug)]
pub struct Table {
    /// Service, namespace and dimensions.
    names: Vec<String>,
    chosen: Numbers,
    /// The heading that stands above the last lines.
    heading: Option<Heading>,
}

#[derive(Debug)]
struct Heading {
    width: usize,
    measured: Rc<Measured>,
    /// How many lines stand below it.
    lines: usize,
}

impl Table {
    pub fn new(settings: &Settings) -> Self {
        let names = settings.identity.title();
        Self { names, chosen: settings.measuring.metrics, heading: None }
    }

    /// A line for the whole and one for each container, on a terminal of this width. A heading before
    /// them where there is none yet, where it would be other than the last, and after some lines.
    pub fn lines(&mut self, summary: &Summary, width: usize) -> Vec<String> {
        let columns = columns(self.chosen, width);
        let mut lines = Vec::new();
        let is_there = self.heading.as_ref().is_some_and(|heading| {
            heading.width == width
                && heading.measured == summary.measured
                && heading.lines < LINES_PER_HEADING
        });
        if !is_there {
            if self.heading.is_some() {
                lines.push(String::new());
            }
            lines.extend(wrap(&self.title(&summary.measured), ["", "  "], "  ", width));
            lines.push(column_names(&columns));
            let measured = summary.measured.clone();
            self.heading = Some(Heading { width, measured, lines: 0 });
        }
        let begin = lines.len();
        lines.extend(self.of(summary, None, &columns, width));
        for container in summary.containers() {
            lines.extend(self.of(summary, Some(container), &columns, width));
        }
        lines.extend(summary.checks().flat_map(|entries| of_check(summary, entries, width)));
        if let Some(heading) = &mut self.heading {
            heading.lines += lines.len() - begin;
        }
        lines
    }

    fn title(&self, measured: &Measured) -> Vec<String> {
        let mut title = measured.title(&self.names);
        let limits = &measured.limits;
        let cpu = limits.cpu.as_ref().map(|limit| amount::cores(limit.amount.0));
        let memory = limits.memory.as_ref().map(|limit| amount::size(limit.amount.0 as f64));
        title.extend(cpu.map(|cpu| format!("CPU of {cpu}")));
        title.extend(memory.map(|memory| format!("memory of {memory}")));
        title
    }

    /// The line of the whole or of a container, and below it what has no column.
    fn of(
        &self,
        summary: &Summary,
        container: Option<&str>,
        columns: &[Column],
        width: usize,
    ) -> Vec<String> {
        let mut line = time_of_day(summary.start);
        for column in columns {
            let Column { number, statistic, width, .. } = *column;
            let text = match is_told(summary, number, container) {
                true => figure(summary, number, statistic, container),
                false => String::new(),
            };
            line.push_str(&format!(" {text:>width$}"));
        }
        let mut below = Vec::new();
        if let Some(container) = container.map(shown) {
            match line.chars().count() + 2 + container.chars().count() <= width {
                true => line.push_str(&format!("  {container}")),
                false => below.push(format!("container {container}")),
            }
        }
        let is_below = |number: &Number| {
            !columns.iter().any(|column| column.number == *number)
                && is_told(summary, *number, container)
        };
        for number in self.chosen.iter().filter(is_below) {
            below.extend(number.statistics().iter().map(|statistic| {
                let figure = figure(summary, number, *statistic, container);
                format!("{} {figure}", column_name(number, *statistic))
            }));
        }
        let mut lines = vec![line];
        lines.extend(wrap(&below, [INDENTATION; 2], ", ", width));
        lines
    }
}

/// What a check has found of one target: the mean of each of its metrics. They have names of their own, so
/// they have no columns.
fn of_check(summary: &Summary, entries: &[Entry], width: usize) -> Vec<String> {
    let own = entries[0].metric.dimensions.iter().map(|(_, value)| shown(value));
    let own = own.collect::<Vec<_>>().join(" of ");
    let mut texts = vec![format!("{} check {own}:", time_of_day(summary.start))];
    for (place, Entry { metric, statistics }) in entries.iter().enumerate() {
        let figure = figure::short(metric.published_unit(), statistics.mean);
        let text = format!("{} {figure}", name(metric, Statistic::Set));
        match place {
            0 => texts[0] = format!("{} {text}", texts[0]),
            _ => texts.push(text),
        }
    }
    wrap(&texts, ["", INDENTATION], ", ", width)
}

/// A figure that has a column of its own.
#[derive(Debug)]
struct Column {
    number: Number,
    statistic: Statistic,
    name: &'static str,
    width: usize,
}

/// The columns that fit: those of a number are together.
fn columns(chosen: Numbers, width: usize) -> Vec<Column> {
    let mut columns = Vec::new();
    let mut room = width.saturating_sub(TIME);
    for number in chosen.iter() {
        let of = number.statistics().iter().map(|statistic| {
            let name = column_name(number, *statistic);
            let width = name.len().max(figure::widest(number.unit()));
            Column { number, statistic: *statistic, name, width }
        });
        let of: Vec<_> = of.collect();
        let needed = of.iter().map(|column| column.width + 1).sum();
        let Some(left) = room.checked_sub(needed) else { break };
        room = left;
        columns.extend(of);
    }
    columns
}

/// The name of a number, or of the maximum that stands beside its median.
fn column_name(number: Number, statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Maximum if number.maximum().is_some() => "max",
        _ => number.label(),
    }
}

/// Whether something stands in the place of a figure. Most numbers have no value of a container in most
/// scopes.
fn is_told(summary: &Summary, number: Number, container: Option<&str>) -> bool {
    container.is_none() || number.is_of_each_container() || summary.of(number, container).is_some()
}

fn column_names(columns: &[Column]) -> String {
    let mut line = format!("{:<TIME$}", "time");
    for Column { name, width, .. } in columns {
        line.push_str(&format!(" {name:>width$}"));
    }
    line
}

/// A figure with its unit; `-` where it is absent.
fn figure(
    summary: &Summary,
    number: Number,
    statistic: Statistic,
    container: Option<&str>,
) -> String {
    match summary.of(number, container).map(|statistics| statistic.of(statistics)) {
        Some(Value::One(value)) if value.is_finite() => figure::short(number.unit(), value),
        _ => "-".to_owned(),
    }
}

/// The texts on as many lines as they need: `between` two of them, `indentation` before the lines after
/// the first, which begins with `begin`.
fn wrap(
    texts: &[String],
    [begin, indentation]: [&str; 2],
    between: &str,
    width: usize,
) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for text in texts {
        let begin = match lines.last_mut() {
            Some(line) => {
                let length = line.chars().count() + between.len() + text.chars().count();
                if length < width {
                    line.extend([between, text]);
                    continue;
                }
                line.push_str(between.trim_end());
                indentation
            }
            None => begin,
        };
        lines.push(format!("{begin}{text}"));
    }
    lines
}

/// As wide as a time of day.
const TIME: usize = "00:00:00".len();

const INDENTATION: &str = "  ";

/// A heading that has scrolled away is shown again.
const LINES_PER_HEADING: usize = 20;

#[cfg(test)]
mod tests;
