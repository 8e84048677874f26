//! `packed-refs` with any content.

use std::ops::ControlFlow;

use bytes::Bytes;
use gitwire_gitdir::GitDir;
use gitwire_storage::{Repository as _, Result};
use gitwire_types::{RefName, RefTarget};

use super::git_files::with_file;

/// Listings are in order and without repetitions, prefixes choose from them, and what is listed is found by its name, as far
/// as the file is what it says it is: sorted.
pub(super) fn packed_refs(data: &[u8]) {
    let repository = with_file(b"packed-refs", data, false);
    let Ok(all) = list(&repository, &[]) else { return };
    let in_order = all.is_sorted_by(|one, other| one.0 < other.0);
    let says_sorted = data.starts_with(b"# pack-refs with:");
    assert!(in_order || says_sorted || has_twice(&all), "an unsorted file is sorted on reading");
    if !in_order || says_sorted && !names(data).is_sorted() {
        return;
    }
    let view = repository.refs().unwrap();
    for (name, id) in &all {
        let name = RefName::new(name.clone()).unwrap();
        assert_eq!(view.get(&name).unwrap(), Some(RefTarget::Direct(*id)));
    }
    for (name, _) in all.iter().take(4) {
        let prefix = Bytes::copy_from_slice(&name[..name.len() / 2 + 3]);
        let some = list(&repository, std::slice::from_ref(&prefix)).unwrap();
        let expected: Vec<_> = all.iter().filter(|(name, _)| name.starts_with(&prefix)).cloned().collect();
        assert_eq!(some, expected);
    }
}

type Listed = Vec<(Vec<u8>, gitwire_types::ObjectId)>;

fn list(repository: &GitDir, prefixes: &[Bytes]) -> Result<Listed> {
    let mut listed = Vec::new();
    repository.refs()?.each(prefixes, &mut |record| {
        listed.extend(record.id.map(|id| (record.name.to_vec(), id)));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(listed)
}

/// The names on all lines, those among them that are not listed.
fn names(data: &[u8]) -> Vec<&[u8]> {
    let lines =
        data.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#") && !line.starts_with(b"^"));
    lines.filter_map(|line| line.get(41..)).collect()
}

fn has_twice(listed: &Listed) -> bool {
    listed.windows(2).any(|pair| pair[0].0 == pair[1].0)
}
