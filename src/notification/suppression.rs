//! Times in which nobody is told.

/// A time in which nobody is told of what it names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suppression {
    pub id: String,
    /// Its name for people; the id where none is given.
    pub label: String,
    /// When it begins, in milliseconds since 1970.
    pub start_ms: i64,
    /// When it has ended; nothing where it lasts until it is removed.
    pub end_ms: Option<i64>,
    /// What it is for, by ids. Each list that is empty is for all.
    pub entities: Vec<String>,
    pub checks: Vec<String>,
    pub alarms: Vec<String>,
    pub plans: Vec<String>,
}

/// What may be suppressed, from the large to the small.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// Nothing where that is not known.
    pub check: Option<&'a str>,
    pub alarm: Option<&'a str>,
    pub plan: Option<&'a str>,
}

impl Suppression {
    pub fn is_active(&self, now_ms: i64) -> bool {
        self.start_ms <= now_ms && self.end_ms.is_none_or(|end| now_ms < end)
    }

    /// Whether it is still to begin.
    pub fn is_scheduled(&self, now_ms: i64) -> bool {
        now_ms < self.start_ms && self.end_ms.is_none_or(|end| self.start_ms < end)
    }

    /// Whether it is for all of this. What is not given is all of it: a suppression of one alarm is not for its
    /// whole check.
    pub fn is_for(&self, is_entity: impl Fn(&str) -> bool, of: Of<'_>) -> bool {
        let has = |list: &[String], id: Option<&str>| {
            list.is_empty() || id.is_some_and(|id| list.iter().any(|of| of == id))
        };
        let is_here = self.entities.is_empty() || self.entities.iter().any(|id| is_entity(id));
        is_here
            && has(&self.checks, of.check)
            && has(&self.alarms, of.alarm)
            && has(&self.plans, of.plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suppression_is_active_from_its_start_until_its_end() {
        let of = |start_ms, end_ms| Suppression { start_ms, end_ms, ..Suppression::default() };
        let at =
            |of: Suppression| [9, 10, 19, 20].map(|now| (of.is_active(now), of.is_scheduled(now)));
        let (active, coming, over) = ((true, false), (false, true), (false, false));
        assert_eq!(at(of(10, Some(20))), [coming, active, active, over]);
        assert_eq!(at(of(10, None)), [coming, active, active, active]);
        assert_eq!(at(of(20, Some(10))), [over; 4]);
    }

    #[test]
    fn an_empty_list_is_for_all_and_all_lists_have_to_fit() {
        let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let is_for = |of: &Suppression, check, alarm, plan| {
            of.is_for(|id| id == "self", Of { check, alarm, plan })
        };
        let all = Suppression::default();
        assert!(is_for(&all, None, None, None) && is_for(&all, Some("c"), Some("a"), Some("p")));
        let one = Suppression { checks: list(&["c"]), alarms: list(&["a", "b"]), ..all.clone() };
        assert!(is_for(&one, Some("c"), Some("b"), None));
        assert!(!is_for(&one, Some("d"), Some("b"), None));
        // Not for the whole check.
        assert!(!is_for(&one, Some("c"), None, None));
        let plan = Suppression { plans: list(&["p"]), entities: list(&["self"]), ..all.clone() };
        assert!(is_for(&plan, Some("c"), Some("a"), Some("p")));
        assert!(!is_for(&plan, Some("c"), Some("a"), None));
        let elsewhere = Suppression { entities: list(&["other"]), ..all };
        assert!(!is_for(&elsewhere, Some("c"), Some("a"), Some("p")));
    }
}
