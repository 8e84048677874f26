//! What a walk may cost.

/// How much a walk may hold and read. Every field is a hard end: what goes beyond it is [`WalkError::Limit`](crate::WalkError).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalkLimits {
    /// The largest number of commits that one graph holds, at about 100 bytes each.
    pub commits_max: u32,
    /// The largest number of objects that one enumeration names, at about 60 bytes each.
    pub objects_max: u32,
    /// The largest commit, tree or tag that is read, in bytes.
    pub object_bytes_max: u64,
    /// The largest commit, tree or tag that is held whole, in bytes. A larger tree is read in pieces; of a larger commit or tag the headers
    /// are read, which must not be larger either.
    pub held_bytes_max: usize,
    /// How many commits a graph reads from the objects before it asks the store's commit-graph, which is read and checked as a whole.
    pub commits_before_index: u32,
    /// The deepest nesting of trees.
    pub tree_depth_max: u32,
    /// The longest chain of tags that point at tags.
    pub tag_chain_max: u32,
    /// Bytes of trees kept to recognize what one commit's tree shares with the next; more is faster, none is correct.
    pub tree_cache_bytes: usize,
}

impl Default for WalkLimits {
    fn default() -> Self {
        Self {
            // The largest public histories hold some two million commits; this is 1 GB of them.
            commits_max: 10_000_000,
            // What a pack may announce that our own receiving side takes.
            objects_max: 100_000_000,
            // A directory of a million entries is some 40 MB; larger ones are attacks.
            object_bytes_max: 256 << 20,
            // Directories of eighty thousand entries, commits of as many parents.
            held_bytes_max: 4 << 20,
            // Some milliseconds: reading the commit-graph of a hundred thousand commits takes more.
            commits_before_index: 512,
            // git's `core.maxTreeDepth`.
            tree_depth_max: 2048,
            // git sets no limit; real chains have two or three links.
            tag_chain_max: 256,
            // The directories of a large project's working tree, once.
            tree_cache_bytes: 16 << 20,
        }
    }
}
