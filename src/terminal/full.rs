//! A whole terminal: a screen of its own, beside what was there before, and the keys that are typed.
//!
//! Each frame has all rows in their places and is one write. Nothing ever waits for the terminal: a frame that it does not
//! accept at once is skipped. What has to be undone, at the end and after a panic, is the screen and how the terminal
//! handles what is typed.

use std::io::{self, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use super::canvas::Canvas;
use super::keys::{Key, Keys};
use super::region::picture;
use super::{can_draw, erase_before_a_panic, stop_here};

/// The terminal as long as it is taken over. It is given back when this is dropped.
pub struct Full {
    terminal: AsyncFd<Canvas>,
    keys: Keys,
    /// How the terminal handled what is typed.
    before: Termios,
    /// The last frame, where it was written as a whole.
    drawn: Option<String>,
}

impl Full {
    /// `None` where standard output is no terminal that can draw.
    pub fn open() -> io::Result<Option<Self>> {
        let Some(terminal) = can_draw().then(Canvas::open_for_keys).flatten() else {
            return Ok(None);
        };
        let before = tcgetattr(&terminal)?;
        let modes = before.clone();
        erase_before_a_panic(move || {
            if !IS_TAKEN.swap(false, Ordering::Relaxed) {
                return String::new();
            }
            let _ = tcsetattr(stdout(), OptionalActions::Now, &modes);
            LEAVE.to_owned()
        });
        #[expect(
            deprecated,
            reason = "what it was deprecated for cannot be with a file of its own"
        )]
        let terminal = AsyncFd::with_interest(terminal, Interest::READABLE)?;
        let mut full = Self { terminal, keys: Keys::default(), before, drawn: None };
        full.take_over()?;
        Ok(Some(full))
    }

    /// Takes it over anew, as after a stop.
    pub fn take_over(&mut self) -> io::Result<()> {
        let mut modes = self.before.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
        // Ctrl-C is a key like others; Ctrl-Z and Ctrl-\ stay signals.
        modes.special_codes[SpecialCodeIndex::VINTR] = NO_CHARACTER;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(self.terminal.get_ref(), OptionalActions::Now, &modes)?;
        self.drawn = None;
        IS_TAKEN.store(true, Ordering::Relaxed);
        self.write_all(ENTER)
    }

    /// Gives it back, stops this process, and takes it over again as soon as that is resumed.
    pub fn suspend(&mut self) -> io::Result<()> {
        self.give_back();
        stop_here();
        self.take_over()
    }

    /// Rows and columns. A terminal that does not tell, as of some containers, has the usual ones.
    pub fn size(&self) -> io::Result<(usize, usize)> {
        let (rows, columns) = self.terminal.get_ref().size()?;
        Ok(if rows == 0 || columns == 0 { USUAL } else { (rows, columns) })
    }

    /// The keys that are typed next; an error where the terminal is gone. What is dropped while it waits loses none.
    pub async fn keys(&mut self) -> io::Result<Vec<Key>> {
        let Self { terminal, keys, .. } = self;
        loop {
            let mut bytes = [0; 256];
            let read = async {
                loop {
                    let mut ready = terminal.readable().await?;
                    let read =
                        ready.try_io(|terminal| Ok(terminal.get_ref().read(&mut bytes)?.len()));
                    if let Ok(count) = read {
                        return count;
                    }
                }
            };
            let count = match keys.is_begun() {
                false => read.await?,
                true => match timeout(SEQUENCE, read).await {
                    Ok(count) => count?,
                    Err(_) => return Ok(keys.end().into_iter().collect()),
                },
            };
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let found = keys.take(&bytes[..count]);
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Has the next frame drawn whatever was drawn before.
    pub fn forget(&mut self) {
        self.drawn = None;
    }

    /// Draws the rows, the first ones in their places and empty ones below.
    pub fn draw(&mut self, mut rows: Vec<String>) -> io::Result<()> {
        let terminal = self.terminal.get_ref();
        if terminal.is_in_background() {
            return Ok(());
        }
        let (height, _) = self.size()?;
        rows.resize(height, String::new());
        let frame = picture(&rows, height, height);
        if self.drawn.as_ref() == Some(&frame) {
            return Ok(());
        }
        // One that was cut off may have ended within a sequence.
        let begin = if self.drawn.is_none() { CANCEL } else { "" };
        let text = format!("{begin}{frame}");
        let written = match terminal.write(text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            written => written?,
        };
        self.drawn = (written == text.len()).then_some(frame);
        Ok(())
    }

    fn give_back(&self) {
        // Once: a second time would move the cursor back over what was written since.
        if !IS_TAKEN.swap(false, Ordering::Relaxed) {
            return;
        }
        // Fails where the terminal is closed. Then there is nothing to give back.
        let _ = self.write_all(LEAVE);
        let _ = tcsetattr(self.terminal.get_ref(), OptionalActions::Now, &self.before);
    }

    /// Writes a few bytes, for which a terminal that is busy is waited for a while.
    fn write_all(&self, text: &str) -> io::Result<()> {
        let terminal = self.terminal.get_ref();
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match terminal.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut polled = [PollFd::new(terminal, PollFlags::OUT)];
                    if poll(&mut polled, Some(&BUSY))? == 0 {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Whether the one terminal of this process is taken over.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// A screen of its own, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
/// Ends a sequence that was cut off and all colours, shows the cursor, and what was there before.
const LEAVE: &str = "\x18\x1b[m\x1b[?25h\x1b[?1049l";

/// Rows and columns of a terminal that has none of its own.
const USUAL: (usize, usize) = (24, 80);

/// Ends a sequence that was cut off.
const CANCEL: &str = "\x18";

/// The rest of a key's sequence comes at once, also over a slow line.
const SEQUENCE: Duration = Duration::from_millis(100);

/// A terminal that takes nothing for so long stands still.
const BUSY: Timespec = Timespec { tv_sec: 0, tv_nsec: 300_000_000 };

/// What a special character is where there is none: `_POSIX_VDISABLE`.
const NO_CHARACTER: u8 = if cfg!(target_os = "linux") { 0 } else { 0xff };
