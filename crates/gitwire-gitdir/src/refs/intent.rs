//! What a transaction of several refs is about to do, written down before it does it: the moment from which it is made as a
//! whole, whatever happens.
//!
//! `gitwire/intent-NONCE` is durable before the first ref changes and gone, durably, before the locks are given back. One that
//! is found without a holder is carried out by [`recovery`](crate::recovery): each ref that is still what it was before.

use gitwire_object::{Trust, object_id};
use gitwire_storage::{Expected, RefEdit, Result, Transaction};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind, RefName, RefTarget};

use crate::error::{Context as _, corrupt};
use crate::fs::Directory;
use crate::lease::{DIRECTORY, Lease, intent_path};
use crate::lock::FILE_MODE;

/// One ref of an intent: its name, what it led to, and what it is to be.
pub(crate) type Step = (Vec<u8>, Option<ObjectId>, Option<RefTarget>);

/// Writes the intent durably.
pub(crate) fn write(
    lease: &Lease,
    format: ObjectFormat,
    steps: &[Step],
    shallow: Option<&[ObjectId]>,
) -> Result<()> {
    let context = || "cannot write down what is to be done".to_owned();
    let mut text = MARK.to_vec();
    for (name, old, new) in steps {
        let value = |id: &ObjectId| id.to_hex().as_bytes().to_vec();
        let new = match new {
            Some(RefTarget::Direct(id)) => value(id),
            Some(RefTarget::Symbolic(name)) => [b"ref:", name.as_bytes()].concat(),
            None => NOTHING.to_vec(),
        };
        let old = old.as_ref().map_or(NOTHING.to_vec(), value);
        text.extend([old.as_slice(), b" ", &new, b" ", name, b"\n"].concat());
    }
    if let Some(ids) = shallow {
        text.extend_from_slice(SHALLOW);
        for id in ids {
            text.push(b' ');
            text.extend_from_slice(id.to_hex().as_bytes());
        }
        text.push(b'\n');
    }
    text.extend(checksum(format, &text)?);
    let file = lease.common.create(&intent_path(lease.nonce()), FILE_MODE).context(context)?;
    file.write(&text).and_then(|()| file.sync()).context(context)?;
    lease.common.sync(DIRECTORY).and_then(|()| lease.common.sync(b"")).context(context)
}

/// Takes the intent back, durably: it must not come again when the refs have gone on.
pub(crate) fn remove(common: &dyn Directory, nonce: &[u8]) -> Result<()> {
    match common.remove_file(&intent_path(nonce)) {
        Err(error) if !crate::error::is_absent(&error) => Err(error),
        _ => common.sync(DIRECTORY),
    }
    .context(|| "cannot remove what was written down to be done".to_owned())
}

/// The intent as a transaction; `None` where it was not written to its end, and so nothing has been done.
pub(crate) fn read(content: &[u8], format: ObjectFormat) -> Result<Option<Transaction>> {
    let line_end = content.len().checked_sub(1).filter(|_| content.ends_with(b"\n"));
    let start = line_end
        .and_then(|end| content.get(..end))
        .and_then(|content| content.iter().rposition(|byte| *byte == b'\n'))
        .map(|at| at.saturating_add(1));
    let Some((text, sum)) = start.and_then(|start| content.split_at_checked(start)) else { return Ok(None) };
    if sum != checksum(format, text)? {
        return Ok(None);
    }
    let Some(text) = text.strip_prefix(MARK) else { return Ok(None) };
    let bad = || corrupt("an unfinished transaction cannot be read");
    let mut transaction = Transaction::default();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let id = |hex: &[u8]| ObjectId::from_hex(format, hex).map_err(|error| bad().with_source(error));
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let first = words.next().unwrap_or_default();
        if first == SHALLOW {
            let ids = line.split(|byte| *byte == b' ').skip(1).map(id).collect::<Result<_>>()?;
            transaction.shallow = Some(ids);
            continue;
        }
        let (Some(new), Some(name)) = (words.next(), words.next()) else { return Err(bad()) };
        let ref_name = |name: &[u8]| RefName::new(name.to_vec()).map_err(|error| bad().with_source(error));
        transaction.edits.push(RefEdit {
            name: ref_name(name)?,
            expected: if first == NOTHING { Expected::Absent } else { Expected::Id(id(first)?) },
            new: match new.strip_prefix(b"ref:") {
                Some(target) => Some(RefTarget::Symbolic(ref_name(target)?)),
                None if new == NOTHING => None,
                None => Some(RefTarget::Direct(id(new)?)),
            },
        });
    }
    Ok(Some(transaction))
}

fn checksum(format: ObjectFormat, text: &[u8]) -> Result<Vec<u8>> {
    let sum = object_id(format, Trust::Own, ObjectKind::Blob, text)
        .map_err(|error| corrupt("an unfinished transaction has no checksum").with_source(error))?;
    Ok([sum.to_hex().as_bytes(), b"\n"].concat())
}

const MARK: &[u8] = b"gitwire intent 1\n";

/// In the place of an id: there is no ref.
const NOTHING: &[u8] = b"-";

/// In the place of an old id: the line is of the file `shallow`.
const SHALLOW: &[u8] = b"shallow";
