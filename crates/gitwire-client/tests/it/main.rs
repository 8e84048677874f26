//! The client's calls against stock git and our own server.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the modules of a test binary"
)]

#[cfg(feature = "http")]
mod dumb;
mod push;
mod refspecs;
