//! A repository to look at.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gitwire_gitdir::{GitDir, InitOptions, InitialHead, OpenOptions};
use gitwire_object::{Hasher, Trust, object_id};
use gitwire_pack::{EntryHeader, EntryKind, PackHeader};
use gitwire_storage::{Expected, RefEdit, Repository as _, StageRequest, Transaction};
use gitwire_types::{Never, ObjectFormat, ObjectId, ObjectKind, RefName, RefTarget};

/// Its name below the root.
pub(crate) const NAME: &str = "sample.git";

type Failure = Box<dyn std::error::Error>;

/// Where this program keeps its data.
pub(crate) fn folder() -> Result<PathBuf, Failure> {
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let data = data.filter(|path| path.is_absolute()).or_else(home);
    Ok(data.ok_or("neither XDG_DATA_HOME nor HOME is set")?.join("gitwired"))
}

/// Makes the repository, unless it is there.
pub(crate) fn make(root: &Path) -> Result<(), Failure> {
    let path = root.join(NAME);
    if GitDir::open(&path, &OpenOptions::default()).is_ok() {
        return Ok(());
    }
    let main = RefName::new("refs/heads/main")?;
    let mut options = InitOptions::default();
    options.head = InitialHead::Later;
    let repository = GitDir::init_bare(&path, &options)?;
    let (pack, tip) = history()?;
    let mut staging = repository.stage(&StageRequest::default())?;
    staging.write(&pack)?;
    let staged = staging.finish(&Never)?;
    let mut transaction = Transaction::default();
    let new = Some(RefTarget::Direct(tip));
    transaction.edits.push(RefEdit { name: main.clone(), expected: Expected::Absent, new });
    repository.commit(Some(staged), transaction, &mut |_| Ok(()))?;
    repository.set_head(&RefTarget::Symbolic(main))?;
    Ok(())
}

/// A pack of one commit with one file, and the commit.
fn history() -> Result<(Vec<u8>, ObjectId), Failure> {
    let id = |kind, content: &[u8]| object_id(ObjectFormat::Sha1, Trust::Own, kind, content);
    let blob = b"# Sample\n\nThis repository was served by gitwired.\n".to_vec();
    let tree = [b"100644 README.md\0", id(ObjectKind::Blob, &blob)?.as_bytes()].concat();
    let who = "gitwired <gitwired@localhost> 1700000000 +0000";
    let tree_id = id(ObjectKind::Tree, &tree)?;
    let commit = format!("tree {tree_id}\nauthor {who}\ncommitter {who}\n\nA sample\n").into_bytes();
    let tip = id(ObjectKind::Commit, &commit)?;
    let objects = [(ObjectKind::Commit, commit), (ObjectKind::Tree, tree), (ObjectKind::Blob, blob)];
    let count = u32::try_from(objects.len())?;
    let mut pack = PackHeader { version: 2, objects: count }.to_bytes().to_vec();
    for (kind, content) in objects {
        write_entry(&mut pack, kind, &content)?;
    }
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
    hasher.update(&pack);
    pack.extend_from_slice(hasher.finish()?.as_bytes());
    Ok((pack, tip))
}

fn write_entry(pack: &mut Vec<u8>, kind: ObjectKind, content: &[u8]) -> io::Result<()> {
    EntryHeader { kind: EntryKind::Whole(kind), size: content.len() as u64, len: 0 }.write(pack);
    let mut deflate = ZlibEncoder::new(pack, Compression::default());
    deflate.write_all(content)?;
    deflate.finish().map(drop)
}
