//! A list that is longer than the screen, with a row that is chosen.

use crate::terminal::keys::Key;
use crate::terminal::row::{BOLD, NONE, Piece, row};
use crate::terminal::screen::PLAIN;

/// What can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    Alarm { id: String, check: String },
    Publisher(String),
    Container(String),
    Check(String),
    Metric(String),
}

/// A row of a list. One that cannot be chosen is the heading of those below it.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: Option<Id>,
    pub pieces: Vec<Piece>,
}

impl Line {
    pub fn heading(pieces: Vec<Piece>) -> Self {
        Self { id: None, pieces }
    }

    pub fn of(id: Id, pieces: Vec<Piece>) -> Self {
        Self { id: Some(id), pieces }
    }
}

/// Which row is chosen, and which is the first that is seen.
#[derive(Debug, Default)]
pub struct Cursor {
    id: Option<Id>,
    /// Its place among the rows that can be chosen: the one that is there is chosen where it has gone.
    place: usize,
    top: usize,
}

impl Cursor {
    /// What is chosen; nothing where there is nothing to choose. Until it is moved, that is the first.
    pub fn chosen(&mut self, lines: &[Line]) -> Option<Id> {
        let mut ids = lines.iter().filter_map(|line| line.id.as_ref());
        if self.id.is_none() {
            self.place = 0;
            return ids.next().cloned();
        }
        if let Some(place) = ids.clone().position(|id| Some(id) == self.id.as_ref()) {
            self.place = place;
        } else {
            self.place = self.place.min(ids.clone().count().saturating_sub(1));
            self.id = ids.nth(self.place).cloned();
        }
        self.id.clone()
    }

    /// Moves by a key; says whether it is one that moves.
    pub fn press(&mut self, key: Key, lines: &[Line], page: usize) -> bool {
        self.chosen(lines);
        let page = page.saturating_sub(2).max(1);
        let place = match key {
            Key::Up | Key::Character('k') => self.place.saturating_sub(1),
            Key::Down | Key::Character('j') => self.place + 1,
            Key::PageUp => self.place.saturating_sub(page),
            Key::PageDown => self.place + page,
            Key::Home => 0,
            Key::End => usize::MAX,
            _ => return false,
        };
        let ids: Vec<_> = lines.iter().filter_map(|line| line.id.as_ref()).collect();
        self.place = place.min(ids.len().saturating_sub(1));
        // What is on top is chosen, whatever comes to stand there.
        self.id = ids.get(self.place).filter(|_| key != Key::Home).map(|id| (*id).clone());
        true
    }

    /// Where it is among all that can be chosen, such as `3/200`; empty where all is seen.
    pub fn position(&self, lines: &[Line], room: usize) -> String {
        let count = lines.iter().filter(|line| line.id.is_some()).count();
        if lines.len() <= room { String::new() } else { format!("{}/{count}", self.place + 1) }
    }

    /// So many rows of the list, among them the one that is chosen. The heading of those on top stays.
    pub fn rows(&mut self, lines: &[Line], room: usize, width: usize, colour: bool) -> Vec<String> {
        let chosen = self.chosen(lines);
        let is_chosen = |line: &Line| line.id.is_some() && line.id == chosen;
        let at = lines.iter().position(is_chosen).unwrap_or(0);
        let heading = |at: usize| (0..=at).rev().find(|at| lines[*at].id.is_none());
        // One row is for the heading.
        let above = usize::from(room > 1);
        let is_first = lines[..at.min(lines.len())].iter().all(|line| line.id.is_none());
        self.top = match () {
            () if is_first => 0,
            () if at < self.top + above => at - above.min(at),
            () => self.top.max((at + 1).saturating_sub(room)),
        };
        self.top = self.top.min(lines.len().saturating_sub(room));
        let mut seen: Vec<_> = lines.iter().skip(self.top).take(room).collect();
        if above > 0
            && let Some(first) = seen.first_mut()
            && !is_chosen(first)
            && let Some(heading) = heading(self.top)
        {
            *first = &lines[heading];
        }
        let row = |line: &&Line| drawn(line, is_chosen(line), width, colour);
        seen.iter().map(row).collect()
    }
}

/// The rows as text alone, an empty one above each heading.
pub fn plain_rows(lines: &[Line]) -> Vec<String> {
    let rows = lines.iter().flat_map(|line| {
        let above = line.id.is_none().then(String::new);
        let text = line.pieces.iter().map(|piece| &*piece.text).collect::<String>();
        above.into_iter().chain([text.trim_end().to_owned()])
    });
    rows.collect()
}

/// The chosen row has a mark of its own, and another ground where there are colours.
fn drawn(line: &Line, is_chosen: bool, width: usize, colour: bool) -> String {
    let mark = match line.id {
        Some(_) if is_chosen => Piece::new("> ", BOLD),
        _ => Piece::new("  ", NONE),
    };
    let pieces: Vec<_> = [mark].into_iter().chain(line.pieces.iter().cloned()).collect();
    if is_chosen && colour {
        let text = row(&pieces, width, false);
        return format!("{REVERSE}{text:<width$}{PLAIN}");
    }
    row(&pieces, width, colour).trim_end().to_owned()
}

const REVERSE: &str = "\x1b[7m";

/// A text in so many columns: cut off where it is longer, and filled up where it is shorter.
pub fn cell(text: &str, width: usize) -> String {
    format!("{:<width$}", cut(text, width))
}

/// A text of at most so many columns.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).take(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks of these names below a heading.
    fn lines(names: &[&str]) -> Vec<Line> {
        let heading = Line::heading(vec![Piece::new("checks", NONE)]);
        let check =
            |name: &&str| Line::of(Id::Check((*name).to_owned()), vec![Piece::new(*name, NONE)]);
        [heading].into_iter().chain(names.iter().map(check)).collect()
    }

    #[test]
    fn what_is_chosen_is_always_seen_and_its_heading_too() {
        let all = lines(&["a", "b", "c", "d", "e", "f"]);
        let mut cursor = Cursor::default();
        let mut press = |key| {
            cursor.press(key, &all, 4);
            cursor.rows(&all, 4, 20, false).join("|")
        };
        assert_eq!(press(Key::Home), "  checks|> a|  b|  c");
        assert_eq!(press(Key::Up), "  checks|> a|  b|  c");
        assert_eq!(press(Key::PageDown), "  checks|  a|  b|> c");
        assert_eq!(press(Key::Down), "  checks|  b|  c|> d");
        assert_eq!(press(Key::End), "  checks|  d|  e|> f");
        assert_eq!(press(Key::Down), "  checks|  d|  e|> f");
        assert_eq!(press(Key::Up), "  checks|  d|> e|  f");
        assert_eq!(press(Key::PageUp), "  checks|> c|  d|  e");
        assert_eq!(press(Key::Character('k')), "  checks|> b|  c|  d");
        assert_eq!(press(Key::Home), "  checks|> a|  b|  c");
        assert_eq!(press(Key::Enter), "  checks|> a|  b|  c");
    }

    #[test]
    fn the_choice_follows_its_row_and_stays_in_its_place_where_that_has_gone() {
        let mut cursor = Cursor::default();
        cursor.press(Key::Down, &lines(&["a", "b", "c"]), 9);
        let mut chosen = |names: &[&str]| cursor.chosen(&lines(names));
        let check = |name: &str| Some(Id::Check(name.to_owned()));
        assert_eq!(chosen(&["x", "a", "b"]), check("b"));
        assert_eq!(chosen(&["x", "y", "a", "c"]), check("a"));
        assert_eq!(chosen(&["x"]), check("x"));
        assert_eq!(chosen(&[]), None);
        assert_eq!(chosen(&["a", "b"]), check("a"));
        cursor.press(Key::Home, &lines(&["a", "b"]), 9);
        assert_eq!(cursor.chosen(&lines(&["x", "a"])), check("x"), "the first, until it is moved");
    }

    #[test]
    fn a_list_without_room_or_rows_is_nothing() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.rows(&lines(&["a", "b"]), 0, 20, false), [""; 0]);
        assert_eq!(cursor.rows(&lines(&["a", "b"]), 1, 20, false), ["  checks"]);
        cursor.press(Key::End, &lines(&["a", "b"]), 1);
        assert_eq!(cursor.rows(&lines(&["a", "b"]), 1, 20, false), ["> b"]);
        assert_eq!(cursor.rows(&[], 5, 20, false), [""; 0]);
    }

    #[test]
    fn a_cell_is_as_wide_as_it_has_to_be() {
        assert_eq!([cell("ab", 4), cell("abcdef", 4), cell("ab", 0)], ["ab  ", "abc…", ""]);
    }
}
