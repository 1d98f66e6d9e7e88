//! What fails, why, and what to do about it, in as many rows as that takes.

use std::time::Duration;

use super::row::{Piece, RED, plain, row};
use crate::model::{Health, PublisherState};
use crate::shown::shown;

/// The errors of all publishers that fail, in so many rows if that is possible. Where they are too few, of
/// the causes the end is left out; the advice is never cut.
pub fn rows(publishers: &[Health], width: usize, most: usize, colour: bool) -> Vec<String> {
    let failing = publishers.iter().filter_map(|health| match &health.state {
        PublisherState::Failing { what, advice, .. } => {
            Some((health.publisher, plain(&shown(what)), *advice))
        }
        PublisherState::Untried | PublisherState::Works => None,
    });
    let failing: Vec<_> = failing.collect();
    let most = most / failing.len().max(1);
    let rows = failing.iter().flat_map(|(publisher, causes, advice)| {
        shortened(causes, width, most, |causes| match advice {
            Some(advice) => format!("{publisher}: {advice} ({causes})"),
            None => format!("{publisher}: {causes}"),
        })
    });
    rows.map(|text| row(&[Piece::new(text, RED)], width, colour)).collect()
}

/// The text with as many words of the causes as fit into so many rows, and one at least.
fn shortened(
    causes: &str,
    width: usize,
    most: usize,
    text: impl Fn(&str) -> String,
) -> Vec<String> {
    let whole = wrap(&text(causes), width);
    if whole.len() <= most {
        return whole;
    }
    let ends =
        causes.match_indices(' ').map(|(at, _)| wrap(&text(&format!("{}…", &causes[..at])), width));
    let mut rows: Option<Vec<String>> = None;
    for next in ends {
        if rows.is_some() && next.len() > most {
            break;
        }
        rows = Some(next);
    }
    rows.unwrap_or(whole)
}

/// A text in rows of this width, which end between two words where they can.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut rows, mut row, mut room) = (Vec::new(), String::new(), width);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let is_first = row.is_empty();
        if !is_first && word.chars().count() < room {
            row.push(' ');
            room -= 1;
        } else if !is_first {
            rows.push(std::mem::take(&mut row));
            room = width;
        }
        for c in word.chars() {
            if room == 0 {
                rows.push(std::mem::take(&mut row));
                room = width;
            }
            row.push(c);
            room -= 1;
        }
    }
    rows.push(row);
    rows
}

/// A length of time, such as `3m 12s`.
pub fn duration(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_between_words() {
        assert_eq!(wrap("set --region or AWS_REGION", 12), ["set --region", "or", "AWS_REGION"]);
        assert_eq!(wrap("a abcdefghi b", 4), ["a", "abcd", "efgh", "i b"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn the_causes_are_cut_and_the_advice_is_not() {
        let text = |causes: &str| format!("emf: {causes}; make room");
        let of = |most| shortened("the disk is full", 12, most, text);
        assert_eq!(of(9), ["emf: the", "disk is", "full; make", "room"]);
        assert_eq!(of(3), ["emf: the", "disk is…;", "make room"]);
        assert_eq!(of(0), ["emf: the…;", "make room"]);
    }
}
