//! What can be wrong with a server of files.

use gitwire_types::ObjectId;

/// What a server of files has that no repository has.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumbError {
    /// What should be the list of refs is something else: a page for people, as a rule.
    #[error("{url}info/refs not valid: is this a git repository?")]
    InfoRefs {
        /// The repository.
        url: String,
    },
    /// An object is not what its name says.
    #[error("object {id} is corrupt: {why}")]
    Object {
        /// The name.
        id: ObjectId,
        /// What is wrong.
        why: String,
    },
    /// An index of a pack is none.
    #[error("index of pack {name}: {source}")]
    Index {
        /// The pack, by the digits in its name.
        name: String,
        /// What is wrong.
        #[source]
        source: gitwire_pack::PackError,
    },
    /// A pack does not hold what its index says.
    #[error("pack {name} does not hold object {id}")]
    Pack {
        /// The pack, by the digits in its name.
        name: String,
        /// An object that it should hold.
        id: ObjectId,
    },
    /// There is more of something than is decent.
    #[error("{what}: more than {max}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The most that is accepted.
        max: u64,
    },
    /// Nobody on the other side can cut history.
    #[error("dumb http transport does not support shallow capabilities")]
    Shallow,
}

/// What a server of files may make a client read and hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DumbLimits {
    /// Bytes of `info/refs`. 256 MiB: two million refs at 128 bytes.
    pub refs_bytes_max: u64,
    /// Bytes of any other list: packs, alternates. 16 MiB: as many packs as [`packs_max`](Self::packs_max) at 60 bytes, and more.
    pub list_bytes_max: u64,
    /// Packs, all repositories together. 100,000: whoever has more has never collected garbage.
    pub packs_max: usize,
    /// Bytes of the indexes of packs, which are held together. 1 GiB: thirty million objects.
    pub index_bytes_max: u64,
    /// Bytes of one loose object, inflated; it is held. 512 MiB: git makes larger ones by `core.bigFileThreshold` go into packs.
    pub object_bytes_max: u64,
    /// Loose objects. A million: hours, at one request each.
    pub objects_max: usize,
    /// Other repositories that objects may come from. 32: git follows five levels of them, with few on each.
    pub alternates_max: usize,
}

impl Default for DumbLimits {
    fn default() -> Self {
        Self {
            refs_bytes_max: 256 << 20,
            list_bytes_max: 16 << 20,
            packs_max: 100_000,
            index_bytes_max: 1 << 30,
            object_bytes_max: 512 << 20,
            objects_max: 1_000_000,
            alternates_max: 32,
        }
    }
}
