//! Asking the server's upload-pack which commits both have, before a push (`git-config`, `push.negotiate`).

use bytes::BytesMut;
use gitwire_protocol::message::{AckStatus, Service};
use gitwire_protocol::{
    FetchAwaiting, FetchClient, FetchEvent, FetchRequest, LsRefsRequest, Version, WindowEnd,
};
use gitwire_types::{Interrupt, ObjectId};
use gitwire_walk::{Graph, HaveBudget, NegotiationAlgorithm, Negotiator};

use super::Push;
use crate::ClientError;
use crate::conversation::{Conversation, have};
use crate::event::Listener;

/// The commits that `tips` reach and the server has, as far as a few questions tell.
pub(super) fn negotiate(
    push: &Push,
    graph: Graph,
    known: &[ObjectId],
    tips: &[ObjectId],
    stop: &dyn Interrupt,
) -> Result<Vec<ObjectId>, ClientError> {
    let mut remote = push.remote.clone();
    // It names the other service.
    remote.connect.program = None;
    let mut negotiator = Negotiator::new(graph, NegotiationAlgorithm::default(), HaveBudget::default());
    for id in known {
        negotiator.known(id)?;
    }
    for tip in tips {
        negotiator.tip(tip)?;
    }
    let mut commons = Commons { negotiator, common: Vec::new(), asked: false, is_new: false, stop };
    let machine = remote.fetch_client();
    have(&remote, Service::UploadPack, machine, &mut commons, &mut |_| ())?;
    if commons.is_new { Ok(commons.common) } else { Err(ClientError::NotOffered("push negotiation")) }
}

/// The conversation: haves alone, and no pack.
struct Commons<'a> {
    negotiator: Negotiator,
    common: Vec<ObjectId>,
    asked: bool,
    /// The server speaks version 2; others answer no haves alone.
    is_new: bool,
    stop: &'a dyn Interrupt,
}

impl Commons<'_> {
    fn haves(&mut self, machine: &mut FetchClient, output: &mut BytesMut) -> Result<(), ClientError> {
        let mut window = Vec::new();
        while window.len() < machine.window() {
            match self.negotiator.next()? {
                Some(id) => window.push(id),
                None => break,
            }
        }
        if window.is_empty() {
            return Ok(machine.finish(output)?);
        }
        Ok(machine.haves(&window, WindowEnd::Flush, output)?)
    }
}

impl Conversation for Commons<'_> {
    type Machine = FetchClient;

    fn event(&mut self, event: FetchEvent, _: Listener<'_>) -> Result<(), ClientError> {
        self.stop.check()?;
        match event {
            FetchEvent::Capabilities(capabilities) => self.is_new = capabilities.version() == Version::V2,
            FetchEvent::Acknowledged { id, status } if status != AckStatus::Ready => {
                self.negotiator.common(&id)?;
                self.common.push(id);
            }
            _ => {}
        }
        Ok(())
    }

    fn answer(
        &mut self,
        machine: &mut FetchClient,
        output: &mut BytesMut,
        _: Listener<'_>,
    ) -> Result<(), ClientError> {
        self.stop.check()?;
        match machine.awaiting() {
            FetchAwaiting::ListRefs => Ok(machine.list_refs(LsRefsRequest::default(), output)?),
            FetchAwaiting::Haves => self.haves(machine, output),
            _ if self.asked || !self.is_new => Ok(machine.finish(output)?),
            _ => {
                self.asked = true;
                let mut request = FetchRequest::default();
                request.wait_for_done = true;
                Ok(machine.fetch(request, output)?)
            }
        }
    }
}
