//! Pushes on a simulated disk, ended before every operation and with every operation failing: what is then found, and whether
//! the next push needs any help.
//!
//! A state is one crash or failure with one choice of what survives. `GITWIRE_EXPLORE` sets how many choices are tried for each
//! crash, `GITWIRE_EXPLORE_SEED` where they start; a failure prints both numbers that bring it back.

use std::collections::BTreeMap;

use gitwire_gitdir::fs::{FileKind, FileSystem as _, Links};
use gitwire_gitdir::{ConfigSection, GitDir, InitOptions, RefFormat, Sharing};
use gitwire_reftable::{
    Limits, MemorySource, Ordered as _, RefRecord, RefValue, Table, WriteOptions, Writer, read_list,
};
use gitwire_storage::{
    EditOutcome, Expected, FsckRules, RefEdit, Repository as _, Result, StageRequest, Transaction,
};
use gitwire_testkit::sim_fs::{Fault, SimFs, Survival};
use gitwire_types::{Never, ObjectFormat, ObjectId, RefName, RefTarget};

use crate::crash::{check_objects, options};
use crate::git::{Scratch, available, git, work_tree};
use crate::staging::pack;

type Refs = BTreeMap<&'static str, ObjectId>;

/// One push: the refs before and after, and the pack between.
struct Push {
    disk: SimFs,
    before: Refs,
    after: Refs,
    atomic: bool,
    how: How,
    pack: Vec<u8>,
    old_objects: Vec<ObjectId>,
    new_objects: Vec<ObjectId>,
}

/// What else a push does.
#[derive(Debug, Clone, Default)]
struct How {
    shallow: Option<Vec<ObjectId>>,
    /// Packs of fewer objects become single objects.
    unpack_limit: u32,
    /// The objects are published before the refs change.
    early: bool,
    /// Each ref changes in a transaction of its own, deletions first, so that one can take the place of others.
    one_by_one: bool,
}

/// How each operation fails in turn: `EIO`, `ENOSPC`, `EDQUOT`, `EMFILE`, `EINTR`, and a write of half of what was to be written.
const FAULTS: [Fault; 6] =
    [Fault::Error(5), Fault::Error(28), Fault::Error(122), Fault::Error(24), Fault::Error(4), Fault::Short];

fn id(text: &str) -> ObjectId {
    ObjectId::from_hex(ObjectFormat::Sha1, text.trim().as_bytes()).unwrap()
}

type Names = &'static [(&'static str, &'static str)];

impl Push {
    fn new(before: Names, after: Names, atomic: bool) -> Self {
        Self::with(InitOptions::default(), before, after, atomic)
    }

    fn with(mut init: InitOptions, before: Names, after: Names, atomic: bool) -> Self {
        let scratch = Scratch::new();
        let path = work_tree(&scratch, "sha1", 5);
        let refs = |names: Names| -> Refs {
            names.iter().map(|(name, at)| (*name, id(&git(&path, &format!("rev-parse {at}"))))).collect()
        };
        let objects = |at: &str| -> Vec<ObjectId> {
            git(&path, &format!("rev-list --objects --no-object-names {at}")).lines().map(id).collect()
        };
        let disk = SimFs::new();
        init.open = options(&disk);
        let repository = GitDir::init_bare("/r.git", &init).unwrap();
        let (before, after) = (refs(before), refs(after));
        let first = pack(&path, "", "HEAD~2\n");
        push(&repository, &first, &Refs::new(), &before, false, How::default()).unwrap();
        Self {
            disk: disk.after_crash(Survival::Everything),
            before,
            after,
            atomic,
            how: How::default(),
            pack: pack(&path, "--thin", "HEAD\n^HEAD~2\n"),
            old_objects: objects("HEAD~2"),
            new_objects: objects("HEAD"),
        }
    }

    fn run(&self, disk: &SimFs) -> Result<()> {
        let repository = GitDir::open("/r.git", &options(disk))?;
        push(&repository, &self.pack, &self.before, &self.after, self.atomic, self.how.clone())
    }

    /// What is found after a crash or a failure; whether the push was answered with success.
    fn check(&self, disk: &SimFs, done: bool, failed_only: bool, context: &str) {
        let seen = seen(disk);
        assert!(
            !self.atomic || same(&seen, &self.before) || same(&seen, &self.after),
            "{context}: others see half of it: {seen:?}"
        );
        let repository = GitDir::open("/r.git", &options(disk)).expect(context);
        let found = refs_of(&repository, context);
        let names: std::collections::BTreeSet<_> = self.before.keys().chain(self.after.keys()).collect();
        for name in names {
            let (is, old, new) = (found.get(*name), self.before.get(*name), self.after.get(*name));
            assert!(is == old || is == new, "{context}: {name} is {is:?}");
        }
        let (is_old, is_new) = (same(&found, &self.before), same(&found, &self.after));
        assert!(is_new || !done, "{context}: it was acknowledged, and is {found:?}");
        // Without atomicity each ref stands for itself.
        let may_differ = !self.atomic && self.after.len().max(self.before.len()) > 1;
        assert!(
            is_old || !failed_only || done || may_differ,
            "{context}: it failed, and has changed refs: {found:?}"
        );
        assert!(is_old || is_new || !self.atomic, "{context}: half of it is there: {found:?}");
        check_objects(&repository, if is_old { &self.old_objects } else { &self.new_objects }, context);
        if let Some(shallow) = self.how.shallow.as_ref().filter(|_| done) {
            assert_eq!(&*repository.shallow().expect(context), shallow.as_slice(), "{context}");
        }
        // The next push needs nobody.
        let now: Refs = names_of(&found);
        let how = How { shallow: None, ..self.how.clone() };
        let next = push(&repository, &self.pack, &now, &self.after, self.atomic, how);
        assert!(next.is_ok(), "{context}: the next push: {next:?}");
        assert!(same(&refs_of(&repository, context), &self.after), "{context}");
        assert_eq!(litter(disk), Vec::<String>::new(), "{context}");
    }

    /// Explores crashes and failures; how many states there were.
    fn explore(&self, name: &str) -> usize {
        self.explore_with(name, 8)
    }

    /// The same with fewer choices of what survives a crash, for large disks.
    fn explore_with(&self, name: &str, choices: u64) -> usize {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let choices = number("GITWIRE_EXPLORE").unwrap_or(choices);
        let seed = number("GITWIRE_EXPLORE_SEED").unwrap_or(1);
        let start = || self.disk.after_crash(Survival::Everything);
        let whole = start();
        self.run(&whole).unwrap();
        let count = whole.operations();
        let mut states = 0;
        for crash in 0..=count {
            let disk = start();
            disk.crash_at(crash);
            let done = self.run(&disk).is_ok();
            let seeded = (0..choices).map(|nth| Survival::Seeded(seed + crash * choices + nth));
            for survival in [Survival::Synced, Survival::Everything].into_iter().chain(seeded) {
                let after = disk.after_crash(survival);
                self.check(
                    &after,
                    done,
                    false,
                    &format!("{name}: crash at {crash} of {count}, {survival:?}"),
                );
                states += 1;
            }
        }
        for at in 0..count {
            for fault in FAULTS {
                let disk = start();
                disk.fault_at(at, fault);
                let result = self.run(&disk);
                let context = format!("{name}: {fault:?} at {at} of {count}: {result:?}");
                disk.no_fault();
                // And if the power goes afterwards: what could not be synced is lost.
                let after = disk.after_crash(Survival::Synced);
                self.check(&after, result.is_ok(), false, &format!("{context}, then a crash"));
                self.check(&disk, result.is_ok(), true, &context);
                states += 2;
            }
        }
        eprintln!("{name}: {count} operations, {states} states, seed {seed}");
        states
    }
}

fn push(repository: &GitDir, pack: &[u8], before: &Refs, after: &Refs, atomic: bool, how: How) -> Result<()> {
    let mut request = StageRequest::default();
    request.fsck = Some(FsckRules::incoming().into());
    request.unpack_limit = how.unpack_limit;
    let mut staging = repository.stage(&request)?;
    staging.write(pack)?;
    let staged = staging.finish(&Never)?;
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let edits = names.into_iter().filter(|name| before.get(*name) != after.get(*name)).map(|name| RefEdit {
        name: RefName::new((*name).to_owned()).unwrap(),
        expected: before.get(name).map_or(Expected::Absent, |id| Expected::Id(*id)),
        new: after.get(name).map(|id| RefTarget::Direct(*id)),
    });
    let mut edits: Vec<_> = edits.collect();
    let shallow = how.shallow;
    let (mut staged, _kept) = match how.early {
        true => (None, Some(repository.publish(staged)?)),
        false => (Some(staged), None),
    };
    let mut outcomes = Vec::new();
    if how.one_by_one {
        edits.sort_by_key(|edit| edit.new.is_some());
        for edit in edits {
            let transaction = Transaction { edits: vec![edit], ..Transaction::default() };
            outcomes.extend(repository.commit(staged.take(), transaction, &mut |_| Ok(()))?);
        }
    } else {
        let transaction = Transaction { edits, atomic, shallow, ..Transaction::default() };
        outcomes.extend(repository.commit(staged, transaction, &mut |_| Ok(()))?);
    }
    if outcomes.iter().all(|outcome| *outcome == EditOutcome::Done) {
        return Ok(());
    }
    Err(gitwire_storage::StorageError::new(gitwire_storage::StorageErrorKind::Busy, format!("{outcomes:?}")))
}

fn refs_of(repository: &GitDir, context: &str) -> BTreeMap<String, ObjectId> {
    let mut found = BTreeMap::new();
    repository
        .refs()
        .and_then(|view| {
            view.each(&[], &mut |record| {
                let name = String::from_utf8(record.name.to_vec()).unwrap();
                if name != "HEAD" {
                    found.insert(name, record.id.unwrap());
                }
                Ok(std::ops::ControlFlow::Continue(()))
            })
        })
        .expect(context);
    found
}

/// The refs as one finds them who knows nothing of what we do after a crash: tables; or files, and for what has none `packed-refs`.
fn seen(disk: &SimFs) -> BTreeMap<String, ObjectId> {
    let root = disk.directory("/r.git".as_ref()).unwrap();
    let bytes = |path: &[u8]| {
        let mut content = vec![0; 512 << 10];
        let read = root.open(path, Links::Refuse).and_then(|file| file.read_at(0, &mut content)).unwrap_or(0);
        content.truncate(read);
        content
    };
    if root.open(b"reftable/tables.list", Links::Refuse).is_ok() {
        return in_tables(&bytes);
    }
    let content = |path: &[u8]| String::from_utf8(bytes(path)).unwrap();
    let packed = content(b"packed-refs");
    let lines = packed.lines().filter(|line| !line.starts_with(['#', '^']));
    let mut found: BTreeMap<String, ObjectId> = lines
        .map(|line| line.split_once(' ').unwrap())
        .map(|(hex, name)| (name.to_owned(), id(hex)))
        .collect();
    let mut pending = vec!["refs".to_owned()];
    while let Some(path) = pending.pop() {
        for entry in root.list(path.as_bytes()).unwrap() {
            let path = format!("{path}/{}", String::from_utf8(entry.name).unwrap());
            if entry.kind == Some(FileKind::Directory) {
                pending.push(path);
            } else if !path.ends_with(".lock") {
                found.insert(path.clone(), id(&content(path.as_bytes())));
            }
        }
    }
    found
}

/// The refs in tables, where `bytes` gives the content of a file.
fn in_tables(bytes: &dyn Fn(&[u8]) -> Vec<u8>) -> BTreeMap<String, ObjectId> {
    let mut found = BTreeMap::new();
    let list = bytes(b"reftable/tables.list");
    for name in read_list(&list).unwrap() {
        let source = MemorySource::new(bytes(&[b"reftable/", name].concat()));
        let table = Table::open(std::sync::Arc::new(source), Limits::default()).unwrap();
        let mut refs = table.refs_from(b"refs/").unwrap();
        while refs.advance().unwrap() {
            let record = refs.record();
            let name = String::from_utf8(record.name.to_vec()).unwrap();
            match record.value {
                RefValue::Id(id) => drop(found.insert(name, id)),
                RefValue::Deleted => drop(found.remove(&name)),
                _ => {}
            }
        }
    }
    found
}

fn same(found: &BTreeMap<String, ObjectId>, refs: &Refs) -> bool {
    found.iter().map(|(name, id)| (name.as_str(), *id)).eq(refs.iter().map(|(name, id)| (*name, *id)))
}

/// The refs by the names that this test knows.
fn names_of(found: &BTreeMap<String, ObjectId>) -> Refs {
    const NAMES: [&str; 8] = [
        "refs/heads/main",
        "refs/heads/a",
        "refs/heads/b",
        "refs/heads/a/b",
        "refs/heads/deep/er/one",
        "refs/tags/t",
        "refs/heads/gone",
        "refs/heads/other",
    ];
    found.iter().map(|(name, id)| (*NAMES.iter().find(|known| *known == name).unwrap(), *id)).collect()
}

/// Files that nobody should find after a push.
fn litter(disk: &SimFs) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec!["/r.git".to_owned()];
    while let Some(path) = pending.pop() {
        let dir = disk.directory(path.as_ref()).unwrap();
        let named = dir.open(b"tables.list", Links::Refuse).map_or(String::new(), |list| {
            let mut content = vec![0; 4096];
            let len = list.read_at(0, &mut content).unwrap();
            String::from_utf8_lossy(&content[..len]).into_owned()
        });
        for entry in dir.list(b"").unwrap() {
            let name = String::from_utf8(entry.name).unwrap();
            let full = format!("{path}/{name}");
            let ours = path.ends_with("/gitwire") && name != "recovery";
            let tail = name.ends_with(".lock") || name.ends_with(".keep") || name.starts_with("tmp_");
            let unnamed = name.ends_with(".ref") && !named.contains(&name);
            if ours || tail || unnamed || name == "packed-refs.new" {
                found.push(full.clone());
            }
            if entry.kind == Some(FileKind::Directory) {
                pending.push(full);
            }
        }
    }
    found
}

#[test]
fn one_ref() {
    if available() {
        let push = Push::new(&[("refs/heads/main", "HEAD~2")], &[("refs/heads/main", "HEAD")], false);
        assert!(push.explore("one ref") >= 1500);
    }
}

#[test]
fn three_refs_atomic() {
    if available() {
        let before: Names = &[("refs/heads/main", "HEAD~2"), ("refs/heads/other", "HEAD~3")];
        let after: Names = &[
            ("refs/heads/main", "HEAD"),
            ("refs/heads/other", "HEAD~1"),
            ("refs/heads/deep/er/one", "HEAD"),
        ];
        assert!(Push::new(before, after, true).explore("three refs, atomic") >= 2000);
    }
}

#[test]
fn two_refs_of_a_group_atomic() {
    if available() {
        let before: Names = &[("refs/heads/main", "HEAD~2"), ("refs/heads/other", "HEAD~3")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/heads/deep/er/one", "HEAD")];
        let mut init = InitOptions::default();
        init.sharing = Sharing::Group;
        let mut push = Push::with(init, before, after, true);
        push.how.unpack_limit = 100;
        assert!(push.explore("two refs of a group, atomic") >= 2000);
    }
}

#[test]
fn refs_that_stood_together_atomic() {
    if available() {
        let before: Names = &[("refs/heads/main", "HEAD~2"), ("refs/heads/other", "HEAD~3")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/heads/b", "HEAD")];
        let mut push = Push::new(before, after, true);
        let disk = push.disk.after_crash(Survival::Everything);
        let root = disk.directory("/r.git".as_ref()).unwrap();
        let lines = push.before.iter().map(|(name, id)| format!("{id} {name}\n"));
        let text = "# pack-refs with: peeled fully-peeled sorted \n".to_owned() + &lines.collect::<String>();
        let file = root.create(b"packed-refs", 0o666).unwrap();
        file.write(text.as_bytes()).unwrap();
        for name in push.before.keys() {
            root.remove_file(name.as_bytes()).unwrap();
        }
        push.disk = disk;
        assert!(push.explore("refs of one file") >= 2000);
    }
}

#[test]
fn refs_deleted_and_made_atomic() {
    if available() {
        let before: Names =
            &[("refs/heads/main", "HEAD~2"), ("refs/heads/gone", "HEAD~3"), ("refs/heads/a/b", "HEAD~3")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/tags/t", "HEAD~1")];
        assert!(Push::new(before, after, true).explore("deletions, atomic") >= 2000);
    }
}

#[test]
fn refs_of_their_own() {
    if available() {
        let before: Names = &[("refs/heads/main", "HEAD~2"), ("refs/heads/gone", "HEAD~3")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/heads/b", "HEAD~1")];
        assert!(Push::new(before, after, false).explore("not atomic") >= 2000);
    }
}

#[test]
fn a_directory_in_the_place_of_a_ref() {
    if available() {
        // What was below `refs/heads/a` went before; its empty directories may still be there.
        let before: Names = &[("refs/heads/main", "HEAD~2")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/heads/a", "HEAD~1")];
        let mut push = Push::new(before, after, true);
        let disk = push.disk.after_crash(Survival::Everything);
        let root = disk.directory("/r.git".as_ref()).unwrap();
        root.make_dir(b"refs/heads/a", 0o777).unwrap();
        root.make_dir(b"refs/heads/a/b", 0o777).unwrap();
        push.disk = disk;
        assert!(push.explore("directory in the way") >= 2000);
    }
}

#[test]
fn a_ref_in_the_place_of_a_directory_of_refs() {
    if available() {
        let before: Names = &[("refs/heads/main", "HEAD~2"), ("refs/heads/a/b", "HEAD~3")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/heads/a", "HEAD~1")];
        let mut push = Push::new(before, after, false);
        push.how.one_by_one = true;
        assert!(push.explore("ref for a directory") >= 2000);
    }
}

#[test]
fn a_shallow_list_and_refs() {
    if available() {
        let before: Names = &[("refs/heads/main", "HEAD~2")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/heads/b", "HEAD~1")];
        let mut push = Push::new(before, after, true);
        push.how.shallow = Some(vec![*push.before.values().next().unwrap()]);
        assert!(push.explore("shallow") >= 2000);
    }
}

#[test]
fn a_small_pack_as_single_objects() {
    if available() {
        let before: Names = &[("refs/heads/main", "HEAD~2")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/heads/b", "HEAD~1")];
        let mut push = Push::new(before, after, true);
        push.how.unpack_limit = 100;
        assert!(push.explore("single objects") >= 2000);
    }
}

#[test]
fn objects_before_refs() {
    if available() {
        let before: Names = &[("refs/heads/main", "HEAD~2")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/heads/b", "HEAD~1")];
        let mut push = Push::new(before, after, true);
        push.how.early = true;
        assert!(push.explore("objects first") >= 2000);
    }
}

/// The same pushes where refs are in tables.
mod tables {
    use super::*;

    fn reftables() -> InitOptions {
        let mut init = InitOptions::default();
        init.ref_format = RefFormat::Reftable;
        init
    }

    fn explore(before: Names, after: Names, atomic: bool, how: How, name: &str) {
        if available() {
            let mut push = Push::with(reftables(), before, after, atomic);
            push.how = how;
            assert!(push.explore_with(&format!("{name}, in tables"), 4) >= 1200);
        }
    }

    #[test]
    fn one_ref() {
        let (before, after): (Names, Names) =
            (&[("refs/heads/main", "HEAD~2")], &[("refs/heads/main", "HEAD")]);
        explore(before, after, false, How::default(), "one ref");
    }

    #[test]
    fn three_refs_atomic() {
        let before: Names = &[("refs/heads/main", "HEAD~2"), ("refs/heads/other", "HEAD~3")];
        let after: Names = &[
            ("refs/heads/main", "HEAD"),
            ("refs/heads/other", "HEAD~1"),
            ("refs/heads/deep/er/one", "HEAD"),
        ];
        explore(before, after, true, How::default(), "three refs, atomic");
    }

    #[test]
    fn refs_deleted_and_made() {
        let before: Names =
            &[("refs/heads/main", "HEAD~2"), ("refs/heads/gone", "HEAD~3"), ("refs/heads/a/b", "HEAD~3")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/tags/t", "HEAD~1")];
        explore(before, after, true, How::default(), "deletions, atomic");
    }

    #[test]
    fn a_shallow_list_and_refs() {
        let before: Names = &[("refs/heads/main", "HEAD~2")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/heads/b", "HEAD~1")];
        if available() {
            let mut push = Push::with(reftables(), before, after, true);
            push.how.shallow = Some(vec![*push.before.values().next().unwrap()]);
            assert!(push.explore("shallow, in tables") >= 1200);
        }
    }

    #[test]
    fn objects_before_refs() {
        let before: Names = &[("refs/heads/main", "HEAD~2")];
        let after: Names = &[("refs/heads/main", "HEAD"), ("refs/heads/b", "HEAD~1")];
        explore(
            before,
            after,
            true,
            How { early: true, unpack_limit: 100, ..How::default() },
            "objects first",
        );
    }

    /// A table of records that say nothing of any ref, `count` blocks of a kibibyte.
    fn filler(index: u64, count: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let options = WriteOptions { block_size: 1024, restart_interval: 16 };
        let mut writer = Writer::new(ObjectFormat::Sha1, index..=index, &options);
        for nth in 0..count {
            // Half a block each, so that two do not find room in one.
            let name = format!("refs/filler/{nth:06}/{}", "x".repeat(600)).into_bytes();
            let record = RefRecord { name: &name, update_index: index, value: RefValue::Deleted };
            writer.add_ref(&record, &mut out).unwrap();
        }
        writer.finish(&mut out).unwrap();
        out
    }

    /// Tables that are too many, as git leaves them that was told not to make them one, and too large to be taken in by the way.
    #[test]
    fn large_tables_made_one() {
        if !available() {
            return;
        }
        let (before, after): (Names, Names) =
            (&[("refs/heads/main", "HEAD~2")], &[("refs/heads/main", "HEAD"), ("refs/heads/b", "HEAD~1")]);
        let mut push = Push::with(reftables(), before, after, true);
        let disk = push.disk.after_crash(Survival::Everything);
        let section = ConfigSection::new("reftable", None).with("blockSize", b"1024");
        GitDir::open("/r.git", &options(&disk)).unwrap().add_config(&[section]).unwrap();
        let root = disk.directory("/r.git".as_ref()).unwrap();
        let mut list = String::new();
        for (name, content) in [("0x1.ref", filler(100, 150)), ("0x2.ref", filler(101, 150))] {
            list.push_str(&format!("{name}\n"));
            root.create(format!("reftable/{name}").as_bytes(), 0o666).unwrap().write(&content).unwrap();
        }
        root.append(b"reftable/tables.list", 0o666).unwrap().write(list.as_bytes()).unwrap();
        push.disk = disk.after_crash(Survival::Everything);
        assert!(push.explore_with("large tables, in tables", 1) >= 2000);
        let whole = push.disk.after_crash(Survival::Everything);
        push.run(&whole).unwrap();
        let tables = whole.directory("/r.git/reftable".as_ref()).unwrap().list(b"").unwrap();
        assert_eq!(tables.len(), 2, "the list, and one table: {tables:?}");
    }
}
