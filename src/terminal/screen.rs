//! The live view below the lines. Code that writes a line erases the view first.
//!
//! Lines come from the publishers and from any code that logs. The process has only one terminal,
//! so this is the only global state.
//!
//! The cursor rests above the view, where the next line goes. So to remove the view it is enough to
//! erase below the cursor. Nothing else needs to be restored, however the process ends, and nothing
//! above the cursor is ever touched, even where the terminal was resized and has wrapped its rows.

use std::fmt::Write;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Erases the view before a line on standard output. Nothing is drawn until this is dropped.
#[derive(Debug)]
pub struct Line {
    /// To be written before the line.
    pub erase: String,
}

impl Line {
    pub fn begin() -> Self {
        let mut screen = screen();
        screen.line_begun = true;
        Self { erase: screen.erase() }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        screen().line_begun = false;
        WRITTEN.notify_one();
    }
}

/// The text that erases the view, to be written before a line of the log.
pub fn erase_for_log() -> String {
    let mut screen = screen();
    if !screen.has_log {
        return String::new();
    }
    // The line is written after this returns, but before the view draws again: both run in one thread.
    WRITTEN.notify_one();
    screen.erase()
}

/// Says whether the log goes to the terminal that is drawn on.
pub fn set_has_log(has_log: bool) {
    screen().has_log = has_log;
}

/// Waits until lines were written.
pub async fn lines_are_written() {
    WRITTEN.notified().await;
}

/// Draws the rows with `write`, which may write only a part or fail with `WouldBlock`. `anew` says that
/// the terminal was resized, and may have wrapped the rows that are there.
pub fn draw(rows: &[String], anew: bool, write: impl FnOnce(&[u8]) -> Written) -> io::Result<()> {
    let mut screen = screen();
    if screen.line_begun {
        return Ok(());
    }
    let begin = to_start(screen.drawn);
    let frame = frame(&begin, rows, anew);
    let written = match write(frame.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        written => written?,
    };
    // If not even the movement of the cursor was written, the rows drawn before are still there.
    if written >= begin.len() {
        screen.drawn = Some(rows_below(&frame[begin.len()..], written - begin.len()));
    }
    Ok(())
}

/// Erases the view, with `write` as in [`draw`].
pub fn erase(write: impl FnOnce(&[u8]) -> Written) -> io::Result<()> {
    let mut screen = screen();
    let drawn = screen.drawn;
    let erase = screen.erase();
    if erase.is_empty() {
        return Ok(());
    }
    let written = write(erase.as_bytes());
    if !written.as_ref().is_ok_and(|written| *written == erase.len()) {
        // The terminal is full or gone. A later line erases the view.
        screen.drawn = drawn;
    }
    written.map(drop)
}

/// How many bytes were written.
pub type Written = io::Result<usize>;

struct Screen {
    /// By how many rows the cursor is below its place: more than 0 where a frame was cut off. `None` if
    /// nothing is drawn.
    drawn: Option<usize>,
    line_begun: bool,
    has_log: bool,
}

impl Screen {
    fn erase(&mut self) -> String {
        let drawn = self.drawn.take();
        if drawn.is_some() { to_start(drawn) + ERASE_BELOW } else { String::new() }
    }
}

fn screen() -> MutexGuard<'static, Screen> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Back to where the next line goes.
fn to_start(drawn: Option<usize>) -> String {
    match drawn {
        None | Some(0) => "\r".to_owned(),
        // The frame may have been cut off within a control sequence.
        Some(rows) => format!("{CANCEL}{PLAIN}\r\x1b[{rows}A"),
    }
}

/// Writes the rows below the cursor's row, and returns to it at last. Each row is replaced in
/// place, because a terminal that shows an empty screen in between would flicker.
fn frame(begin: &str, rows: &[String], anew: bool) -> String {
    let mut frame = begin.to_owned();
    if anew {
        frame.push_str(ERASE_BELOW);
    }
    for row in rows {
        // Writing to a string cannot fail.
        let _ = write!(frame, "{ERASE_RIGHT}\r\n{row}");
    }
    match rows.len() {
        0 => frame.push_str(ERASE_BELOW),
        count => {
            let _ = write!(frame, "\x1b[J\r\x1b[{count}A");
        }
    }
    frame
}

/// How far the cursor is below its place when only so many bytes of a frame were written.
fn rows_below(frame: &str, written: usize) -> usize {
    match frame.as_bytes().get(..written) {
        Some(part) if part.len() < frame.len() => part.iter().filter(|b| **b == b'\n').count(),
        _ => 0,
    }
}

/// Ends all colours.
pub const PLAIN: &str = "\x1b[m";

/// Erases from the start of a row to the end of the screen. The first row is erased apart: an erase
/// that began in the upper left corner would be of the whole screen, which tmux then puts into its
/// history.
pub const ERASE_BELOW: &str = "\x1b[K\x1b[C\x1b[J\r";
const ERASE_RIGHT: &str = "\x1b[K";
/// Ends a control sequence that was cut off.
const CANCEL: char = '\x18';

static SCREEN: Mutex<Screen> =
    Mutex::new(Screen { drawn: None, line_begun: false, has_log: false });

static WRITTEN: Notify = Notify::const_new();

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_frame_ends_where_it_began() {
        let drawn = frame("\r", &rows(&["a", "b"]), false);
        assert_eq!(drawn, "\r\x1b[K\r\na\x1b[K\r\nb\x1b[J\r\x1b[2A");
        assert_eq!(
            frame("\r", &rows(&["a"]), true),
            "\r\x1b[K\x1b[C\x1b[J\r\x1b[K\r\na\x1b[J\r\x1b[1A"
        );
        assert_eq!(frame("\r", &[], false), "\r\x1b[K\x1b[C\x1b[J\r");
    }

    #[test]
    fn what_a_full_terminal_did_not_take_is_left_to_the_next_line() {
        let would_block = || Err(io::ErrorKind::WouldBlock.into());
        set_has_log(true);
        draw(&rows(&["a", "b"]), false, |frame| Ok(frame.len() - 5)).expect("a part was taken");
        assert!(erase(|_| would_block()).is_err());
        assert_eq!(erase_for_log(), format!("\x18\x1b[m\r\x1b[2A{ERASE_BELOW}"));
        assert_eq!(erase_for_log(), "");
        set_has_log(false);
    }

    #[test]
    fn after_a_frame_that_was_cut_off_the_cursor_finds_back() {
        let drawn = frame("", &rows(&["a", "b"]), false);
        let below: Vec<_> = (0..=drawn.len()).map(|written| rows_below(&drawn, written)).collect();
        // \e[K\r\n a \e[K\r\n b \e[J\r \e[2A: until the last byte the cursor is still below.
        let expected = [vec![0; 5], vec![1; 6], vec![2; 9], vec![0]].concat();
        assert_eq!(below, expected);
        assert_eq!(to_start(Some(2)), "\x18\x1b[m\r\x1b[2A");
        assert_eq!(to_start(Some(0)), "\r");
    }
}
