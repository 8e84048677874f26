//! What surrounds the work: interrupts, progress, a medium that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gitwire_pack::{
    BaseCache, Blame, Index, Indexer, Limits, Pack, PackError, ReadAt, Resolve, Spool, StorageFailure,
};
use gitwire_types::{Interrupted, Never};

use crate::packs::{PackBuilder, SHA1, appending, blob_id, idx_of, index, options, small};

/// A spool that fails at its `left`th use.
struct Failing {
    bytes: Vec<u8>,
    left: AtomicU32,
}

impl Failing {
    fn after(uses: u32) -> Self {
        Self { bytes: Vec::new(), left: AtomicU32::new(uses) }
    }

    fn use_up(&self) -> Result<(), StorageFailure> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| "the disk is full".into())
    }
}

impl ReadAt for Failing {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        self.use_up()?;
        self.bytes.read_at(offset, out)
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl Spool for Failing {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageFailure> {
        self.use_up()?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn write_at(&mut self, _: u64, _: &[u8]) -> Result<(), StorageFailure> {
        Err("not written".into())
    }
}

/// The medium may fail at any use: each time it is its error that comes out.
#[test]
fn a_failing_medium() {
    let pack = small();
    for threads in [1, 3] {
        let run = |uses| {
            let mut indexer = Indexer::new(Failing::after(uses), options(threads));
            for piece in pack.chunks(100) {
                indexer.write(piece, &Never)?;
            }
            indexer.finish(&Resolve::default(), &Never).map(|_| ())
        };
        let mut uses = 0;
        while let Err(error) = run(uses) {
            assert!(matches!(error, PackError::Storage(_)), "{error}");
            assert_eq!(error.blame(), Blame::Storage);
            uses += 1;
        }
        assert!(uses > 10, "{uses}");
    }
}

/// Whoever stops it is heard at each question.
#[test]
fn interrupts() {
    let mut pack = PackBuilder::new();
    let base = pack.blob(b"");
    for _ in 0..1000 {
        pack.offset_delta(base, &appending(0, b"same"));
    }
    let pack = pack.finish();
    let run = |answers: u32| {
        let left = AtomicU32::new(answers);
        let interrupt = || {
            let left = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            left.map(|_| ()).map_err(|_| Interrupted)
        };
        let mut indexer = Indexer::new(gitwire_pack::MemorySpool::new(), options(1));
        for piece in pack.chunks(5000) {
            indexer.write(piece, &interrupt)?;
        }
        indexer.finish(&Resolve::default(), &interrupt).map(|_| ())
    };
    let mut answers = 0;
    while let Err(error) = run(answers) {
        assert!(matches!(error, PackError::Interrupted(_)), "{error}");
        answers += 1;
    }
    // Each piece, and each few dozen objects.
    assert!(answers > 20, "{answers}");
}

#[test]
fn progress() {
    let pack = small();
    let mut indexer = Indexer::new(gitwire_pack::MemorySpool::new(), options(2));
    let progress = indexer.progress();
    assert_eq!((progress.bytes(), progress.received()), (0, (0, 0)));
    let (first, second) = pack.split_at(pack.len() / 2);
    indexer.write(first, &Never).unwrap();
    indexer.flush(&Never).unwrap();
    let (found, of) = progress.received();
    assert!(progress.bytes() == first.len() as u64 && found > 0 && found < of, "{progress:?}");
    assert!(!indexer.is_complete());
    indexer.write(second, &Never).unwrap();
    indexer.flush(&Never).unwrap();
    assert!(indexer.is_complete());
    let count = indexer.finish(&Resolve::default(), &Never).unwrap().count();
    assert_eq!(progress.received(), (count.into(), count.into()));
    assert_eq!(progress.resolved(), (count.into(), count.into()));
}

#[test]
fn after_an_error_nothing_more() {
    let mut indexer = Indexer::new(gitwire_pack::MemorySpool::new(), options(1));
    assert!(matches!(indexer.write(b"PACK\0\0\0\x09\0\0\0\0", &Never), Err(PackError::Version { found: 9 })));
    assert!(matches!(indexer.write(b"PACK", &Never), Err(PackError::Misuse(_))));
    assert!(matches!(indexer.finish(&Resolve::default(), &Never), Err(PackError::Misuse(_))));
}

/// A file that is cut while it is read gives an error.
#[test]
fn a_pack_that_shrinks() {
    struct Shrinking(Vec<u8>, AtomicU32);
    impl ReadAt for Shrinking {
        fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
            let len = self.1.load(Ordering::Relaxed) as usize;
            self.0[..len].read_at(offset, out)
        }
        fn size(&self) -> u64 {
            self.0.len() as u64
        }
    }
    let mut builder = PackBuilder::new();
    let content: Vec<u8> = (0..50_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    builder.blob(&content);
    let bytes = builder.finish();
    let idx = idx_of(&index(&bytes).unwrap());
    let data = Arc::new(Shrinking(bytes.clone(), AtomicU32::new(bytes.len() as u32)));
    let limits = Limits::default();
    let index = Index::open(idx, SHA1, &limits).unwrap();
    let pack = Pack::open(data.clone(), index, Arc::new(BaseCache::new(0)), limits).unwrap();
    let id = blob_id(&content);
    for len in [0, 12, 13, 20, 1000, bytes.len() as u32 - 21] {
        data.1.store(len, Ordering::Relaxed);
        let error = pack.read(&id, 1 << 20, &mut Vec::new()).unwrap_err();
        assert!(
            matches!(error, PackError::Truncated { offset } if offset == u64::from(len.max(12))),
            "{len}: {error}"
        );
    }
}
