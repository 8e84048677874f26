#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

pub use gitwire_capability as capability;
#[cfg(feature = "client")]
pub use gitwire_client as client;
pub use gitwire_delta as delta;
#[cfg(feature = "gitdir")]
pub use gitwire_gitdir as gitdir;
pub use gitwire_object as object;
pub use gitwire_pack as pack;
pub use gitwire_pktline as pktline;
pub use gitwire_protocol as protocol;
pub use gitwire_reftable as reftable;
#[cfg(feature = "server")]
pub use gitwire_server as server;
pub use gitwire_sideband as sideband;
pub use gitwire_storage as storage;
#[cfg(any(feature = "client", feature = "server"))]
pub use gitwire_transport as transport;
pub use gitwire_types as types;
pub use gitwire_walk as walk;
