//! The numbers that are read at each sample as long as an alarm or a threshold is of them, and else once a window.

use std::cell::Cell;
use std::rc::Rc;

use crate::model::{Number, Numbers};

/// Those of them that are wanted now, which the sampler looks at.
pub type Wanted = Rc<Cell<Numbers>>;

/// What has just happened, and what somebody wants to hear of at once.
const PROMPT: &[Number] = &[Number::Throttling, Number::OomKills];

/// Those of them that something is of.
pub fn those(is_wanted: impl Fn(Number) -> bool) -> Numbers {
    let wanted = PROMPT.iter().copied().filter(|number| is_wanted(*number));
    Numbers::of(&wanted.collect::<Vec<_>>())
}

/// Whether this is the whole name of a number, be it of the whole or of a container.
pub fn is_name_of(number: Number, name: &str) -> bool {
    let before = name.strip_suffix(number.name());
    before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_known_by_its_name_and_that_of_a_container() {
        let is_it = |name| is_name_of(Number::OomKills, name);
        assert!(is_it("oom-kills") && is_it("web.oom-kills") && is_it("a.b.oom-kills"));
        assert!(!is_it("no-oom-kills") && !is_it("oom-kills.web") && !is_it("cpu"));
    }

    #[test]
    fn what_comes_with_each_sample_anyway_is_not_among_them() {
        let sampled = those(|_| true).iter().filter(|number| number.is_sampled());
        assert_eq!(sampled.count(), 0);
    }
}
