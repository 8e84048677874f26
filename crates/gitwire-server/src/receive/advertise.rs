//! The refs that a pusher sees, in pieces.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::BytesMut;
use gitwire_protocol::ReceivePack;
use gitwire_storage::{RefStore, Repository};
use gitwire_types::ObjectId;

use super::{Hooks, ReceivePolicy};
use crate::{ServeError, Visibility as _};

/// Refs on their way to a client: read a piece at a time, so that a million of them are never held.
#[derive(Default)]
pub(super) struct Advertising {
    refs: Option<Arc<dyn RefStore>>,
    /// The last ref that was read.
    after: Vec<u8>,
    piece: Vec<(Vec<u8>, ObjectId)>,
    /// Objects that are here without a ref, still to be shown: taken away as refs show them.
    borrowed: Option<Vec<ObjectId>>,
    shown: HashSet<ObjectId>,
    ended: bool,
}

impl Advertising {
    /// Reads the next refs.
    pub(super) fn work(
        &mut self,
        repository: &dyn Repository,
        policy: &ReceivePolicy,
        hooks: &dyn Hooks,
    ) -> Result<(), ServeError> {
        let refs = match &self.refs {
            Some(refs) => Arc::clone(refs),
            None => Arc::clone(self.refs.insert(repository.refs()?)),
        };
        let borrowed = match &mut self.borrowed {
            Some(borrowed) => borrowed,
            none if policy.shows_borrowed() => none.insert(hooks.borrowed_tips(repository)?),
            none => none.insert(Vec::new()),
        };
        let Self { after, piece, shown, .. } = self;
        piece.clear();
        refs.each_from(after, &[], &mut |record| {
            if let Some(id) = record.id.filter(|_| record.name > &after[..] && policy.shows(record.name)) {
                piece.push((record.name.to_vec(), id));
            }
            Ok(if piece.len() < PIECE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        self.ended = piece.len() < PIECE;
        if let Some((name, _)) = piece.last() {
            after.clone_from(name);
        }
        // What is not borrowed need not be remembered.
        if !borrowed.is_empty() {
            shown.extend(piece.iter().map(|(_, id)| *id));
        }
        if self.ended {
            borrowed.retain(|id| shown.insert(*id));
        }
        Ok(())
    }

    /// Sends what was read; whether that was all.
    pub(super) fn answer(
        &mut self,
        machine: &mut ReceivePack,
        output: &mut BytesMut,
    ) -> Result<bool, ServeError> {
        for (name, id) in self.piece.drain(..) {
            machine.send_ref(&name, id, output)?;
        }
        if self.ended {
            for id in self.borrowed.take().unwrap_or_default() {
                machine.send_have(id, output)?;
            }
        }
        Ok(self.ended)
    }
}

/// Refs that are read at once: about 256 KiB of lines.
const PIECE: usize = 4096;
