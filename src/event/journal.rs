//! The events in a file, so that they last over a restart: a line each, the newest at the end.

use log::{error, info};
use tokio::time::timeout;

use super::{Event, Followed, Follower, Shared};
use crate::logging::CHECKS;
use crate::state_folder::{RETRY, StateFolder};

/// Writes the events into the file as they come.
#[derive(Debug)]
pub struct Journal {
    events: Shared,
    follower: Follower,
    /// How many lines the file has; nothing where that is not known, or its end may be torn: then it is written anew.
    lines: Option<usize>,
    is_failing: bool,
    /// Whether a write has begun and not ended.
    is_writing: bool,
}

/// Takes the events of earlier runs out of the file. Lines that are none are left out, as the torn last one after a
/// crash. The error says why there are none.
pub async fn restore(events: &Shared, folder: &StateFolder) -> Result<(), String> {
    let text = folder.read(FILE).await?.unwrap_or_default();
    let mut earlier = Vec::<Event>::new();
    // The end may be torn within a character.
    let lines = text.split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
    for event in lines.filter_map(Event::decode) {
        if earlier.last().is_none_or(|last| last.id < event.id) {
            earlier.push(event);
        }
    }
    events.borrow_mut().restore(earlier);
    Ok(())
}

impl Journal {
    /// Writes those of this run.
    pub fn of(events: &Shared) -> Self {
        let before = events.borrow().first_of_run() - 1;
        let follower = Follower::of(events, Some(before));
        Self { events: events.clone(), follower, lines: None, is_failing: false, is_writing: false }
    }

    /// Writes each event as it comes, and after a while without one what could not be written.
    pub async fn run(&mut self, folder: &StateFolder) {
        loop {
            let next = match self.is_failing {
                false => Some(self.follower.next().await),
                true => timeout(RETRY, self.follower.next()).await.ok(),
            };
            self.write(folder, next).await;
        }
    }

    /// Writes what is not written yet.
    pub async fn finish(&mut self, folder: &StateFolder) {
        let next = self.follower.try_next();
        if next.is_some() || self.is_writing || self.is_failing {
            self.write(folder, next).await;
        }
    }

    /// Writes this and all that is there behind it.
    async fn write(&mut self, folder: &StateFolder, first: Option<Followed>) {
        let (mut text, mut count, mut next) = (String::new(), 0, first);
        // If this is given up meanwhile, the file may have a part of it.
        let mut lines = self.lines.take();
        while let Some(followed) = next {
            match followed {
                Followed::Event(event) => {
                    text += &(event.encode() + "\n");
                    count += 1;
                }
                // Those that are kept are written, and the file has no others.
                Followed::Gap(_) => lines = None,
            }
            next = self.follower.try_next();
        }
        self.is_writing = true;
        let written = match lines {
            Some(lines) if lines + count <= MOST_LINES => {
                folder.append(FILE, text).await.map(|()| lines + count)
            }
            _ => {
                let kept: Vec<_> =
                    self.events.borrow().kept().map(|event| event.encode() + "\n").collect();
                folder.write(FILE, kept.concat()).await.map(|()| kept.len())
            }
        };
        self.is_writing = false;
        match written {
            Ok(lines) => {
                self.lines = Some(lines);
                if std::mem::take(&mut self.is_failing) {
                    info!(target: CHECKS, "events are kept again");
                }
            }
            // The next one writes all that are in memory.
            Err(problem) if !std::mem::replace(&mut self.is_failing, true) => {
                error!("{problem}; events are lost when the agent ends");
            }
            Err(_) => {}
        }
    }
}

/// The file of events.
pub const FILE: &str = "events.jsonl";

/// Then only those that are in memory are written anew: half of that.
const MOST_LINES: usize = 2000;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::rc::Rc;

    use super::*;
    use crate::event::{Events, Kind, Severity};

    fn events(start: i64) -> Shared {
        Rc::new(RefCell::new(Events::since(start, Vec::new())))
    }

    fn raise(events: &Shared, count: usize) {
        for number in 0..count {
            let event = Event::of(Kind::Posted, Severity::Info, number.to_string());
            events.borrow_mut().raise(event);
        }
    }

    fn ids(events: &Shared) -> Vec<u64> {
        events.borrow().kept().map(|event| event.id).collect()
    }

    fn lines(path: &Path) -> usize {
        fs::read_to_string(path.join(FILE)).expect("it is there").lines().count()
    }

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("journal-{name}-{}", std::process::id()))
    }

    #[tokio::test]
    async fn events_last_over_a_restart_also_where_the_last_line_is_torn() {
        let path = folder("torn");
        let state = StateFolder::open(&path).await.expect("it opens");
        let before = events(10);
        restore(&before, &state).await.expect("there is none");
        let mut journal = Journal::of(&before);
        for _ in 0..2 {
            raise(&before, 2);
            journal.finish(&state).await;
        }
        assert_eq!(lines(&path), 4);
        let mode = fs::metadata(path.join(FILE)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(path.join(FILE)).expect("it is there");
        fs::write(path.join(FILE), &text[..text.len() - 5]).expect("a crash");
        // The clock was set back since.
        let after = events(5);
        restore(&after, &state).await.expect("it is read");
        let mut journal = Journal::of(&after);
        raise(&after, 1);
        journal.finish(&state).await;
        assert_eq!(ids(&after), [10, 11, 12, 13]);
        let again = events(5);
        restore(&again, &state).await.expect("it is read");
        assert_eq!(ids(&again), [10, 11, 12, 13]);
        assert_eq!(again.borrow().first_of_run(), 14);
        fs::remove_dir_all(&path).expect("it is removed");
    }

    #[tokio::test]
    async fn a_line_that_is_torn_within_a_character_costs_itself_alone() {
        let path = folder("character");
        let state = StateFolder::open(&path).await.expect("it opens");
        let before = events(1);
        let mut journal = Journal::of(&before);
        raise(&before, 2);
        before.borrow_mut().raise(Event::of(Kind::Posted, Severity::Info, "caf\u{e9}"));
        journal.finish(&state).await;
        let bytes = fs::read(path.join(FILE)).expect("it is there");
        let within =
            bytes.iter().rposition(|byte| *byte == 0xc3).expect("it is written as it is") + 1;
        fs::write(path.join(FILE), &bytes[..within]).expect("a crash");
        let after = events(1);
        restore(&after, &state).await.expect("it is read");
        assert_eq!(ids(&after), [1, 2]);
        // Damage in the middle.
        let (mut bytes, line) = (bytes.clone(), bytes.iter().position(|byte| *byte == b'\n'));
        bytes[line.expect("there are three") + 3] = 0xff;
        fs::write(path.join(FILE), &bytes).expect("a bad disk");
        let after = events(1);
        restore(&after, &state).await.expect("it is read");
        assert_eq!(ids(&after), [1, 3]);
        fs::remove_dir_all(&path).expect("it is removed");
    }

    #[tokio::test]
    async fn what_could_not_be_written_is_tried_again_without_another_event() {
        let path = folder("again");
        let state = StateFolder::open(&path).await.expect("it opens");
        let of_run = events(1);
        let mut journal = Journal::of(&of_run);
        let away = path.with_extension("away");
        fs::rename(&path, &away).expect("it is ours");
        raise(&of_run, 1);
        journal.finish(&state).await;
        assert!(journal.is_failing);
        fs::rename(&away, &path).expect("it is ours");
        // The end.
        journal.finish(&state).await;
        assert_eq!((journal.is_failing, lines(&path)), (false, 1));
        fs::rename(&path, &away).expect("it is ours");
        raise(&of_run, 1);
        journal.finish(&state).await;
        fs::rename(&away, &path).expect("it is ours");
        // A minute later.
        let goes_by = async {
            tokio::time::pause();
            tokio::time::advance(RETRY).await;
            tokio::time::resume();
            while lines(&path) < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = journal.run(&state) => {}
            () = goes_by => {}
        }
        fs::remove_dir_all(&path).expect("it is removed");
    }

    #[tokio::test]
    async fn the_file_has_two_thousand_lines_at_most_and_trouble_loses_nothing() {
        let path = folder("long");
        let state = StateFolder::open(&path).await.expect("it opens");
        let of_run = events(1);
        let mut journal = Journal::of(&of_run);
        for _ in 0..20 {
            raise(&of_run, 100);
            journal.finish(&state).await;
        }
        assert_eq!(lines(&path), 2000);
        raise(&of_run, 1);
        journal.finish(&state).await;
        assert_eq!(lines(&path), 1000);
        // The disk is away for a while.
        let away = path.with_extension("away");
        fs::rename(&path, &away).expect("it is ours");
        raise(&of_run, 1);
        journal.finish(&state).await;
        assert!(journal.is_failing);
        fs::rename(&away, &path).expect("it is ours");
        raise(&of_run, 1);
        journal.finish(&state).await;
        assert!(!journal.is_failing);
        let again = events(1);
        restore(&again, &state).await.expect("it is read");
        assert_eq!(ids(&again), ids(&of_run));
        fs::remove_dir_all(&path).expect("it is removed");
    }
}
