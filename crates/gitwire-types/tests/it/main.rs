//! Our verdicts beside git's.

#![allow(clippy::unwrap_used, reason = "a test's own slips may panic")]

mod filter_spec;
mod ref_name;
mod refspec;
