//! How much a pack may ask of us.

/// What is accepted of a pack. Every field is a largest accepted value; 0 means 0.
///
/// A pack that breaks a limit is refused where the limit is met, before memory is taken for what lies beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one pack, header and trailer included.
    ///
    /// 64 GiB: ten times the largest public repositories; the spool's disk is what it protects.
    pub pack_bytes_max: u64,
    /// Objects in one pack.
    ///
    /// 2^27: about 8 GiB of tables, ten times the largest public repositories. Memory grows with the entries that arrive,
    /// never with the number that a header declares.
    pub objects_max: u32,
    /// Bytes of one object that is stored whole. Such objects are hashed in pieces, so this is no memory.
    ///
    /// 16 GiB: what a day of hashing on a slow machine still gets through.
    pub object_bytes_max: u64,
    /// Bytes of one object that is made by a delta, of one that deltas are made against, and of one delta.
    ///
    /// 128 MiB: a thousand bytes of pack can declare a result of a thousand million; git itself does not make deltas above
    /// `core.bigFileThreshold`, 512 MiB, and no public repository was seen to hold one above 100 MiB.
    pub delta_bytes_max: u64,
    /// Deltas between an object and the whole object that its chain ends at.
    ///
    /// 4095: the most that git's `pack.depth` can ask for.
    pub delta_depth_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pack_bytes_max: 64 << 30,
            objects_max: 1 << 27,
            object_bytes_max: 16 << 30,
            delta_bytes_max: 128 << 20,
            delta_depth_max: 4095,
        }
    }
}
