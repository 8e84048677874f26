//! Objects are found, and packs are the same, with multi-pack indexes and their bitmaps and without.

use std::path::Path;
use std::sync::Arc;

use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_pack::ReadAt;
use gitwire_storage::{
    MultiPackPart, ObjectStore, PackFiles, PackName, PackPart, PackedOptions, PackedStore, Presence,
    Repository as _,
};
use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::{Dice, History, Manner};
use gitwire_types::{ObjectFormat, ObjectId};

use crate::bitmaps::{World, pack};

fn objects(path: &Path) -> Arc<dyn ObjectStore> {
    GitDir::open(path, &OpenOptions::default()).unwrap().objects().unwrap()
}

/// Whether bitmaps of more than one pack are used.
fn many(path: &Path) -> bool {
    objects(path).bitmaps().is_some_and(|reach| reach.pack().is_none())
}

/// Packs what some commits reach and is in no pack yet.
fn pack_up(world: &World, commits: &[ObjectId]) {
    let ids: String = commits.iter().map(|id| format!("{id}\n")).collect();
    world.git.feed(
        &world.path,
        ["pack-objects", "--revs", "--unpacked", "--incremental", "-q", "objects/pack/pack"],
        ids.as_bytes(),
    );
}

fn check_all(world: &World, dice: &mut Dice, commits: &[ObjectId]) {
    let ids = world.git.ok(
        &world.path,
        ["cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype) %(objectsize)"],
    );
    let listed = String::from_utf8(ids).unwrap();
    let ids: Vec<ObjectId> = listed
        .lines()
        .map(|line| {
            ObjectId::from_hex(commits[0].format(), line.split(' ').next().unwrap().as_bytes()).unwrap()
        })
        .collect();
    let objects = objects(&world.path);
    // Often enough that the index is asked.
    for _ in 0..3 {
        let mut found = vec![String::new(); ids.len()];
        objects
            .headers(&ids, &mut |at, presence| {
                let Presence::Here { kind, size } = presence else { panic!("{} is absent", ids[at]) };
                found[at] = format!("{} {kind} {size}", ids[at]);
            })
            .unwrap();
        assert_eq!(found, listed.lines().collect::<Vec<_>>());
    }
    let absent =
        ObjectId::from_hex(ids[0].format(), "17".repeat(ids[0].as_bytes().len()).as_bytes()).unwrap();
    objects.headers(&[absent], &mut |_, presence| assert_eq!(presence, Presence::Absent)).unwrap();
    for _ in 0..4 {
        let wants = [0; 2].map(|_| commits[dice.below(commits.len())]);
        let have = commits[dice.below(commits.len())];
        world.check(&wants, if dice.one_in(3) { &[] } else { std::slice::from_ref(&have) });
    }
}

#[test]
fn multi_pack_indexes_change_nothing_but_the_time_it_takes() {
    let Some(git) = Git::find() else { return };
    for seed in 0..4 {
        let mut dice = Dice::new(seed);
        let format = if seed == 2 { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
        let mut history = History::new(format, Manner::Plain);
        history.grow(&mut dice, 60);
        let folder = Folder::new("multi-pack");
        let path = history.in_git(&git, folder.path());
        let world = World { git: git.clone(), folder, path };
        let commits: Vec<ObjectId> = history.commits().collect();
        // Loose objects, then a pack more and more of them.
        world.git.ok(&world.path, ["repack", "-adq"]);
        unpack(&world);
        for end in [20, 35, 50] {
            pack_up(&world, &commits[..end]);
        }
        world.git.ok(&world.path, ["prune-packed"]);
        check_all(&world, &mut dice, &commits);
        world.git.ok(&world.path, ["multi-pack-index", "write"]);
        check_all(&world, &mut dice, &commits);
        assert!(!many(&world.path));
        let tip = format!("{}\n", commits[49]);
        std::fs::write(world.folder.path().join("tips"), tip).unwrap();
        let refs = world.folder.path().join("tips");
        let refs = format!("--refs-snapshot={}", refs.display());
        world.git.ok(&world.path, ["multi-pack-index", "write", "--bitmap", &refs]);
        assert!(many(&world.path), "seed {seed}");
        check_all(&world, &mut dice, &commits);
        // What comes later stands beside it: loose, then in a pack; then all of it in another one as well.
        pack_up(&world, &commits);
        world.git.ok(&world.path, ["prune-packed"]);
        check_all(&world, &mut dice, &commits);
        assert!(many(&world.path));
        git_config(&world, "false");
        assert!(!many(&world.path));
        check_all(&world, &mut dice, &commits);
        git_config(&world, "true");
        damage(&world, &mut dice, &commits);
    }
}

fn git_config(world: &World, value: &str) {
    world.git.ok(&world.path, ["config", "core.multiPackIndex", value]);
}

/// Makes every object a loose one.
fn unpack(world: &World) {
    let packs = world.path.join("objects/pack");
    let away = world.folder.path().join("away");
    std::fs::create_dir_all(&away).unwrap();
    for entry in std::fs::read_dir(&packs).unwrap() {
        let entry = entry.unwrap();
        std::fs::rename(entry.path(), away.join(entry.file_name())).unwrap();
    }
    for entry in std::fs::read_dir(&away).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "pack") {
            world.git.feed(&world.path, ["unpack-objects", "-q"], &std::fs::read(path).unwrap());
        }
    }
    std::fs::remove_dir_all(&away).unwrap();
}

/// A damaged index, a pack of it that is gone: as if there were none.
fn damage(world: &World, dice: &mut Dice, commits: &[ObjectId]) {
    let expected = world.reached(&commits[59..], &[]);
    let file = world.path.join("objects/pack/multi-pack-index");
    let good = std::fs::read(&file).unwrap();
    let mut bytes = good.clone();
    let at = dice.below(bytes.len());
    bytes[at] ^= 1;
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, bytes).unwrap();
    assert!(!many(&world.path), "byte {at}");
    let whole = pack(&world.path, gitwire_walk::PackRequest::new(vec![commits[59]], vec![]));
    assert_eq!(world.listed(&whole.0), expected);
    std::fs::write(&file, good).unwrap();
    assert!(many(&world.path));
    let packs =
        std::fs::read_dir(world.path.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let indexes: Vec<_> = packs.filter(|path| path.extension().is_some_and(|end| end == "idx")).collect();
    // One pack that holds everything takes the place of the others.
    let ids: String = commits.iter().map(|id| format!("{id}\n")).collect();
    let words = ["pack-objects", "--revs", "-q", "objects/pack/pack"];
    world.git.feed(&world.path, words, ids.as_bytes());
    for index in indexes {
        for end in ["pack", "idx", "rev"] {
            let _ = std::fs::remove_file(index.with_extension(end));
        }
        assert!(!many(&world.path));
        let request = gitwire_walk::PackRequest::new(vec![commits[59]], vec![]);
        let whole = pack(&world.path, request);
        assert_eq!(world.listed(&whole.0), expected);
    }
}

/// The packs of a directory.
struct Files(std::path::PathBuf);

impl PackFiles for Files {
    fn list(&self) -> gitwire_storage::Result<Vec<PackName>> {
        let names = std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name());
        let names = names.map(|name| name.into_string().unwrap());
        Ok(names.filter_map(|name| Some(PackName::new(name.strip_suffix(".pack")?.as_bytes()))).collect())
    }

    fn open(&self, name: &PackName, part: PackPart) -> gitwire_storage::Result<Option<Arc<dyn ReadAt>>> {
        Ok(self.file(&format!("{name}.{}", part.extension())))
    }

    fn groups(&self) -> u32 {
        1
    }

    fn open_multi(&self, _: u32, part: MultiPackPart) -> gitwire_storage::Result<Option<Arc<dyn ReadAt>>> {
        Ok(match part {
            MultiPackPart::Bitmap(id) => self.file(&format!("multi-pack-index-{id}.bitmap")),
            _ => self.file("multi-pack-index"),
        })
    }

    fn pack_named(&self, _: u32, index: &[u8]) -> Option<PackName> {
        index.strip_suffix(b".idx").map(PackName::new)
    }
}

impl Files {
    fn file(&self, name: &str) -> Option<Arc<dyn ReadAt>> {
        let bytes = std::fs::read(self.0.join(name)).ok()?;
        Some(Arc::new(bytes))
    }
}

#[test]
fn multi_pack_bytes_max() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("multi-pack-size");
    let mut history = History::new(ObjectFormat::Sha1, Manner::Plain);
    history.grow(&mut Dice::new(1), 5);
    let path = history.in_git(&git, folder.path());
    git.ok(&path, ["repack", "-adq"]);
    git.ok(&path, ["multi-pack-index", "write", "--bitmap"]);
    let packs = path.join("objects/pack");
    let size = std::fs::metadata(packs.join("multi-pack-index")).unwrap().len();
    for (max, used) in [(size, true), (size - 1, false)] {
        let mut options = PackedOptions::default();
        options.multi_pack_bytes_max = max;
        let store = PackedStore::new(Files(packs.clone()), ObjectFormat::Sha1, options);
        let view = store.view().unwrap();
        let is_used = view.bitmaps().is_some_and(|reach| reach.pack().is_none());
        assert_eq!(is_used, used, "{size} bytes, at most {max}");
    }
}
