//! Where trees stand, for filters that decide by path.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Place;
use crate::{SparsePatterns, WalkError};

/// The directories that a walk has entered, and what the patterns say of what they hold.
#[derive(Debug)]
pub(super) struct Paths {
    lists: Vec<Arc<SparsePatterns>>,
    /// By [`Place::key`].
    directories: HashMap<u64, Arc<Directory>>,
    /// Trees, and the places where they were met: the same tree may be taken at one place and left out at another.
    entered: HashSet<(u32, u64)>,
    entered_max: u32,
}

/// A path, and for each list of patterns what holds in it by default.
#[derive(Debug)]
pub(super) struct Directory {
    path: Vec<u8>,
    defaults: Vec<bool>,
}

impl Paths {
    /// `None` where no filter asks for paths.
    pub(super) fn new(lists: &[Arc<SparsePatterns>], entered_max: u32) -> Option<Self> {
        let root = Directory {
            path: Vec::new(),
            defaults: lists.iter().map(|list| list.takes_directory(b"", false)).collect(),
        };
        let directories = HashMap::from([(Place::ROOT.key, Arc::new(root))]);
        let lists = lists.to_vec();
        (!lists.is_empty()).then(|| Self { lists, directories, entered: HashSet::new(), entered_max })
    }

    pub(super) fn directory(&self, place: Place) -> Result<Arc<Directory>, WalkError> {
        self.directories.get(&place.key).cloned().ok_or(WalkError::Internal("a tree at no place"))
    }

    /// Notes the tree `at`, which stands in `parent` under `name`; whether it was never met at this place.
    pub(super) fn enter(
        &mut self,
        at: u32,
        place: Place,
        parent: &Directory,
        name: &[u8],
    ) -> Result<bool, WalkError> {
        if !self.note(at, place)? {
            return Ok(false);
        }
        let Self { lists, directories, .. } = self;
        directories.entry(place.key).or_insert_with(|| {
            let path = parent.join(name);
            let of_parent = lists.iter().zip(&parent.defaults);
            let defaults = of_parent.map(|(list, default)| list.takes_directory(&path, *default)).collect();
            Arc::new(Directory { path, defaults })
        });
        Ok(true)
    }

    /// Notes a commit's tree; whether it was never met as one.
    pub(super) fn enter_root(&mut self, at: u32) -> Result<bool, WalkError> {
        self.note(at, Place::ROOT)
    }

    fn note(&mut self, at: u32, place: Place) -> Result<bool, WalkError> {
        let is_new = self.entered.insert((at, place.key));
        if self.entered.len() > self.entered_max as usize {
            return Err(WalkError::Limit { what: "objects_max", max: self.entered_max.into() });
        }
        Ok(is_new)
    }

    /// Whether every list takes a file of a directory.
    pub(super) fn takes(&self, directory: &Directory, name: &[u8]) -> bool {
        let path = directory.join(name);
        let lists = self.lists.iter().zip(&directory.defaults);
        lists.into_iter().all(|(list, default)| list.takes_file(&path, *default))
    }
}

impl Directory {
    fn join(&self, name: &[u8]) -> Vec<u8> {
        match self.path.is_empty() {
            true => name.to_vec(),
            false => [&self.path[..], b"/", name].concat(),
        }
    }
}
