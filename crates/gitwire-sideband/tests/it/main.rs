//! Side-bands from outside: both directions, and what a terminal gets to see.
#![allow(clippy::arithmetic_side_effects, reason = "tests count what they made themselves")]

mod control;
mod demux;
mod mux;
mod progress;
mod properties;
mod sanitize;
