//! Fetching from a server of files alone.

mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitwire_client::{ClientError, Clone, CloneKind, DumbLimits, Fetch, Fetched, Remote, ls_remote};
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_protocol::message::DepthRequest;
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::FetchRefspec;

use self::files::Files;

struct World {
    git: Git,
    folder: Folder,
    files: Files,
}

impl World {
    fn new(name: &str) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new(name);
        let files = Files::serve(folder.path());
        Some(Self { git, folder, files })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A bare repository with loose objects alone.
    fn make(&self, name: &str, format: &str) -> PathBuf {
        let path = self.path(name);
        let text = path.to_str().unwrap();
        self.git.ok(
            self.folder.path(),
            ["init", "-q", "--bare", "-b", "main", &format!("--object-format={format}"), text],
        );
        self.commit(&path, "one");
        self.commit(&path, "two");
        self.git.ok(&path, ["tag", "-a", "-m", "x", "v1", "main"]);
        self.publish(&path);
        path
    }

    /// A commit with a file of its own and one that all have.
    fn commit(&self, path: &Path, text: &str) {
        let hash = |text: &str| {
            self.text(self.git.feed(path, ["hash-object", "-w", "--stdin"], text.as_bytes()).stdout)
        };
        let (own, common) = (hash(text), hash("common"));
        let tree = format!("100644 blob {common}\tcommon\n100644 blob {own}\town\n");
        let tree = self.text(self.git.feed(path, ["mktree"], tree.as_bytes()).stdout);
        let parent = self.text(self.git.run(path, ["rev-parse", "-q", "--verify", "refs/heads/main"]).stdout);
        let mut words = vec!["commit-tree", "-m", text, &tree];
        words.extend(if parent.is_empty() { vec![] } else { vec!["-p", &parent] });
        let commit = self.text(self.git.ok(path, &words[..]));
        self.git.ok(path, ["update-ref", "refs/heads/main", &commit]);
    }

    fn publish(&self, path: &Path) {
        self.git.ok(path, ["update-server-info"]);
    }

    fn text(&self, bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap().trim().to_owned()
    }

    /// The file of a loose object.
    fn loose(&self, path: &Path, id: &str) -> PathBuf {
        let (start, rest) = id.split_at(2);
        path.join("objects").join(start).join(rest)
    }

    fn refs(&self, path: &Path) -> String {
        self.text(self.git.ok(path, ["for-each-ref", "--format=%(objectname) %(refname)"]))
    }

    fn remote(&self, name: &str) -> Remote {
        Remote::parse(format!("{}/{name}", self.files.url()).as_bytes()).unwrap()
    }

    fn clone(&self, from: &str, to: &str) -> Result<Fetched, ClientError> {
        self.clone_within(from, to, DumbLimits::default())
    }

    fn clone_within(&self, from: &str, to: &str, limits: DumbLimits) -> Result<Fetched, ClientError> {
        let mut clone = Clone::new(self.remote(from), CloneKind::Mirror);
        clone.fetch.remote.dumb = limits;
        clone.run(self.path(to), &mut |_| ()).map(|cloned| cloned.fetched)
    }

    #[track_caller]
    fn check_same(&self, one: &str, other: &str) {
        let (one, other) = (self.path(one), self.path(other));
        assert_eq!(self.refs(&one), self.refs(&other));
        assert_eq!(fs::read(one.join("HEAD")).unwrap(), fs::read(other.join("HEAD")).unwrap());
        self.git.ok(&other, ["fsck", "--strict", "--no-dangling"]);
    }

    fn fails(&self, from: &str, to: &str) -> String {
        let error = self.clone(from, to).unwrap_err().to_string();
        assert!(!self.path(to).join("HEAD").exists(), "a clone without objects");
        error.replace(self.files.url(), "URL")
    }
}

#[test]
fn loose_objects_are_asked_for_once_each() {
    for format in ["sha1", "sha256"] {
        let Some(world) = World::new("dumb-loose") else { return };
        world.make("a.git", format);
        world.clone("a.git", "b.git").unwrap();
        world.check_same("a.git", "b.git");
        let asked = world.files.asked();
        let objects: Vec<&String> = asked.iter().filter(|path| path.contains("/objects/")).collect();
        // Two commits with two trees, three files and a tag: no packs, no alternates.
        assert_eq!(objects.len(), 8, "{asked:?}");
        // And again only what is new.
        world.commit(&world.path("a.git"), "three");
        world.git.ok(&world.path("a.git"), ["tag", "-a", "-m", "y", "v2", "main"]);
        world.publish(&world.path("a.git"));
        let before = world.files.asked().len();
        let mut fetch = Fetch::new(world.remote("a.git"));
        fetch.refspecs = vec![FetchRefspec::parse("+refs/heads/*:refs/heads/*").unwrap()];
        let repository = GitDir::open(world.path("b.git"), &OpenOptions::default()).unwrap();
        fetch.run(Arc::new(repository), &mut |_| ()).unwrap();
        world.check_same("a.git", "b.git");
        let asked = world.files.asked();
        let objects = asked[before..].iter().filter(|path| path.contains("/objects/")).count();
        // A commit, its tree, a file; and the tag that leads to them.
        assert_eq!(objects, 4, "{:?}", &asked[before..]);
    }
}

#[test]
fn packs_that_are_needed_are_fetched() {
    let Some(world) = World::new("dumb-packs") else { return };
    let path = world.make("a.git", "sha1");
    world.git.ok(&path, ["repack", "-qad"]);
    // A pack that nobody wants, and loose objects above one that everybody does.
    let noise = world.git.feed(&path, ["hash-object", "-w", "--stdin"], b"noise").stdout;
    world.git.feed(&path, ["pack-objects", "-q", "objects/pack/pack"], &noise);
    world.git.ok(&path, ["prune-packed"]);
    world.commit(&path, "three");
    world.publish(&path);
    assert_eq!(fs::read_to_string(path.join("objects/info/packs")).unwrap().matches("P pack").count(), 2);
    world.clone("a.git", "b.git").unwrap();
    world.check_same("a.git", "b.git");
    let packs = world.files.asked().iter().filter(|path| path.ends_with(".pack")).count();
    assert_eq!(packs, 1);
}

#[test]
fn objects_come_from_alternates_on_the_same_server() {
    let Some(world) = World::new("dumb-alternates") else { return };
    for (at, alternates) in [
        ("info/alternates", "../../base.git/objects\n"),
        ("info/http-alternates", "# a comment\n\n/base.git/objects/\n"),
        ("info/http-alternates", "URL/base.git/objects\n"),
        ("info/alternates", "URL/middle.git/objects\n"),
    ] {
        for name in ["base.git", "middle.git", "a.git", "b.git"] {
            let _ = fs::remove_dir_all(world.path(name));
        }
        let base = world.make("base.git", "sha1");
        world.git.ok(&base, ["repack", "-qad"]);
        world.publish(&base);
        let lend = |name: &str, at: &str, text: &str| {
            let path = world.path(name);
            world.git.ok(world.folder.path(), ["clone", "-q", "--bare", "--no-hardlinks", "base.git", name]);
            world.publish(&path);
            fs::remove_dir_all(path.join("objects/pack")).unwrap();
            fs::write(path.join("objects/info/packs"), "\n").unwrap();
            fs::write(path.join("objects").join(at), text.replace("URL", world.files.url())).unwrap();
            path
        };
        lend("middle.git", "info/alternates", "../../base.git/objects\n");
        let path = lend("a.git", at, alternates);
        world.clone("a.git", "b.git").unwrap();
        assert_eq!(world.refs(&path), world.refs(&world.path("b.git")));
        world.git.ok(&world.path("b.git"), ["fsck", "--strict"]);
    }
}

#[test]
fn nobody_is_sent_to_another_server() {
    let Some(world) = World::new("dumb-elsewhere") else { return };
    let other = World::new("dumb-other").unwrap();
    other.make("base.git", "sha1");
    let path = world.make("a.git", "sha1");
    let blob = world.text(world.git.ok(&path, ["rev-parse", "main:own"]));
    fs::remove_file(world.loose(&path, &blob)).unwrap();
    fs::write(path.join("objects/info/http-alternates"), format!("{}/base.git/objects\n", other.files.url()))
        .unwrap();
    assert_eq!(
        world.fails("a.git", "b.git"),
        format!("remote did not send all necessary objects: {blob} is missing")
    );
    assert!(other.files.asked().is_empty());
}

#[test]
fn what_is_damaged_is_refused() {
    let Some(world) = World::new("dumb-damage") else { return };
    let path = world.make("a.git", "sha1");
    let blob = world.text(world.git.ok(&path, ["rev-parse", "main:own"]));
    let file = world.loose(&path, &blob);
    let other = world.text(world.git.ok(&path, ["rev-parse", "main:common"]));
    let write = |file: &Path, bytes: &[u8]| {
        let _ = fs::remove_file(file);
        fs::write(file, bytes).unwrap();
    };
    let corrupt = |why: &str| format!("object {blob} is corrupt: {why}");
    write(&file, &fs::read(world.loose(&path, &other)).unwrap());
    assert_eq!(world.fails("a.git", "b.git"), corrupt("its hash is another"));
    write(&file, b"<html>");
    assert_eq!(world.fails("a.git", "c.git"), corrupt("corrupt deflate stream"));
    fs::remove_file(&file).unwrap();
    assert_eq!(
        world.fails("a.git", "d.git"),
        format!("remote did not send all necessary objects: {blob} is missing")
    );

    let path = world.make("p.git", "sha1");
    world.git.ok(&path, ["repack", "-qad"]);
    world.publish(&path);
    let pack_files = |ending: &str| {
        let entries = fs::read_dir(path.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.to_str().unwrap().ends_with(ending)).collect::<Vec<_>>()
    };
    let (pack, index) = (pack_files(".pack").remove(0), pack_files(".idx").remove(0));
    let (whole_pack, whole_index) = (fs::read(&pack).unwrap(), fs::read(&index).unwrap());
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    write(&index, &flipped(&whole_index, 1100));
    assert!(world.fails("p.git", "e.git").starts_with("index of pack "));
    write(&index, b"");
    assert!(world.fails("p.git", "f.git").starts_with("index of pack "));
    write(&index, &whole_index);
    write(&pack, &flipped(&whole_pack, 20));
    world.fails("p.git", "g.git");
    write(&pack, &whole_pack[..whole_pack.len() - 1]);
    world.fails("p.git", "h.git");
    // A good pack that is not what its index says.
    let other = world.make("q.git", "sha1");
    world.commit(&other, "else");
    let id = world.git.ok(&other, ["rev-parse", "main"]);
    let bytes = world.git.feed(&other, ["pack-objects", "-q", "--stdout"], &id).stdout;
    write(&pack, &bytes);
    let error = world.fails("p.git", "i.git");
    assert!(error.starts_with("pack ") && error.contains("does not hold object"), "{error}");
}

#[test]
fn what_is_no_repository() {
    let Some(world) = World::new("dumb-none") else { return };
    fs::create_dir_all(world.path("x/info")).unwrap();
    fs::write(world.path("x/info/refs"), "<html>hello</html>\n").unwrap();
    assert_eq!(world.fails("x", "y"), "URL/x/info/refs not valid: is this a git repository?");
    assert_eq!(world.fails("z", "y"), "repository 'URL/z/' not found");
    world.make("a.git", "sha1");
    let mut fetch = Clone::new(world.remote("a.git"), CloneKind::Mirror);
    fetch.fetch.depth = DepthRequest::commits(1);
    let error = fetch.run(world.path("y"), &mut |_| ()).unwrap_err();
    assert_eq!(error.to_string(), "dumb http transport does not support shallow capabilities");
    let refs = ls_remote(&world.remote("a.git"), &[]).unwrap();
    assert_eq!(refs.iter().count(), 3);
    assert_eq!(refs.head_branch(), Some(&b"refs/heads/main"[..]));
}

#[test]
fn an_empty_repository() {
    let Some(world) = World::new("dumb-empty") else { return };
    world.git.ok(world.folder.path(), ["init", "-q", "--bare", "a.git"]);
    world.publish(&world.path("a.git"));
    assert!(world.clone("a.git", "b.git").unwrap().updates.is_empty());
}

#[test]
fn limits() {
    let Some(world) = World::new("dumb-limits") else { return };
    world.make("a.git", "sha1");
    let path = world.make("p.git", "sha1");
    world.git.ok(&path, ["repack", "-qad"]);
    world.publish(&path);
    // A repository that borrows from two others.
    world.git.ok(world.folder.path(), ["clone", "-q", "--bare", "--no-hardlinks", "p.git", "l.git"]);
    world.publish(&world.path("l.git"));
    fs::remove_dir_all(world.path("l.git/objects/pack")).unwrap();
    fs::write(world.path("l.git/objects/info/packs"), "\n").unwrap();
    fs::write(world.path("l.git/objects/info/alternates"), "/nothing.git/objects\n/p.git/objects\n").unwrap();
    let len = |name: &str| fs::metadata(world.path(name)).unwrap().len();
    let index = fs::read_dir(world.path("p.git/objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let index =
        index.filter(|path| path.extension().unwrap() == "idx").map(|path| fs::metadata(path).unwrap().len());
    let (refs_len, packs_len, index_len) =
        (len("a.git/info/refs"), len("p.git/objects/info/packs"), index.sum::<u64>());
    let mut count = 0;
    let mut check = |from: &str, set: &dyn Fn(&mut DumbLimits, u64), max: u64, what: &str| {
        for (max, good) in [(max, true), (max - 1, false)] {
            count += 1;
            let mut limits = DumbLimits::default();
            set(&mut limits, max);
            match world.clone_within(from, &format!("to-{count}"), limits) {
                Ok(_) => assert!(good, "{what}: {max}"),
                Err(error) => {
                    assert!(!good, "{what}: {error}");
                    assert_eq!(error.to_string(), format!("{what}: more than {max}"));
                }
            }
        }
    };
    let size = |max: u64| usize::try_from(max).unwrap();
    check("a.git", &|limits, max| limits.refs_bytes_max = max, refs_len, "bytes of info/refs");
    check("p.git", &|limits, max| limits.list_bytes_max = max, packs_len, "bytes of objects/info/packs");
    check("p.git", &|limits, max| limits.packs_max = size(max), 1, "packs");
    check("p.git", &|limits, max| limits.index_bytes_max = max, index_len, "bytes of indexes");
    check("a.git", &|limits, max| limits.objects_max = size(max), 8, "loose objects");
    check("l.git", &|limits, max| limits.alternates_max = size(max), 2, "alternates");
    let largest = world
        .git
        .ok(&world.path("a.git"), ["cat-file", "--batch-check=%(objectsize)", "--batch-all-objects"]);
    let largest =
        String::from_utf8(largest).unwrap().lines().map(|line| line.parse::<u64>().unwrap()).max().unwrap();
    check("a.git", &|limits, max| limits.object_bytes_max = max, largest, "bytes of a loose object");
}
