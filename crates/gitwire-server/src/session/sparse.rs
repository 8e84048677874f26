//! The patterns that a filter names (`git-rev-list`, `--filter=sparse:oid=<blob-ish>`).

use gitwire_object::{CommitLinks, TreeRef};
use gitwire_types::{ObjectId, ObjectKind, RefName};
use gitwire_walk::SparsePatterns;

use super::advertise::{look_up, peel_tag};
use super::want::Sight;
use crate::{ServeError, Visibility as _};

impl Sight<'_> {
    /// The patterns in a blob that is named by its id, or by a ref and a path within what that holds: `main:lists/docs`. A client names only
    /// what it may see.
    pub(super) fn patterns(&self, name: &[u8]) -> Result<SparsePatterns, ServeError> {
        let unknown =
            || ServeError::Refused(format!("unable to access sparse blob in '{}'", name.escape_ascii()));
        let id = self.find_blob(name)?.ok_or_else(unknown)?;
        let mut content = Vec::new();
        match self.view.objects.read(&id, BYTES_MAX, &mut content) {
            Ok(Some(ObjectKind::Blob)) => Ok(SparsePatterns::parse(&content)),
            _ => Err(ServeError::Refused(format!("unable to parse sparse filter data in {id}"))),
        }
    }

    fn find_blob(&self, name: &[u8]) -> Result<Option<ObjectId>, ServeError> {
        if let Ok(id) = ObjectId::from_hex(self.format, name) {
            return match self.check_shown(&[id]) {
                Ok(()) => Ok(Some(id)),
                Err(ServeError::Refused(_)) => Ok(None),
                Err(error) => Err(error),
            };
        }
        let colon = name.iter().position(|byte| *byte == b':');
        let (of, path) = match colon.and_then(|at| name.split_at_checked(at)) {
            Some((of, path)) => (of, path.get(1..)),
            None => (name, None),
        };
        let Some(id) = self.find_ref(of)? else { return Ok(None) };
        match path {
            Some(path) => self.descend(id, path),
            None => Ok(Some(id)),
        }
    }

    /// What a ref holds, by a name as short as it may be.
    fn find_ref(&self, name: &[u8]) -> Result<Option<ObjectId>, ServeError> {
        let name = if name == b"@" { Ok(RefName::head()) } else { RefName::copy_from(name) };
        let Ok(name) = name else { return Ok(None) };
        for candidate in name.candidates() {
            if !self.policy.shows(candidate.as_bytes()) {
                continue;
            }
            if let Some(id) = look_up(&*self.view.refs, candidate.as_bytes())? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// What stands at a path within a tree, or the tree of a commit or tag.
    fn descend(&self, id: ObjectId, path: &[u8]) -> Result<Option<ObjectId>, ServeError> {
        let max = self.policy.walk.object_bytes_max;
        let mut content = Vec::new();
        let mut id = peel_tag(&*self.view.objects, id, self.policy)?.unwrap_or(id);
        if self.view.objects.read(&id, max, &mut content)? == Some(ObjectKind::Commit) {
            let Ok(links) = CommitLinks::parse(self.format, &content) else { return Ok(None) };
            id = links.tree;
        }
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            if self.view.objects.read(&id, max, &mut content)? != Some(ObjectKind::Tree) {
                return Ok(None);
            }
            let mut entries = TreeRef::new(self.format, &content).iter().map_while(Result::ok);
            let Some(entry) = entries.find(|entry| entry.name == name) else { return Ok(None) };
            id = entry.id();
        }
        Ok(Some(id))
    }
}

/// Lists are written by hand; each of their lines is held against every path.
const BYTES_MAX: u64 = 1 << 20;
