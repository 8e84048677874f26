//! Following symbolic refs, whatever refs are read from.

use gitwire_storage::Result;
use gitwire_types::{ObjectId, RefTarget};

use super::SYMBOLIC_DEPTH_MAX;
use super::loose::LooseRef;

/// The object that a value leads to; `None` where the chain of symbolic refs ends at nothing, or does not end.
pub(crate) fn resolve(
    read: impl Fn(&[u8]) -> Result<LooseRef>,
    value: &RefTarget,
) -> Result<Option<ObjectId>> {
    let mut value = value.clone();
    for _ in 0..SYMBOLIC_DEPTH_MAX {
        let name = match value {
            RefTarget::Direct(id) => return Ok(Some(id)),
            RefTarget::Symbolic(name) => name,
        };
        match read(name.as_bytes())? {
            LooseRef::Value(next) => value = next,
            LooseRef::Absent | LooseRef::Broken => return Ok(None),
        }
    }
    Ok(value.id().copied())
}

/// The last name of a chain of symbolic refs that begins at `name`; `None` where there are too many.
pub(crate) fn end_of_chain(read: impl Fn(&[u8]) -> Result<LooseRef>, name: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut name = name.to_vec();
    for _ in 0..=SYMBOLIC_DEPTH_MAX {
        match read(&name)? {
            LooseRef::Value(RefTarget::Symbolic(next)) => name = next.as_bytes().to_vec(),
            _ => return Ok(Some(name)),
        }
    }
    Ok(None)
}
