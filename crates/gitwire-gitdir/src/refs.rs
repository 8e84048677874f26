//! References as files: `HEAD` and its like, loose refs below `refs/`, and `packed-refs` (`gitrepository-layout`).

mod chain;
pub(crate) mod intent;
mod loose;
pub(crate) mod packed;
mod plan;
mod reflog;
pub(crate) mod rewrite;
pub(crate) mod tables;
mod transaction;
mod view;

pub(crate) use self::loose::{LooseRef, NO_HEAD, read_loose};
pub(crate) use self::packed::PackedCache;
pub(crate) use self::tables::{RefTables, TableView};
pub(crate) use self::transaction::{Surroundings, apply, still_to_do};
pub(crate) use self::view::{RefFiles, RefView};

/// How many symbolic refs lead to each other at most: git's `SYMREF_MAXDEPTH`.
pub(crate) const SYMBOLIC_DEPTH_MAX: usize = 5;

/// Whether a ref belongs to one worktree alone (`git-worktree`, "Refs").
pub(crate) fn is_per_worktree(name: &[u8]) -> bool {
    !name.starts_with(b"refs/")
        || [&b"refs/bisect/"[..], b"refs/worktree/", b"refs/rewritten/"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}
