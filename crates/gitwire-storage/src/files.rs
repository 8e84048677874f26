//! Objects as the files they stand in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gitwire_pack::ReadAt;
use gitwire_types::ObjectId;

use crate::{PackPart, Result};

/// The files that objects stand in, byte for byte: for clients that walk over them by themselves (`gitprotocol-http`, dumb clients).
///
/// Objects are deflated, packs as they lie there. Nothing else of a repository can be named.
pub trait ObjectFiles: Send + Sync {
    /// The packs that are called `pack-NAME.pack` with an id's hexadecimal digits for a name, in the order in which they should be
    /// asked, each once.
    ///
    /// # Errors
    /// A failing medium.
    fn packs(&self) -> Result<Vec<ObjectId>>;

    /// Opens a file; it stays readable when somebody removes it. `None`: there is none, as for an object that stands in a pack alone.
    ///
    /// # Errors
    /// A failing medium.
    fn open(&self, file: ObjectFile) -> Result<Option<StoredFile>>;
}

/// Which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectFile {
    /// An object in a file of its own (`gitformat-loose`).
    Loose(ObjectId),
    /// A file of the pack of this name.
    Pack(ObjectId, PackPart),
}

/// A file that is open.
#[derive(Clone)]
pub struct StoredFile {
    /// Its bytes.
    pub data: Arc<dyn ReadAt>,
    /// When they were written, as time since 1970; `None` where nobody knows.
    pub modified: Option<Duration>,
}

impl fmt::Debug for StoredFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredFile")
            .field("size", &self.data.size())
            .field("modified", &self.modified)
            .finish_non_exhaustive()
    }
}
