//! One page for each of gitwire's lower crates: see `examples/`.
//!
//! ```sh
//! printf '000ahello\n0000' | cargo run -p gitwire-examples --example pktline
//! cargo run -p gitwire-examples --example sideband
//! cargo run -p gitwire-examples --example delta -- OLD NEW
//! cargo run -p gitwire-examples --example pack -- FILE.pack
//! ```

/// The pages of the root's README compile as they stand there.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
