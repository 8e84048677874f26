//! Our verdicts beside git's.

#![allow(clippy::unwrap_used, reason = "a test's own slips may panic")]

mod fsck;
mod repository;
