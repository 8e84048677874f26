//! A new `packed-refs` made from the old one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gitwire_object::TagRef;
use gitwire_storage::{ObjectStore, Peeled, Result};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use super::packed::{NAME, PackedRef, PackedRefs};
use crate::error::{Context as _, is_absent};
use crate::fs::{Directory, File};
use crate::lock::FILE_MODE;

/// What is to be different in `packed-refs`.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) put: BTreeMap<Vec<u8>, ObjectId>,
    pub(crate) removed: BTreeSet<Vec<u8>>,
}

/// Writes the new file beside the old one and puts it in its place; the caller holds the lock. The directory is not yet
/// durable.
pub(crate) fn rewrite(
    common: &Arc<dyn Directory>,
    old: &PackedRefs,
    changes: &Changes,
    format: ObjectFormat,
    objects: &dyn ObjectStore,
) -> Result<()> {
    let context = || "cannot write 'packed-refs.new'".to_owned();
    // One that is there was left by a process that died: the lock is ours.
    match common.remove_file(NEW) {
        Err(error) if !is_absent(&error) => return Err(error).context(context),
        _ => {}
    }
    let file = common.create(NEW, FILE_MODE).context(context)?;
    let written = write_all(&*file, old, changes, format, objects)
        .and_then(|()| file.sync().context(context))
        .and_then(|()| common.rename(NEW, NAME).context(|| "cannot rename 'packed-refs.new'".to_owned()));
    if written.is_err() {
        common.remove_file(NEW).ok();
    }
    written
}

fn write_all(
    file: &dyn File,
    old: &PackedRefs,
    changes: &Changes,
    format: ObjectFormat,
    objects: &dyn ObjectStore,
) -> Result<()> {
    let mut text = Vec::with_capacity(CHUNK);
    text.extend_from_slice(b"# pack-refs with: peeled fully-peeled sorted \n");
    let mut put =
        changes.put.iter().map(|(name, id)| PackedRef { name, id: *id, peeled: Peeled::Unknown }).peekable();
    let mut old = old.iter().peekable();
    loop {
        let next_old = match old.peek() {
            Some(Ok(found)) => Some(*found),
            Some(Err(_)) => return old.next().map_or(Ok(()), |damaged| damaged.map(drop)),
            None => None,
        };
        let (from_put, from_old) = match (put.peek(), next_old) {
            (None, None) => break,
            (Some(_), None) => (true, false),
            (None, Some(_)) => (false, true),
            (Some(new), Some(old)) => (new.name <= old.name, old.name <= new.name),
        };
        if from_old {
            old.next();
        }
        let line = if from_put { put.next() } else { next_old };
        let Some(line) = line.filter(|line| from_put || !changes.removed.contains(line.name)) else {
            continue;
        };
        write_line(&mut text, &line, format, objects)?;
        if text.len() >= CHUNK {
            file.write(&text).context(|| "cannot write 'packed-refs.new'".to_owned())?;
            text.clear();
        }
    }
    file.write(&text).context(|| "cannot write 'packed-refs.new'".to_owned())
}

fn write_line(
    text: &mut Vec<u8>,
    line: &PackedRef<'_>,
    format: ObjectFormat,
    objects: &dyn ObjectStore,
) -> Result<()> {
    text.extend_from_slice(line.id.to_hex().as_bytes());
    text.push(b' ');
    text.extend_from_slice(line.name);
    text.push(b'\n');
    let peeled = match line.peeled {
        Peeled::To(id) => Some(id),
        Peeled::NotATag => None,
        Peeled::Unknown => peel(objects, line.id, format)?,
    };
    if let Some(peeled) = peeled {
        text.push(b'^');
        text.extend_from_slice(peeled.to_hex().as_bytes());
        text.push(b'\n');
    }
    Ok(())
}

/// What a tag leads to in the end; `None` for what is no tag, and for tags that lead to nothing, as git writes them.
pub(crate) fn peel(
    objects: &dyn ObjectStore,
    id: ObjectId,
    format: ObjectFormat,
) -> Result<Option<ObjectId>> {
    let mut id = id;
    let mut content = Vec::new();
    for depth in 0..TAG_DEPTH_MAX {
        let mut kind = None;
        objects.headers(&[id], &mut |_, presence| {
            if let gitwire_storage::Presence::Here { kind: found, size } = presence {
                kind = Some((found, size));
            }
        })?;
        match kind {
            None => return Ok(None),
            Some((ObjectKind::Tag, size)) if size <= TAG_BYTES_MAX => {}
            Some((ObjectKind::Tag, _)) => return Ok(None),
            Some(_) => return Ok((depth > 0).then_some(id)),
        }
        objects.read(&id, TAG_BYTES_MAX, &mut content)?;
        match TagRef::parse(format, &content) {
            Ok(tag) => id = tag.target(),
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

pub(crate) const NEW: &[u8] = b"packed-refs.new";

/// Written at once.
const CHUNK: usize = 64 << 10;

/// Tags of tags are rare, and none is known to be deeper than two.
const TAG_DEPTH_MAX: usize = 64;

/// A tag is a few lines and a signature; a message of this length nobody wrote by hand.
const TAG_BYTES_MAX: u64 = 16 << 20;
