#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![no_std]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod deepen;
mod filter_spec;
mod interrupt;
mod limits;
mod number;
mod object_id;
mod object_kind;
mod ref_name;
mod refs;
mod refspec;

pub use crate::deepen::{Deepen, DeepenBuilder, DeepenError, Depth, DepthFrom, Since};
pub use crate::filter_spec::{FilterChoice, FilterSpec, FilterSpecError};
pub use crate::interrupt::{Interrupt, Interrupted, Never};
pub use crate::limits::Limits;
pub use crate::object_id::{Hex, ObjectFormat, ObjectId, ObjectIdError};
pub use crate::object_kind::ObjectKind;
pub use crate::ref_name::{RefName, RefNameError, RefNameRule, RefPattern};
pub use crate::refs::{RefTarget, RefUpdate};
pub use crate::refspec::{Exclusion, FetchRefspec, FetchSource, Force, Mapped, PushRefspec, RefspecError};
