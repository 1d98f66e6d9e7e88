//! How the tests of properties draw their cases.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same texts in each run. PROPTEST_CASES and PROPTEST_RNG_SEED give more and others.
pub fn repeatable() -> ProptestConfig {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    let rng_seed = RngSeed::Fixed(seed.unwrap_or(1));
    ProptestConfig { failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}

/// A text of the kind that is parsed, with something done to it: a piece taken out, put in or
/// replaced, digits and signs more often than other characters.
fn damaged(text: &'static str) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[0-9]{1,25}",
        "[-+.:,/ \n\\\\\"{}]{0,3}",
        "\\PC{0,4}",
        Just("/../x".to_owned())
    ];
    let damage = (any::<prop::sample::Index>(), 0_usize..12, piece);
    prop::collection::vec(damage, 1..4).prop_map(move |damages| {
        let mut characters: Vec<char> = text.chars().collect();
        for (at, removed, piece) in damages {
            let start = at.index(characters.len() + 1);
            let end = (start + removed).min(characters.len());
            characters.splice(start..end, piece.chars());
        }
        characters.into_iter().collect()
    })
}

/// A valid text that was damaged, or anything at all.
pub fn text(valid: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![4 => damaged(valid), 1 => "\\PC{0,200}", 1 => Just(valid.to_owned())]
}
