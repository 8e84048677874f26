//! The machines against each other, against recorded conversations, and against git itself.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests compute with their own numbers"
)]

mod client_golden;
mod damage;
mod drive;
mod gate;
mod git;
mod limits;
mod messages;
mod pair;
mod push;
mod push_golden;
mod push_messages;
mod repo;
mod server_golden;
