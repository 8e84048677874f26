//! `gitwire upload-pack` and git's, fed with the same bytes.
#![allow(
    clippy::string_slice,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "texts and numbers of the tests' own making; a long run says what came of it"
)]

mod answer;
mod form;
mod hostile;
mod random;
mod run;
mod twin;
mod version_0;
mod version_2;

pub(crate) use self::run::{packet, program};
