//! `gitwire receive-pack`, killed under pushes by stock git.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::{Victim, kill_rounds};

/// The program that git starts for each push: a script that says which process it becomes.
struct ReceivePack {
    script: PathBuf,
    process: PathBuf,
}

impl Victim for ReceivePack {
    fn ready(&mut self, path: &Path) -> Vec<String> {
        fs::remove_file(&self.process).ok();
        vec![format!("--receive-pack={}", self.script.display()), path.to_str().unwrap().to_owned()]
    }

    fn is_there(&mut self) -> bool {
        fs::read(&self.process).is_ok_and(|text| text.ends_with(b"\n"))
    }

    fn kill(&mut self) {
        let process = fs::read_to_string(&self.process).unwrap();
        // One that has ended meanwhile cannot be killed.
        Command::new("kill").args(["-9", process.trim()]).output().unwrap();
    }
}

#[test]
fn a_killed_receive_pack_leaves_the_repository_whole() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("kill");
    let (script, process) = (folder.path().join("receive"), folder.path().join("process"));
    let program = env!("CARGO_BIN_EXE_gitwire");
    let text = format!("#!/bin/sh\necho $$ >'{}'\nexec '{program}' receive-pack \"$@\"\n", process.display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    kill_rounds(&git, &folder, &mut ReceivePack { script, process }, 50);
}
