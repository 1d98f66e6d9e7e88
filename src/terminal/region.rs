//! The live view in the bottom rows, below the output of a command that writes to the terminal by itself.
//!
//! The other rows are a scroll region (DECSTBM), so that what the command writes moves in them alone. Each
//! frame is one write, which saves the cursor and brings it back. All that has to be undone, at the end
//! and after a panic, is the region.

use std::fmt::Write;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::screen::Written;

/// The rows of the view and of the whole terminal, while there is a region.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Region {
    rows: usize,
    /// Rows and columns.
    size: (usize, usize),
    /// Whether the last frame was cut off, so that the cursor was not brought back.
    is_cut: bool,
}

/// Draws the rows at the bottom of a terminal of this size, with `write` as in
/// [`screen::draw`](super::screen::draw).
pub fn draw(
    rows: &[String],
    size: (usize, usize),
    write: impl FnOnce(&[u8]) -> Written,
) -> io::Result<()> {
    let mut region = region();
    let before = *region;
    // It never gets lower: each change moves what the command has written.
    let count = before.filter(|before| before.size == size).map_or(0, |before| before.rows);
    let count = count.max(rows.len());
    if count == 0 || count >= size.0 {
        drop(region);
        return write(take_away().as_bytes()).map(drop);
    }
    let is_same = before.is_some_and(|before| before.size == size && before.rows == count);
    let mut frame = String::new();
    if before.is_some_and(|before| before.is_cut) {
        frame.push_str(CUT);
    }
    if !is_same {
        if before.is_some() {
            frame.push_str(RESET);
        }
        frame.push_str(&begin(count, size.0));
    }
    frame.push_str(&picture(rows, count, size.0));
    let written = match write(frame.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
        written => written?,
    };
    *region = Some(Region { rows: count, size, is_cut: written < frame.len() });
    Ok(())
}

/// The text that takes the view and the region away; empty where there is none.
pub fn take_away() -> String {
    match region().take() {
        Some(Region { is_cut: true, .. }) => format!("{CUT}{RESET}"),
        Some(_) => RESET.to_owned(),
        None => String::new(),
    }
}

/// Makes room below what is there, and the region above it. The cursor stays where it is in the text.
fn begin(count: usize, height: usize) -> String {
    let room = "\x0b".repeat(count);
    let above = height - count;
    format!("{room}\x1b[{count}A\x1b7\x1b[1;{above}r\x1b8")
}

/// The rows in their places, the first ones empty where there are more places.
pub fn picture(rows: &[String], count: usize, height: usize) -> String {
    let mut picture = format!("\x1b7{}", super::screen::PLAIN);
    let empty = count - rows.len();
    let texts = std::iter::repeat_n("", empty).chain(rows.iter().map(|row| &**row));
    for (place, row) in (height - count + 1..).zip(texts) {
        // Writing to a string cannot fail.
        let _ = write!(picture, "\x1b[{place};1H\x1b[K{row}");
    }
    picture.push_str("\x1b8");
    picture
}

fn region() -> MutexGuard<'static, Option<Region>> {
    REGION.lock().unwrap_or_else(PoisonError::into_inner)
}

static REGION: Mutex<Option<Region>> = Mutex::new(None);

/// Takes the region away, and what is below the cursor, which is the view. Setting a region moves the
/// cursor.
pub const RESET: &str = "\x1b7\x1b[r\x1b8\x1b[J";

/// Ends a control sequence that was cut off, and brings the cursor back.
const CUT: &str = "\x18\x1b8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_made_once_and_taken_away_once() {
        let mut written = String::new();
        let rows = ["a".to_owned(), "b".to_owned()];
        let mut draw_all = |rows: &[String], size, most: usize| {
            let mut frame = String::new();
            let take = |text: &[u8]| {
                frame = String::from_utf8_lossy(text).into_owned();
                Ok(text.len().min(most))
            };
            draw(rows, size, take).expect("it is written");
            written = frame.clone();
            frame
        };
        let begin = "\x0b\x0b\x1b[2A\x1b7\x1b[1;8r\x1b8";
        let both = "\x1b7\x1b[m\x1b[9;1H\x1b[Ka\x1b[10;1H\x1b[Kb\x1b8";
        let all = usize::MAX;
        assert_eq!(draw_all(&rows, (10, 40), all), format!("{begin}{both}"));
        assert_eq!(draw_all(&rows, (10, 40), all), both);
        let one = "\x1b7\x1b[m\x1b[9;1H\x1b[K\x1b[10;1H\x1b[Ka\x1b8";
        assert_eq!(draw_all(&rows[..1], (10, 40), all), one, "it gets no lower");
        assert!(draw_all(&rows, (10, 30), 3).starts_with(&format!("{RESET}{begin}")));
        assert_eq!(draw_all(&rows, (10, 30), all), format!("{CUT}{both}"));
        assert_eq!([take_away(), take_away()], [RESET, ""]);
    }
}
