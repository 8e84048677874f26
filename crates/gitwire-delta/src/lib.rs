#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![no_std]
#![doc = include_str!("../README.md")]

extern crate alloc;

mod apply;
mod decoder;
mod error;
mod header;
mod index;
mod instruction;
mod make;
mod stream;

pub use crate::apply::{apply, apply_to};
pub use crate::decoder::{DeltaDecoder, DeltaPart};
pub use crate::error::DeltaError;
pub use crate::header::Header;
pub use crate::index::DeltaIndex;
pub use crate::instruction::{Instruction, Instructions};
pub use crate::make::Made;
pub use crate::stream::{DeltaBase, Stream, StreamError};
