//! Where a client keeps what it has: in memory, or in a Git directory on a disk that is not there.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use gitwire_gitdir::fs::{Directory, FileKind, FileSystem as _};
use gitwire_gitdir::{GitDir, InitOptions};
use gitwire_storage::Repository;
use gitwire_testkit::History;
use gitwire_testkit::sim_fs::SimFs;
use gitwire_types::{Never, ObjectId};
use gitwire_walk::{Graph, WalkLimits, check_connectivity};

/// A repository that can be looked through.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) repository: Arc<dyn Repository>,
    disk: Option<SimFs>,
}

/// Everything that a conversation may change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) refs: BTreeMap<Vec<u8>, ObjectId>,
    packs: u32,
    shallow: Vec<ObjectId>,
    files: Vec<String>,
}

impl Store {
    pub(super) fn in_memory(history: &History) -> Self {
        Self { repository: Arc::new(history.memory()), disk: None }
    }

    pub(super) fn on_disk(history: &History) -> Self {
        let disk = SimFs::new();
        let mut options = InitOptions::default();
        options.open.file_system = Arc::new(disk.clone());
        options.format = history.format();
        let repository = GitDir::init_bare(ROOT, &options).unwrap();
        history.put_into(&repository);
        Self { repository: Arc::new(repository), disk: Some(disk) }
    }

    pub(super) fn state(&self) -> State {
        let mut refs = BTreeMap::new();
        let each = &mut |record: gitwire_storage::RefRecord<'_>| {
            refs.insert(record.name.to_vec(), record.id.unwrap());
            Ok(ControlFlow::Continue(()))
        };
        self.repository.refs().unwrap().each(&[], each).unwrap();
        let packs = self.repository.objects().unwrap().packs().map_or(0, |packs| packs.packs());
        let shallow = self.repository.shallow().unwrap().to_vec();
        let mut files = Vec::new();
        if let Some(disk) = &self.disk {
            list(&*disk.directory(Path::new(ROOT)).unwrap(), "", &mut files);
            files.sort_unstable();
        }
        State { refs, packs, shallow, files }
    }

    /// Every ref leads to everything that it must lead to, up to the boundary, and nobody's work lies about.
    pub(super) fn check_whole(&self) {
        let mut graph =
            Graph::new(self.repository.objects().unwrap(), self.repository.format(), WalkLimits::default());
        graph.set_boundary(&self.repository.shallow().unwrap()).unwrap();
        let state = self.state();
        let tips: Vec<ObjectId> = state.refs.into_values().collect();
        check_connectivity(graph, &tips, &[], &Never).expect("a ref leads to what is not there");
        for file in state.files {
            assert!(!file.ends_with(".lock") && !file.contains("tmp"), "{file} was left behind");
        }
    }
}

/// The files below a directory.
fn list(directory: &dyn Directory, above: &str, files: &mut Vec<String>) {
    for entry in directory.list(b"").unwrap() {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        let path = format!("{above}/{name}");
        if entry.kind == Some(FileKind::Directory) {
            list(&*directory.open_dir(name.as_bytes()).unwrap(), &path, files);
        } else {
            files.push(path);
        }
    }
}

const ROOT: &str = "/repository.git";
