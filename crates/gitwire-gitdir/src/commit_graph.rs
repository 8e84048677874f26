//! The commit-graph of a repository: `objects/info/commit-graph`, or a chain of files (`gitformat-commit-graph`).

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use gitwire_pack::CommitGraph;
use gitwire_types::{ObjectFormat, ObjectId};

use crate::alternates::ObjectDirectory;
use crate::fs::{Directory, Links, read_all};
use crate::shallow;

/// The commit-graph as it was read last, for all views of a repository.
///
/// Like every accelerator it is passed over where anything is wrong with it, and where it is not allowed to speak: in a repository whose
/// commits stand without the parents that they name.
#[derive(Debug)]
pub(crate) struct CommitGraphs {
    common: Arc<dyn Directory>,
    format: ObjectFormat,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    state: Vec<FileState>,
    graph: Option<Arc<CommitGraph>>,
}

/// What tells that a file is another one: inode, size, and when it changed. `None`: it is not there.
type FileState = Option<(u64, u64, Duration)>;

impl CommitGraphs {
    pub(crate) fn new(common: Arc<dyn Directory>, format: ObjectFormat) -> Self {
        Self { common, format, known: Mutex::default() }
    }

    /// The commit-graph of the first of some object directories that has one.
    fn current(&self, directories: &[ObjectDirectory]) -> Option<Arc<CommitGraph>> {
        // Also where the list of shallow commits cannot be read: then nobody knows.
        if !shallow::read(&*self.common, self.format).is_ok_and(|ids| ids.is_empty()) {
            return None;
        }
        let state: Vec<FileState> = directories
            .iter()
            .flat_map(|directory| [SINGLE, CHAIN].map(|path| state(directory, path)))
            .collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.state != state {
            let graph = directories.iter().find_map(|directory| self.read(directory, directories));
            *known = Known { state, graph: graph.map(Arc::new) };
        }
        known.graph.clone()
    }

    /// What one directory has: one file, or else as much of a chain as is whole.
    fn read(&self, directory: &ObjectDirectory, directories: &[ObjectDirectory]) -> Option<CommitGraph> {
        let mut graph = CommitGraph::new(self.format);
        if content(directory, SINGLE, GRAPH_MAX).is_some_and(|file| graph.add(file).is_ok()) {
            return Some(graph);
        }
        let list = content(directory, CHAIN, CHAIN_MAX)?;
        let mut left = GRAPH_MAX;
        for line in list.split(|byte| *byte == b'\n') {
            let Ok(name) = ObjectId::from_hex(self.format, line.trim_ascii_end()) else { break };
            let path = [CHAINED, name.to_hex().as_bytes(), b".graph"].concat();
            // What is borrowed may continue in the borrower's own directory.
            let places = std::iter::once(directory).chain(directories);
            let file = places.into_iter().find_map(|place| content(place, &path, left));
            let Some(file) = file else { break };
            left = left.saturating_sub(file.len() as u64);
            if graph.add(file).is_err() {
                break;
            }
        }
        (graph.files() > 0).then_some(graph)
    }
}

/// The commit-graph of one view, looked for when it is asked for first.
#[derive(Debug, Default)]
pub(crate) struct ViewGraph {
    from: Option<Arc<CommitGraphs>>,
    graph: OnceLock<Option<Arc<CommitGraph>>>,
}

impl ViewGraph {
    pub(crate) fn new(from: Arc<CommitGraphs>) -> Self {
        Self { from: Some(from), graph: OnceLock::new() }
    }

    pub(crate) fn find(&self, directories: &[ObjectDirectory]) -> Option<&CommitGraph> {
        let graph = self.graph.get_or_init(|| self.from.as_ref()?.current(directories));
        graph.as_deref()
    }
}

fn state(directory: &ObjectDirectory, path: &[u8]) -> FileState {
    let stat = directory.dir.stat(path, Links::Follow).ok()?;
    Some((stat.inode, stat.size, stat.changed))
}

fn content(directory: &ObjectDirectory, path: &[u8], max: u64) -> Option<Vec<u8>> {
    let file = directory.dir.open(path, Links::Follow).ok()?;
    read_all(&*file, max).ok()
}

const SINGLE: &[u8] = b"info/commit-graph";
const CHAIN: &[u8] = b"info/commit-graphs/commit-graph-chain";
const CHAINED: &[u8] = b"info/commit-graphs/graph-";

/// Of all files together, which are held in memory: four million commits, twice the largest public histories.
const GRAPH_MAX: u64 = 256 << 20;
/// A thousand files: git merges them long before.
const CHAIN_MAX: u64 = 64 << 10;
