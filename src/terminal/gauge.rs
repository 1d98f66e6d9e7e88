//! CPU or memory: the current figure, as an amount as well, and below it a chart of the last samples.

use super::chart;
use super::history::{History, Shown};
use super::row::{BOLD, CYAN, DIM, MAGENTA, NONE, Piece, RED, plain, row};
use crate::collector::aggregate;
use crate::model::{Sample, amount};

/// One of the two.
pub struct Gauge {
    name: &'static str,
    colour: &'static str,
    part: fn(&Sample) -> Option<f32>,
    limit: Option<Limit>,
    /// So much of the limit, as a text.
    used: fn(f64) -> String,
    all: fn(f64) -> String,
}

/// What the percent is of, and where that stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Cores or bytes.
    pub amount: f64,
    pub origin: String,
}

impl Gauge {
    pub fn cpu(limit: Option<Limit>) -> Self {
        let (used, all): (_, fn(f64) -> String) = (amount::rounded, amount::cores);
        Self { name: "CPU", colour: CYAN, part: |sample| sample.cpu, limit, used, all }
    }

    pub fn memory(limit: Option<Limit>) -> Self {
        let (used, all): (_, fn(f64) -> String) = (amount::size, amount::size);
        Self { name: "Memory", colour: MAGENTA, part: |sample| sample.memory, limit, used, all }
    }

    /// A chart in one row, with the current figure.
    pub fn small(&self, history: &History, width: usize, colour: bool) -> String {
        let columns = columns(width, true);
        let shown = history.shown(columns, self.part);
        let figure = format!("{:<6} {:>7} ", self.name, percent(shown.current.map(f64::from)));
        let drawn = drawn(&shown, columns, 1, scale(&shown)).concat();
        let parts = [Piece::new(figure, BOLD), Piece::new(drawn, self.colour)];
        row(&parts, width, colour)
    }

    /// A row in place of the figures, where there is no value.
    pub fn without(&self, why: &str, width: usize, colour: bool) -> String {
        let name = Piece::new(format!("{:<6}  ", self.name), BOLD);
        row(&[name, Piece::new(plain(why), RED)], width, colour)
    }

    /// The figures of a chart, and the chart in so many rows below, if any.
    pub fn large(
        &self,
        history: &History,
        width: usize,
        levels: usize,
        colour: bool,
    ) -> Vec<String> {
        let columns = columns(width, false);
        let shown = history.shown(columns, self.part);
        let mut rows = vec![row(&self.figures(&shown, levels > 0), width, colour)];
        if levels == 0 {
            return rows;
        }
        let top = scale(&shown);
        for (level, drawn) in drawn(&shown, columns, levels, top).into_iter().enumerate() {
            let scale = match level {
                _ if columns == width => String::new(),
                0 => format!("{top:>3}% "),
                level if level + 1 == levels => "  0% ".to_owned(),
                _ => " ".repeat(WIDTH_OF_SCALE),
            };
            rows.push(row(
                &[Piece::new(scale, DIM), Piece::new(drawn, self.colour)],
                width,
                colour,
            ));
        }
        rows
    }

    /// The current figure, in percent and as an amount, and, where that is drawn, those of all that is shown.
    fn figures(&self, shown: &Shown, is_drawn: bool) -> Vec<Piece> {
        let statistics = aggregate::statistics(&mut shown.columns.concat());
        let median = statistics.as_ref().map(|statistics| statistics.median);
        let max = statistics.as_ref().map(|statistics| statistics.max);
        let now = shown.current.map(f64::from);
        let mut figures = vec![
            Piece::new(format!("{:<6}", self.name), BOLD),
            Piece::new(format!("  {:>7}", percent(now)), BOLD),
        ];
        if let Some(Limit { amount, .. }) = &self.limit {
            let of = now.map(|now| format!("{} ", (self.used)(now / 100.0 * amount)));
            let of = of.unwrap_or_default();
            figures.push(Piece::new(format!("  {of}of {}", (self.all)(*amount)), NONE));
        }
        let of_all = [("median", median), ("max", max)].into_iter();
        for (name, figure) in of_all.filter(|_| is_drawn) {
            figures.push(Piece::new(format!("  {name} {}", percent(figure)), NONE));
        }
        let origin = self.limit.as_ref().map(|limit| format!("  ({})", plain(&limit.origin)));
        figures.extend(origin.map(|origin| Piece::new(origin, DIM)));
        figures
    }
}

/// The columns of a chart in a row of this width, beside what stands on its left.
pub fn columns(width: usize, is_small: bool) -> usize {
    match is_small {
        true => width.saturating_sub(LEAST_WIDTH),
        false if width < WIDTH_WITH_SCALE => width,
        false => width - WIDTH_OF_SCALE,
    }
}

/// From when to when the charts above it are: `left` and `right` stand below the ends of the chart.
pub fn axis(left: &str, right: &str, width: usize, colour: bool) -> String {
    let columns = columns(width, false);
    let room = columns.saturating_sub(left.chars().count());
    let text = format!("{}{left}{right:>room$}", " ".repeat(width - columns));
    row(&[Piece::new(text, DIM)], width, colour)
}

/// The smallest scale in percent that holds all that is shown.
fn scale(shown: &Shown) -> u8 {
    let highest = shown.columns.iter().flatten().copied().fold(0.0, f32::max);
    SCALES.into_iter().find(|top| highest <= f32::from(*top)).unwrap_or(100)
}

/// The rows of a chart, the newest column on the right, each column as high as its highest value.
fn drawn(shown: &Shown, columns: usize, height: usize, top: u8) -> Vec<String> {
    let highest = |values: &Vec<f32>| values.iter().copied().reduce(f32::max);
    let mut values = vec![None; columns.saturating_sub(shown.columns.len())];
    values.extend(shown.columns.iter().map(highest));
    chart::rows(&values, height, top.into())
}

pub fn percent(figure: Option<f64>) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{figure:.2}%"))
}

/// `Memory 100.00% ` is as wide. A terminal that is not wider shows the lines alone.
pub const LEAST_WIDTH: usize = 15;

/// A higher chart would show no more, and take room from the lines.
pub const MOST_LEVELS: usize = 4;

/// The tops of a chart, in percent.
const SCALES: [u8; 5] = [5, 10, 25, 50, 100];

/// `100% ` left of a chart. A narrower terminal shows none.
const WIDTH_OF_SCALE: usize = 5;
const WIDTH_WITH_SCALE: usize = 30;
