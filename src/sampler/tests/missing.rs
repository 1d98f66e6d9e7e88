//! What is told of numbers that have no value.

use std::cell::RefCell;

use super::*;
use crate::collector::sink::Sink;

/// Tells what is unavailable each time that this is told.
struct Told(Rc<RefCell<Vec<Missing>>>);

/// Metrics, each with the reason.
type Missing = Vec<(String, String)>;

impl Sink for Told {
    fn takes_unavailable(&self) -> bool {
        true
    }

    fn unavailable(&mut self, all: &Rc<[Unavailable]>) {
        let of = |of: &Unavailable| (of.metric.clone(), of.reason.clone());
        self.0.borrow_mut().push(all.iter().map(of).collect());
    }
}

#[test]
fn what_has_no_value_is_told_when_it_begins_and_when_it_ends_and_not_at_each_sample() {
    let machine = Machine::new();
    let mut collector =
        Collector::new(Duration::from_secs(60), Table::new(68, false), HandOut::to(Vec::new()));
    let told = Rc::new(RefCell::new(Vec::new()));
    collector.add_sink(Box::new(Told(told.clone())));
    let asked = Numbers::of(&[Number::Cpu, Number::Memory, Number::OomKills, Number::Throttling]);
    let source = Chosen::new(machine.clone(), String::new());
    let mut sampler = Sampler::new(source, asked, &mut collector);
    let mut sample = |memory| {
        machine.0.memory.set(memory);
        let reading = sampler.read(Instant::now());
        sampler.take(reading, UNIX_EPOCH, &mut collector);
        std::mem::take(&mut *told.borrow_mut())
    };
    let missing = |name: &str, why: &str| (name.to_owned(), why.to_owned());
    let why = "scope host does not measure it: a container has it, by --scope container or pod";
    let throttling = missing("throttling", why);
    assert_eq!(sample(Some(GIB)), [vec![throttling.clone()]]);
    assert_eq!(sample(Some(GIB)), [[]; 0]);
    let memory = missing("memory", "meminfo not found");
    assert_eq!(sample(None), [vec![memory, throttling.clone()]]);
    assert_eq!(sample(None), [[]; 0]);
    assert_eq!(sample(Some(GIB)), [vec![throttling]]);
    assert_eq!(machine.0.looks.get(), 3, "as often as it was told");
}

#[test]
fn what_nobody_asked_for_is_not_told_to_be_missing() {
    let asked = [
        (&[Number::Cpu, Number::OomKills][..], &[][..]),
        (&[Number::Cpu, Number::Memory], &["memory"]),
        (&[Number::Memory, Number::Swap], &["memory", "swap"]),
    ];
    for (asked, expected) in asked {
        let machine = Machine::new();
        machine.0.memory.set(None);
        let mut collector =
            Collector::new(Duration::from_secs(60), Table::new(68, false), HandOut::to(Vec::new()));
        let told = Rc::new(RefCell::new(Vec::new()));
        collector.add_sink(Box::new(Told(told.clone())));
        let source = Chosen::new(machine, String::new());
        let mut sampler = Sampler::new(source, Numbers::of(asked), &mut collector);
        let reading = sampler.read(Instant::now());
        sampler.take(reading, UNIX_EPOCH, &mut collector);
        let told = told.take().pop().expect("it was told");
        let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expected, "{asked:?}");
    }
}
