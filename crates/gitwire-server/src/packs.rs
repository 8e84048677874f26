//! Who makes the packs that fetches get.

#[cfg(feature = "gitdir")]
mod program;

use gitwire_storage::PackSource;
use gitwire_types::{FilterSpec, ObjectId};
use gitwire_walk::{Graph, PackRequest};

#[cfg(feature = "gitdir")]
pub use self::program::ProgramPacks;
use crate::ServeError;

/// A pack that a client is to get.
#[derive(Debug)]
#[non_exhaustive]
pub struct PackOrder {
    /// The commits that have been looked at, with the boundary of the client's history set.
    pub graph: Graph,
    /// What the pack holds and how it is written.
    pub request: PackRequest,
    /// The filter as the client named it.
    pub filter: Option<FilterSpec>,
    /// Where the client's history will end.
    pub boundary: Vec<ObjectId>,
    /// Whether the client wants to hear how it goes.
    pub progress: bool,
}

/// Makes packs in the place of the server: a cache of packs, a program, another machine (`uploadpack.packObjectsHook`).
///
/// ```
/// use gitwire_server::{PackMaker, PackOrder, ServeError};
/// use gitwire_storage::PackSource;
/// use gitwire_walk::pack_source;
///
/// /// Makes every pack with a wider window.
/// struct Wide;
///
/// impl PackMaker for Wide {
///     fn make(&self, mut order: PackOrder) -> Result<Box<dyn PackSource>, ServeError> {
///         order.request.window = 50;
///         Ok(pack_source(order.graph, order.request))
///     }
/// }
/// ```
pub trait PackMaker: Send + Sync + 'static {
    /// The pack that is ordered. Called where blocking is allowed; the pack is pulled from the source afterwards.
    ///
    /// # Errors
    /// No such pack can be made.
    fn make(&self, order: PackOrder) -> Result<Box<dyn PackSource>, ServeError>;
}
