//! Everything that can happen to a small kernel within a few moves.
//!
//! `TAMIAS_DEPTH=6 cargo test -p tamias-tests --release --test small_worlds` goes deeper.

use tamias::Options;
use tamias_tests::small::explore;

fn depth() -> usize {
    std::env::var("TAMIAS_DEPTH").map_or(4, |text| text.parse().expect("TAMIAS_DEPTH is a number"))
}

fn explored(options: Options) {
    let depth = depth();
    let tally = explore(options, depth);
    println!("depth {depth}: {tally:?}");
    // Should the moves stop to move anything, this would test nothing.
    assert!(tally.states > 20_usize.pow(u32::try_from(depth).unwrap_or(0) / 2), "{tally:?}");
    assert!(tally.rejected > 0, "{tally:?}");
}

#[test]
fn with_the_default_options() {
    explored(Options::default());
}

#[test]
fn with_the_options_of_mesos() {
    explored(Options::mesos());
}
