//! Whom the files of a push belong to: as with git's own `receive-pack`, under every umask.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gitwire_testkit::git::{Folder, Git};

/// The permissions of all files and directories, by names without what differs from pack to pack.
fn modes(path: &Path) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    let mut pending = vec![path.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.path().strip_prefix(path).unwrap().to_str().unwrap().to_owned();
            let stat = entry.metadata().unwrap();
            let name = match name.split_once("/pack-") {
                // git writes no such index with fewer than some objects; it is ours alone, and like the others.
                Some((_, end)) if end.ends_with(".rev") => {
                    assert_eq!(stat.permissions().mode() & 0o222, 0, "{name}");
                    continue;
                }
                Some((front, end)) => format!("{front}/pack.{}", end.rsplit('.').next().unwrap()),
                None => name,
            };
            match name.as_str() {
                "hooks" | "gitwire" => continue,
                _ => drop(found.insert(name, stat.permissions().mode())),
            }
            if stat.is_dir() {
                pending.push(entry.path());
            }
        }
    }
    found
}

#[test]
fn files_belong_to_whom_gits_do_under_every_umask() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("modes");
    let at = folder.path();
    git.ok(at, ["init", "-q", "--initial-branch=main", "work"]);
    for name in ["one", "two"] {
        git.ok(&at.join("work"), ["commit", "-q", "--allow-empty", "-m", name]);
    }
    for umask in ["000", "022", "077"] {
        for unpack_limit in ["1", "100"] {
            let [theirs, ours] = ["git", env!("CARGO_BIN_EXE_gitwire")].map(|program| {
                let script = format!(
                    "umask {umask} && rm -rf r.git && git init -q --bare r.git && git -C r.git config receive.unpackLimit {unpack_limit} \
                     && git -C r.git config core.logAllRefUpdates true \
                     && git -C work push -q --receive-pack='{program} receive-pack' ../r.git main:refs/heads/a/b main~1:refs/heads/c \
                     && git -C work push -q --receive-pack='{program} receive-pack' ../r.git main~1:refs/heads/x/y :refs/heads/c"
                );
                let mut command = git.command(at, ["--version"]);
                let environment: Vec<_> = command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
                    .collect();
                command = std::process::Command::new("sh");
                let output = command.env_clear().envs(environment).current_dir(at).args(["-c", &script]).output();
                let output = output.unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                modes(&at.join("r.git"))
            });
            assert_eq!(ours, theirs, "umask {umask}, unpackLimit {unpack_limit}");
        }
    }
}
