//! Whatever is typed: it is settings or problems, and never a panic.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use proptest::prelude::*;

use super::Settings;
use crate::config::cli::{Cli, definition};
use crate::properties::repeatable;

/// An option with a value, or anything.
fn argument() -> impl Strategy<Value = OsString> {
    let names: Vec<_> = definition().get_arguments().map(|arg| arg.get_id().to_string()).collect();
    let value = prop_oneof![
        "[-0-9.e]{0,25}",
        "[a-z,=-]{0,20}",
        "https?://[-a-z0-9.:/\\[\\]]{0,20}",
        "\\PC{0,300}"
    ];
    let option = (prop::sample::select(names), value.clone())
        .prop_map(|(name, value)| format!("--{name}={value}").into());
    prop_oneof![
        6 => option,
        2 => value.prop_map(OsString::from),
        1 => prop::collection::vec(1_u8.., 0..20).prop_map(OsString::from_vec),
    ]
}

proptest! {
    #![proptest_config(repeatable())]

    #[test]
    fn nothing_typed_makes_it_panic(typed in prop::collection::vec(argument(), 0..9)) {
        let required = ["agent", "--namespace=Test", "--service=Foo"].map(OsString::from);
        if let Ok(cli) = Cli::parse(required.into_iter().chain(typed)) {
            match Settings::new(&cli) {
                Ok(settings) => prop_assert!(settings.measuring.samples_per_window() <= 100_002),
                Err(problems) => prop_assert!(!problems.to_string().is_empty()),
            }
        }
    }
}
