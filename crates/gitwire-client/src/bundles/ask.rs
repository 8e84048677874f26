//! What bundles a server names beside its refs.

use bytes::{Bytes, BytesMut};
use gitwire_capability::V2Command;
use gitwire_protocol::message::Service;
use gitwire_protocol::{FetchClient, FetchEvent};

use super::BundleList;
use crate::conversation::{Conversation, have};
use crate::event::Listener;
use crate::ls_remote::Listing;
use crate::{ClientError, Remote, RemoteRefs};

/// The refs of a remote, and its list of bundles where it has a good one and `wanted` asks for it.
pub(crate) fn ask(remote: &Remote, wanted: bool) -> Result<(RemoteRefs, Option<BundleList>), ClientError> {
    let listing = Listing::new(&remote.server_options, Vec::new());
    let options = remote.server_options.clone();
    let mut asking = Asking { listing, options, wanted, variables: Vec::new() };
    have(remote, Service::UploadPack, remote.fetch_client(), &mut asking, &mut |_| ())?;
    let variables = asking.variables.iter().map(|(key, value)| (&key[..], &value[..]));
    // A list that cannot be read is as good as none.
    let list = BundleList::from_variables(variables).ok();
    Ok((asking.listing.refs, list))
}

struct Asking {
    listing: Listing,
    options: Vec<Bytes>,
    wanted: bool,
    variables: Vec<(Bytes, Bytes)>,
}

impl Conversation for Asking {
    type Machine = FetchClient;

    fn event(&mut self, event: FetchEvent, _: Listener<'_>) -> Result<(), ClientError> {
        if let Some(FetchEvent::BundleUri { key, value }) = self.listing.take(event)
            && self.variables.len() < VARIABLES_MAX
        {
            self.variables.push((key, value));
        }
        Ok(())
    }

    fn answer(
        &mut self,
        machine: &mut FetchClient,
        output: &mut BytesMut,
        _: Listener<'_>,
    ) -> Result<(), ClientError> {
        if self.listing.ask(machine, output)? {
            return Ok(());
        }
        let offer = machine.capabilities().and_then(|capabilities| capabilities.v2_offer());
        let offered = offer.is_some_and(|offer| offer.commands.contains(V2Command::BundleUri));
        if std::mem::take(&mut self.wanted) && offered {
            return Ok(machine.list_bundles(&self.options, output)?);
        }
        Ok(machine.finish(output)?)
    }
}

/// Some twenty thousand bundles; what comes after them is not looked at.
const VARIABLES_MAX: usize = 100_000;
