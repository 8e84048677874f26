//! Drivers with small machines over real streams.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the modules of a test binary"
)]

mod blocking;
#[cfg(feature = "http")]
mod http;
mod machines;
mod push;
mod ssh;
mod stateless;
mod tokio;
#[cfg(all(feature = "http", feature = "ws"))]
mod websocket;
