//! How the tests of properties draw their cases.

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// The same texts in each run. PROPTEST_CASES and PROPTEST_RNG_SEED give more and others.
pub fn repeatable() -> ProptestConfig {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    let rng_seed = RngSeed::Fixed(seed.unwrap_or(1));
    ProptestConfig { failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}
