//! A row of the live view: coloured parts, no wider than there is room.

/// A text and its colour, which is a control sequence or nothing.
#[derive(Clone, Debug)]
pub struct Piece {
    pub text: String,
    pub colour: &'static str,
}

impl Piece {
    pub fn new(text: impl Into<String>, colour: &'static str) -> Self {
        Self { text: text.into(), colour }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// Whether all of the pieces fit.
pub fn fits(pieces: &[Piece], width: usize) -> bool {
    pieces.iter().map(Piece::width).sum::<usize>() <= width
}

/// The pieces as far as there is room, with `…` at the end where some of it is cut off.
pub fn cut_off(pieces: Vec<Piece>, width: usize) -> Vec<Piece> {
    if fits(&pieces, width) {
        return pieces;
    }
    let mut room = width.saturating_sub(1);
    let mut cut = Vec::new();
    for Piece { text, colour } in pieces {
        let length = text.chars().count();
        if length > room {
            let text: String = text.chars().take(room).collect();
            cut.push(Piece::new(format!("{}…", text.trim_end()), colour));
            break;
        }
        room -= length;
        cut.push(Piece { text, colour });
    }
    cut
}

/// The pieces that fit, up to the first that does not: half a number would be a wrong number. Only the
/// first piece is cut off if it is too long.
pub fn row(pieces: &[Piece], width: usize, colour: bool) -> String {
    let mut row = String::new();
    let mut room = width;
    for piece in pieces {
        let mut text = piece.text.clone();
        if piece.width() > room {
            if !row.is_empty() || room == 0 {
                break;
            }
            text = text.chars().take(room - 1).chain(['…']).collect();
        }
        room = room.saturating_sub(piece.width());
        match piece.colour {
            sequence if colour && !sequence.is_empty() => {
                row.extend([sequence, &text, crate::terminal::screen::PLAIN]);
            }
            _ => row.push_str(&text),
        }
    }
    row
}

/// Foreign text with one column for each character: control characters and characters on whose width
/// terminals do not agree are replaced.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

pub const BOLD: &str = "\x1b[1m";
pub const DIM: &str = "\x1b[2m";
pub const RED: &str = "\x1b[31m";
pub const GREEN: &str = "\x1b[32m";
pub const MAGENTA: &str = "\x1b[35m";
pub const CYAN: &str = "\x1b[36m";
pub const NONE: &str = "";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_for_which_there_is_no_room_is_left_out_with_all_that_follow() {
        let parts = ["CPU", "  now 12.35%", "  x"].map(|text| Piece::new(text, NONE));
        assert_eq!(row(&parts, 18, false), "CPU  now 12.35%  x");
        assert_eq!(row(&parts, 15, false), "CPU  now 12.35%");
        assert_eq!(row(&parts, 14, false), "CPU");
        assert!(fits(&parts, 18) && !fits(&parts, 17));
    }

    #[test]
    fn a_text_that_is_too_long_is_seen_to_be_cut_off() {
        assert_eq!(row(&[Piece::new("connection refused", NONE)], 8, false), "connect…");
    }

    #[test]
    fn a_row_of_words_ends_with_a_sign_where_some_are_cut_off() {
        let parts =
            || ["alarms: 1", "  publishers: ", "otlp failing"].map(|text| Piece::new(text, NONE));
        let cut = |width| row(&cut_off(parts().to_vec(), width), width, false);
        assert_eq!(cut(35), "alarms: 1  publishers: otlp failing");
        assert_eq!(cut(34), "alarms: 1  publishers: otlp faili…");
        assert_eq!(cut(24), "alarms: 1  publishers: …");
        assert_eq!(cut(10), "alarms: 1…");
        assert_eq!(cut(1), "…");
        assert_eq!(cut(0), "");
    }

    #[test]
    fn a_colour_ends_with_its_part() {
        let parts = [Piece::new("a", RED), Piece::new("b", NONE)];
        assert_eq!(row(&parts, 9, true), "\x1b[31ma\x1b[mb");
        assert_eq!(row(&parts, 9, false), "ab");
    }

    #[test]
    fn what_others_wrote_has_one_column_for_each_character() {
        assert_eq!(plain("/a b/\x1b[2J\t\n/日本é"), "/a b/?[2J??/???");
    }
}
