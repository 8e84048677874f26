//! What conversations tell of themselves, for logs and counters.

use gitwire_protocol::Version;
use gitwire_protocol::message::DepthRequest;
use gitwire_types::FilterSpec;

/// Hears how conversations go. It is called in the midst of the work and must not hold it up.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use gitwire_server::{FetchFacts, Observer};
///
/// /// Counts the requests for a part of the history.
/// #[derive(Default)]
/// struct Shallow(AtomicUsize);
///
/// impl Observer for Shallow {
///     fn fetch(&self, facts: &FetchFacts<'_>) {
///         if !facts.depth.is_empty() {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// A client has said what it wants to fetch; called once for each request for a pack.
    fn fetch(&self, facts: &FetchFacts<'_>) {
        let _ = facts;
    }

    /// A client has said what it wants to push.
    fn push(&self, facts: &PushFacts<'_>) {
        let _ = facts;
    }
}

/// A request to push in numbers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PushFacts<'a> {
    /// The client's session, where it named one.
    pub session_id: Option<&'a [u8]>,
    /// Refs that it wants to change.
    pub commands: usize,
}

/// A request for a pack in numbers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FetchFacts<'a> {
    /// The version that is spoken.
    pub version: Version,
    /// The client's session, where it named one.
    pub session_id: Option<&'a [u8]>,
    /// What the client says that it is.
    pub agent: Option<&'a [u8]>,
    /// Objects that it wants by id.
    pub wants: usize,
    /// Refs that it wants by name.
    pub wanted_refs: usize,
    /// Objects that it has named as its own so far.
    pub haves: usize,
    /// Ends of its history.
    pub shallows: usize,
    /// How much history it wants.
    pub depth: &'a DepthRequest,
    /// What is to be left out.
    pub filter: Option<FilterSpec>,
}
