//! Packs are the same with reachability bitmaps and without, but for what the receiver turns out to have.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bytes::BytesMut;
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_pack::ReadAt;
use gitwire_storage::{
    ObjectStore as _, PackFiles, PackName, PackPart, PackWritten, PackedOptions, PackedStore,
    Repository as _, SourceState,
};
use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::{Dice, History, Manner};
use gitwire_types::{FilterSpec, Never, ObjectFormat, ObjectId};
use gitwire_walk::{Graph, ObjectFilter, PackRequest, WalkLimits, pack_source};

/// The pack that comes of a request, and what it was made of.
pub(crate) fn pack(path: &Path, request: PackRequest) -> (BytesMut, PackWritten) {
    let repository = GitDir::open(path, &OpenOptions::default()).unwrap();
    let graph = Graph::new(repository.objects().unwrap(), repository.format(), WalkLimits::default());
    let mut source = pack_source(graph, request);
    let mut out = BytesMut::new();
    while source.next(1000, &mut out, &Never).unwrap() != SourceState::End {}
    (out, source.written().unwrap())
}

pub(crate) type Ids = BTreeSet<String>;

fn lines(text: &[u8]) -> Ids {
    let text = std::str::from_utf8(text).unwrap();
    text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

pub(crate) struct World {
    pub(crate) git: Git,
    pub(crate) folder: Folder,
    pub(crate) path: std::path::PathBuf,
}

impl World {
    /// What a pack holds, by git's index of it.
    pub(crate) fn listed(&self, pack: &[u8]) -> Ids {
        let file = self.folder.path().join("p.pack");
        std::fs::write(&file, pack).unwrap();
        self.git.ok(&self.path, ["index-pack", "-o", "../p.idx", "../p.pack"]);
        let index = std::fs::read(self.folder.path().join("p.idx")).unwrap();
        let listed = self.git.feed(&self.path, ["show-index"], &index);
        let listed = String::from_utf8(listed.stdout).unwrap();
        listed.lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
    }

    /// What some objects reach.
    pub(crate) fn reached(&self, ids: &[ObjectId], without: &[ObjectId]) -> Ids {
        let ids = ids.iter().map(ToString::to_string);
        let without = without.iter().map(|id| format!("^{id}"));
        let words = ["rev-list", "--objects", "--no-object-names"].into_iter().map(str::to_owned);
        lines(&self.git.ok(&self.path, words.chain(ids).chain(without).collect::<Vec<_>>()))
    }

    pub(crate) fn check(&self, wants: &[ObjectId], haves: &[ObjectId]) -> PackWritten {
        let mut request = PackRequest::new(wants.to_vec(), haves.to_vec());
        request.ofs_delta = true;
        let (bytes, written) = pack(&self.path, request);
        let ours = self.listed(&bytes);
        let all = self.reached(wants, &[]);
        let held = if haves.is_empty() { Ids::new() } else { self.reached(haves, &[]) };
        let needed: Ids = all.difference(&held).cloned().collect();
        assert_eq!(needed.difference(&ours).count(), 0, "objects are lacking");
        // git does not look for everything that the receiver has either.
        let walked = self.reached(wants, haves);
        assert_eq!(ours.difference(&walked).count(), 0, "too much comes");
        assert_eq!(written.objects, ours.len() as u64);
        written
    }
}

impl World {
    /// Flips a bit of the file of the one pack with this end; whether there is one.
    fn damage(&self, dice: &mut Dice, end: &str) -> bool {
        let files = std::fs::read_dir(self.path.join("objects/pack")).unwrap();
        let mut files = files.map(|entry| entry.unwrap().path());
        let Some(file) = files.find(|path| path.extension().is_some_and(|found| found == end)) else {
            return false;
        };
        let mut bytes = std::fs::read(&file).unwrap();
        let at = dice.below(bytes.len());
        bytes[at] ^= 1;
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, bytes).unwrap();
        true
    }
}

#[test]
fn bitmaps_change_nothing_but_the_time_it_takes() {
    let Some(git) = Git::find() else { return };
    for seed in 0..6 {
        let mut dice = Dice::new(seed);
        let format = if dice.one_in(3) { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
        let mut history = History::new(format, Manner::Plain);
        history.grow(&mut dice, 60);
        history.tag(&mut dice, 6);
        let folder = Folder::new("bitmaps");
        let path = history.in_git(&git, folder.path());
        let world = World { git: git.clone(), folder, path };
        world.git.ok(&world.path, ["repack", "-adbq"]);
        let tips: Vec<ObjectId> = history.refs().values().copied().collect();
        let whole = world.check(&tips, &[]);
        assert_eq!(whole.copied, whole.objects, "the pack goes as it stands");
        let mut without = PackRequest::new(tips.clone(), vec![]);
        without.bitmaps = false;
        assert_eq!(pack(&world.path, without).1.copied, 0);

        // What came later stands beside the bitmaps; some of it was there before.
        let commits: Vec<ObjectId> = history.commits().collect();
        let mut newer = Vec::new();
        for nth in 0..4 {
            let blob =
                world.git.feed(&world.path, ["hash-object", "-w", "--stdin"], format!("{nth}").as_bytes());
            let blob = String::from_utf8(blob.stdout).unwrap();
            let old = dice.below(commits.len());
            let listing = world.git.ok(&world.path, ["ls-tree", &commits[old].to_string()]);
            let line = format!("100644 blob {}\tnew {nth}\n", blob.trim());
            let listing = [&listing[..], line.as_bytes()].concat();
            let tree = world.git.feed(&world.path, ["mktree"], &listing).stdout;
            let tree = String::from_utf8(tree).unwrap();
            let parent = newer.last().unwrap_or(&commits[commits.len() - 1]).to_string();
            let id = world.git.ok(&world.path, ["commit-tree", "-m", "new", "-p", &parent, tree.trim()]);
            newer.push(ObjectId::from_hex(format, id.trim_ascii_end()).unwrap());
        }
        world.git.ok(&world.path, ["update-ref", "refs/heads/newer", &newer[3].to_string()]);
        let mut all = tips.clone();
        all.push(newer[3]);
        let whole = world.check(&all, &[]);
        assert!(whole.copied > 0 && whole.copied < whole.objects);
        for _ in 0..8 {
            let mut wants = vec![all[dice.below(all.len())]];
            if dice.one_in(2) {
                wants.push(newer[dice.below(4)]);
            }
            let mut haves = vec![commits[dice.below(commits.len())]];
            if dice.one_in(3) {
                haves.push(newer[dice.below(3)]);
            }
            world.check(&wants, &haves);
        }
        // A damaged file is as if it were not there: the order is sorted anew, then nothing is known of what commits reach.
        if world.damage(&mut dice, "rev") {
            world.check(&all[..1], &commits[..1]);
            world.check(&[newer[2]], &commits[10..11]);
        }
        assert!(world.damage(&mut dice, "bitmap"));
        assert_eq!(world.check(&tips, &[]).copied, 0);
    }
}

/// What is stored whole since it is the newest of its kind went whole, though the receiver had the one before.
#[test]
fn what_stands_whole_goes_as_a_delta_where_the_receiver_has_what_stood_there() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("bitmap-tips");
    let path = folder.path().join("r.git");
    git.ok(folder.path(), ["init", "-q", "--bare", "r.git"]);
    let world = World { git, folder, path };
    let text = |args: &[&str], input: &[u8]| {
        let out = world.git.feed(&world.path, args, input).stdout;
        String::from_utf8(out).unwrap().trim().to_owned()
    };
    let mut dice = Dice::new(7);
    let mut lines: Vec<String> = (0..2000).map(|_| format!("{:x}\n", dice.below(usize::MAX))).collect();
    let mut commits: Vec<ObjectId> = Vec::new();
    for nth in 0..4 {
        lines.insert(nth * 400, format!("version {nth}\n"));
        let blob = text(&["hash-object", "-w", "--stdin"], lines.concat().as_bytes());
        let inner = text(&["mktree"], format!("100644 blob {blob}\ttable.txt\n").as_bytes());
        let tree = text(&["mktree"], format!("040000 tree {inner}\tfolder\n").as_bytes());
        let parent = commits.last().map(|id| vec!["-p".to_owned(), id.to_string()]).unwrap_or_default();
        let words = ["commit-tree", "-m", "text"].map(str::to_owned);
        let words: Vec<String> = words.into_iter().chain(parent).chain([tree]).collect();
        let id = world.git.ok(&world.path, words);
        commits.push(ObjectId::from_hex(ObjectFormat::Sha1, id.trim_ascii_end()).unwrap());
    }
    world.git.ok(&world.path, ["update-ref", "refs/heads/main", &commits[3].to_string()]);
    world.git.ok(&world.path, ["repack", "-adbfq"]);
    for ofs_delta in [true, false] {
        let mut request = PackRequest::new(vec![commits[3]], vec![commits[0]]);
        (request.thin, request.ofs_delta, request.shortened) = (true, ofs_delta, 10);
        let (bytes, written) = pack(&world.path, request.clone());
        assert!(bytes.len() < 3000, "{} bytes", bytes.len());
        assert_eq!((written.objects, written.deltas >= 3), (12, true));
        let listed = |name: &str, bytes: &[u8]| {
            world.git.ok(world.folder.path(), ["init", "-q", "--bare", name]);
            let path = world.folder.path().join(name);
            // What the receiver has.
            let have = pack(&world.path, PackRequest::new(vec![commits[0]], vec![])).0;
            world.git.feed(&path, ["unpack-objects", "-q"], &have);
            world.git.feed(&path, ["index-pack", "--fix-thin", "--strict", "--stdin"], bytes);
            let listing = ["rev-list", "--objects", "--no-object-names", &commits[3].to_string()];
            self::lines(&world.git.ok(&path, listing))
        };
        assert_eq!(listed("thin", &bytes), world.reached(&commits[3..], &[]));
        request.thin = false;
        assert!(pack(&world.path, request).0.len() > 10_000, "without a base it goes whole");
        std::fs::remove_dir_all(world.folder.path().join("thin")).unwrap();
    }
}

#[test]
fn filters_leave_out_what_gits_leave_out() {
    let Some(git) = Git::find() else { return };
    for seed in 20..23 {
        let mut dice = Dice::new(seed);
        let mut history = History::new(ObjectFormat::Sha1, Manner::Plain);
        history.grow(&mut dice, 40);
        history.tag(&mut dice, 4);
        let folder = Folder::new("bitmap-filters");
        let path = history.in_git(&git, folder.path());
        let world = World { git: git.clone(), folder, path };
        let commits: Vec<ObjectId> = history.commits().collect();
        world.git.ok(&world.path, ["repack", "-adbq"]);
        for filter in [
            "blob:none",
            "blob:limit=40",
            "tree:0",
            "object:type=commit",
            "object:type=tree",
            "object:type=blob",
            "object:type=tag",
            "combine:blob:limit=90+object:type=blob",
        ] {
            let spec = FilterSpec::parse(filter.as_bytes(), &gitwire_types::Limits::default()).unwrap();
            let tip = *history.refs().values().nth(dice.below(history.refs().len())).unwrap();
            for (wants, have) in [(vec![tip], None), (vec![commits[39]], Some(commits[dice.below(30)]))] {
                let haves: Vec<ObjectId> = have.into_iter().collect();
                let mut request = PackRequest::new(wants.clone(), haves.clone());
                request.filter = ObjectFilter::try_from(&spec).unwrap();
                let with = world.listed(&pack(&world.path, request.clone()).0);
                request.bitmaps = false;
                let without = world.listed(&pack(&world.path, request).0);
                assert_eq!(with.difference(&without).count(), 0, "{filter}: more than without bitmaps");
                if haves.is_empty() {
                    assert_eq!(with, without, "{filter}");
                    let words = ["rev-list", "--objects", "--no-object-names", "--use-bitmap-index"];
                    let filter = format!("--filter={filter}");
                    let words = words.into_iter().map(str::to_owned).chain([filter, tip.to_string()]);
                    let git = lines(&world.git.ok(&world.path, words.collect::<Vec<_>>()));
                    // Of what is wanted by name, rev-list shows what the filter leaves out as well.
                    assert_eq!(git.difference(&with).count(), 0);
                }
            }
        }
    }
}

#[test]
fn tags_go_along_where_bitmaps_know_what_goes() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("bitmap-tags");
    let mut dice = Dice::new(3);
    let mut history = History::new(ObjectFormat::Sha1, Manner::Plain);
    history.grow(&mut dice, 20);
    let path = history.in_git(&git, folder.path());
    let tip = history.commits().last().unwrap();
    git.ok(&path, ["tag", "-a", "-m", "x", "packed", &tip.to_string()]);
    git.ok(&path, ["repack", "-adbq"]);
    git.ok(&path, ["tag", "-a", "-m", "x", "loose", "packed"]);
    let world = World { git, folder, path };
    let id = |name: &str| {
        let hex = world.git.ok(&world.path, ["rev-parse", name]);
        ObjectId::from_hex(ObjectFormat::Sha1, hex.trim_ascii_end()).unwrap()
    };
    let mut request = PackRequest::new(vec![tip], vec![]);
    request.tags = vec![id("packed"), id("loose"), tip];
    let (bytes, _) = pack(&world.path, request);
    let ours = world.listed(&bytes);
    let mut expected = world.reached(&[tip], &[]);
    expected.extend([id("packed").to_string(), id("loose").to_string()]);
    assert_eq!(ours, expected);
}

/// The files of one pack, as they lie in a directory.
struct Files(std::path::PathBuf);

impl PackFiles for Files {
    fn list(&self) -> gitwire_storage::Result<Vec<PackName>> {
        Ok(vec![PackName::new(b"the one")])
    }

    fn open(&self, _: &PackName, part: PackPart) -> gitwire_storage::Result<Option<Arc<dyn ReadAt>>> {
        let bytes = std::fs::read(self.0.with_extension(part.extension())).unwrap();
        Ok(Some(Arc::new(bytes)))
    }
}

#[test]
fn bitmap_bytes_max() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("bitmap-size");
    let mut history = History::new(ObjectFormat::Sha1, Manner::Plain);
    history.grow(&mut Dice::new(1), 5);
    let path = history.in_git(&git, folder.path());
    git.ok(&path, ["repack", "-adbq"]);
    let files = std::fs::read_dir(path.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let bitmap = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "bitmap")).unwrap();
    let size = std::fs::metadata(&bitmap).unwrap().len();
    for (max, used) in [(size, true), (size - 1, false)] {
        let mut options = PackedOptions::default();
        options.bitmap_bytes_max = max;
        let store = PackedStore::new(Files(bitmap.clone()), ObjectFormat::Sha1, options);
        assert_eq!(store.view().unwrap().bitmaps().is_some(), used, "{size} bytes, at most {max}");
    }
}
