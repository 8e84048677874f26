//! The server, killed under pushes by stock git, and started again.

use std::path::{Path, PathBuf};

use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::{Victim, kill_rounds};

use crate::server::Server;

struct Daemon {
    root: PathBuf,
    server: Option<Server>,
}

impl Victim for Daemon {
    fn ready(&mut self, path: &Path) -> Vec<String> {
        let start = || Server::start(&self.root, &["--allow-push=anyone"]);
        let server = self.server.get_or_insert_with(start);
        vec![format!("{}/{}", server.url, path.file_name().unwrap().to_str().unwrap())]
    }

    fn is_there(&mut self) -> bool {
        self.server.is_some()
    }

    fn kill(&mut self) {
        // Dropped, it is killed without a word.
        self.server = None;
    }
}

#[test]
fn a_killed_server_leaves_the_repository_whole() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("kill");
    let mut daemon = Daemon { root: folder.path().to_owned(), server: None };
    kill_rounds(&git, &folder, &mut daemon, 50);
}
