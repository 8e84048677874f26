//! Promised objects come when they are read, in batches, and each once.

use std::sync::{Arc, Mutex};

use gitwire_storage::{
    Lazy, MemoryRepository, Presence, Promisor, Repository as _, Result, StorageError, StorageErrorKind,
};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

/// Has blobs, and notes what it was asked for.
struct Remote {
    into: MemoryRepository,
    asked: Mutex<Vec<usize>>,
}

impl Promisor for Remote {
    fn bring(&self, ids: &[ObjectId]) -> Result<()> {
        self.asked.lock().unwrap().push(ids.len());
        for id in ids {
            let number = (0..=20_010).find(|number| blob(*number) == *id);
            let lacks = || StorageError::new(StorageErrorKind::Missing(*id), "the remote lacks it");
            self.into.add(ObjectKind::Blob, &content(number.ok_or_else(lacks)?))?;
        }
        Ok(())
    }
}

fn content(number: u32) -> Vec<u8> {
    number.to_string().into_bytes()
}

fn blob(number: u32) -> ObjectId {
    let of = MemoryRepository::new(ObjectFormat::Sha1);
    of.add(ObjectKind::Blob, &content(number)).unwrap()
}

fn world() -> (MemoryRepository, Arc<Remote>, Lazy) {
    let repository = MemoryRepository::new(ObjectFormat::Sha1);
    let remote = Arc::new(Remote { into: repository.clone(), asked: Mutex::default() });
    let lazy = Lazy::new(Arc::new(repository.clone()), remote.clone());
    (repository, remote, lazy)
}

#[test]
fn what_is_promised_comes_when_it_is_read() {
    let (repository, remote, lazy) = world();
    repository.promise([blob(1), blob(2), blob(3)]);
    let objects = lazy.objects().unwrap();
    let presence = |id| {
        let mut presence = Presence::Absent;
        objects.headers(&[id], &mut |_, found| presence = found).unwrap();
        presence
    };
    let mut out = Vec::new();
    assert_eq!(presence(blob(1)), Presence::Absent, "headers bring nothing");
    assert_eq!(objects.read(&blob(9), 9, &mut out).unwrap(), None, "nobody promised it");
    assert!(remote.asked.lock().unwrap().is_empty());

    assert_eq!(objects.read(&blob(1), 9, &mut out).unwrap(), Some(ObjectKind::Blob));
    assert_eq!(out, b"1");
    assert_eq!(presence(blob(1)), Presence::Here { kind: ObjectKind::Blob, size: 1 });
    objects.prefetch(&[blob(3), blob(1), blob(2), blob(3), blob(9)]).unwrap();
    objects.prefetch(&[blob(2)]).unwrap();
    assert!(objects.open(&blob(2)).unwrap().is_some());
    assert_eq!(*remote.asked.lock().unwrap(), [1, 2], "in batches, without what is here");
}

#[test]
fn a_batch_has_its_bound() {
    let (repository, remote, lazy) = world();
    let max = u32::try_from(Lazy::BATCH).unwrap();
    let numbers: Vec<ObjectId> = {
        let of = MemoryRepository::new(ObjectFormat::Sha1);
        (0..=max).map(|number| of.add(ObjectKind::Blob, &content(number)).unwrap()).collect()
    };
    struct Silent(Arc<Remote>);
    impl Promisor for Silent {
        fn bring(&self, ids: &[ObjectId]) -> Result<()> {
            self.0.asked.lock().unwrap().push(ids.len());
            Ok(())
        }
    }
    drop(lazy);
    let lazy = Lazy::new(Arc::new(repository.clone()), Arc::new(Silent(remote.clone())));
    repository.promise(numbers.iter().copied());
    lazy.objects().unwrap().prefetch(&numbers[..Lazy::BATCH]).unwrap();
    assert_eq!(std::mem::take(&mut *remote.asked.lock().unwrap()), [Lazy::BATCH]);
    let objects = lazy.objects().unwrap();
    objects.prefetch(&numbers).unwrap();
    assert_eq!(std::mem::take(&mut *remote.asked.lock().unwrap()), [Lazy::BATCH, 1]);
    // What was asked for and did not come is not asked for again.
    assert_eq!(objects.read(&numbers[0], 9, &mut Vec::new()).unwrap(), None);
    assert!(remote.asked.lock().unwrap().is_empty());
}

#[test]
fn who_cannot_bring_it_says_so() {
    let (repository, _, lazy) = world();
    let unknown = ObjectId::from_sha1([7; 20]);
    repository.promise([unknown]);
    let error = lazy.objects().unwrap().read(&unknown, 9, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "the remote lacks it");
}
