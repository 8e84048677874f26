//! One ref in one file.

use std::io;

use gitwire_storage::Result;
use gitwire_types::{ObjectFormat, ObjectId, RefName, RefTarget};

use crate::error::{Context as _, is_absent, shown};
use crate::fs::{Directory, Links, is_link_refused, read_all};

/// What stands in a ref's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LooseRef {
    /// No such file.
    Absent,
    /// A value.
    Value(RefTarget),
    /// A file that holds neither an id nor the name of a ref: git calls it broken, leaves it out of listings, and refuses
    /// to change it.
    Broken,
}

/// Reads the ref `name` below `dir`. Never through a symbolic link: one that names a ref is the oldest form of symbolic
/// refs, any other is broken.
pub(crate) fn read_loose(dir: &dyn Directory, name: &[u8], format: ObjectFormat) -> Result<LooseRef> {
    let content = dir.open(name, Links::Refuse).and_then(|file| read_all(&*file, LOOSE_REF_MAX));
    match content {
        Ok(content) if content.trim_ascii_end() == NO_HEAD.trim_ascii_end() => Ok(LooseRef::Absent),
        Ok(content) => Ok(parse_loose_ref(&content, format).map_or(LooseRef::Broken, LooseRef::Value)),
        Err(error) if is_absent(&error) || error.kind() == io::ErrorKind::IsADirectory => {
            Ok(LooseRef::Absent)
        }
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(LooseRef::Broken),
        Err(error) if is_link_refused(&error) => {
            let target = dir.read_link(name).context(|| format!("cannot read ref '{}'", shown(name)))?;
            Ok(target
                .starts_with(b"refs/")
                .then(|| RefName::new(target).ok())
                .flatten()
                .map_or(LooseRef::Broken, |target| LooseRef::Value(RefTarget::Symbolic(target))))
        }
        Err(error) => Err(error).context(|| format!("cannot read ref '{}'", shown(name))),
    }
}

/// The content of a ref's file: `ref: NAME`, or an id with nothing or a space behind it. `None`: broken.
pub(crate) fn parse_loose_ref(content: &[u8], format: ObjectFormat) -> Option<RefTarget> {
    if let Some(target) = content.strip_prefix(b"ref:") {
        let target = target.trim_ascii();
        return RefName::new(target.to_vec()).ok().map(RefTarget::Symbolic);
    }
    let (hex, rest) = content.split_at_checked(format.hex_len())?;
    if rest.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
        return None;
    }
    ObjectId::from_hex(format, hex).ok().map(RefTarget::Direct)
}

/// What git writes into the `HEAD` of a repository that it is still making, or whose `HEAD` is in a table: a name that no ref can
/// have.
pub(crate) const NO_HEAD: &[u8] = b"ref: refs/heads/.invalid\n";

/// An id, or a name of at most 4 KiB as file systems allow, with room for `FETCH_HEAD`-like notes behind an id.
const LOOSE_REF_MAX: u64 = 64 << 10;
