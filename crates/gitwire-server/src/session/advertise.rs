//! Refs for a client, in pieces.

use std::ops::ControlFlow;

use bytes::BytesMut;
use gitwire_object::TagRef;
use gitwire_protocol::{AdvertisedRef, LsRefsRequest, UploadPack};
use gitwire_storage::{ObjectStore, Peeled, Presence, RefStore};
use gitwire_types::{ObjectId, ObjectKind, RefName, RefTarget};

use super::View;
use crate::{Policy, ServeError, Unborn, Visibility as _};

/// Refs on their way to a client: read a piece at a time, so that a million of them are never held.
pub(crate) struct Advertising {
    request: LsRefsRequest,
    progress: Progress,
    piece: Vec<Shown>,
}

/// How far the refs have been read.
enum Progress {
    Head,
    /// After the ref of this name; empty: from the first one.
    After(Vec<u8>),
    End,
}

/// A ref that is to be shown.
struct Shown {
    name: Vec<u8>,
    id: Option<ObjectId>,
    peeled: Peeled,
    symbolic: Option<Vec<u8>>,
}

impl Advertising {
    pub(crate) fn new(request: LsRefsRequest) -> Self {
        Self { request, progress: Progress::Head, piece: Vec::new() }
    }

    /// Reads the next refs.
    pub(crate) fn work(&mut self, view: &View, policy: &Policy) -> Result<(), ServeError> {
        self.piece.clear();
        let after = match std::mem::replace(&mut self.progress, Progress::End) {
            Progress::End => return Ok(()),
            Progress::After(after) => after,
            Progress::Head => {
                self.read_head(&*view.refs, policy)?;
                Vec::new()
            }
        };
        let piece = &mut self.piece;
        view.refs.each_from(&after, &self.request.prefixes, &mut |record| {
            let Some(id) = record.id.filter(|_| record.name > &after[..] && policy.shows(record.name)) else {
                return Ok(ControlFlow::Continue(()));
            };
            piece.push(Shown {
                name: record.name.to_vec(),
                id: Some(id),
                peeled: record.peeled,
                symbolic: record.symbolic.map(<[u8]>::to_vec),
            });
            Ok(if piece.len() < PIECE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        if let Some(last) = self.piece.last().filter(|_| self.piece.len() >= PIECE) {
            self.progress = Progress::After(last.name.clone());
        }
        if self.request.peel {
            self.peel(&*view.objects, policy)?;
        }
        Ok(())
    }

    /// Sends what was read; whether that was all.
    pub(super) fn answer(
        &mut self,
        machine: &mut UploadPack,
        output: &mut BytesMut,
    ) -> Result<bool, ServeError> {
        for shown in self.piece.drain(..) {
            let mut advertised = AdvertisedRef::new(&shown.name, shown.id.unwrap_or(UNUSED));
            advertised.id = shown.id;
            advertised.peeled = match shown.peeled {
                Peeled::To(id) => Some(id),
                Peeled::NotATag | Peeled::Unknown => None,
            };
            advertised.symref_target = shown.symbolic.as_deref();
            machine.send_ref(&advertised, output)?;
        }
        Ok(matches!(self.progress, Progress::End))
    }

    /// Appends what was read as the file `info/refs` has it (`gitrepository-layout`); whether that was all.
    #[cfg(feature = "http")]
    pub(crate) fn lines(&mut self, output: &mut BytesMut) -> bool {
        for Shown { name, id, peeled, .. } in self.piece.drain(..) {
            let mut line = |id: ObjectId, end: &[u8]| {
                for part in [id.to_hex().as_bytes(), b"\t", &name, end] {
                    output.extend_from_slice(part);
                }
            };
            if let Some(id) = id {
                line(id, b"\n");
            }
            if let Peeled::To(id) = peeled {
                line(id, b"^{}\n");
            }
        }
        matches!(self.progress, Progress::End)
    }

    fn read_head(&mut self, refs: &dyn RefStore, policy: &Policy) -> Result<(), ServeError> {
        let prefixes = &self.request.prefixes;
        let asked = prefixes.is_empty() || prefixes.iter().any(|prefix| b"HEAD".starts_with(prefix));
        if !asked || !policy.shows(b"HEAD") {
            return Ok(());
        }
        let Some(head) = refs.head()? else { return Ok(()) };
        let id = resolve(refs, &head)?;
        let unborn = self.request.unborn && policy.unborn != Unborn::Ignore;
        if id.is_some() || unborn {
            let symbolic = match head {
                RefTarget::Symbolic(name) => Some(name.as_bytes().to_vec()),
                RefTarget::Direct(_) => None,
            };
            self.piece.push(Shown { name: b"HEAD".to_vec(), id, peeled: Peeled::Unknown, symbolic });
        }
        Ok(())
    }

    /// Finds out what the tags among the refs lead to, where the store of the refs does not know.
    fn peel(&mut self, objects: &dyn ObjectStore, policy: &Policy) -> Result<(), ServeError> {
        let unknown: Vec<_> = (self.piece.iter_mut())
            .filter(|shown| shown.peeled == Peeled::Unknown && shown.id.is_some())
            .collect();
        let ids: Vec<ObjectId> = unknown.iter().filter_map(|shown| shown.id).collect();
        let mut kinds = vec![None; ids.len()];
        objects.headers(&ids, &mut |at, presence| {
            if let (Some(kind), Presence::Here { kind: found, .. }) = (kinds.get_mut(at), presence) {
                *kind = Some(found);
            }
        })?;
        for ((shown, id), kind) in unknown.into_iter().zip(ids).zip(kinds) {
            if kind == Some(ObjectKind::Tag)
                && let Some(peeled) = peel_tag(objects, id, policy)?
            {
                shown.peeled = Peeled::To(peeled);
            }
        }
        Ok(())
    }
}

/// What a tag leads to in the end; `None` where the chain is broken or too long, as git leaves it out then.
pub(super) fn peel_tag(
    objects: &dyn ObjectStore,
    tag: ObjectId,
    policy: &Policy,
) -> Result<Option<ObjectId>, ServeError> {
    let mut content = Vec::new();
    let mut id = tag;
    for _ in 0..policy.walk.tag_chain_max {
        match objects.read(&id, policy.walk.object_bytes_max, &mut content)? {
            Some(ObjectKind::Tag) => {}
            Some(_) => return Ok(Some(id)),
            None => return Ok(None),
        }
        let Ok(parsed) = TagRef::parse(tag.format(), &content) else { return Ok(None) };
        id = parsed.target();
        if parsed.kind() != ObjectKind::Tag {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The object that a ref leads to, symbolic refs followed.
pub(crate) fn resolve(refs: &dyn RefStore, target: &RefTarget) -> Result<Option<ObjectId>, ServeError> {
    let mut target = Some(target.clone());
    for _ in 0..SYMBOLIC_DEPTH_MAX {
        match target {
            None => return Ok(None),
            Some(RefTarget::Direct(id)) => return Ok(Some(id)),
            Some(RefTarget::Symbolic(name)) => target = refs.get(&name)?,
        }
    }
    Ok(None)
}

/// What a full ref name leads to.
pub(super) fn look_up(refs: &dyn RefStore, name: &[u8]) -> Result<Option<ObjectId>, ServeError> {
    let Ok(name) = RefName::copy_from(name) else { return Ok(None) };
    if name == RefName::head() {
        return refs.head()?.map_or(Ok(None), |head| resolve(refs, &head));
    }
    refs.get(&name)?.map_or(Ok(None), |target| resolve(refs, &target))
}

/// Refs that are read at once: about 256 KiB of lines.
const PIECE: usize = 4096;

/// As git follows them.
const SYMBOLIC_DEPTH_MAX: usize = 5;

/// Stands where an unborn `HEAD` has no id until that is said in the next line.
const UNUSED: ObjectId = ObjectId::from_sha1([0; 20]);
