//! The framing from outside: what is read, what is refused and where, what is written.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests count what they made themselves, fail aloud, and say aloud what they skip"
)]

#[cfg(feature = "tokio")]
mod codec;
mod decode;
mod encode;
mod properties;
