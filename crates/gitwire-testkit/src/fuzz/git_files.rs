//! A Git directory in memory with one file in it that a fuzzer wrote.

use std::path::Path;

use gitwire_gitdir::fs::FileSystem as _;
use gitwire_gitdir::{GitDir, InitOptions, InitialHead, OpenOptions};

use crate::sim_fs::SimFs;

/// A bare repository whose file `path` holds `data`.
pub(super) fn with_file(path: &[u8], data: &[u8], verify: bool) -> GitDir {
    let mut options = InitOptions::default();
    options.open = OpenOptions::default();
    let disk = SimFs::new();
    options.open.file_system = std::sync::Arc::new(disk.clone());
    options.open.verify_objects = verify;
    options.head = InitialHead::Master;
    let repository = GitDir::init_bare("/x.git", &options).unwrap();
    let dir = disk.directory(Path::new("/x.git")).unwrap();
    for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        dir.make_dir(&path[..at], 0o777).ok();
    }
    dir.remove_file(path).ok();
    dir.create(path, 0o666).unwrap().write(data).unwrap();
    repository
}
