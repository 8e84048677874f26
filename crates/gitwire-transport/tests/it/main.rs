//! Drivers with small machines over real streams.
#![allow(unreachable_pub, reason = "the modules of a test binary")]

mod blocking;
mod machines;
mod tokio;
