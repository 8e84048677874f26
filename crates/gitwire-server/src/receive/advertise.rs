//! The refs that a pusher sees, in pieces.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::BytesMut;
use gitwire_protocol::ReceivePack;
use gitwire_storage::{RefStore, Repository};
use gitwire_types::ObjectId;

use super::ReceivePolicy;
use crate::ServeError;

/// Refs on their way to a client: read a piece at a time, so that a million of them are never held.
#[derive(Default)]
pub(super) struct Advertising {
    refs: Option<Arc<dyn RefStore>>,
    /// The last ref that was read.
    after: Vec<u8>,
    piece: Vec<(Vec<u8>, ObjectId)>,
    ended: bool,
}

impl Advertising {
    /// Reads the next refs.
    pub(super) fn work(
        &mut self,
        repository: &dyn Repository,
        policy: &ReceivePolicy,
    ) -> Result<(), ServeError> {
        let refs = match &self.refs {
            Some(refs) => Arc::clone(refs),
            None => Arc::clone(self.refs.insert(repository.refs()?)),
        };
        let Self { after, piece, .. } = self;
        piece.clear();
        refs.each_from(after, &[], &mut |record| {
            if let Some(id) =
                record.id.filter(|_| record.name > &after[..] && !policy.hidden.hides(record.name))
            {
                piece.push((record.name.to_vec(), id));
            }
            Ok(if piece.len() < PIECE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        self.ended = self.piece.len() < PIECE;
        if let Some((name, _)) = self.piece.last() {
            self.after.clone_from(name);
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
        Ok(self.ended)
    }
}

/// Refs that are read at once: about 256 KiB of lines.
const PIECE: usize = 4096;
