//! The testkit's own tests: the corpus, tidiness, histories against git, and whole conversations from seeds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    reason = "the modules of a test binary"
)]

use std::path::{Path, PathBuf};

mod corpus;
mod history;
mod simulate;
mod tidy;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
