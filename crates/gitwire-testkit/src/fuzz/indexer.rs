//! Indexing packs from strangers.

use std::error::Error;
use std::sync::Arc;

use gitwire_object::{Hasher, Trust};
use gitwire_pack::{
    BaseCache, Content, Index, Indexer, IndexerOptions, Inspect, KnownObjects, Limits, MemorySpool, Pack,
    PackError, Resolve, StorageFailure, verify_pack,
};
use gitwire_types::{Never, ObjectFormat, ObjectId, ObjectKind};

/// Indexes a pack, with its trailer made right, under tiny limits. The first byte says how it is cut and on how many
/// threads; what was indexed must verify, and read as it was inspected.
///
/// # Panics
/// When a pack that was accepted does not verify or read.
pub(super) fn indexer(data: &[u8]) {
    let [how, entries @ ..] = data else { return };
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(entries);
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
    hasher.update(&pack);
    pack.extend_from_slice(hasher.finish().unwrap().as_bytes());

    let limits = Limits {
        pack_bytes_max: 1 << 16,
        objects_max: 200,
        object_bytes_max: 1 << 16,
        delta_bytes_max: 1 << 14,
        delta_depth_max: 20,
        ..Limits::default()
    };
    let options =
        IndexerOptions::new(ObjectFormat::Sha1).threads(usize::from(how >> 7) + 1).memory(0).limits(limits);
    let resolve = Resolve::default().bases(&OneBlob).existing(&OneBlob).inspect(&Within);
    let mut indexer = Indexer::new(MemorySpool::new(), options.clone());
    for piece in pack.chunks(usize::from(how & 127) + 1) {
        if let Err(error) = indexer.write(piece, &Never) {
            return check(&error);
        }
    }
    let indexed = match indexer.finish(&resolve, &Never) {
        Ok(indexed) => indexed,
        Err(error) => return check(&error),
    };
    let objects: Vec<(ObjectId, ObjectKind)> = indexed.objects().collect();
    let mut idx = Vec::new();
    let sink = |piece: &[u8]| {
        idx.extend_from_slice(piece);
        Ok(())
    };
    indexed.write_index(Default::default(), sink).unwrap();
    let pack = indexed.into_spool().into_bytes();
    let index = Index::open(idx, ObjectFormat::Sha1, &limits).unwrap();
    let limits = Limits { objects_max: 400, pack_bytes_max: 1 << 20, ..limits };
    verify_pack(&pack, &index, options.limits(limits), &Resolve::default(), &Never, &mut |_| ()).unwrap();
    let pack = Pack::open(pack, index, Arc::new(BaseCache::new(1 << 12)), limits).unwrap().check_ids();
    let mut out = Vec::new();
    for (id, kind) in objects {
        assert_eq!(pack.read(&id, 1 << 20, &mut out).unwrap(), Some(kind));
        assert_eq!(pack.info(&id).unwrap(), Some((kind, out.len() as u64)));
    }
}

fn check(error: &PackError) {
    assert!(!matches!(error, PackError::Internal(_) | PackError::Misuse(_)), "{error}");
}

/// A repository of one blob.
struct OneBlob;

const BLOB: &[u8] = b"hello\n";

impl OneBlob {
    fn has(id: &ObjectId) -> bool {
        id.to_hex().as_str() == "ce013625030ba8dba906f756967f9e9ca394464a"
    }
}

impl KnownObjects for OneBlob {
    fn info(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>, StorageFailure> {
        Ok(Self::has(id).then_some((ObjectKind::Blob, BLOB.len() as u64)))
    }

    fn read(&self, id: &ObjectId, _: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>, StorageFailure> {
        out.clear();
        if !Self::has(id) {
            return Ok(None);
        }
        out.extend_from_slice(BLOB);
        Ok(Some(ObjectKind::Blob))
    }
}

struct Within;

impl Inspect for Within {
    fn inspect(
        &self,
        id: &ObjectId,
        kind: ObjectKind,
        content: Content<'_>,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Content::Whole(content) = content else { return Ok(()) };
        assert!(content.len() <= 1 << 16);
        assert_eq!(Hasher::new(ObjectFormat::Sha1, Trust::Own).object_id(kind, content)?, *id);
        Ok(())
    }
}
