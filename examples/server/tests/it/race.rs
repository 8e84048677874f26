//! `gitwired` and git's own receive-pack beside each other, in one repository.

use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::{Door, Race, race};

use crate::server::Server;

#[test]
fn what_was_acknowledged_is_one_history_of_each_ref() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("race");
    let served = folder.path().join("served.git");
    let server = Server::start(folder.path(), &["--allow-push=anyone"]);
    let url = format!("{}/served.git", server.url);
    let path = served.to_str().unwrap().to_owned();
    let doors = [
        Door { push: vec![url.clone()], read: vec![url] },
        Door { push: vec![path.clone()], read: vec![path] },
    ];
    race(&git, &folder, &served, &doors, Race { pushers: 16, refs: 4, rounds: 6 });
}
