//! What refs a remote has.

use bytes::{Bytes, BytesMut};
use gitwire_protocol::message::Service;
use gitwire_protocol::{FetchClient, FetchEvent, LsRefsRequest};

use crate::conversation::{Conversation, have};
use crate::event::Listener;
use crate::{ClientError, Remote, RemoteRefs};

/// The refs of a remote, with what symbolic ones name and what tags lead to.
///
/// `prefixes` are a hint: a server of version 2 leaves out what starts with none of them; others show everything.
///
/// # Errors
/// The remote is not reached, or breaks off.
pub fn ls_remote(remote: &Remote, prefixes: &[Bytes]) -> Result<RemoteRefs, ClientError> {
    let mut listing = Listing::new(&remote.server_options, prefixes.to_vec());
    let had = have(remote, Service::UploadPack, remote.fetch_client(), &mut listing, &mut |_| ());
    #[cfg(feature = "http")]
    if had.as_ref().is_err_and(crate::dumb::is_dumb) {
        return crate::dumb::ls_remote(remote);
    }
    had.map(|()| listing.refs)
}

/// Asks for refs; what comes after them is the caller's.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) refs: RemoteRefs,
    request: LsRefsRequest,
    asked: bool,
}

impl Listing {
    pub(crate) fn new(options: &[Bytes], prefixes: Vec<Bytes>) -> Self {
        let mut request = LsRefsRequest::everything();
        request.prefixes = prefixes;
        request.server_options = options.to_vec();
        Self { refs: RemoteRefs::default(), request, asked: false }
    }

    /// Takes what belongs to the list; gives back everything else.
    pub(crate) fn take(&mut self, event: FetchEvent) -> Option<FetchEvent> {
        match event {
            FetchEvent::Capabilities(capabilities) => {
                self.refs.version = capabilities.version();
                self.refs.format = capabilities.object_format();
                self.refs.capabilities = Some(capabilities);
            }
            FetchEvent::Refs(block) => self.refs.blocks.push(block),
            FetchEvent::RefsEnd => {}
            event => return Some(event),
        }
        None
    }

    /// Asks, if that has not been done; whether it did.
    pub(crate) fn ask(
        &mut self,
        machine: &mut FetchClient,
        output: &mut BytesMut,
    ) -> Result<bool, ClientError> {
        if self.asked {
            return Ok(false);
        }
        machine.list_refs(std::mem::take(&mut self.request), output)?;
        self.asked = true;
        Ok(true)
    }
}

impl Conversation for Listing {
    type Machine = FetchClient;

    fn event(&mut self, event: FetchEvent, _: Listener<'_>) -> Result<(), ClientError> {
        self.take(event);
        Ok(())
    }

    fn answer(
        &mut self,
        machine: &mut FetchClient,
        output: &mut BytesMut,
        _: Listener<'_>,
    ) -> Result<(), ClientError> {
        if !self.ask(machine, output)? {
            machine.finish(output)?;
        }
        Ok(())
    }
}
