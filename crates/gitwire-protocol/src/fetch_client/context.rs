//! What all states of the client share.

use bytes::Bytes;
use gitwire_capability::{
    Budget, CapabilityError, FeatureSet, FetchOffer, V2Agreement, V2FetchFeature, V2Wish, Value,
};
use gitwire_pktline::Specials;
use gitwire_types::ObjectFormat;

use super::{FetchClientOptions, FetchRequest, LsRefsRequest, State};
use crate::error::Misuse;
use crate::reader::Reader;
use crate::{ProtocolError, ServerCapabilities, Version};

/// What all states share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) options: FetchClientOptions,
    pub(super) reader: Reader,
    pub(super) capabilities: Option<ServerCapabilities>,
    /// A request has just been written whole: the next step says so.
    pub(super) turn: bool,
    /// Bytes of progress so far.
    pub(super) progress: u64,
}

impl Context {
    pub(super) fn new(options: FetchClientOptions) -> Self {
        Self { options, reader: Reader::new(Specials::Flush), capabilities: None, turn: false, progress: 0 }
    }

    pub(super) fn version(&self) -> Option<Version> {
        self.capabilities.as_ref().map(ServerCapabilities::version)
    }

    pub(super) fn format(&self) -> ObjectFormat {
        self.capabilities.as_ref().map(ServerCapabilities::object_format).unwrap_or_default()
    }

    pub(super) fn count_progress(&mut self, len: usize) -> Result<(), ProtocolError> {
        let max = self.options.limits.progress_bytes_max;
        self.reader.count(&mut self.progress, len, max, "bytes of progress")
    }

    pub(super) fn capability_budget(&self) -> Budget {
        self.options.limits.capability_budget()
    }

    pub(super) fn fetch_offer(&self) -> Option<&FetchOffer> {
        self.capabilities.as_ref().and_then(ServerCapabilities::fetch_offer)
    }

    /// What of version 2 may be used, with whatever of `required` must be there.
    pub(super) fn v2_agreement(
        &self,
        caller: Caller<'_>,
        required: FeatureSet<V2FetchFeature>,
    ) -> Result<V2Agreement, ProtocolError> {
        let offer = self.capabilities.as_ref().and_then(ServerCapabilities::v2_offer);
        let offer = offer.ok_or(ProtocolError::Internal("no version 2"))?;
        let mut wish = V2Wish::new(self.format());
        wish.commands = FeatureSet::NONE;
        wish.required = required;
        wish.server_option = !caller.server_options.is_empty();
        wish.agent = self.agent(caller);
        wish.session_id = self.session_id(caller);
        offer.agree(&wish).map_err(not_offered)
    }

    pub(super) fn agent(&self, caller: Caller<'_>) -> Option<Value> {
        caller.agent.or(self.options.agent.as_ref()).map(|agent| Value::sanitized(agent))
    }

    pub(super) fn session_id(&self, caller: Caller<'_>) -> Option<Value> {
        caller.session_id.or(self.options.session_id.as_ref()).map(|id| Value::sanitized(id))
    }
}

/// In whose name a request is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller<'a> {
    agent: Option<&'a Bytes>,
    session_id: Option<&'a Bytes>,
    pub(super) promisors: Option<&'a Bytes>,
    pub(super) server_options: &'a [Bytes],
}

impl<'a> From<&'a LsRefsRequest> for Caller<'a> {
    fn from(request: &'a LsRefsRequest) -> Self {
        let LsRefsRequest { agent, session_id, promisors, server_options, .. } = request;
        let (agent, session_id, promisors) = (agent.as_ref(), session_id.as_ref(), promisors.as_ref());
        Self { agent, session_id, promisors, server_options }
    }
}

impl<'a> From<&'a FetchRequest> for Caller<'a> {
    fn from(request: &'a FetchRequest) -> Self {
        let FetchRequest { agent, session_id, promisors, server_options, .. } = request;
        let (agent, session_id, promisors) = (agent.as_ref(), session_id.as_ref(), promisors.as_ref());
        Self { agent, session_id, promisors, server_options }
    }
}

/// What the server cannot do is no mistake of its own: the application asks for too much.
pub(super) fn not_offered(error: CapabilityError) -> ProtocolError {
    match error {
        CapabilityError::Missing { capability } => Misuse::NotOffered(capability).into(),
        CapabilityError::BadValue { .. } => Misuse::Unsendable("an option with a control byte").into(),
        _ => Misuse::NotOffered("an object format of ours").into(),
    }
}

/// What one step of a state comes to.
pub(super) type Step = crate::states::Step<State>;
