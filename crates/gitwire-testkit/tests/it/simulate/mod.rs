//! Clients and servers over links that cut, stall, damage and close, each from a seed: every conversation ends, in success with equal
//! repositories or in an error that has a name, and leaves nothing behind. A seed that fails prints as a test to paste here.

mod fetch;
mod join;
mod push;
mod server;
mod store;
mod websocket;
mod wire;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use gitwire_testkit::Dice;

use self::wire::Fault;

/// What a seed decides, but what happens on the way.
trait Scenario {
    /// The test that runs one.
    const NAME: &str;

    fn roll(seed: u64) -> Self;

    /// What reads well in a message.
    fn summary(&self) -> String;

    /// Has the conversation over a wire with this fault, and judges what has come of it. How many bytes went to the client and to
    /// the server.
    fn run(&self, fault: Fault) -> (usize, usize);
}

/// Runs the scenario of this seed over a good wire, then with faults.
fn run<S: Scenario>(seed: u64) {
    let scenario = S::roll(seed);
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
        let name = S::NAME;
        eprintln!("{}\n{fault:?}", scenario.summary());
        eprintln!("\n#[test]\nfn {name}_{seed:x}() {{\n    {name}(0x{seed:x});\n}}\n");
        resume_unwind(panic);
    }
}

fn fetch(seed: u64) {
    run::<fetch::FetchOnce>(seed);
}

fn push(seed: u64) {
    run::<push::Push>(seed);
}

fn tunnel(seed: u64) {
    run::<websocket::Tunnel>(seed);
}

#[test]
fn fetches_end_well_or_with_a_name() {
    seeds().for_each(fetch);
}

#[test]
fn pushes_end_well_or_with_a_name() {
    seeds().for_each(push);
}

#[test]
fn tunnels_end_well_or_with_a_name() {
    seeds().for_each(tunnel);
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
