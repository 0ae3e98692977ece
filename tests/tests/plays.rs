//! Random plays against the reference model: the same 2,000 on every run, so that a run is green
//! or red because of the change at hand. With `TAMIAS_CASES` there are that many, and new ones each
//! time: `make test-deep` is where unknown ones are looked for.

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};
use proptest_state_machine::prop_state_machine;
use tamias_tests::stage::{Defaults, Mesos, Mixed, Stage};

/// A share of all cases, in percent. A failing case is written beside this file, to be committed
/// with the fix.
fn config(percent: u32) -> ProptestConfig {
    let cases = std::env::var("TAMIAS_CASES").ok().and_then(|cases| cases.parse().ok());
    let persistence = FileFailurePersistence::WithSource("regressions");
    ProptestConfig {
        rng_seed: if cases.is_some() { RngSeed::Random } else { RngSeed::Fixed(1) },
        cases: (cases.unwrap_or(2000_u32) * percent).div_ceil(100),
        failure_persistence: Some(Box::new(persistence)),
        max_shrink_iters: 4096,
        ..ProptestConfig::default()
    }
}

prop_state_machine! {
    #![proptest_config(config(35))]
    #[test]
    fn plays_with_default_options(sequential 50..80 => Stage<Defaults>);
}

prop_state_machine! {
    #![proptest_config(config(35))]
    #[test]
    fn plays_with_the_options_of_mesos(sequential 50..80 => Stage<Mesos>);
}

prop_state_machine! {
    #![proptest_config(config(30))]
    #[test]
    fn plays_with_mixed_options(sequential 50..80 => Stage<Mixed>);
}
