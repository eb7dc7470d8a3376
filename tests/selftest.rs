//! The self test tests itself: a fixed seed passes, and a seed repeats exactly.

use p0::selftest::{Report, TOLD, simulate};

fn run(steps: u64, seed: u64) -> Report {
    simulate(steps, seed, TOLD, &mut |_| {}).expect("it runs")
}

#[test]
fn a_few_thousand_steps_break_no_law() {
    let report = run(5_000, 1);
    assert_eq!(report.broken, None);
    assert!(report.requests > 100 && report.grants > 50, "{report:?}");
}

#[test]
fn a_seed_repeats_exactly() {
    let (one, two, other) = (run(700, 7), run(700, 7), run(700, 8));
    assert_eq!((one.digest, &one.counts), (two.digest, &two.counts));
    assert_ne!(one.digest, other.digest);
}
