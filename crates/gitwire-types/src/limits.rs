//! Bounds on what peers may send.

/// How much of a peer's words the parsers of this crate take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many `combine:` may stand within one another. Each level is one call deep, and escapes grow threefold with each; git's
    /// own client writes one.
    pub filter_depth_max: usize,
    /// How many filters one `combine:` may join, and all of them together. A useful one has a handful; each is asked about
    /// every object.
    pub filter_parts_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { filter_depth_max: 8, filter_parts_max: 64 }
    }
}
