//! Whom what is made in a repository belongs to: as with git's own programs, under every umask and with every `core.sharedRepository`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use gitwire_testkit::git::{Folder, Git};

/// The permissions of all files and directories, by names without what differs from pack to pack and from table to table.
fn modes(path: &Path) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    let mut pending = vec![path.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.path().strip_prefix(path).unwrap().to_str().unwrap().to_owned();
            let stat = entry.metadata().unwrap();
            let mode = stat.permissions().mode() & 0o7777;
            let end = name.rsplit('.').next().unwrap();
            let name = match name.split_once("/pack-") {
                // We write no such index with fewer than some objects, and a few versions of git none at all.
                Some(_) if end == "rev" => continue,
                Some((front, _)) => format!("{front}/pack.{end}"),
                None if name.contains("/reftable/0x") => {
                    format!("{}/table.{end}", name.split_once("/0x").unwrap().0)
                }
                None => name,
            };
            match name.rsplit('/').next().unwrap() {
                // What is ours alone, and what git's templates bring.
                "hooks" | "gitwire" | "branches" => continue,
                _ => drop(found.insert(name, mode)),
            }
            if stat.is_dir() {
                pending.push(entry.path());
            }
        }
    }
    found
}

/// Everything that makes something in a repository, in the folder where it is run; `$P` is the program.
const WORK: &str = r#"
set -e
for limit in 1 100; do for refs in files reftable; do
    at=push-$limit-$refs
    git init -q --bare --ref-format=$refs $at && cd $at
    shared && git config receive.unpackLimit $limit && git config core.logAllRefUpdates true
    git config receive.updateServerInfo true
    git -C "$WORK" push -q --receive-pack="$P receive-pack" "$PWD" main:refs/heads/a/b main~1:refs/heads/c main:refs/heads/gone
    git pack-refs --all
    git -C "$WORK" push -q --receive-pack="$P receive-pack" "$PWD" main~1:refs/heads/x/y :refs/heads/gone
    cd ..
done; done
for refs in files reftable; do
    git init -q --ref-format=$refs fetch-$refs && cd fetch-$refs && shared
    $P fetch -q --depth=1 "file://$WORK" main:refs/remotes/o/main
    git config fetch.unpackLimit 1 && $P fetch -q "file://$WORK" old:refs/remotes/o/old
    cd ..
done
git init -q pack && cd pack && shared
$P index-pack --stdin --keep=why <"$WORK/small.pack" >../said
$P index-pack --stdin ../alone.pack <"$WORK/small.pack" >>../said
cp "$WORK/small.pack" ../beside.pack
$P index-pack --keep ../beside.pack >>../said
cd ..
git init -q promisor && cd promisor && shared
$P index-pack --stdin --promisor=why <"$WORK/small.pack" >>../said
cd ..
git init -q unpack && cd unpack && shared
$P unpack-objects -q <"$WORK/small.pack"
cd ..
$P init -q --bare "--shared=$SHARED" init-files
$P init -q --bare "--shared=$SHARED" --ref-format=reftable init-reftable
$P init -q "--shared=$SHARED" init-work
$P -c "core.sharedRepository=$SHARED" init -q --bare init-configured
$P -c "core.sharedRepository=$SHARED" clone -q --bare "file://$WORK" clone 2>>said
git -C clone pack-refs --all
$P -c "core.sharedRepository=$SHARED" clone -q --mirror --ref-format=reftable "file://$WORK" mirror 2>>said
rm said
"#;

fn run(git: &Git, at: &Path, umask: &str, shared: &str, program: &str) -> Output {
    let script = format!("umask {umask}\nshared() {{ git config core.sharedRepository {shared}; }}\n{WORK}");
    fs::create_dir(at).unwrap();
    let given = git.command(at, ["--version"]);
    let environment = given.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut command = Command::new("sh");
    command.env_clear().envs(environment).current_dir(at).args(["-c", &script]);
    command.env("P", program).env("SHARED", shared).env("WORK", at.parent().unwrap().join("work"));
    command.output().unwrap()
}

#[test]
fn files_belong_to_whom_gits_do_under_every_umask() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::in_memory("modes");
    let at = folder.path();
    git.ok(at, ["init", "-q", "--initial-branch=main", "work"]);
    for name in ["one", "two"] {
        git.ok(&at.join("work"), ["commit", "-q", "--allow-empty", "-m", name]);
    }
    git.ok(&at.join("work"), ["branch", "old", "main~1"]);
    let list = git.ok(&at.join("work"), ["rev-list", "--objects", "main"]);
    let pack = git.feed(&at.join("work"), ["pack-objects", "--stdout", "-q"], &list).stdout;
    fs::write(at.join("work/small.pack"), pack).unwrap();
    let mut wrong = Vec::new();
    for umask in ["000", "022", "027", "077"] {
        for shared in ["false", "group", "all", "0660", "0640", "0600", "0666"] {
            let made = |place: &str, program| {
                let place = at.join(place);
                let output = run(&git, &place, umask, shared, program);
                let text = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success(), "umask {umask}, {shared}: {program}: {text}");
                let found = modes(&place);
                fs::remove_dir_all(&place).unwrap();
                found
            };
            let (theirs, ours) = std::thread::scope(|scope| {
                let theirs = scope.spawn(|| made("git", "git"));
                let ours = made("gitwire", env!("CARGO_BIN_EXE_gitwire"));
                (theirs.join().unwrap(), ours)
            });
            for name in theirs.keys().chain(ours.keys().filter(|name| !theirs.contains_key(*name))) {
                let [git, gitwire] = [&theirs, &ours].map(|found| found.get(name).copied());
                if git != gitwire {
                    let shown =
                        |mode: Option<u32>| mode.map_or("none".to_owned(), |mode| format!("{mode:o}"));
                    wrong.push(format!("umask {umask}, {shared}: {name}: {} {}", shown(git), shown(gitwire)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "what git makes and what gitwire makes differ:\n{}", wrong.join("\n"));
}
