//! What happens while a call runs.

use std::sync::Arc;

use gitwire_pack::Progress;
use gitwire_storage::{PackWritten, Preparation};

/// What happens while a call runs. Comes often: show it at your own pace.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event<'a> {
    /// What the server says: bytes of a stranger, to be made safe before a terminal sees them. Pieces join.
    Remote(&'a [u8]),
    /// The server leaves nothing out: all of it comes, whatever the filter says.
    FilterIgnored,
    /// A bundle could not be had, and will be done without.
    #[cfg(feature = "gitdir")]
    BundleFailed {
        /// Where it was to be: bytes of a stranger.
        uri: &'a [u8],
        /// Why.
        error: &'a crate::BundleError,
    },
    /// So many commits were named to find out what both sides have.
    Negotiating(u64),
    /// The pack arrives; how far it is.
    Receiving(&'a Progress),
    /// The pack is whole and its objects are named now; the counters may be watched from another thread until the next event.
    Indexing(Arc<Progress>),
    /// All that the new refs reach is looked for.
    Checking,
    /// Everything is there; refs are updated.
    Updating,
    /// What a push sends is looked for; how far that is.
    Packing(Preparation),
    /// The pack is sent.
    Sending {
        /// What of it has been written so far.
        written: PackWritten,
        /// Bytes of it that were handed over so far.
        bytes: u64,
        /// Whether that was all.
        done: bool,
    },
}

/// Hears events.
pub type Listener<'a> = &'a mut dyn FnMut(Event<'_>);
