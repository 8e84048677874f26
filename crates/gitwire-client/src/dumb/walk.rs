//! From wanted objects to all that they reach.

use std::collections::HashSet;
use std::io::{ErrorKind, Read as _};
use std::sync::Arc;

use gitwire_storage::{Presence, Repository, StageRequest, Transaction};
use gitwire_transport::TransportError;
use gitwire_types::{Interrupt, ObjectId};
use gitwire_walk::{Graph, WalkError, check_connectivity};

use super::DumbError;
use super::loose::Loose;
use super::server::{Found, Server};
use super::spool::Spool;
use crate::event::Listener;
use crate::fetch::Fetch;
use crate::{ClientError, Event};

/// Brings objects and what they reach.
///
/// A loose object names what is wanted next. What comes in packs or was here before is looked through by a walk over the repository,
/// which names the first object that is missing; each round brings at least that one.
pub(super) struct Walk<'a> {
    fetch: &'a Fetch,
    repository: Arc<dyn Repository>,
    /// What the repository has whole.
    tips: &'a [ObjectId],
    server: Server,
    stop: &'a dyn Interrupt,
    spool: Spool,
    /// Objects that were asked for.
    asked: HashSet<ObjectId>,
    /// Loose objects that came.
    loose: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        fetch: &'a Fetch,
        repository: Arc<dyn Repository>,
        tips: &'a [ObjectId],
        server: Server,
        stop: &'a dyn Interrupt,
    ) -> Self {
        let (spool, asked) = Default::default();
        Self { fetch, repository, tips, server, stop, spool, asked, loose: 0 }
    }

    /// Brings `wanted` and all that they reach.
    pub(super) fn bring(&mut self, wanted: &[ObjectId], listener: Listener<'_>) -> Result<(), ClientError> {
        let mut due = wanted.to_vec();
        while !due.is_empty() {
            self.bring_all(due, listener)?;
            self.flush()?;
            listener(Event::Checking);
            due = self.first_missing(wanted)?.into_iter().collect();
        }
        Ok(())
    }

    fn bring_all(&mut self, mut due: Vec<ObjectId>, listener: Listener<'_>) -> Result<(), ClientError> {
        while let Some(id) = due.pop() {
            self.stop.check()?;
            if !self.asked.insert(id) || self.is_here(&id)? {
                continue;
            }
            match self.server.find(&id, self.stop)? {
                Found::Loose(object) => due.extend(self.take(&id, &object)?),
                Found::Pack(pack) => self.bring_pack(pack, &id, listener)?,
                Found::Nowhere => return Err(ClientError::Incomplete { id }),
            }
        }
        Ok(())
    }

    /// Takes a loose object; what it names and nobody has asked for.
    fn take(&mut self, id: &ObjectId, object: &Loose) -> Result<Vec<ObjectId>, ClientError> {
        let max = self.server.objects_max();
        if self.loose >= max {
            return Err(DumbError::Limit { what: "loose objects", max: max as u64 }.into());
        }
        self.loose = self.loose.saturating_add(1);
        let mut links = object.links(id)?;
        links.retain(|link| !self.asked.contains(link));
        self.spool.add(object)?;
        if self.spool.is_full() {
            self.flush()?;
        }
        Ok(links)
    }

    fn bring_pack(
        &mut self,
        pack: usize,
        wanted: &ObjectId,
        listener: Listener<'_>,
    ) -> Result<(), ClientError> {
        let request = self.stage_request();
        let (name, mut answer) = self.server.pack(pack)?;
        let mut staging = self.repository.stage(&request)?;
        let mut room = vec![0; 64 << 10];
        loop {
            self.stop.check()?;
            let read = match answer.read(&mut room) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(TransportError::Read(error).into()),
            };
            staging.write(room.get(..read).unwrap_or_default())?;
            if let Some(progress) = staging.progress() {
                listener(Event::Receiving(&progress));
            }
        }
        drop(answer);
        if let Some(progress) = staging.progress() {
            listener(Event::Indexing(progress));
        }
        let staged = staging.finish(self.stop)?;
        self.repository.commit(Some(staged), Transaction::default(), &mut |_| Ok(()))?;
        match self.is_here(wanted)? {
            true => Ok(()),
            false => Err(DumbError::Pack { name, id: *wanted }.into()),
        }
    }

    fn flush(&mut self) -> Result<(), ClientError> {
        let request = self.stage_request();
        self.spool.flush(&*self.repository, &request, self.stop)
    }

    fn stage_request(&self) -> StageRequest {
        let mut request = StageRequest::default();
        (request.threads, request.memory, request.thin) = (self.fetch.threads, self.fetch.memory, false);
        request
    }

    fn is_here(&self, id: &ObjectId) -> Result<bool, ClientError> {
        let mut here = false;
        self.repository.objects()?.headers(&[*id], &mut |_, presence| {
            here = matches!(presence, Presence::Here { .. });
        })?;
        Ok(here)
    }

    /// What is missing below `wanted`, as far as the first of it.
    fn first_missing(&self, wanted: &[ObjectId]) -> Result<Option<ObjectId>, ClientError> {
        let (objects, format) = (self.repository.objects()?, self.repository.format());
        let mut graph = Graph::new(objects, format, self.fetch.walk.clone());
        graph.set_boundary(&self.repository.shallow()?)?;
        match check_connectivity(graph, wanted, self.tips, self.stop) {
            Ok(_) => Ok(None),
            // It was asked for, came, and is not there.
            Err(WalkError::Missing { id, .. }) if self.asked.contains(&id) => {
                Err(ClientError::Incomplete { id })
            }
            Err(WalkError::Missing { id, .. }) => Ok(Some(id)),
            Err(error) => Err(error.into()),
        }
    }
}
