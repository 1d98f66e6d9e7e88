//! Hands what is collected to what the API knows.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use super::latest::Latest;
use crate::collector::series::Table;
use crate::collector::sink::Sink;
use crate::model::{Measured, Report, Series, Summary, Unavailable};

/// Takes what is collected.
pub struct Feed(pub Rc<RefCell<Latest>>);

impl Sink for Feed {
    fn sample(&mut self, at: SystemTime, values: &[(Series, f64)], table: &Table) {
        self.0.borrow_mut().sample(at, values, table);
    }

    fn measured(&mut self, measured: &Rc<Measured>) {
        self.0.borrow_mut().measured = measured.clone();
    }

    fn takes_unavailable(&self) -> bool {
        true
    }

    fn unavailable(&mut self, all: &Rc<[Unavailable]>) {
        self.0.borrow_mut().unavailable = all.clone();
    }

    fn report(&mut self, report: &Report) {
        self.0.borrow_mut().report(report);
    }

    fn summary(&mut self, _summary: &Rc<Summary>) {
        self.0.borrow_mut().windows += 1;
    }
}
