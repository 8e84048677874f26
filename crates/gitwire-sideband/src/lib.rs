#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![no_std]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

extern crate alloc;

mod band;
mod control;
mod demux;
mod error;
mod mux;
mod progress;
mod sanitize;

pub use crate::band::{Band, PacketSize};
pub use crate::control::{ControlCharacters, ControlCharactersError};
pub use crate::demux::{Demultiplexed, Demultiplexer, demultiplex};
pub use crate::error::SidebandError;
pub use crate::mux::{Muxer, OpenFrame};
pub use crate::progress::{Limits, LineEnd, ProgressLine, ProgressText};
pub use crate::sanitize::{SafeText, Sanitizer};
