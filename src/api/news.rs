//! The values of checks as they come, for those who follow them.

use std::rc::Rc;
use std::time::SystemTime;

use tokio::sync::broadcast::{Receiver, Sender, channel};

use crate::collector::series::Table;
use crate::model::{Metric, Quantity, Report, Series, UTILIZATION};

/// Hands on what comes. Without anybody who follows it nothing is copied.
#[derive(Debug, Default)]
pub struct News(Option<Sender<Rc<Batch>>>);

/// Values of one check at one time.
#[derive(Debug)]
pub struct Batch {
    pub check: Rc<str>,
    pub time: SystemTime,
    pub is_available: bool,
    pub values: Vec<(Rc<Metric>, Quantity)>,
}

impl News {
    pub fn follow(&mut self) -> Receiver<Rc<Batch>> {
        match &self.0 {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, receiver) = channel(WAITING);
                self.0 = Some(sender);
                receiver
            }
        }
    }

    /// Who hands something on; nothing where nobody follows.
    fn sender(&self) -> Option<&Sender<Rc<Batch>>> {
        self.0.as_ref().filter(|sender| sender.receiver_count() > 0)
    }

    pub fn sample(&self, time: SystemTime, values: &[(Series, f64)], table: &Table) {
        let Some(sender) = self.sender().filter(|_| !values.is_empty()) else { return };
        let named = |(series, value): &(Series, f64)| {
            (table.metric(*series).clone(), Quantity::Number(*value))
        };
        let values = values.iter().map(named).collect();
        // It fails where the last one has gone.
        let _ = sender.send(Rc::new(Batch {
            check: UTILIZATION.into(),
            time,
            is_available: true,
            values,
        }));
    }

    pub fn report(&self, report: &Report) {
        let Some(sender) = self.sender() else { return };
        let Report { check, time, is_available, values, .. } = report;
        let none: &[_] = &[];
        // That a check gave nothing is news, too.
        let is_nothing = values.is_empty() && !is_available;
        let parts = values.chunks(MOST_VALUES).chain(is_nothing.then_some(none));
        for values in parts {
            let values = values.to_vec();
            let (check, time, is_available) = (check.clone(), *time, *is_available);
            let _ = sender.send(Rc::new(Batch { check, time, is_available, values }));
        }
    }
}

/// So many batches wait for one who reads slowly, once for all. Of what is older they are told how much it was.
const WAITING: usize = 64;

/// Values of one batch. A plugin may give thousands at once.
const MOST_VALUES: usize = 500;

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;
    use crate::api::latest::tests::{metric, report};
    use crate::model::Kind;

    #[test]
    fn who_follows_gets_what_comes_in_parts_and_who_is_slow_learns_how_much_is_missing() {
        let mut news = News::default();
        let one = metric("c", "a", Kind::Gauge);
        let of = |count| report("c", &vec![(&one, Quantity::Number(1.0)); count]);
        news.report(&of(1));
        let (mut first, mut second) = (news.follow(), news.follow());
        news.report(&of(1001));
        let mut lengths =
            || std::iter::from_fn(|| first.try_recv().ok()).map(|of| of.values.len()).collect();
        let taken: Vec<_> = lengths();
        assert_eq!(taken, [500, 500, 1]);
        news.report(&of(0));
        news.report(&Report { is_available: false, ..of(0) });
        assert_eq!(lengths(), vec![0]);
        (0..70).for_each(|_| news.report(&of(1)));
        assert_eq!(second.try_recv().expect_err("it was slow"), TryRecvError::Lagged(10));
        drop((first, second));
        assert!(news.sender().is_none());
    }
}
