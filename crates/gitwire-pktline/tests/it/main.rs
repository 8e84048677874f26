//! The framing from outside: what is read, what is refused and where, what is written.
#![allow(clippy::arithmetic_side_effects, reason = "tests count what they made themselves")]

#[cfg(feature = "tokio")]
mod codec;
mod decode;
mod encode;
mod properties;
