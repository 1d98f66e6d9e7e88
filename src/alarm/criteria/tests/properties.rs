//! Conditions at random, against an evaluator that has nothing in common with the other one.

use proptest::prelude::*;

use super::*;
use crate::properties::repeatable;

/// What can be compared.
#[derive(Clone, Debug)]
enum Operand {
    Number(i32),
    /// A text in quotes that may be a number.
    Text(&'static str),
    /// One of the metrics of [`results`], or one that is missing.
    Metric(&'static str),
    Previous(&'static str),
}

#[derive(Clone, Debug)]
enum Tree {
    Compared(Operand, &'static str, Operand),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

const TEXTS: [&str; 6] = ["1", "2.0", "-1", "", "x", "it's \"#1\""];
const NAMES: [&str; 5] = ["n", "m", "t", "u", "absent"];
const SIGNS: [&str; 6] = ["==", "!=", ">=", "<=", ">", "<"];

/// What the metrics are, of one result and the one before.
type Values = [(&'static str, Option<Quantity>); 4];

fn operand() -> impl Strategy<Value = Operand> {
    prop_oneof![
        (-2_i32..4).prop_map(Operand::Number),
        prop::sample::select(&TEXTS[..]).prop_map(Operand::Text),
        prop::sample::select(&NAMES[..]).prop_map(Operand::Metric),
        prop::sample::select(&NAMES[..]).prop_map(Operand::Previous),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    let sign = prop::sample::select(&SIGNS[..]);
    let leaf = (operand(), sign, operand());
    let leaf = leaf.prop_map(|(left, sign, right)| Tree::Compared(left, sign, right));
    leaf.prop_recursive(5, 40, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Tree::And(a.into(), b.into())),
            (inner.clone(), inner).prop_map(|(a, b)| Tree::Or(a.into(), b.into())),
        ]
    })
}

fn values() -> impl Strategy<Value = Values> {
    let quantity = || {
        let number = (-2_i32..4).prop_map(|of| Some(number(f64::from(of))));
        let text = prop::sample::select(&TEXTS[..]).prop_map(|of| Some(text(of)));
        prop_oneof![4 => number, 4 => text, 1 => Just(None), 1 => Just(Some(number_of_nothing()))]
    };
    (quantity(), quantity(), quantity(), quantity())
        .prop_map(|(n, m, t, u)| [("n", n), ("m", m), ("t", t), ("u", u)])
}

fn number_of_nothing() -> Quantity {
    number(f64::NAN)
}

fn written(tree: &Tree) -> String {
    match tree {
        Tree::Compared(left, sign, right) => format!("{}{sign} {}", spelt(left), spelt(right)),
        // Only what binds less needs parentheses.
        Tree::And(a, b) => format!("{}&&/* and */{}", factor(a), factor(b)),
        Tree::Or(a, b) => format!("{} ||\n{}", written(a), written(b)),
    }
}

fn factor(tree: &Tree) -> String {
    match tree {
        Tree::Or(..) => format!("( {})", written(tree)),
        _ => written(tree),
    }
}

fn spelt(operand: &Operand) -> String {
    match operand {
        Operand::Number(of) => of.to_string(),
        Operand::Text(of) if of.contains('"') => format!("'{}'", of.replace('\'', "\\'")),
        Operand::Text(of) => format!("\"{of}\""),
        Operand::Metric(name) => format!("metric['{name}']"),
        Operand::Previous(name) => format!("previous( metric[\"{name}\"] )"),
    }
}

/// A number, or a text, as a pair of which one may be there; nothing where it is unknown.
fn worth(
    operand: &Operand,
    now: &Values,
    before: &Values,
) -> Option<(Option<f64>, Option<String>)> {
    let (name, values) = match operand {
        Operand::Number(of) => return Some((Some(f64::from(*of)), None)),
        Operand::Text(of) => return Some((of.parse().ok(), Some((*of).to_owned()))),
        Operand::Metric(name) => (name, now),
        Operand::Previous(name) => (name, before),
    };
    match values.iter().find(|(of, _)| of == name)?.1.as_ref()? {
        Quantity::Number(of) if of.is_nan() => None,
        Quantity::Number(of) => Some((Some(*of), None)),
        Quantity::Text(of) => Some((of.parse().ok(), Some(of.clone()))),
        Quantity::Many(_) => None,
    }
}

/// 0 for what does not hold, 2 for what holds, and 1 for what is unknown: then `&&` is the least and `||` the
/// greatest.
fn degree(tree: &Tree, now: &Values, before: &Values) -> u8 {
    match tree {
        Tree::And(a, b) => degree(a, now, before).min(degree(b, now, before)),
        Tree::Or(a, b) => degree(a, now, before).max(degree(b, now, before)),
        Tree::Compared(left, sign, right) => {
            let compared = worth(left, now, before).zip(worth(right, now, before));
            let order =
                compared.and_then(|((left, left_text), (right, right_text))| {
                    match left_text.zip(right_text) {
                        Some((left, right)) if sign.ends_with("==") || sign.starts_with('!') => {
                            Some(left.cmp(&right))
                        }
                        _ => left?.partial_cmp(&right?),
                    }
                });
            let signs = order.map(|order| match order as i8 {
                -1 => ["<", "<=", "!="],
                0 => ["==", "<=", ">="],
                _ => [">", ">=", "!="],
            });
            signs.map_or(1, |signs| 2 * u8::from(signs.contains(sign)))
        }
    }
}

fn result(seconds: u64, values: &Values) -> Observation {
    let there = values.iter().filter_map(|(name, value)| Some((*name, value.clone()?)));
    observed(seconds, &there.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..repeatable() })]

    #[test]
    fn conditions_hold_as_a_simple_evaluator_says(tree in tree(), now in values(), before in values()) {
        let found = holds(&written(&tree), &result(60, &now), Some(&result(0, &before)));
        let found = found.map_or(1, |holds| 2 * u8::from(holds));
        prop_assert_eq!(found, degree(&tree, &now, &before), "{}", written(&tree));
    }
}
