//! The checks in the live view: the last result of each, a row each.

use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::collector::series::a_second;
use crate::model::{Kind, Report, UTILIZATION, figure};
use crate::shown::shown;
use crate::sorted::sort_by_key;
use crate::terminal::row::{BOLD, DIM, NONE, Piece, RED, plain, row};

/// The last result of each check, by its id.
pub type Results = BTreeMap<Rc<str>, Result<Vec<Figure>, String>>;

/// A published metric as a text: its name, and its value with the unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub name: String,
    pub value: String,
}

/// Turns reports into what is shown of them.
#[derive(Debug)]
pub struct Feed {
    results: watch::Sender<Results>,
    /// The last total of each counter, and when it stood like this.
    totals: BTreeMap<(Rc<str>, String), Total>,
}

/// A total, and when it stood like this.
type Total = Option<(Instant, f64)>;

impl Feed {
    pub fn new(results: watch::Sender<Results>) -> Self {
        Self { results, totals: BTreeMap::new() }
    }

    /// Notes the result of a run; of a counter how much it grows in a second, as it is published.
    pub fn report(&mut self, report: &Report) {
        // What the source reports is in the charts.
        if *report.check == *UTILIZATION {
            return;
        }
        let mut figures = Vec::new();
        for (metric, value) in report.numbers() {
            let Some(name) = &metric.published else { continue };
            let value = match metric.kind {
                Kind::Gauge | Kind::Count | Kind::Distribution => Some(value),
                Kind::Counter => {
                    let before = self.totals.entry((report.check.clone(), name.to_string()));
                    a_second(before.or_default(), report.at, value)
                }
            };
            let value = value.map(|value| figure::short(metric.published_unit(), value));
            let value = value.unwrap_or_else(|| "-".to_owned());
            figures.push(Figure { name: name.to_string(), value });
        }
        let result = if report.is_available { Ok(figures) } else { Err(report.status.clone()) };
        self.results.send_modify(|results| {
            results.insert(report.check.clone(), result);
        });
    }
}

/// So many rows at most, the unavailable checks first; the last one says how many more there are.
pub fn rows(results: &Results, width: usize, most: usize, colour: bool) -> Vec<String> {
    let mut all: Vec<_> = results.iter().collect();
    sort_by_key(&mut all, |(_, result)| result.is_ok());
    let more = all.len().saturating_sub(most);
    let shown_ones = if more > 0 { most.saturating_sub(1) } else { all.len() };
    let mut rows: Vec<_> = all[..shown_ones.min(all.len())]
        .iter()
        .map(|(id, result)| row(&pieces(id, result), width, colour))
        .collect();
    if more > 0 && most > 0 {
        let text = format!("{} more checks", all.len() - shown_ones);
        rows.push(row(&[Piece::new(text, DIM)], width, colour));
    }
    rows
}

fn pieces(id: &str, result: &Result<Vec<Figure>, String>) -> Vec<Piece> {
    let mut pieces = vec![Piece::new(plain(id), BOLD)];
    match result {
        Ok(figures) if figures.is_empty() => pieces.push(Piece::new("  available", NONE)),
        Ok(figures) => {
            pieces.extend(figures.iter().map(|Figure { name, value }| {
                Piece::new(format!("  {} {value}", plain(name)), NONE)
            }));
        }
        Err(status) => {
            pieces[0].colour = RED;
            pieces.push(Piece::new(format!("  unavailable: {}", plain(&shown(status))), RED));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    type Given<'a> = Result<&'a [(&'a str, &'a str)], &'a str>;

    fn results(of: &[(&str, Given<'_>)]) -> Results {
        let figure = |(name, value): &(&str, &str)| Figure {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        let result = |result: &Given<'_>| match result {
            Ok(figures) => Ok(figures.iter().map(figure).collect()),
            Err(status) => Err((*status).to_owned()),
        };
        of.iter().map(|(id, of)| (Rc::from(*id), result(of))).collect()
    }

    #[test]
    fn unavailable_checks_are_first_and_what_has_no_room_is_counted() {
        let results = results(&[
            ("disk", Ok(&[("DiskReadBytes", "1 KiB/s"), ("DiskWriteBytes", "-")])),
            ("load", Ok(&[("LoadAverage1mPerCore", "0.5")])),
            ("mine", Ok(&[])),
            ("root", Err("timed out after 9 s")),
        ]);
        let all = [
            "root  unavailable: timed out after 9 s",
            "disk  DiskReadBytes 1 KiB/s  DiskWriteBytes -",
            "load  LoadAverage1mPerCore 0.5",
            "mine  available",
        ];
        assert_eq!(rows(&results, 80, 9, false), all);
        assert_eq!(rows(&results, 80, 4, false), all);
        assert_eq!(rows(&results, 80, 3, false), [all[0], all[1], "2 more checks"]);
        assert_eq!(rows(&results, 80, 1, false), ["4 more checks"]);
        assert_eq!(rows(&results, 80, 0, false), [""; 0]);
        assert_eq!(rows(&results, 30, 2, false), ["root", "3 more checks"], "no half sentences");
        assert_eq!(rows(&Results::new(), 80, 3, false), [""; 0]);
    }
}
