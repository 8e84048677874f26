//! The crate from outside: packs that git made, packs made by hand, packs that are broken.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "tests: a broken property is a panic"
)]

mod access;
mod ahead;
mod bits;
mod cycles;
mod decoding;
mod git_made;
mod limits;
mod malformed;
mod memory;
mod packs;
mod running;
mod thin;
