//! The file `shallow` with any content.

use gitwire_storage::{Repository as _, Transaction};

use super::git_files::with_file;

/// What is read is sorted and without repetitions, and reads the same once it is written again.
pub(super) fn shallow_file(data: &[u8]) {
    let repository = with_file(b"shallow", data, false);
    let Ok(ids) = repository.shallow() else { return };
    assert!(ids.is_sorted_by(|one, other| one < other));
    let transaction = Transaction { shallow: Some(ids.to_vec()), ..Transaction::default() };
    repository.commit(None, transaction, &mut |_| Ok(())).unwrap();
    assert_eq!(repository.shallow().unwrap(), ids);
}
