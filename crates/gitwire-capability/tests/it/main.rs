//! Capabilities from outside: reading, writing, agreeing, and git as the second opinion.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests count what they made themselves, fail aloud, and say aloud what they skip"
)]

mod fetch;
mod git;
mod list;
mod promisor;
mod properties;
mod push;
mod v2;
