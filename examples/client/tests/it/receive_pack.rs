//! `gitwire receive-pack` and git's, fed with the same bytes.
#![allow(
    clippy::string_slice,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "texts and numbers of the tests' own making; a long run says what came of it"
)]

mod answer;
mod compared;
mod ground;
mod random;
mod run;
mod state;
mod tables;
mod twin;
