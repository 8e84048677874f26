//! What holds for every [`Repository`], wherever it lives: one suite that each back end runs.

use std::ops::ControlFlow;

use bytes::Bytes;
use gitwire_object::{Trust, object_id};
use gitwire_pack::EntryHeader;
use gitwire_storage::{
    EditOutcome, Expected, Presence, RefEdit, Repository, StageRequest, Staged, StorageErrorKind,
    Transaction, Veto,
};
use gitwire_types::{Never, ObjectFormat, ObjectId, ObjectKind, RefName, RefTarget};

/// Runs every law on empty repositories of both formats that `make` makes.
pub fn check(make: &mut dyn FnMut(ObjectFormat) -> Box<dyn Repository>) {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        empty(&*make(format), format);
        objects(&*make(format), format);
        packs_in_order(&*make(format), format);
        given_up(&*make(format), format);
        refs(&*make(format), format);
        symbolic(&*make(format), format);
        atomic(&*make(format), format);
        shallow(&*make(format), format);
    }
}

fn empty(repository: &dyn Repository, format: ObjectFormat) {
    assert_eq!(repository.format(), format);
    assert!(repository.shallow().unwrap().is_empty());
    assert_eq!(listing(repository, &[]), [""; 0]);
    let absent = ObjectId::zero(format);
    let objects = repository.objects().unwrap();
    objects.headers(&[absent], &mut |_, presence| assert_eq!(presence, Presence::Absent)).unwrap();
    assert_eq!(objects.read(&absent, 1, &mut Vec::new()).unwrap(), None);
    assert!(objects.open(&absent).unwrap().is_none());
    // An id of the other format is not there; it is no error.
    let other = if format == ObjectFormat::Sha1 { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
    assert_eq!(objects.read(&ObjectId::zero(other), 1, &mut Vec::new()).unwrap(), None);
}

fn objects(repository: &dyn Repository, format: ObjectFormat) {
    let before = repository.objects().unwrap();
    let staged = stage(repository, format, &BLOBS);
    let ids = ids(format);
    assert_eq!(before.read(&ids[0], 100, &mut Vec::new()).unwrap(), None);
    assert_eq!(staged.objects().read(&ids[0], 100, &mut Vec::new()).unwrap(), Some(ObjectKind::Blob));
    let mut new = Vec::new();
    staged
        .new_objects(&mut |id, kind| {
            assert_eq!(kind, ObjectKind::Blob);
            new.push(id);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(new, ids);
    assert_eq!(repository.commit(Some(staged), Transaction::default(), &mut |_| Ok(())).unwrap(), []);
    let after = repository.objects().unwrap();
    for (id, blob) in ids.iter().zip(BLOBS) {
        let mut whole = Vec::new();
        assert_eq!(after.read(id, blob.len() as u64, &mut whole).unwrap(), Some(ObjectKind::Blob));
        assert_eq!(whole, blob);
        if let Some(less) = (blob.len() as u64).checked_sub(1) {
            assert_eq!(after.read(id, less, &mut whole).unwrap_err().kind(), StorageErrorKind::Limit);
        }
        let mut reader = after.open(id).unwrap().unwrap();
        assert_eq!((reader.kind(), reader.size()), (ObjectKind::Blob, blob.len() as u64));
        let (mut pieces, mut room) = (Vec::new(), [0; 3]);
        loop {
            match reader.read(&mut room).unwrap() {
                0 => break,
                got => pieces.extend_from_slice(&room[..got]),
            }
        }
        assert_eq!(pieces, blob);
    }
    let asked: Vec<_> = ids.iter().rev().copied().chain([ObjectId::zero(format)]).collect();
    let mut answers = vec![None; asked.len()];
    after
        .headers(&asked, &mut |index, presence| {
            assert!(answers[index].replace(presence).is_none(), "one answer for each");
        })
        .unwrap();
    for (answer, blob) in answers.iter().zip(BLOBS.iter().rev()) {
        assert_eq!(*answer, Some(Presence::Here { kind: ObjectKind::Blob, size: blob.len() as u64 }));
    }
    assert_eq!(answers.last(), Some(&Some(Presence::Absent)));
}

fn packs_in_order(repository: &dyn Repository, format: ObjectFormat) {
    let staged = stage(repository, format, &BLOBS);
    repository.commit(Some(staged), Transaction::default(), &mut |_| Ok(())).unwrap();
    let objects = repository.objects().unwrap();
    let Some(packs) = objects.packs() else { return };
    let ids = ids(format);
    let mut entries = vec![None; ids.len()];
    packs.locate(&ids, &mut |index, entry| entries[index] = entry).unwrap();
    let mut places = vec![None; ids.len()];
    packs.places(&ids, &mut |index, place| places[index] = place).unwrap();
    for (id, entry) in ids.iter().zip(&entries) {
        let entry = entry.unwrap();
        let (found, position) = packs.at_offset(entry.pack, entry.offset).unwrap();
        assert_eq!(found, *id);
        assert!(places.contains(&Some((entry.pack, position))));
        assert!(position < packs.objects_in(entry.pack) && entry.pack.0 < packs.packs());
        assert_eq!(packs.position(entry.pack, position).unwrap(), (*id, entry));
        let mut bytes = vec![0; usize::try_from(entry.len).unwrap()];
        assert_eq!(packs.read_at(entry.pack, entry.offset, &mut bytes).unwrap(), bytes.len());
        let header = EntryHeader::parse(&bytes, format, entry.offset).unwrap().unwrap();
        assert_eq!((header.len, header.size), (entry.header_len, entry.size));
    }
    packs.locate(&[ObjectId::zero(format)], &mut |_, entry| assert_eq!(entry, None)).unwrap();
    packs.places(&[ObjectId::zero(format)], &mut |_, place| assert_eq!(place, None)).unwrap();
}

fn given_up(repository: &dyn Repository, format: ObjectFormat) {
    drop(stage(repository, format, &BLOBS));
    assert_eq!(repository.objects().unwrap().read(&ids(format)[0], 100, &mut Vec::new()).unwrap(), None);
    let pack = pack(format, &BLOBS);
    for cut in 0..pack.len() {
        let mut staging = repository.stage(&StageRequest::default()).unwrap();
        staging.write(&pack[..cut]).unwrap();
        let error = staging.finish(&Never).map(drop).unwrap_err();
        assert!(matches!(error.kind(), StorageErrorKind::Corrupt(_)), "cut at {cut}: {error}");
    }
    let mut staging = repository.stage(&StageRequest::default()).unwrap();
    staging.write(&pack).unwrap();
    let stop = || Err(gitwire_types::Interrupted);
    let error = staging.finish(&stop).map(drop).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Interrupted);
}

fn refs(repository: &dyn Repository, format: ObjectFormat) {
    put_objects(repository, format);
    let (one, two) = (ids(format)[0], ids(format)[1]);
    let done = |name: &str, expected: Expected, new: Option<ObjectId>| {
        let outcomes = apply(repository, false, vec![edit(name, expected, new)]);
        outcomes[0] == EditOutcome::Done
    };
    assert!(done("refs/heads/b", Expected::Absent, Some(one)));
    assert!(!done("refs/heads/b", Expected::Absent, Some(two)));
    assert!(!done("refs/heads/b", Expected::Id(two), Some(two)));
    assert!(!done("refs/heads/none", Expected::Id(one), Some(two)));
    assert!(done("refs/heads/b", Expected::Id(one), Some(two)));
    assert!(!done("refs/heads/b/c", Expected::Any, Some(one)));
    assert!(!done("refs/heads", Expected::Any, Some(one)));
    assert!(!done("config", Expected::Any, Some(one)));
    assert!(done("refs/heads/a/b/c", Expected::Any, Some(one)));
    assert!(done("refs/heads/a-b", Expected::Any, Some(one)));
    assert!(done("refs/tags/t", Expected::Any, Some(one)));
    let view = repository.refs().unwrap();
    let all = ["refs/heads/a-b", "refs/heads/a/b/c", "refs/heads/b", "refs/tags/t"];
    assert_eq!(listing(repository, &[]), all);
    assert_eq!(listing(repository, &["refs/heads/a", "refs/heads/a/", "refs/t"]), [all[0], all[1], all[3]]);
    assert_eq!(listing(repository, &["x"]), [""; 0]);
    assert!(done("refs/heads/a/b/c", Expected::Id(one), None));
    assert!(done("refs/heads/a", Expected::Absent, Some(one)));
    assert!(done("refs/heads/none", Expected::Absent, None));
    let b = RefName::new("refs/heads/b").unwrap();
    assert_eq!(view.get(&b).unwrap(), Some(RefTarget::Direct(two)));
    let twice = vec![edit("refs/heads/b", Expected::Any, None), edit("refs/heads/b", Expected::Any, None)];
    let error = repository
        .commit(None, Transaction { edits: twice, ..Transaction::default() }, &mut |_| Ok(()))
        .unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Misuse);
    let beside =
        vec![edit("refs/x/y", Expected::Any, Some(one)), edit("refs/x/y/z", Expected::Any, Some(one))];
    let outcomes = apply(repository, false, beside);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == EditOutcome::Done).count(), 1);
}

fn symbolic(repository: &dyn Repository, format: ObjectFormat) {
    put_objects(repository, format);
    let (one, two) = (ids(format)[0], ids(format)[1]);
    let name = |text: &str| RefName::new(text.to_owned()).unwrap();
    let link = RefEdit {
        name: name("refs/remotes/o/HEAD"),
        expected: Expected::Absent,
        new: Some(RefTarget::Symbolic(name("refs/remotes/o/main"))),
    };
    assert_eq!(apply(repository, true, vec![link]), [EditOutcome::Done]);
    let mut dangling = 0;
    repository
        .refs()
        .unwrap()
        .each(&[], &mut |record| {
            assert_eq!((record.id, record.symbolic), (None, Some(&b"refs/remotes/o/main"[..])));
            dangling += 1;
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    assert_eq!(dangling, 1);
    let through = vec![edit("refs/remotes/o/HEAD", Expected::Absent, Some(one))];
    assert_eq!(apply(repository, true, through), [EditOutcome::Done]);
    let through = vec![edit("refs/remotes/o/HEAD", Expected::Id(one), Some(two))];
    assert_eq!(apply(repository, true, through), [EditOutcome::Done]);
    let view = repository.refs().unwrap();
    assert_eq!(view.get(&name("refs/remotes/o/main")).unwrap(), Some(RefTarget::Direct(two)));
    assert_eq!(
        apply(repository, true, vec![edit("refs/remotes/o/HEAD", Expected::Id(two), None)]),
        [EditOutcome::Done]
    );
    assert_eq!(listing(repository, &[]), ["refs/remotes/o/main"]);
}

fn atomic(repository: &dyn Repository, format: ObjectFormat) {
    put_objects(repository, format);
    let (one, two) = (ids(format)[0], ids(format)[1]);
    // Enough of them to be written at once where a back end does so.
    let many: Vec<_> =
        (0..12).map(|nth| edit(&format!("refs/tags/{nth}"), Expected::Absent, Some(one))).collect();
    let mut one_wrong = many.clone();
    one_wrong.push(edit("refs/heads/x", Expected::Id(two), Some(one)));
    let outcomes = apply(repository, true, one_wrong);
    assert!(outcomes.iter().all(|outcome| *outcome != EditOutcome::Done));
    assert_eq!(listing(repository, &[]), [""; 0]);
    let transaction = Transaction { edits: many.clone(), ..Transaction::default() };
    let outcomes = repository
        .commit(None, transaction, &mut |edits| {
            assert_eq!(edits, many);
            Err(Veto { reason: "not today".to_owned() })
        })
        .unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == EditOutcome::Rejected("not today".to_owned())));
    assert_eq!(listing(repository, &[]), [""; 0]);
    assert!(apply(repository, true, many).iter().all(|outcome| *outcome == EditOutcome::Done));
    assert_eq!(listing(repository, &["refs/tags/"]).len(), 12);
}

fn shallow(repository: &dyn Repository, format: ObjectFormat) {
    put_objects(repository, format);
    let mut sorted = ids(format);
    sorted.sort_unstable();
    let twice: Vec<_> = ids(format).into_iter().chain(ids(format)).collect();
    let set = |ids: Vec<ObjectId>| {
        let transaction = Transaction { shallow: Some(ids), ..Transaction::default() };
        repository.commit(None, transaction, &mut |_| Ok(())).unwrap();
    };
    set(twice);
    assert_eq!(repository.shallow().unwrap().to_vec(), sorted);
    set(Vec::new());
    assert!(repository.shallow().unwrap().is_empty());
}

fn put_objects(repository: &dyn Repository, format: ObjectFormat) {
    let staged = stage(repository, format, &BLOBS);
    repository.commit(Some(staged), Transaction::default(), &mut |_| Ok(())).unwrap();
}

fn stage(repository: &dyn Repository, format: ObjectFormat, blobs: &[&[u8]]) -> Box<dyn Staged> {
    let mut staging = repository.stage(&StageRequest::default()).unwrap();
    for piece in pack(format, blobs).chunks(5) {
        staging.write(piece).unwrap();
    }
    staging.finish(&Never).unwrap()
}

/// A pack of blobs, each stored whole.
fn pack(format: ObjectFormat, blobs: &[&[u8]]) -> Vec<u8> {
    crate::pack::pack(format, blobs.iter().map(|blob| (ObjectKind::Blob, *blob)))
}

fn ids(format: ObjectFormat) -> Vec<ObjectId> {
    BLOBS.iter().map(|blob| object_id(format, Trust::Own, ObjectKind::Blob, blob).unwrap()).collect()
}

fn edit(name: &str, expected: Expected, new: Option<ObjectId>) -> RefEdit {
    RefEdit { name: RefName::new(name.to_owned()).unwrap(), expected, new: new.map(RefTarget::Direct) }
}

fn apply(repository: &dyn Repository, atomic: bool, edits: Vec<RefEdit>) -> Vec<EditOutcome> {
    let transaction = Transaction { edits, atomic, ..Transaction::default() };
    repository.commit(None, transaction, &mut |_| Ok(())).unwrap()
}

fn listing(repository: &dyn Repository, prefixes: &[&str]) -> Vec<String> {
    let prefixes: Vec<_> = prefixes.iter().map(|prefix| Bytes::copy_from_slice(prefix.as_bytes())).collect();
    let mut names = Vec::new();
    repository
        .refs()
        .unwrap()
        .each(&prefixes, &mut |record| {
            names.push(String::from_utf8(record.name.to_vec()).unwrap());
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    names
}

const BLOBS: [&[u8]; 3] = [b"hello\n", b"", b"another one, a little longer than the first"];
