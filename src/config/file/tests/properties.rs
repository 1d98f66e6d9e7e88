//! Whatever a file holds: it is settings or problems with their places, and never a panic.

use proptest::prelude::*;

use super::*;
use crate::config::file::check::KEYS;
use crate::config::file::options_of_file;
use crate::properties::repeatable;

/// A value as it may be written, right or wrong.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-0-9.emsh]{0,12}",
        "[a-z_,=-]{0,15}",
        "[\\[{\"'|>&*!%@`]{1,3}[a-z:, ]{0,8}[\\]}\"']{0,2}",
        "[$]{1,2}[{][A-Z_:-]{0,8}[}]?",
        "\\PC{0,40}",
        Just("agent.load_average".to_owned()),
        Just("{target: /}".to_owned()),
    ]
}

/// A line of a file: a key with a value, as deep as it may stand.
fn line() -> impl Strategy<Value = String> {
    let mut keys: Vec<String> = KEYS.iter().map(|key| (*key).to_owned()).collect();
    keys.extend(options_of_file());
    keys.extend(["checks", "target", "x", "criteria", "? ", "- "].map(str::to_owned));
    let key = prop_oneof![4 => prop::sample::select(keys), 1 => "\\PC{0,10}"];
    let depth = prop_oneof![6 => 0..4_usize, 1 => 4..40_usize];
    (depth, key, value())
        .prop_map(|(depth, key, value)| format!("{}{key}: {value}", "  ".repeat(depth)))
}

proptest! {
    #![proptest_config(repeatable())]

    #[test]
    fn nothing_in_a_file_makes_it_panic(lines in prop::collection::vec(line(), 0..12)) {
        let text = lines.join("\n");
        for files in [main_file(&text), check_file("x.yaml", &text)] {
            for problem in problems(&files) {
                prop_assert!(problem.starts_with("agent.yaml:") || problem.starts_with("x.yaml:"), "{problem}");
            }
            for check in &files.checks {
                prop_assert!(check.timeout < check.period, "{check:?}");
                prop_assert!(check.declared().iter().all(|metric| metric.published.is_some()));
            }
            let _ = settings(&["--dry-run"], files);
        }
    }
}
