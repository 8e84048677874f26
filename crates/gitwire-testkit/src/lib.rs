#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::print_stderr,
    reason = "test support: a broken property is a panic, a skipped test is said aloud"
)]

mod dice;
pub mod fuzz;
pub mod git;
pub mod git_daemon;
mod history;
pub mod http_backend;
mod kill;
pub mod ours;
pub mod pack;
mod race;
pub mod repository_laws;
pub mod sim_fs;

pub use crate::dice::Dice;
pub use crate::history::{History, Manner, Object};
pub use crate::kill::{KillReport, Victim, kill_rounds, leftovers};
pub use crate::race::{Door, Race, RaceReport, race};
