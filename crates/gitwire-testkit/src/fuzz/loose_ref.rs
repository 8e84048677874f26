//! A file below `refs/`, and `HEAD`, with any content.

use std::ops::ControlFlow;

use gitwire_storage::Repository as _;
use gitwire_types::{RefName, RefTarget};

use super::git_files::with_file;

/// What is read is listed; what is broken is left out of the listing; what is written again reads the same.
pub(super) fn loose_ref(data: &[u8]) {
    let name = RefName::new("refs/heads/x").unwrap();
    let repository = with_file(name.as_bytes(), data, false);
    let view = repository.refs().unwrap();
    let read = view.get(&name);
    let mut listed = None;
    view.each(&[], &mut |record| {
        listed = Some((record.id, record.symbolic.map(<[u8]>::to_vec)));
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    match read {
        Ok(Some(RefTarget::Direct(id))) => {
            assert_eq!(listed, Some((Some(id), None)));
            let again = with_file(name.as_bytes(), format!("{id}\n").as_bytes(), false);
            assert_eq!(again.refs().unwrap().get(&name).unwrap(), Some(RefTarget::Direct(id)));
        }
        Ok(Some(RefTarget::Symbolic(target))) => {
            assert_eq!(listed, Some((None, Some(target.as_bytes().to_vec()))));
        }
        Ok(None) => panic!("the file is there"),
        Err(_) => assert_eq!(listed, None),
    }
    let head = with_file(b"HEAD", data, false);
    if let Ok(Some(target)) = head.refs().unwrap().head() {
        head.set_head(&target).unwrap();
        assert_eq!(head.refs().unwrap().head().unwrap(), Some(target));
    }
}
