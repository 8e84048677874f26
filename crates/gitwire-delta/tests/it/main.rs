//! The delta format at its boundary.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod apply;
mod make;
