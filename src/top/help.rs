//! The keys: those of what is open in the last row, and all of them with what the screen shows.

use super::page::Page;
use crate::terminal::outage::wrap;
use crate::terminal::row::{BOLD, DIM, NONE, Piece, row};

/// The last row. What there is no room for is left out, the least important first.
pub fn footer(page: Option<&Page>, position: &str, width: usize, colour: bool) -> String {
    let keys: &[(&str, &str)] = match page {
        None => &[("q", "quit"), ("?", "help"), ("↑↓", "move"), ("enter", "open"), ("s", "sort")],
        Some(Page::Metrics(_)) => &[
            ("esc", "back"),
            ("?", "help"),
            ("↑↓", "move"),
            ("enter", "chart"),
            ("s", "sort"),
            ("q", "quit"),
        ],
        Some(Page::Chart(_)) => &[("esc", "back"), ("←→", "range"), ("?", "help"), ("q", "quit")],
        Some(Page::Publisher(_)) => &[("esc", "back"), ("?", "help"), ("q", "quit")],
        Some(Page::Help) => &[("any key", "back"), ("q", "quit")],
    };
    let mut pieces = Vec::new();
    if !position.is_empty() {
        pieces.push(Piece::new(format!("{position}  "), DIM));
    }
    for (key, does) in keys {
        pieces.push(Piece::new(format!("{key} "), BOLD));
        pieces.push(Piece::new(format!("{does}  "), NONE));
    }
    row(&pieces, width, colour).trim_end().to_owned()
}

/// All keys, and what stands where.
pub fn rows(width: usize, colour: bool) -> Vec<String> {
    let rows = KEYS.iter().map(|(key, does)| {
        let pieces = [Piece::new(format!("{key:<WIDTH$}"), BOLD), Piece::new(*does, NONE)];
        row(&pieces, width, colour)
    });
    let texts = TEXTS.iter().flat_map(|text| {
        let wrapped = wrap(text, width).into_iter();
        [String::new()].into_iter().chain(wrapped)
    });
    rows.chain(texts).collect()
}

const KEYS: &[(&str, &str)] = &[
    ("up, down, j, k", "move"),
    ("page up, page down", "move by a page"),
    ("home, end", "to the first, to the last"),
    ("enter", "open what is chosen: its metrics, then the chart of one"),
    ("esc, backspace", "back"),
    ("left, right", "in a chart: a shorter, a longer range"),
    ("s", "sort the list that is looked at by the next column"),
    ("q, Ctrl-C", "quit"),
];

const WIDTH: usize = 20;

const TEXTS: &[&str] = &[
    "CPU and memory are in percent of the limit that stands beside them, with the newest sample on the right. Median \
     and max are those of the samples that are drawn.",
    "Below are the alarms that are not OK, the publishers that fail or have windows waiting, the containers of the pod or \
     task (with --per-container), and the checks. A list that is empty is left out.",
];
