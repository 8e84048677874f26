//! The file `shallow`: commits whose parents are not there (`gitrepository-layout`).

use std::sync::Arc;

use gitwire_storage::Result;
use gitwire_types::{ObjectFormat, ObjectId};

use crate::error::{Context as _, corrupt, optional};
use crate::fs::{Directory, FileSystem, Links, read_all};
use crate::lock::{FILE_PATIENCE, Leased, Lock};

/// The commits that `shallow` lists, in the order of their ids; none where there is no such file.
pub(crate) fn read(common: &dyn Directory, format: ObjectFormat) -> Result<Vec<ObjectId>> {
    let content = optional(common.open(NAME, Links::Follow))
        .and_then(|file| file.map(|file| read_all(&*file, SHALLOW_MAX)).transpose())
        .context(|| "cannot read 'shallow'".to_owned())?;
    content.map_or(Ok(Vec::new()), |content| parse(&content, format))
}

/// One id in hexadecimal digits a line; sorted and without repetitions in the result.
pub(crate) fn parse(content: &[u8], format: ObjectFormat) -> Result<Vec<ObjectId>> {
    let mut ids = Vec::new();
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let id = ObjectId::from_hex(format, line.trim_ascii_end()).map_err(|error| {
            corrupt(format!("shallow: bad line {}", index.saturating_add(1))).with_source(error)
        })?;
        ids.push(id);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The text for `ids`: sorted, without repetitions, empty for none.
pub(crate) fn write(ids: &[ObjectId]) -> Vec<u8> {
    let sorted: std::collections::BTreeSet<_> = ids.iter().collect();
    let mut text = Vec::new();
    for id in sorted {
        text.extend_from_slice(id.to_hex().as_bytes());
        text.push(b'\n');
    }
    text
}

/// A new list on its way to be the list, under git's lock.
#[derive(Debug)]
pub(crate) struct Change {
    lock: Lock,
    text: Vec<u8>,
    /// What the list was, once it has changed.
    before: Option<Vec<ObjectId>>,
}

impl Change {
    /// Takes the lock.
    pub(crate) fn prepare(
        file_system: &dyn FileSystem,
        common: &Arc<dyn Directory>,
        ids: &[ObjectId],
        leased: Leased<'_>,
    ) -> Result<Self> {
        let lock = Lock::acquire(file_system, common, NAME, FILE_PATIENCE, Some(leased))?;
        Ok(Self { lock, text: write(ids), before: None })
    }

    /// Puts the new list into force, durably.
    pub(crate) fn commit(&mut self, format: ObjectFormat) -> Result<()> {
        self.before = Some(read(&**self.lock.dir(), format)?);
        let text = std::mem::take(&mut self.text);
        self.put(&text)
    }

    /// Puts the old list back, if the new one is in force.
    pub(crate) fn roll_back(&mut self) -> Result<()> {
        match self.before.take() {
            Some(before) => self.put(&write(&before)),
            None => Ok(()),
        }
    }

    fn put(&mut self, text: &[u8]) -> Result<()> {
        if text.is_empty() {
            self.lock.commit_removal()?;
        } else {
            self.lock.write(text)?;
            self.lock.commit()?;
        }
        self.lock.dir().sync(b"").context(|| "cannot sync the Git directory".to_owned())
    }
}

const NAME: &[u8] = b"shallow";

/// A million boundary commits: far beyond any clone that was made with a depth.
const SHALLOW_MAX: u64 = 64 << 20;
