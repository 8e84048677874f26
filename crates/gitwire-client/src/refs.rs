//! What a remote shows.

use gitwire_protocol::{AdvertisedRef, RefBlock, ServerCapabilities, Version};
use gitwire_types::{ObjectFormat, ObjectId};

/// The refs that a remote has shown: a million of them take the memory of their lines.
#[derive(Debug, Clone, Default)]
pub struct RemoteRefs {
    pub(crate) blocks: Vec<RefBlock>,
    pub(crate) version: Version,
    pub(crate) format: ObjectFormat,
    pub(crate) capabilities: Option<ServerCapabilities>,
}

impl RemoteRefs {
    /// The refs, in the order in which they came. Names are bytes of a stranger.
    pub fn iter(&self) -> impl Iterator<Item = AdvertisedRef<'_>> {
        self.blocks.iter().flat_map(RefBlock::iter)
    }

    /// The version of the protocol that the server speaks.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The hash function of the remote.
    #[must_use]
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// What the server can do; `None` for a server of files alone.
    #[must_use]
    pub fn capabilities(&self) -> Option<&ServerCapabilities> {
        self.capabilities.as_ref()
    }

    /// `HEAD`, if the remote shows one.
    #[must_use]
    pub fn head(&self) -> Option<AdvertisedRef<'_>> {
        self.iter().find(|shown| shown.name == b"HEAD")
    }

    /// The branch that `HEAD` stands for: the one that it names, or, where an old server does not say, the first of `main`,
    /// `master` and the others that holds the same object.
    #[must_use]
    pub fn head_branch(&self) -> Option<&[u8]> {
        let head = self.head()?;
        if let Some(target) = head.symref_target {
            return Some(target);
        }
        let holds = |shown: &AdvertisedRef<'_>| shown.id == head.id && shown.name.starts_with(b"refs/heads/");
        // From version 2 on the server says where it points; that it does not means that it points nowhere.
        let guess = || {
            self.iter().filter(holds).min_by_key(|shown| {
                PREFERRED.iter().position(|name| *name == shown.name).unwrap_or(PREFERRED.len())
            })
        };
        (self.version != Version::V2).then(guess).flatten().map(|shown| shown.name)
    }

    /// What the ref of this name holds.
    #[must_use]
    pub fn id(&self, name: &[u8]) -> Option<ObjectId> {
        self.iter().find(|shown| shown.name == name).and_then(|shown| shown.id)
    }
}

const PREFERRED: [&[u8]; 2] = [b"refs/heads/main", b"refs/heads/master"];
