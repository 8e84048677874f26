#![forbid(unsafe_code)]
#![no_std]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

extern crate alloc;

mod machine;

pub use crate::machine::{Machine, Next};
