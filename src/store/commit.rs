//! What is written, and when.

use super::condense::{self, Job, Written};
use super::disk::{Disk, Notes};
use super::recent::{self, hour_of};
use super::resolution::HOUR_MS;
use super::shelf::{Failure, Merged, Progress, View};
use super::{Listed, Resolution, Shelf, Store};
use crate::sorted::{map_of, sort_by_key};

/// What a commit writes.
#[derive(Debug)]
pub struct Commit {
    pub(super) notes: Notes,
    pub(super) job: Job,
    /// The list of latest points in it.
    listed: Option<Listed>,
}

impl Commit {
    pub(super) fn write(&self, disk: &Disk) -> Result<Progress, Failure> {
        disk.write(&self.notes, |blocks| condense::write(&self.job, blocks))
    }
}

impl Store {
    /// What a commit at this time writes. Nothing where there is nothing new. `trusts_clock` tells whether what the
    /// clock calls old may be removed.
    pub fn commit_at(&mut self, now_ms: i64, trusts_clock: bool) -> Option<Commit> {
        // Results of checks arrive a while after their time.
        let current = hour_of(now_ms - STRAGGLERS_MS).0;
        let is_early = self.is_crowded();
        let is_ended = |hour: u32| hour < current || is_early;
        let mut job = Job {
            current_ms: i64::from(current) * HOUR_MS,
            now_ms: trusts_clock.then_some(now_ms),
            most_bytes: self.most_bytes,
            ..Job::default()
        };
        let is_memory = matches!(self.shelf, Shelf::Memory(_));
        if trusts_clock {
            self.texts.expire(Resolution::Full.kept_since(now_ms));
        }
        for (place, series) in self.all.iter_mut().enumerate() {
            let has_any = !series.open.is_empty() || self.texts.has(place);
            let has_ended = series.open.iter().any(|(hour, _)| is_ended(*hour));
            if series.number.is_none() && (has_ended || !is_memory) && has_any {
                series.number = Some(self.next_number);
                self.next_number += 1;
            }
            let Some(number) = series.number else { continue };
            for (hour, points) in series.open.iter().filter(|(hour, _)| is_ended(*hour)) {
                let is_counter = series.described.is_counter;
                let points = points.clone();
                job.hours.entry(*hour).or_default().push(Written {
                    series: number,
                    is_counter,
                    points,
                });
            }
        }
        job.hours.values_mut().for_each(|series| sort_by_key(series, |of| of.series));
        let (notes, listed) = match is_memory {
            true => (Notes::default(), None),
            false => self.notes(&job),
        };
        let has_notes = !notes.series.is_empty() || !notes.texts.is_empty();
        let has_news = !job.hours.is_empty() || notes.recent.is_some() || has_notes;
        has_news.then_some(Commit { notes, job, listed })
    }

    /// The latest points that stay out of blocks, and what series there are.
    fn notes(&mut self, job: &Job) -> (Notes, Option<Listed>) {
        let mut notes = Notes::default();
        for series in &mut self.all {
            if let (Some(number), false) = (series.number, series.is_written) {
                notes.series.push((number, series.note()));
            }
        }
        notes.texts = self.texts.changed(|place| self.all[place].number);
        // What comes while this is written is new again.
        let all = match std::mem::take(&mut self.must_rewrite) {
            true => self.all_open(),
            false => std::mem::take(&mut self.unsynced),
        };
        let left =
            all.into_iter().filter(|(_, at_ms, _)| !job.hours.contains_key(&hour_of(*at_ms).0));
        let numbered = |(place, at_ms, value): (usize, i64, f64)| {
            Some((self.all[place].number?, at_ms, value))
        };
        let left: Vec<_> = left.filter_map(numbered).collect();
        let last_hour = left.iter().map(|(_, at_ms, _)| hour_of(*at_ms).0).max();
        let next = self.next_list;
        let listed = last_hour.map(|last_hour| {
            let new = recent::encode(left);
            match self.recent.last().filter(|_| job.hours.is_empty()) {
                Some(Listed { bytes, number, last_hour: before })
                    if !bytes.is_empty() && bytes.len() + new.len() <= FULL_LIST =>
                {
                    let (last_hour, bytes) = (last_hour.max(*before), [&**bytes, &*new].concat());
                    Listed { number: *number, last_hour, bytes }
                }
                _ => Listed { number: next, last_hour, bytes: new },
            }
        });
        notes.recent = listed.as_ref().map(|listed| (listed.number, listed.bytes.clone()));
        // All that ends by then is in a block now, also what came late.
        let first_open = self.all.iter().flat_map(|series| &series.open);
        let first_open =
            first_open.map(|(hour, _)| *hour).filter(|hour| !job.hours.contains_key(hour));
        let first_open = first_open.min().unwrap_or(u32::MAX);
        if let Some(last) = job.hours.keys().next_back() {
            let done = self.recent.iter().filter(|of| of.last_hour < first_open);
            notes.done = done.map(|of| of.number).collect();
            // All that there was of the hours that have ended is in blocks, and maybe of the current one.
            let ended = hour_of(job.current_ms).0;
            notes.merged =
                Some(Merged { before_list: next, before_hour: ended.max(last.saturating_add(1)) });
        }
        (notes, listed)
    }

    fn all_open(&self) -> Vec<(usize, i64, f64)> {
        let mut all = Vec::with_capacity(self.open_points);
        for (place, series) in self.all.iter().enumerate() {
            for (hour, points) in &series.open {
                let start = i64::from(*hour) * HOUR_MS;
                all.extend(points.iter().map(|(at, value)| (place, start + i64::from(at), value)));
            }
        }
        all
    }

    /// Whether more points are in memory than should wait for the end of their hour.
    pub(super) fn is_crowded(&self) -> bool {
        self.open_points > self.early_points
    }

    /// Commits what is new at once, which may block.
    pub fn commit(&mut self, now_ms: i64, trusts_clock: bool) -> Result<(), Failure> {
        let Some(commit) = self.commit_at(now_ms, trusts_clock) else { return Ok(()) };
        let written = match &mut self.shelf {
            Shelf::Memory(memory) => {
                condense::write(&commit.job, memory).map(|()| memory.progress())
            }
            Shelf::Disk(_, Some(disk)) => commit.write(disk),
            Shelf::Disk(_, None) => Err(Failure::Failed("it is not open".to_owned())),
        };
        match &written {
            Ok(progress) => self.committed(&commit, *progress),
            Err(_) => self.not_committed(),
        }
        written.map(drop)
    }

    /// A commit was made.
    pub(super) fn committed(&mut self, commit: &Commit, progress: Progress) {
        let has_series = !commit.job.hours.is_empty() || !commit.notes.series.is_empty();
        let numbered = self.all.iter().enumerate().filter(|_| has_series);
        let by_number = map_of(numbered.filter_map(|(at, of)| Some((of.number?, at))));
        for (hour, written) in &commit.job.hours {
            for Written { series, points, .. } in written {
                let Some(place) = by_number.get(series) else { continue };
                self.open_points -= self.all[*place].written(*hour, points);
            }
        }
        for (number, bytes) in &commit.notes.series {
            // One that was described anew meanwhile is not written yet.
            if let Some(place) = by_number.get(number) {
                let series = &mut self.all[*place];
                series.is_written = series.note() == *bytes;
            }
        }
        self.texts.written();
        if commit.notes.merged.is_some() {
            // Those of before are done with as a whole: no point may be added to them.
            self.recent.iter_mut().for_each(|of| of.bytes = Vec::new());
        }
        let is_old = |number| {
            commit.notes.done.contains(&number)
                || commit.listed.as_ref().is_some_and(|listed| listed.number == number)
        };
        self.recent.retain(|of| !is_old(of.number));
        if let Some(listed) = &commit.listed {
            self.next_list = self.next_list.max(listed.number + 1);
            self.recent.iter_mut().for_each(|of| of.bytes = Vec::new());
            self.recent.push(listed.clone());
        }
        if progress.dropped_ms > self.dropped_ms {
            self.dropped_ms = progress.dropped_ms;
            let first = hour_of(progress.dropped_ms).0;
            while self.all.iter().any(|of| of.open.first().is_some_and(|(hour, _)| *hour < first)) {
                self.drop_oldest_hour();
            }
        }
    }

    /// A commit could not be made: the next one writes all that is in no block.
    pub(super) fn not_committed(&mut self) {
        self.must_rewrite = true;
        self.texts.not_written();
        self.unsynced.clear();
    }
}

/// So long after an hour has ended its points are written: those that come later open it again.
const STRAGGLERS_MS: i64 = 60_000;

/// With more bytes than this a list of latest points gets no more.
const FULL_LIST: usize = 3_000;
