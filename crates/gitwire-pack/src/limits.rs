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
    /// Commits, trees and tags end here as well.
    ///
    /// 1 GiB: twice what git itself makes deltas of (`core.bigFileThreshold`). What is too large to be held is spilled, so this is
    /// disk and time, not memory.
    pub delta_bytes_max: u64,
    /// Deltas between an object and the whole object that its chain ends at.
    ///
    /// 4095: the most that git's `pack.depth` can ask for.
    pub delta_depth_max: u32,
    /// Bytes of objects that are spilled at once ([`ReadAt::spill`](crate::ReadAt::spill)), because deltas are made against them or
    /// they must be looked into, and they are too large to be held.
    ///
    /// 4 GiB: a base, what is made of it, and twice as much that waits.
    pub spill_bytes_max: u64,
    /// Bytes that making the objects of one pack may take, those that are made or read again counted each time; a thousand times
    /// the length of the pack, where that is more. Objects below 16 KiB count for nothing: [`Limits::objects_max`] bounds them.
    ///
    /// 256 GiB: some minutes of one core. The histories of large projects make a hundred times their packs, and a kilobyte can
    /// ask for a thousand million times itself.
    pub work_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pack_bytes_max: 64 << 30,
            objects_max: 1 << 27,
            object_bytes_max: 16 << 30,
            delta_bytes_max: 1 << 30,
            delta_depth_max: 4095,
            spill_bytes_max: 4 << 30,
            work_bytes_max: 256 << 30,
        }
    }
}
