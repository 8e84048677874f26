//! Walks against git: generated histories, random requests, the same answers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod bombs;
mod connectivity;
mod enumerate;
mod history;
mod negotiate;
mod pack;
mod ranges;
mod shallow;
mod sparse;
mod store;
mod strays;
