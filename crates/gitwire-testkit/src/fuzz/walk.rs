//! Walks over objects that some bytes describe: any graph, circles and gaps and damage included.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::BytesMut;
use gitwire_storage::{
    ObjectReader, ObjectStore, Presence, Result, SourceState, StorageError, StorageErrorKind,
};
use gitwire_types::{Depth, Never, ObjectFormat, ObjectId, ObjectKind};
use gitwire_walk::{
    Graph, HaveBudget, HaveSet, NegotiationAlgorithm, Negotiator, ObjectFilter, ObjectList, PackRequest,
    ShallowRequest, WalkLimits, check_connectivity, pack_source, shallow_update,
};

/// Every walk ends; lists name each object once, and none that lacks; what is whole makes a pack.
pub(super) fn walk(data: &[u8]) {
    let mut script = Script(data);
    let store = Arc::new(Objects::read(&mut script));
    let graph = || {
        let mut limits = WalkLimits::default();
        limits.tree_depth_max = 40;
        limits.tag_chain_max = 5;
        Graph::new(Arc::<Objects>::clone(&store), ObjectFormat::Sha1, limits)
    };
    let (wants, haves) = (script.ids(), script.ids());
    let mut walked = graph();
    let _ = walked.range(&wants, &haves, &Never);
    if let ([one, ..], [two, ..]) = (&wants[..], &haves[..]) {
        let _ = walked.is_ancestor(one, two, &Never);
        let _ = walked.unreached(&wants, &haves, &Never);
    }
    for request in [ShallowRequest::Keep, ShallowRequest::Depth(Depth::new(2).unwrap())] {
        let mut graph = graph();
        if let Ok(update) = shallow_update(&mut graph, &wants, &haves, &script.ids(), request, &Never) {
            assert!(update.shallow.iter().all(|id| update.boundary.contains(id)));
            assert!(update.unshallow.iter().all(|id| haves.contains(id)));
        }
    }
    negotiate(&graph, &wants, &haves);
    enumerate(&store, &graph, &wants, &haves, script.byte());
    pack(&graph, wants, haves);
}

fn negotiate(graph: &dyn Fn() -> Graph, wants: &[ObjectId], tips: &[ObjectId]) {
    for algorithm in [NegotiationAlgorithm::Consecutive, NegotiationAlgorithm::Skipping] {
        let mut client = Negotiator::new(graph(), algorithm, HaveBudget::default());
        let Ok(mut server) = HaveSet::new(graph(), wants) else { return };
        if tips.iter().any(|tip| client.tip(tip).is_err()) {
            return;
        }
        let mut named = BTreeSet::new();
        while let Ok(Some(have)) = client.next() {
            assert!(named.insert(have), "{have} is named twice");
            if server.have(&have).is_err()
                || server.is_ready(&Never).is_err()
                || client.common(&have).is_err()
            {
                return;
            }
        }
    }
}

fn enumerate(store: &Objects, graph: &dyn Fn() -> Graph, wants: &[ObjectId], haves: &[ObjectId], choice: u8) {
    let whole = check_connectivity(graph(), wants, &[], &Never);
    let mut request = PackRequest::new(wants.to_vec(), haves.to_vec());
    request.tags = haves.to_vec();
    request.filter = match choice % 6 {
        0 => ObjectFilter::blob_none(),
        1 => ObjectFilter::blob_limit(3),
        2 => ObjectFilter::tree_depth(2),
        3 => ObjectFilter::only(ObjectKind::Tree),
        _ => ObjectFilter::default(),
    };
    let Ok(list) = ObjectList::of(graph(), &request, &Never) else { return };
    let ids: BTreeSet<_> = list.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len() as u64, list.len());
    assert!(list.edges().all(|(id, _)| !ids.contains(&id)));
    if let Ok(whole) = whole {
        assert!(list.len() <= whole.objects + haves.len() as u64 * 5);
        assert!(list.iter().all(|(id, kind)| store.0.get(&id).is_some_and(|object| object.0 == kind)));
    }
}

fn pack(graph: &dyn Fn() -> Graph, wants: Vec<ObjectId>, haves: Vec<ObjectId>) {
    let mut request = PackRequest::new(wants, haves);
    request.thin = true;
    let mut source = pack_source(graph(), request);
    let mut out = BytesMut::new();
    while let Ok(state) = source.next(100, &mut out, &Never) {
        if state == SourceState::End {
            assert!(out.starts_with(b"PACK") && out.len() >= 32);
            return;
        }
    }
    assert!(source.next(100, &mut out, &Never).is_err(), "an error is final");
}

/// Bytes that say what there is.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn id(&mut self) -> ObjectId {
        ObjectId::from_sha1([self.byte() % 48; 20])
    }

    fn ids(&mut self) -> Vec<ObjectId> {
        (0..self.byte() % 4).map(|_| self.id()).collect()
    }
}

/// Objects under invented names, so that anything may point at anything.
struct Objects(BTreeMap<ObjectId, (ObjectKind, Vec<u8>)>);

impl Objects {
    fn read(script: &mut Script<'_>) -> Self {
        let count = script.byte() % 64;
        let mut objects = BTreeMap::new();
        for _ in 0..count {
            let (id, kind) = (script.id(), script.byte());
            let mut object = match kind % 8 {
                0..=3 => (ObjectKind::Commit, commit(script)),
                4 | 5 => (ObjectKind::Tree, tree(script)),
                6 => (ObjectKind::Blob, vec![script.byte(); usize::from(script.byte())]),
                _ => {
                    let text = format!("object {}\ntype commit\ntag x\n\n", script.id());
                    (ObjectKind::Tag, text.into_bytes())
                }
            };
            if kind >= 0xf0 {
                let at = usize::from(script.byte());
                if let Some(byte) = object.1.get_mut(at) {
                    *byte ^= 1 << (kind & 7);
                }
            }
            objects.insert(id, object);
        }
        Self(objects)
    }
}

fn commit(script: &mut Script<'_>) -> Vec<u8> {
    let mut text = format!("tree {}\n", script.id());
    for parent in script.ids() {
        text += &format!("parent {parent}\n");
    }
    text += &format!("author A <a> 1 +0000\ncommitter A <a> {} +0000\n\nx\n", script.byte());
    text.into_bytes()
}

fn tree(script: &mut Script<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for nth in 0..script.byte() % 6 {
        let mode: &[u8] = match script.byte() % 4 {
            0 | 1 => b"40000 ",
            2 => b"100644 ",
            _ => b"160000 ",
        };
        bytes.extend_from_slice(mode);
        bytes.extend_from_slice(&[b'a' + nth, 0]);
        bytes.extend_from_slice(script.id().as_bytes());
    }
    bytes
}

impl ObjectStore for Objects {
    fn headers(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Presence)) -> Result<()> {
        for (nth, id) in ids.iter().enumerate() {
            let here = |object: &(ObjectKind, Vec<u8>)| Presence::Here {
                kind: object.0,
                size: object.1.len() as u64,
            };
            out(nth, self.0.get(id).map_or(Presence::Absent, here));
        }
        Ok(())
    }

    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>> {
        out.clear();
        let Some((kind, content)) = self.0.get(id) else { return Ok(None) };
        if content.len() as u64 > max {
            return Err(StorageError::new(StorageErrorKind::Limit, "object is too large"));
        }
        out.extend_from_slice(content);
        Ok(Some(*kind))
    }

    fn open(&self, id: &ObjectId) -> Result<Option<Box<dyn ObjectReader>>> {
        let reader = |(kind, content): &(ObjectKind, Vec<u8>)| {
            Box::new(Reader { kind: *kind, size: content.len() as u64, rest: content.clone() })
                as Box<dyn ObjectReader>
        };
        Ok(self.0.get(id).map(reader))
    }
}

struct Reader {
    kind: ObjectKind,
    size: u64,
    rest: Vec<u8>,
}

impl ObjectReader for Reader {
    fn kind(&self) -> ObjectKind {
        self.kind
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        let count = room.len().min(self.rest.len());
        for (to, from) in room.iter_mut().zip(self.rest.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}
