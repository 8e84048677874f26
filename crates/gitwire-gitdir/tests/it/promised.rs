//! What promisors have promised, as git sees it.

use std::collections::BTreeSet;
use std::path::Path;

use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_storage::{Presence, Repository as _, StorageErrorKind};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

fn id(hex: &str) -> ObjectId {
    let format = if hex.len() == 40 { ObjectFormat::Sha1 } else { ObjectFormat::Sha256 };
    ObjectId::from_hex(format, hex.as_bytes()).unwrap()
}

/// What git misses and does not mind.
fn missing(git: &Git, path: &Path) -> BTreeSet<ObjectId> {
    let listed = git.ok(path, ["rev-list", "--objects", "--all", "--missing=print"]);
    let listed = String::from_utf8(listed).unwrap();
    listed.lines().filter_map(|line| line.strip_prefix('?')).map(id).collect()
}

/// A commit with one file in a folder of its own.
fn commit(git: &Git, path: &Path, number: u32) {
    let say = |arguments: &[&str], input: &str| {
        let said = git.feed(path, arguments, input.as_bytes());
        assert!(said.status.success(), "{}", said.stderr.escape_ascii());
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    };
    let blob = say(&["hash-object", "-w", "--stdin"], &format!("content {number}"));
    let inner = say(&["mktree"], &format!("100644 blob {blob}\tfile\n"));
    let outer = say(&["mktree"], &format!("040000 tree {inner}\tfolder{number}\n"));
    let parent = git.run(path, ["rev-parse", "-q", "--verify", "refs/heads/main"]);
    let parent = String::from_utf8(parent.stdout).unwrap();
    let mut arguments = vec!["commit-tree", "-m", "x", &outer];
    if !parent.is_empty() {
        arguments.extend(["-p", parent.trim()]);
    }
    let commit = say(&arguments, "");
    git.ok(path, ["update-ref", "refs/heads/main", &commit]);
}

#[test]
fn what_git_misses_without_complaint_is_promised() {
    let Some(git) = Git::find() else { return };
    for (format, filter) in [("sha1", "blob:none"), ("sha256", "tree:0"), ("sha1", "tree:1")] {
        let folder = Folder::new("promised");
        git.ok(folder.path(), ["init", "-q", "--bare", "-b", "main", "--object-format", format, "r.git"]);
        let remote = folder.path().join("r.git");
        git.ok(&remote, ["config", "uploadpack.allowFilter", "true"]);
        (1..4).for_each(|number| commit(&git, &remote, number));
        let url = format!("file://{}", remote.display());
        git.ok(folder.path(), ["clone", "-q", "--bare", "--filter", filter, &url, "c.git"]);
        let path = folder.path().join("c.git");
        let repository = GitDir::open(&path, &OpenOptions::default()).unwrap();
        let objects = repository.objects().unwrap();
        let check = |more: &[ObjectId]| {
            let lost: Vec<ObjectId> = missing(&git, &path).into_iter().chain(more.iter().copied()).collect();
            assert!(lost.len() > more.len(), "{filter}");
            let promised = objects.promised(&lost).unwrap();
            let expected = (0..lost.len()).map(|nth| nth < lost.len() - more.len()).collect::<Vec<_>>();
            assert_eq!(promised, expected, "{filter}");
            objects
                .headers(&lost, &mut |_, presence| assert_eq!(presence, Presence::Absent, "{filter}"))
                .unwrap();
            lost.len() - more.len()
        };
        let stranger = id(&"7".repeat(repository.format().hex_len()));
        let before = check(&[stranger]);
        // A pack that comes while the view lives counts.
        commit(&git, &remote, 9);
        git.ok(&path, ["fetch", "-q", &url, "main:main"]);
        git.ok(&path, ["fetch", "-q", "--filter", filter, "origin", "main:other"]);
        assert!(check(&[stranger]) >= before);
        assert!(objects.promised(&[]).unwrap().is_empty());
    }
}

#[test]
fn promised_max() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("promised-max");
    git.ok(folder.path(), ["init", "-q", "--bare", "-b", "main", "r.git"]);
    let path = folder.path().join("r.git");
    commit(&git, &path, 1);
    git.ok(&path, ["repack", "-q", "-a", "-d"]);
    let pack = std::fs::read_dir(path.join("objects/pack")).unwrap();
    let pack = pack
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "pack"));
    std::fs::write(pack.unwrap().with_extension("promisor"), b"").unwrap();
    let promised = |max: usize| {
        let mut options = OpenOptions::default();
        options.promised_max = max;
        let repository = GitDir::open(&path, &options).unwrap();
        repository.objects().unwrap().promised(&[ObjectId::from_sha1([7; 20])])
    };
    assert_eq!(promised(4).unwrap(), [false], "a commit, two trees, a blob");
    assert_eq!(promised(3).unwrap_err().kind(), StorageErrorKind::Limit);
}

#[test]
fn the_empty_tree_is_everywhere() {
    let Some(git) = Git::find() else { return };
    for format in ["sha1", "sha256"] {
        let folder = Folder::new("empty-tree");
        git.ok(folder.path(), ["init", "-q", "--bare", "--object-format", format, "r.git"]);
        let path = folder.path().join("r.git");
        let git_says = String::from_utf8(git.ok(&path, ["hash-object", "-t", "tree", "--stdin"])).unwrap();
        let repository = GitDir::open(&path, &OpenOptions::default()).unwrap();
        let tree = ObjectId::empty_tree(repository.format());
        assert_eq!(tree, id(git_says.trim()));
        let objects = repository.objects().unwrap();
        let here = Presence::Here { kind: ObjectKind::Tree, size: 0 };
        objects.headers(&[tree], &mut |_, presence| assert_eq!(presence, here)).unwrap();
        let mut content = vec![1];
        assert_eq!(objects.read(&tree, 0, &mut content).unwrap(), Some(ObjectKind::Tree));
        assert!(content.is_empty());
        let mut reader = objects.open(&tree).unwrap().unwrap();
        assert_eq!((reader.kind(), reader.size()), (ObjectKind::Tree, 0));
        assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
    }
}
