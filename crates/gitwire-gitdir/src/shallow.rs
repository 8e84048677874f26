//! The file `shallow`: commits whose parents are not there (`gitrepository-layout`).

use gitwire_storage::Result;
use gitwire_types::{ObjectFormat, ObjectId};

use crate::error::{Context as _, corrupt, optional};
use crate::fs::{Directory, Links, read_all};

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

pub(crate) const NAME: &[u8] = b"shallow";

/// A million boundary commits: far beyond any clone that was made with a depth.
const SHALLOW_MAX: u64 = 64 << 20;
