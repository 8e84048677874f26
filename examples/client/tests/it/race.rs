//! `gitwire receive-pack` and git's own beside each other, in one repository.

use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::{Door, Race, race};

#[test]
fn what_was_acknowledged_is_one_history_of_each_ref() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("race");
    let served = folder.path().join("served.git");
    let path = served.to_str().unwrap().to_owned();
    let program = env!("CARGO_BIN_EXE_gitwire");
    let ours = |service: &str| format!("--{service}={program} {service}");
    let doors = [
        Door {
            push: vec![ours("receive-pack"), path.clone()],
            read: vec![ours("upload-pack"), path.clone()],
        },
        Door { push: vec![path.clone()], read: vec![path] },
    ];
    race(&git, &folder, &served, &doors, Race { pushers: 16, refs: 4, rounds: 6 });
}
