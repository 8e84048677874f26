//! Clients and servers over links that cut, stall, damage and close, each from a seed: every conversation ends, in success with equal
//! repositories or in an error that has a name, and leaves nothing behind. A seed that fails prints as a test to paste here.

mod fetch;
mod join;
mod store;
mod wire;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use gitwire_testkit::Dice;

use self::wire::Fault;

/// Runs the fetch of this seed over a good wire, then with faults.
fn fetch(seed: u64) {
    let scenario = fetch::Scenario::roll(seed);
    let mut fault = Fault::None;
    let run = catch_unwind(AssertUnwindSafe(|| {
        let moved = scenario.run(fault);
        let mut dice = Dice::new(!seed);
        for _ in 0..FAULTS {
            fault = Fault::roll(&mut dice, moved);
            scenario.run(fault);
        }
    }));
    if let Err(panic) = run {
        eprintln!("{}\n{fault:?}", scenario.summary());
        eprintln!("\n#[test]\nfn fetch_{seed:x}() {{\n    fetch(0x{seed:x});\n}}\n");
        resume_unwind(panic);
    }
}

#[test]
fn fetches_end_well_or_with_a_name() {
    for seed in seeds() {
        fetch(seed);
    }
}

/// A few for every run; `GITWIRE_SEEDS=FROM..TO` for a long one.
fn seeds() -> std::ops::Range<u64> {
    let Ok(range) = env::var("GITWIRE_SEEDS") else { return 0..SEEDS };
    let (from, to) = range.split_once("..").expect("FROM..TO");
    from.parse().expect("a number")..to.parse().expect("a number")
}

const SEEDS: u64 = 40;
/// Faults for each seed.
const FAULTS: usize = 8;
