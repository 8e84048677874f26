#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

#[cfg(feature = "tokio")]
pub mod daemon;
mod error;
mod policy;
mod repositories;
mod session;
pub mod stdio;

pub use crate::error::ServeError;
pub use crate::policy::{Filters, HiddenRefs, Policy, Unborn, Wants};
#[cfg(feature = "gitdir")]
pub use crate::repositories::{DirectoryRoot, Export};
pub use crate::repositories::{OpenError, Repositories, RepositoryRequest};
pub use crate::session::{Reply, Session};
