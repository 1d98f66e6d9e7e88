//! The cases that are agreed on.

use super::*;
use crate::alarm::state::{Counting, Standing};

const CASES: &str = include_str!("../../../../tests/fixtures/alarm/alarm_cases.tsv");

/// What a column says of the results.
fn observations(column: &str) -> Vec<Observation> {
    let mut all = Vec::new();
    for part in column.split(" (").next().unwrap_or_default().split("; ") {
        let words: Vec<_> = part.split(' ').collect();
        match words[..] {
            ["true"] => all.push(observed(0, &[])),
            ["false"] => all.push(Observation { is_available: false, ..observed(0, &[]) }),
            ["status", status] => all[0].status = status.trim_matches('"').to_owned(),
            ["no", "such", "metric"] => {}
            [name, "s", value] => all[0] = observed(0, &[(name, text(value.trim_matches('"')))]),
            [time, name, value] if time.starts_with('t') => {
                all.push(observed(time[1..].parse().unwrap(), &[(name, of(value))]));
            }
            [name, values, ..] if values.contains(',') => {
                let values = values.split(',').zip(0..);
                all.extend(values.map(|(value, at)| observed(60 * at, &[(name, of(value))])));
            }
            [one, first, other, second] => {
                all[0] = observed(0, &[(one, of(first)), (other, of(second))]);
            }
            [name, value] => all.push(observed(0, &[(name, text(value.trim_matches('"')))])),
            _ => panic!("{column}: {part}"),
        }
    }
    all
}

fn of(value: &str) -> Quantity {
    number(value.parse().expect("a number"))
}

/// The evaluation and the state after each result, from OK on.
fn run(criteria: &Criteria, observations: &[Observation]) -> Vec<(Evaluation, Option<State>)> {
    let mut standing = Standing { state: Some(State::Ok), next: None };
    let results = criteria.consecutive_results;
    let counting = Counting { results, period: Duration::from_secs(60) };
    let mut before = None;
    let after = observations.iter().map(|now| {
        let evaluation = criteria.evaluate(now, before.replace(now));
        if let Evaluation::Known { state, .. } = &evaluation {
            standing.take(*state, now.since_start.as_millis() as i64, counting);
        }
        (evaluation, standing.state)
    });
    after.collect()
}

fn check(line: &str, criteria: &Criteria, observed: &[Observation], state: &str, status: &str) {
    let after = run(criteria, observed);
    let states: Vec<_> = after.iter().map(|(_, state)| *state).collect();
    let (last, _) = after.last().expect("a result");
    match state {
        "CRITICAL at the 3rd" => {
            let ok = Some(State::Ok);
            assert_eq!(states, [ok, ok, Some(State::Critical)], "{line}");
        }
        "OK throughout" => assert_eq!(states, [Some(State::Ok); 5], "{line}"),
        _ => {
            let Evaluation::Known { state: found, status: said } = last else {
                assert!(state.starts_with("no "), "{line}: {last:?}");
                assert_eq!(states.last(), Some(&Some(State::Ok)), "{line}");
                return;
            };
            assert_eq!((found.name(), states.last()), (state, Some(&Some(*found))), "{line}");
            let of_check = &observed[0].status;
            let expected = if status == "(status of the check)" { of_check } else { status };
            assert!(expected.is_empty() || said == expected, "{line}: {said}");
        }
    }
}

#[test]
fn every_agreed_case_comes_out() {
    let (mut criteria, mut rows) = (String::new(), 0);
    for line in CASES.lines().filter(|line| !line.starts_with("# criteria")) {
        rows += 1;
        let columns: Vec<_> = line.split('\t').collect();
        let (observed, state) = match columns[..] {
            ["11 conditionals", state, _] => ("-", state),
            [_, observed, state, ..] => (observed, state),
            _ => panic!("{line}"),
        };
        match columns[0] {
            "same" => {}
            "11 conditionals" => criteria = conditionals(11),
            other => criteria = other.replace("\\n", "\n"),
        }
        if state.starts_with("400") {
            assert!(Criteria::parse(&criteria).is_err(), "{line}");
            continue;
        }
        let criteria = match &*criteria {
            "(no criteria)" => Criteria::of_availability(),
            criteria => Criteria::parse(criteria).unwrap_or_else(|error| panic!("{line}: {error}")),
        };
        let status = columns.get(3).copied().unwrap_or_default();
        check(line, &criteria, &observations(observed), state, status);
    }
    assert_eq!(rows, 21);
}

/// Criteria of so many conditionals, a line each.
pub fn conditionals(count: usize) -> String {
    "if (metric['a'] > 1) { return new AlarmStatus(OK); }\n".repeat(count)
}

#[test]
fn the_reason_says_which_metric_is_missing() {
    let now = observed(0, &[("a", number(1.0))]);
    let reason = holds("metric['absent'] > 1", &now, None);
    assert_eq!(reason, Err("metric \"absent\" is missing".to_owned()));
}
