#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

pub mod fs;

mod alternates;
mod barrier;
mod commit_graph;
mod config;
mod error;
mod fetch_head;
mod init;
mod known;
mod lease;
mod lock;
mod loose;
mod objects;
mod open;
mod packs;
mod promised;
mod quarantine;
mod recovery;
mod refs;
mod repository;
mod shallow;
mod staging;
mod worktrees;

pub use crate::config::{Config, ConfigEntry, ConfigError, ConfigSection, ConfigSources, PromisorConfig};
pub use crate::fetch_head::{FetchHead, FetchHeadMode, Merge};
pub use crate::fs::Sharing;
pub use crate::init::{InitOptions, InitialHead};
pub use crate::open::{Lookup, OpenOptions, RefFormat};
pub use crate::quarantine::FileSpool;
pub use crate::repository::{GitDir, Head};
pub use crate::worktrees::WorkTree;
