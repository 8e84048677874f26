#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod block;
mod bytes_reader;
mod compact;
mod cursor;
mod error;
mod frame;
mod limits;
mod merge;
mod names;
mod record;
mod source;
mod table;
mod write;

pub use crate::compact::{Deletions, compact};
pub use crate::cursor::{LogCursor, RefCursor};
pub use crate::error::{Part, ReftableError};
pub use crate::limits::Limits;
pub use crate::merge::{Merged, Ordered};
pub use crate::names::{TableName, read_list, write_list};
pub use crate::record::{LogRecord, LogValue, RefRecord, RefValue, log_key};
pub use crate::source::{MemorySource, Source, SourceFailure};
pub use crate::table::Table;
pub use crate::write::{WriteOptions, Writer};
