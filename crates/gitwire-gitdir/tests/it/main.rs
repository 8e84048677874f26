//! What `gitwire-gitdir` makes of directories that git made.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends at what it did not expect, and says aloud when it is skipped"
)]

mod attacks;
mod concurrent;
mod crash;
mod damage;
mod exploration;
mod git;
mod laws;
mod leftovers;
mod objects;
mod opening;
mod promised;
mod refs;
mod reftable;
mod sources;
mod staging;
mod transactions;
