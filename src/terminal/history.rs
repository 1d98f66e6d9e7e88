//! The last samples, and how they fit into the columns of a chart.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::Sample;

/// The last samples, oldest first.
#[derive(Debug)]
pub struct History {
    interval: Duration,
    samples: VecDeque<Sample>,
    /// How many samples there were before these.
    forgotten: u64,
}

/// The samples that are shown.
#[derive(Debug, PartialEq)]
pub struct Shown {
    /// How many samples there are.
    pub samples: usize,
    /// The values of each column, oldest first; a column may have none.
    pub columns: Vec<Vec<f32>>,
    /// The newest value, unless it is so old that it is no longer the current one.
    pub current: Option<f32>,
}

impl History {
    pub fn new(interval: Duration) -> Self {
        Self { interval, samples: VecDeque::new(), forgotten: 0 }
    }

    pub fn add(&mut self, sample: Sample) {
        if self.samples.len() == CAPACITY {
            self.samples.pop_front();
            self.forgotten += 1;
        }
        self.samples.push_back(sample);
    }

    /// The values of one part that so many columns show.
    ///
    /// A column has the same samples from frame to frame, so that a chart moves and never changes
    /// its form.
    pub fn shown(&self, columns: usize, part: impl Fn(&Sample) -> Option<f32>) -> Shown {
        let each = self.samples_per_column(columns);
        let number = |place: usize| (self.forgotten + place as u64) / each;
        let newest = number(self.samples.len().saturating_sub(1));
        let oldest = (newest + 1).saturating_sub(columns as u64);
        let mut shown = Shown { samples: 0, columns: Vec::new(), current: self.current(&part) };
        for (place, sample) in self.samples.iter().enumerate() {
            let Some(column) = number(place).checked_sub(oldest) else { continue };
            shown.samples += 1;
            // Columns whose samples are forgotten stay empty and keep their place.
            shown.columns.resize_with(column as usize + 1, Vec::new);
            shown.columns[column as usize].extend(part(sample));
        }
        shown
    }

    /// What so many columns show, however much of it there is.
    pub fn span(&self, columns: usize) -> Duration {
        self.interval * (self.samples_per_column(columns) * columns as u64) as u32
    }

    /// How long it takes to make so many samples.
    pub fn length(&self, samples: usize) -> Duration {
        self.interval * samples as u32
    }

    fn current(&self, part: impl Fn(&Sample) -> Option<f32>) -> Option<f32> {
        let fresh = (FRESH.as_secs_f64() / self.interval.as_secs_f64()) as usize;
        self.samples.iter().rev().take(fresh.max(1)).find_map(part)
    }

    fn samples_per_column(&self, columns: usize) -> u64 {
        let wanted = SHOWN.as_secs_f64() / self.interval.as_secs_f64();
        ((wanted / columns.max(1) as f64).ceil() as u64).max(1)
    }
}

/// The least time that a chart shows, however few columns it has.
const SHOWN: Duration = Duration::from_secs(3 * 60);

/// An endpoint that is asked every few seconds has nothing newer in between, which would flicker.
const FRESH: Duration = Duration::from_secs(10);

/// As many as are shown of the shortest interval, and as wide as a terminal can be with the others.
/// Older samples are forgotten.
const CAPACITY: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn history(values: impl IntoIterator<Item = Option<f32>>) -> History {
        let mut history = History::new(Duration::from_secs(1));
        values.into_iter().for_each(|cpu| history.add(Sample { cpu, memory: None }));
        history
    }

    fn numbers(count: u16) -> History {
        history((0..count).map(|number| Some(f32::from(number))))
    }

    #[test]
    fn a_column_is_one_sample_where_there_is_room() {
        let history = history([Some(1.0), None, Some(3.0)]);
        let columns = vec![vec![1.0], vec![], vec![3.0]];
        let expected = Shown { samples: 3, columns, current: Some(3.0) };
        assert_eq!(history.shown(180, |sample| sample.cpu), expected);
        assert_eq!(history.shown(180, |sample| sample.memory).current, None);
    }

    #[test]
    fn three_minutes_are_shown_in_a_few_columns() {
        let shown = numbers(7).shown(60, |sample| sample.cpu);
        let columns = vec![vec![0.0, 1.0, 2.0], vec![3.0, 4.0, 5.0], vec![6.0]];
        assert_eq!(shown, Shown { samples: 7, columns, current: Some(6.0) });
    }

    #[test]
    fn columns_move_and_keep_their_samples() {
        // 90 samples in each of two columns, of which the first is left.
        let shown = numbers(181).shown(2, |sample| sample.cpu);
        assert_eq!(
            (shown.samples, shown.columns[0][0], &*shown.columns[1]),
            (91, 90.0, &[180.0][..])
        );
    }

    #[test]
    fn what_is_not_kept_is_not_shown() {
        let history = numbers(3000);
        let shown = history.shown(2500, |sample| sample.cpu);
        assert_eq!((shown.samples, shown.columns.len()), (CAPACITY, 2500));
        assert_eq!(history.samples.len(), CAPACITY);
    }

    #[test]
    fn what_is_not_read_any_more_is_not_current() {
        let with_absent = |count| history([Some(5.0)].into_iter().chain(vec![None; count]));
        assert_eq!(with_absent(9).shown(180, |sample| sample.cpu).current, Some(5.0));
        assert_eq!(with_absent(10).shown(180, |sample| sample.cpu).current, None);
    }

    #[test]
    fn nothing_is_shown_of_nothing() {
        let expected = Shown { samples: 0, columns: vec![], current: None };
        assert_eq!(history([]).shown(10, |sample| sample.cpu), expected);
        assert_eq!(history([]).shown(0, |sample| sample.cpu), expected);
    }
}
