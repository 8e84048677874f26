//! The testkit's own tests: the corpus, and tidiness.

use std::path::{Path, PathBuf};

mod corpus;
mod history;
mod tidy;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
