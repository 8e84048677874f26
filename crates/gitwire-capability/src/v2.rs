//! What a server of version 2 offers.

use alloc::vec::Vec;

use gitwire_types::ObjectFormat;

use crate::value::first;
use crate::{
    Budget, Capability, CapabilityError, Feature, FeatureSet, OfferedFormats, Unknown, V2Command,
    V2FetchFeature, Value,
};

/// What a server of version 2 offers: the lines of its capability advertisement after `version 2` (`gitprotocol-v2`).
///
/// A client adds line by line and makes a [`V2Agreement`] of it; a server fills it in and writes it.
///
/// ```
/// use gitwire_capability::{Budget, V2Command, V2FetchFeature, V2Offer};
///
/// let mut offer = V2Offer::default();
/// let mut budget = Budget::default();
/// for line in [&b"agent=git/2.47.3"[..], b"ls-refs=unborn", b"fetch=shallow filter", b"object-format=sha1"] {
///     offer.add(line, &mut budget)?;
/// }
/// assert!(offer.commands.contains(V2Command::Fetch));
/// assert!(offer.fetch.contains(V2FetchFeature::Filter));
/// assert!(offer.unborn);
///
/// let mut lines = Vec::new();
/// offer.each_line(|line| lines.push(line.to_vec()));
/// assert_eq!(lines[2], b"fetch=shallow filter");
/// # Ok::<(), gitwire_capability::CapabilityError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct V2Offer {
    /// `agent`.
    pub agent: Option<Value>,
    /// The commands that may be asked for.
    pub commands: FeatureSet<V2Command>,
    /// `ls-refs=unborn`: the server can say what an unborn `HEAD` points at.
    pub unborn: bool,
    /// Other words in the value of `ls-refs`.
    pub ls_refs_unknown: Vec<Value>,
    /// The words in the value of `fetch`.
    pub fetch: FeatureSet<V2FetchFeature>,
    /// Other words in the value of `fetch`.
    pub fetch_unknown: Vec<Value>,
    /// `server-option`: the client may send strings for the server.
    pub server_option: bool,
    /// `object-format`, once for each.
    pub formats: OfferedFormats,
    /// `session-id`.
    pub session_id: Option<Value>,
    /// `promisor-remote`: see [`parse_promisors`](crate::parse_promisors).
    pub promisor_remote: Option<Value>,
    /// All others.
    pub unknown: Vec<Unknown>,
}

impl V2Offer {
    /// Reads one more line, without its LF. What may come once keeps its first value, as with git.
    ///
    /// # Errors
    /// As [`Capability::parse`], and when `budget` is spent.
    pub fn add(&mut self, line: &[u8], budget: &mut Budget) -> Result<(), CapabilityError> {
        let capability = Capability::parse(line)?;
        budget.spend(capability)?;
        if let Some(command) = V2Command::from_name(capability.key()) {
            self.command(command, capability.value().unwrap_or_default());
            return Ok(());
        }
        match (capability.key(), capability.value()) {
            (b"agent", Some(value)) => first(&mut self.agent, value),
            (b"session-id", Some(value)) => first(&mut self.session_id, value),
            (b"promisor-remote", Some(value)) => first(&mut self.promisor_remote, value),
            (b"object-format", Some(value)) => self.formats.add(value),
            (b"server-option", _) => self.server_option = true,
            _ => self.unknown.push(capability.into()),
        }
        Ok(())
    }

    /// Gives each line to write, without its LF, in git's order.
    pub fn each_line(&self, mut each: impl FnMut(&[u8])) {
        let mut line = Vec::new();
        let mut give = |parts: &[&[u8]]| {
            line.clear();
            parts.iter().for_each(|part| line.extend_from_slice(part));
            each(&line);
        };
        if let Some(agent) = &self.agent {
            give(&[b"agent=", agent.as_bytes()]);
        }
        if self.commands.contains(V2Command::LsRefs) {
            let known = self.unborn.then_some(&b"unborn"[..]);
            give(&[b"ls-refs", &value_of_words(known, &self.ls_refs_unknown)]);
        }
        if self.commands.contains(V2Command::Fetch) {
            let known = self.fetch.iter().map(|feature| feature.name().as_bytes());
            give(&[b"fetch", &value_of_words(known, &self.fetch_unknown)]);
        }
        if self.server_option {
            give(&[b"server-option"]);
        }
        for format in &self.formats.known {
            give(&[b"object-format=", format.name().as_bytes()]);
        }
        for format in &self.formats.unknown {
            give(&[b"object-format=", format.as_bytes()]);
        }
        if let Some(session) = &self.session_id {
            give(&[b"session-id=", session.as_bytes()]);
        }
        for command in [V2Command::ObjectInfo, V2Command::BundleUri] {
            if self.commands.contains(command) {
                give(&[command.name().as_bytes()]);
            }
        }
        if let Some(promisors) = &self.promisor_remote {
            give(&[b"promisor-remote=", promisors.as_bytes()]);
        }
        for Unknown { key, value } in &self.unknown {
            match value {
                Some(value) => give(&[key.as_bytes(), b"=", value.as_bytes()]),
                None => give(&[key.as_bytes()]),
            }
        }
    }

    /// What a client that wants `wish` may use of this offer.
    ///
    /// # Errors
    /// [`CapabilityError::Missing`] if a required command, feature or `server-option` is not offered,
    /// [`CapabilityError::ObjectFormat`] if the server names objects by another hash function.
    pub fn agree(&self, wish: &V2Wish) -> Result<V2Agreement, CapabilityError> {
        self.formats.agree(wish.object_format)?;
        let command = wish.commands.difference(self.commands).iter().next().map(Feature::name);
        let feature = wish.required.difference(self.fetch).iter().next().map(Feature::name);
        let option = (wish.server_option && !self.server_option).then_some("server-option");
        if let Some(capability) = command.or(feature).or(option) {
            return Err(CapabilityError::Missing { capability });
        }
        Ok(V2Agreement {
            commands: self.commands,
            fetch: self.fetch.intersection(wish.fetch.union(wish.required)),
            unborn: self.unborn,
            server_option: self.server_option,
            object_format: (self.formats != OfferedFormats::default()).then_some(wish.object_format),
            agent: self.agent.as_ref().and(wish.agent.clone()),
            session_id: self.session_id.as_ref().and(wish.session_id.clone()),
            promisor_remote: self.promisor_remote.clone(),
        })
    }

    fn command(&mut self, command: V2Command, value: &[u8]) {
        // A command that comes twice keeps its first value.
        let again = self.commands.contains(command);
        self.commands.insert(command);
        for word in value.split(|byte| *byte == b' ').filter(|word| !again && !word.is_empty()) {
            match (command, V2FetchFeature::from_name(word)) {
                (V2Command::LsRefs, _) if word == b"unborn" => self.unborn = true,
                (V2Command::LsRefs, _) => self.ls_refs_unknown.push(Value::checked(word)),
                (V2Command::Fetch, Some(feature)) => self.fetch.insert(feature),
                (V2Command::Fetch, None) => self.fetch_unknown.push(Value::checked(word)),
                // The values of these say nothing yet, and a client must not mind them.
                (V2Command::ObjectInfo | V2Command::BundleUri, _) => {}
            }
        }
    }
}

/// What a client of version 2 wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V2Wish {
    /// The commands that it cannot do without.
    pub commands: FeatureSet<V2Command>,
    /// What it uses in `fetch` where it is offered.
    pub fetch: FeatureSet<V2FetchFeature>,
    /// What it cannot do without in `fetch`.
    pub required: FeatureSet<V2FetchFeature>,
    /// Whether it has strings for the server and cannot do without.
    pub server_option: bool,
    /// The hash function of its repository.
    pub object_format: ObjectFormat,
    /// Who it is. Sent only to a server that says who it is.
    pub agent: Option<Value>,
    /// The name of its session. Sent only to a server that says its own.
    pub session_id: Option<Value>,
}

impl V2Wish {
    /// References and a pack, with whatever of `fetch` is offered.
    #[must_use]
    pub fn new(object_format: ObjectFormat) -> Self {
        Self {
            commands: [V2Command::LsRefs, V2Command::Fetch].into_iter().collect(),
            fetch: FeatureSet::all(),
            required: FeatureSet::NONE,
            server_option: false,
            object_format,
            agent: None,
            session_id: None,
        }
    }
}

/// What a client of version 2 may use of a server, and what it says in front of each request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct V2Agreement {
    /// The commands that may be asked for.
    pub commands: FeatureSet<V2Command>,
    /// What may be used in `fetch`.
    pub fetch: FeatureSet<V2FetchFeature>,
    /// Whether `unborn` may be said to `ls-refs`.
    pub unborn: bool,
    /// Whether strings for the server may be sent.
    pub server_option: bool,
    /// The hash function to name in requests; `None` if the server names none, and both mean SHA-1.
    pub object_format: Option<ObjectFormat>,
    /// The agent to name in requests.
    pub agent: Option<Value>,
    /// The session to name in requests.
    pub session_id: Option<Value>,
    /// Promisor remotes that the server names: see [`parse_promisors`](crate::parse_promisors).
    pub promisor_remote: Option<Value>,
}

/// `=` and words with one blank between them; nothing for none.
fn value_of_words<'a>(known: impl IntoIterator<Item = &'a [u8]>, unknown: &'a [Value]) -> Vec<u8> {
    let mut value = Vec::new();
    for word in known.into_iter().chain(unknown.iter().map(Value::as_bytes)) {
        value.push(if value.is_empty() { b'=' } else { b' ' });
        value.extend_from_slice(word);
    }
    value
}
