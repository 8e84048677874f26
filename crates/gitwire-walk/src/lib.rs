#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![doc = include_str!("../README.md")]

mod connectivity;
mod error;
mod filter;
mod graph;
mod have_set;
mod id_table;
mod limits;
mod negotiate;
mod objects;
mod pack;
mod reached;
mod read;
mod shallow;
mod sparse;

pub use crate::connectivity::{Connectivity, check_connectivity, links_hang_on};
pub use crate::error::WalkError;
pub use crate::filter::ObjectFilter;
pub use crate::graph::{Graph, Peeled, Range};
pub use crate::have_set::{Have, HaveSet};
pub use crate::limits::WalkLimits;
pub use crate::negotiate::{HaveBudget, NegotiationAlgorithm, Negotiator};
pub use crate::objects::ObjectList;
pub use crate::pack::{PackRequest, pack_source};
pub use crate::reached::unreached;
pub use crate::shallow::{ShallowRequest, ShallowUpdate, shallow_update};
pub use crate::sparse::SparsePatterns;
