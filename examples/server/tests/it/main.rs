//! The server program with stock git as its client.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "the modules of a test binary"
)]

mod bombs;
mod control;
mod doors;
mod hostile;
mod kill;
mod names;
mod pages;
mod race;
mod raw;
mod serve;
mod server;
mod transcripts;
mod users;
