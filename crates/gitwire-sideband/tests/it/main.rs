//! Side-bands from outside: both directions, and what a terminal gets to see.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests count what they made themselves, fail aloud, and say aloud what they skip"
)]

mod control;
mod demux;
mod mux;
mod progress;
mod properties;
mod sanitize;
