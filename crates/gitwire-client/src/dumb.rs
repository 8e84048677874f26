//! Fetching from a server of files alone (`gitprotocol-http`, dumb clients): refs from `info/refs`, then whatever the wanted
//! objects reach and is not here, loose or in packs. Everything is named by its own hash before it is used.

mod error;
mod loose;
mod refs;
mod server;
mod spool;
mod walk;

use std::sync::Arc;

use gitwire_transport::{HttpError, TransportError};
use gitwire_types::Interrupt;

pub use self::error::{DumbError, DumbLimits};
use self::server::Server;
use self::walk::Walk;
use crate::event::Listener;
use crate::fetch::{Fetch, Planner, Received, follow_tags, missing, tips};
use crate::{ClientError, Remote, RemoteRefs};

/// Whether a conversation ended before it began because the server knows no conversations.
pub(crate) fn is_dumb(error: &ClientError) -> bool {
    matches!(error, ClientError::Transport(TransportError::Http(HttpError::NotSmart { .. })))
}

/// The refs that a server of files shows.
pub(crate) fn ls_remote(remote: &Remote) -> Result<RemoteRefs, ClientError> {
    Server::open(remote)?.refs()
}

/// Brings what `planner` chooses. Objects are in the repository afterwards, known to be whole; refs have not moved.
pub(crate) fn fetch(
    fetch: &Fetch,
    planner: Planner<'_>,
    listener: Listener<'_>,
    stop: &dyn Interrupt,
) -> Result<Received, ClientError> {
    if !fetch.depth.is_empty() {
        return Err(DumbError::Shallow.into());
    }
    let mut server = Server::open(&fetch.remote)?;
    let refs = server.refs()?;
    let mut plan = planner(&refs)?;
    let (ours, theirs) = (plan.repository.format(), refs.format());
    if ours != theirs {
        return Err(ClientError::ObjectFormat { ours, theirs });
    }
    let tips = tips(&*plan.repository)?;
    let repository = Arc::clone(&plan.repository);
    let mut walk = Walk::new(fetch, repository, &tips, server, stop);
    let mut wanted = missing(fetch, &plan, &tips, stop)?;
    loop {
        walk.bring(&wanted, listener)?;
        // Tags that lead to what is here now are wanted as well.
        let known = plan.wanted.len();
        follow_tags(&mut plan)?;
        wanted = plan.wanted.iter().skip(known).map(|tag| tag.id).collect();
        if wanted.is_empty() {
            break;
        }
    }
    let (server_shallow, elsewhere) = (Vec::new(), Vec::new());
    Ok(Received { refs, plan, tips, staging: None, shallow: None, server_shallow, elsewhere })
}
