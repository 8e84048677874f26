//! Commits.

use gitwire_object::{CommitLinks, CommitRef};
use gitwire_types::ObjectFormat;

/// Both ways of reading agree, an error points into the object, and what is read are parts of the object.
pub(super) fn commit(data: &[u8]) {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let links = CommitLinks::parse(format, data);
        match CommitRef::parse(format, data) {
            Ok(commit) => {
                let links = links.unwrap();
                assert_eq!(links.tree, commit.tree());
                assert!(links.parents().eq(commit.parents()));
                assert_eq!(commit.parents().count(), commit.parents().len());
                assert!(data.ends_with(commit.message()));
                let headers: usize =
                    commit.headers().map(|header| header.name.len() + header.value.len()).sum();
                assert!(headers + commit.message().len() <= data.len());
                for header in commit.headers() {
                    assert!(header.unfolded().len() <= header.value.len());
                }
                for who in [commit.author(), commit.committer()].into_iter().flatten() {
                    assert!(who.name().len() + who.email().len() <= who.as_bytes().len());
                    let _ = (who.seconds(), who.offset_minutes());
                }
            }
            Err(error) => {
                assert!(error.at <= data.len());
                assert_eq!(links.unwrap_err(), error);
            }
        }
    }
}
