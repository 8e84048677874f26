//! `objects/info/alternates` with any content.

use gitwire_storage::Repository as _;
use gitwire_types::{ObjectFormat, ObjectId};

use super::git_files::with_file;

/// Whatever it names, a view can be had, and what is nowhere is absent.
pub(super) fn alternates(data: &[u8]) {
    let repository = with_file(b"objects/info/alternates", data, false);
    let view = repository.objects().unwrap();
    let id = ObjectId::zero(ObjectFormat::Sha1);
    assert_eq!(view.read(&id, 10, &mut Vec::new()).unwrap(), None);
}
