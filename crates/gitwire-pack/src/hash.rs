//! Checksums.

use gitwire_object::{HashError, Hasher};
use gitwire_types::ObjectId;

use crate::PackError;

/// The end of a checksum that looks for no attack.
pub(crate) fn finish(hasher: Hasher) -> Result<ObjectId, PackError> {
    hasher.finish().map_err(|_| PackError::Internal("a plain hash detects nothing"))
}

/// The error for an entry at `offset` that could not be named.
pub(crate) fn attack(offset: u64, error: HashError) -> PackError {
    match error {
        HashError::Collision { id } => PackError::CollisionAttack { offset, id },
        _ => PackError::Internal("a hash has one way to fail"),
    }
}
