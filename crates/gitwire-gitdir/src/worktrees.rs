//! Which branches are checked out where (`git-worktree`).

use std::path::{Path, PathBuf};

use gitwire_storage::Result;
use gitwire_types::{RefName, RefTarget};

use crate::error::{Context as _, optional};
use crate::fs::{FileKind, Links, path_from, read_all};
use crate::open::SMALL_FILE_MAX;
use crate::refs::{LooseRef, read_loose};
use crate::repository::GitDir;

/// A work tree of a repository, and what its `HEAD` names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkTree {
    /// Where it is.
    pub path: PathBuf,
    /// Its Git directory: the repository's own, or the one of a work tree that `git worktree` made.
    pub git_dir: PathBuf,
    /// What its `HEAD` holds; `None` where it cannot be read.
    pub head: Option<RefTarget>,
}

impl GitDir {
    /// Every work tree: the one beside the Git directory, unless the repository is bare, and those that `git worktree` made.
    /// A push must not move a branch away under one of them (`git-config`, `receive.denyCurrentBranch`).
    ///
    /// # Errors
    /// A failing medium.
    pub fn work_trees(&self) -> Result<Vec<WorkTree>> {
        let inner = self.inner();
        let common = &*inner.common;
        let mut found = Vec::new();
        let head = |below: &[u8]| -> Result<Option<RefTarget>> {
            let name = if below.is_empty() { b"HEAD".to_vec() } else { [below, b"/HEAD"].concat() };
            let found = match &inner.tables {
                Some(tables) => tables.head_of(below)?,
                None => read_loose(common, &name, inner.format)?,
            };
            Ok(match found {
                LooseRef::Value(value) => Some(value),
                _ => None,
            })
        };
        if !self.is_bare() {
            let place = std::path::absolute(&inner.common_path).unwrap_or_else(|_| inner.common_path.clone());
            let path = place.parent().unwrap_or(Path::new("/")).to_owned();
            found.push(WorkTree { path, git_dir: place, head: head(b"")? });
        }
        let linked = optional(common.list(b"worktrees"))
            .context(|| "cannot read directory 'worktrees'".to_owned())?
            .unwrap_or_default();
        for entry in linked {
            let directory = [b"worktrees/", entry.name.as_slice()].concat();
            let file = [&directory, &b"/gitdir"[..]].concat();
            let is_file = common.stat(&file, Links::Follow).is_ok_and(|stat| stat.kind == FileKind::File);
            if !is_file {
                continue;
            }
            let content = common
                .open(&file, Links::Follow)
                .and_then(|file| read_all(&*file, SMALL_FILE_MAX))
                .context(|| format!("cannot read '{}'", file.escape_ascii()))?;
            // The path of its `.git` file, absolute or relative to where this stands.
            let git_dir = inner.common_path.join("worktrees").join(path_from(&entry.name));
            let git_file = git_dir.join(path_from(content.trim_ascii_end()));
            let path = git_file.parent().unwrap_or(&git_file);
            let path = inner.file_system.canonical(path).unwrap_or_else(|_| path.to_owned());
            found.push(WorkTree { path, git_dir, head: head(&directory)? });
        }
        Ok(found)
    }

    /// The work tree whose `HEAD` names `branch`.
    ///
    /// # Errors
    /// A failing medium.
    pub fn checked_out_at(&self, branch: &RefName) -> Result<Option<WorkTree>> {
        let names = |tree: &WorkTree| matches!(&tree.head, Some(RefTarget::Symbolic(name)) if name == branch);
        Ok(self.work_trees()?.into_iter().find(names))
    }
}
