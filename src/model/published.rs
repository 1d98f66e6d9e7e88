//! What CloudWatch takes as the name and the dimensions of a metric.

use std::borrow::Cow;
use std::rc::Rc;

use super::{Dimensions, ascii};

/// The name and the dimensions of a metric, with `_` for what CloudWatch does not take in them. The error
/// says why the metric cannot be published, with the cure: one such metric makes a whole request fail.
pub fn fit(name: &str, own: &Dimensions) -> Result<(Rc<str>, Dimensions), &'static str> {
    if is_blank(name) {
        return Err(BLANK);
    }
    let mut fit = Dimensions::with_capacity(own.len());
    for (name, value) in own {
        let name: Cow<'static, str> = match name.strip_prefix(':') {
            // CloudWatch's own names begin so.
            Some(rest) => format!("_{}", ascii(rest)).into(),
            None if is_plain(name) => name.clone(),
            None => ascii(name).into(),
        };
        let value = if is_plain(value) { value.clone() } else { ascii(value).into() };
        if is_blank(&name) || is_blank(&value) {
            return Err(BLANK);
        }
        if name.len() > LONGEST_NAME || value.len() > LONGEST_VALUE {
            return Err(TOO_LONG);
        }
        if fit.iter().any(|(other, _)| *other == name) {
            return Err(TWICE);
        }
        fit.push((name, value));
    }
    Ok((name.into(), fit))
}

/// The name of a dimension that a metric has beside others whose names are taken. If it is one of these, but
/// for `_` at its end, it gets more of them than any of these has: CloudWatch takes each name once, and two
/// names stay two.
pub fn free_name<'n, 't>(name: &'n str, taken: impl Iterator<Item = &'t str>) -> Cow<'n, str> {
    let stem = |name: &str| name.trim_end_matches('_').len();
    let is_same = |of: &&str| of[..stem(of)] == name[..stem(name)];
    match taken.filter(is_same).map(|of| of.len() - stem(of)).max() {
        Some(most) => format!("{name}{}", "_".repeat(most + 1)).into(),
        None => name.into(),
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// CloudWatch's limits for a dimension.
const LONGEST_NAME: usize = 255;
const LONGEST_VALUE: usize = 1024;

// Why a metric that a check discovered is not published.
const BLANK: &str =
    "CloudWatch takes no blank name and no dimension with a blank name or value: correct these";
const TOO_LONG: &str = "CloudWatch takes dimensions with names of at most 255 and values of at most 1024 bytes: make these shorter";
const TWICE: &str =
    "two of its dimensions have the same name in CloudWatch, which takes ASCII only: rename one";
pub const SAME: &str = "another metric of the check has the same name and dimensions in CloudWatch, which takes ASCII only: rename one";
pub const RESERVED: &str = "the agent has a metric available of its own: rename this one";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(own: &[(&str, &str)]) -> Result<Vec<(String, String)>, &'static str> {
        let own = own.iter().map(|(name, value)| ((*name).to_owned().into(), (*value).into()));
        let (_, fit) = fit("name", &own.collect())?;
        Ok(fit.into_iter().map(|(name, value)| (name.into(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_cloudwatch_does_not_take_is_made_fit_or_refused() {
        let fit = of(&[("a b", "c"), ("über", "q\n"), (":x", "\u{a0}")]);
        let expected = [("a b", "c"), ("_ber", "q_"), ("_x", "_")];
        assert_eq!(fit, Ok(expected.map(|(name, value)| (name.into(), value.into())).into()));
        for own in [("", "v"), (" ", "v"), ("n", ""), ("n", "  ")] {
            assert_eq!(of(&[own]), Err(BLANK), "{own:?}");
        }
        let long = "x".repeat(1025);
        assert_eq!(of(&[("n", &long)]), Err(TOO_LONG));
        assert_eq!(of(&[(&long[..256], "v")]), Err(TOO_LONG));
        assert!(of(&[(&long[..255], &long[..1024])]).is_ok());
        assert_eq!(of(&[("é", "1"), ("è", "1")]), Err(TWICE));
        assert_eq!(super::fit(" ", &Vec::new()), Err(BLANK));
    }

    proptest! {
        #[test]
        fn an_own_dimension_is_never_one_that_is_taken_nor_another_own_one(
            own in proptest::collection::btree_set("[ab]_{0,3}", 2..6),
            taken in proptest::collection::vec("[ab]_{0,3}", 0..4),
        ) {
            let named = |name: &String| {
                free_name(name, taken.iter().map(String::as_str)).into_owned()
            };
            let named: std::collections::BTreeSet<_> = own.iter().map(named).collect();
            prop_assert_eq!(named.len(), own.len());
            prop_assert!(taken.iter().all(|name| !named.contains(name)), "{:?}", named);
        }
    }

    #[test]
    fn a_name_that_is_free_stays_and_one_that_is_taken_gets_one_more() {
        for (name, taken, expected) in [
            ("Stage", &["Other"][..], "Stage"),
            ("Stage", &["Stage"], "Stage_"),
            ("Stage_", &["Stage"], "Stage__"),
            ("Stage", &["Stage_", "Stage"], "Stage__"),
        ] {
            assert_eq!(free_name(name, taken.iter().copied()), expected);
        }
    }
}
