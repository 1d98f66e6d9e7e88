//! `agent.push`: numbers that others hand to the agent through its API.

mod kept;

use std::cell::RefCell;
use std::rc::Rc;

use self::kept::Kept;
use crate::model::{
    Check, CheckType, Configured, Details, Discovered, Discovers, Findings, Form, Mailbox, Opening,
    Publication, Pushed, Running, Setting,
};

pub const TYPE: CheckType = CheckType {
    name: "agent.push",
    about: "The values that other programs send to the agent, by POST /values or as a client of collectd",
    settings: &[Setting::optional(
        "series",
        Form::Whole(1, 20_000),
        "How many different names with dimensions are kept, 1000 by default; values of others are refused",
        "1000",
    )],
    one_of: &[],
    metrics: &[],
    discovers: Discovers::Published,
    targets: None,
    open: |of: &Opening| Box::new(Push::of(of.details)),
};

/// The check that values are for where none is named. It is made when the first one comes.
pub const DEFAULT: &str = "push";

/// That check.
pub fn by_default() -> Configured {
    Configured {
        id: DEFAULT.to_owned(),
        label: DEFAULT.to_owned(),
        publish: Publication::by_default(&TYPE),
        ..Configured::of(&TYPE, Details::default())
    }
}

struct Push(Rc<RefCell<Kept>>);

impl Push {
    fn of(details: &Details) -> Self {
        let most = details.number("series").unwrap_or(SERIES) as usize;
        Self(Rc::new(RefCell::new(Kept::new(most))))
    }

    fn found(&self) -> Findings {
        Findings { values: self.0.borrow_mut().findings(), ..Findings::default() }
    }
}

impl Check for Push {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async { Ok(self.found()) })
    }

    fn last(&mut self) -> Option<Findings> {
        Some(self.found())
    }

    fn mailbox(&self) -> Option<Rc<dyn Mailbox>> {
        Some(self.0.clone())
    }
}

impl Mailbox for RefCell<Kept> {
    fn put(&self, value: &Pushed, new: Result<bool, &'static str>) -> Result<Discovered, String> {
        self.borrow_mut().put(value, new)
    }

    fn unreported(&self) -> usize {
        self.borrow().unreported()
    }
}

const SERIES: f64 = 1000.0;
