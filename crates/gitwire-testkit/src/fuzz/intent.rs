//! What a transaction that died has left written down, with any content.

use std::ops::ControlFlow;
use std::path::Path;

use gitwire_gitdir::fs::FileSystem as _;
use gitwire_gitdir::{GitDir, InitOptions, OpenOptions};
use gitwire_object::{Trust, object_id};
use gitwire_storage::{Expected, RefEdit, Repository as _, Transaction};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind, RefName, RefTarget};

use crate::sim_fs::SimFs;

/// The first byte says whether a checksum is put behind the rest. A repository with such a file goes on: the next change of a ref is
/// made or refused with a reason, what was left is gone once it is made, and every ref still reads.
pub(super) fn intent(data: &[u8]) {
    let Some((first, text)) = data.split_first() else { return };
    let disk = SimFs::new();
    let mut options = InitOptions::default();
    options.open.file_system = std::sync::Arc::new(disk.clone());
    let repository = GitDir::init_bare("/x.git", &options).unwrap();
    let main = RefName::new("refs/heads/main").unwrap();
    repository.commit(None, change(&main, Expected::Absent, 1), &mut |_| Ok(())).unwrap();
    let mut content = text.to_vec();
    if first & 1 == 1 {
        content = [&b"gitwire intent 1\n"[..], text, b"\n"].concat();
        let sum = object_id(ObjectFormat::Sha1, Trust::Own, ObjectKind::Blob, &content).unwrap();
        content.extend_from_slice(sum.to_hex().as_bytes());
        content.push(b'\n');
    }
    let dir = disk.directory(Path::new("/x.git")).unwrap();
    dir.make_dir(b"gitwire", 0o777).ok();
    dir.create(b"gitwire/intent-0123456789abcdef", 0o666).unwrap().write(&content).unwrap();
    let mut open = OpenOptions::default();
    open.file_system = std::sync::Arc::new(disk);
    let Ok(repository) = GitDir::open("/x.git", &open) else { return };
    let other = RefName::new("refs/heads/other").unwrap();
    if repository.commit(None, change(&other, Expected::Any, 2), &mut |_| Ok(())).is_ok() {
        assert!(dir.open(b"gitwire/intent-0123456789abcdef", gitwire_gitdir::fs::Links::Refuse).is_err());
    }
    let each = &mut |_: gitwire_storage::RefRecord<'_>| Ok(ControlFlow::Continue(()));
    repository.refs().unwrap().each(&[], each).unwrap();
}

fn change(name: &RefName, expected: Expected, byte: u8) -> Transaction {
    let new = Some(RefTarget::Direct(ObjectId::from_sha1([byte; 20])));
    let edits = vec![RefEdit { name: name.clone(), expected, new }];
    Transaction { edits, ..Transaction::default() }
}
