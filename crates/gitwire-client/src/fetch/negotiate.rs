//! Asking which commits both sides have, without fetching any.

use bytes::{Bytes, BytesMut};
use gitwire_protocol::message::{AckStatus, Service};
use gitwire_protocol::{
    FetchAwaiting, FetchClient, FetchEvent, FetchRequest, LsRefsRequest, Version, WindowEnd,
};
use gitwire_types::{Interrupt, ObjectId};
use gitwire_walk::Negotiator;

use crate::conversation::{Conversation, have};
use crate::event::Listener;
use crate::{ClientError, Remote};

/// Where a search for common commits starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tips<'a> {
    /// What both sides are known to have.
    pub(crate) known: &'a [ObjectId],
    /// Where the own history starts.
    pub(crate) tips: &'a [ObjectId],
    /// What is asked of, whatever the search finds.
    pub(crate) always: &'a [ObjectId],
}

/// The commits that `tips` reach and the server has, as far as a few questions tell; `None` where it answers none without sending
/// a pack.
pub(crate) fn common(
    remote: &Remote,
    mut negotiator: Negotiator,
    tips: Tips<'_>,
    stop: &dyn Interrupt,
) -> Result<Option<Vec<ObjectId>>, ClientError> {
    for id in tips.known {
        negotiator.known(id)?;
    }
    for tip in tips.tips {
        negotiator.tip(tip)?;
    }
    let first = tips.always.to_vec();
    let options = &remote.server_options;
    let mut commons =
        Commons { negotiator, first, common: Vec::new(), asked: false, is_new: false, options, stop };
    have(remote, Service::UploadPack, remote.fetch_client(), &mut commons, &mut |_| ())?;
    Ok(commons.is_new.then_some(commons.common))
}

/// The conversation: haves alone, and no pack.
struct Commons<'a> {
    negotiator: Negotiator,
    first: Vec<ObjectId>,
    common: Vec<ObjectId>,
    asked: bool,
    /// The server speaks version 2; others answer no haves alone.
    is_new: bool,
    options: &'a [Bytes],
    stop: &'a dyn Interrupt,
}

impl Commons<'_> {
    fn haves(&mut self, machine: &mut FetchClient, output: &mut BytesMut) -> Result<(), ClientError> {
        let mut window = std::mem::take(&mut self.first);
        let always = window.len();
        while window.len() < machine.window() {
            match self.negotiator.next()? {
                Some(id) if window.iter().take(always).any(|first| *first == id) => {}
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
                request.server_options = self.options.to_vec();
                Ok(machine.fetch(request, output)?)
            }
        }
    }
}
