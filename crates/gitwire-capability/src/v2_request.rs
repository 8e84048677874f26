//! What stands in front of a request of version 2.

use alloc::vec::Vec;

use gitwire_types::ObjectFormat;

use crate::value::first;
use crate::{Budget, Capability, CapabilityError, Feature, V2Agreement, V2Command, V2Offer, Value};

/// What a client of version 2 says in front of a request: the command and its own capabilities, up to the delimiter
/// (`gitprotocol-v2`, *Command Request*).
///
/// A client makes it of a [`V2Agreement`] and writes it; a server adds line by line, then calls
/// [`check_format`](Self::check_format).
///
/// ```
/// use gitwire_capability::{Budget, V2Command, V2Offer, V2Request};
/// use gitwire_types::ObjectFormat;
///
/// let mut offer = V2Offer::default();
/// offer.add(b"ls-refs", &mut Budget::default())?;
///
/// let mut request = V2Request::default();
/// request.add(b"command=ls-refs", &offer, &mut Budget::default())?;
/// request.check_format(ObjectFormat::Sha1)?;
/// assert_eq!(request.command, Some(V2Command::LsRefs));
///
/// let error = request.add(b"command=fetch", &offer, &mut Budget::default()).unwrap_err();
/// assert_eq!(error.to_string(), "command fetch was not offered");
/// # Ok::<(), gitwire_capability::CapabilityError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct V2Request {
    /// `command`.
    pub command: Option<V2Command>,
    /// `agent`.
    pub agent: Option<Value>,
    /// `session-id`.
    pub session_id: Option<Value>,
    /// `server-option`, once for each string.
    pub server_options: Vec<Value>,
    /// `object-format`. A client that says nothing means SHA-1.
    pub object_format: Option<ObjectFormat>,
    /// `promisor-remote`: see [`parse_accepted_promisors`](crate::parse_accepted_promisors).
    pub promisor_remote: Option<Value>,
}

impl V2Request {
    /// A request of a client, with what it has agreed on.
    #[must_use]
    pub fn new(command: V2Command, agreement: &V2Agreement) -> Self {
        Self {
            command: Some(command),
            agent: agreement.agent.clone(),
            session_id: agreement.session_id.clone(),
            object_format: agreement.object_format,
            ..Self::default()
        }
    }

    /// Reads one more line, without its LF. What may come once keeps its first value, but for
    /// the object format, of which the last one counts.
    ///
    /// # Errors
    /// As [`Capability::parse`], when `budget` is spent, and where git's server dies too:
    /// [`CapabilityError::NotOffered`], [`CapabilityError::UnknownCommand`], [`CapabilityError::SecondCommand`],
    /// [`CapabilityError::NoObjectFormat`], [`CapabilityError::UnknownObjectFormat`].
    pub fn add(&mut self, line: &[u8], offer: &V2Offer, budget: &mut Budget) -> Result<(), CapabilityError> {
        let capability = Capability::parse(line)?;
        budget.spend(capability)?;
        match (capability.key(), capability.value()) {
            (b"command", Some(name)) => self.command(name, offer)?,
            (b"agent", value) if offer.agent.is_some() => {
                value.into_iter().for_each(|value| first(&mut self.agent, value));
            }
            (b"session-id", Some(value)) if offer.session_id.is_some() => first(&mut self.session_id, value),
            (b"promisor-remote", Some(value)) if offer.promisor_remote.is_some() => {
                first(&mut self.promisor_remote, value);
            }
            (b"server-option", value) if offer.server_option => {
                self.server_options.extend(value.map(Value::checked));
            }
            (b"object-format", name) if !offer.formats.known.is_empty() => {
                let name = name.ok_or(CapabilityError::NoObjectFormat)?;
                let format = ObjectFormat::from_name(name)
                    .ok_or_else(|| CapabilityError::UnknownObjectFormat(Value::checked(name)))?;
                self.object_format = Some(format);
            }
            _ => return Err(CapabilityError::NotOffered(Value::checked(line))),
        }
        Ok(())
    }

    /// Checks, once all lines are read, that the client names objects as our repository does.
    ///
    /// # Errors
    /// [`CapabilityError::ObjectFormat`] if not.
    pub fn check_format(&self, ours: ObjectFormat) -> Result<(), CapabilityError> {
        let theirs = self.object_format.unwrap_or(ObjectFormat::Sha1);
        if theirs == ours { Ok(()) } else { Err(CapabilityError::ObjectFormat { ours, theirs }) }
    }

    /// Gives each line to write, without its LF, in the order of git's `fetch`.
    pub fn each_line(&self, mut each: impl FnMut(&[u8])) {
        let mut line = Vec::new();
        let mut give = |key: &[u8], value: &[u8]| {
            line.clear();
            line.extend_from_slice(key);
            line.push(b'=');
            line.extend_from_slice(value);
            each(&line);
        };
        if let Some(command) = self.command {
            give(b"command", command.name().as_bytes());
        }
        if let Some(agent) = &self.agent {
            give(b"agent", agent.as_bytes());
        }
        if let Some(session) = &self.session_id {
            give(b"session-id", session.as_bytes());
        }
        for option in &self.server_options {
            give(b"server-option", option.as_bytes());
        }
        if let Some(format) = self.object_format {
            give(b"object-format", format.name().as_bytes());
        }
        if let Some(promisors) = &self.promisor_remote {
            give(b"promisor-remote", promisors.as_bytes());
        }
    }

    fn command(&mut self, name: &[u8], offer: &V2Offer) -> Result<(), CapabilityError> {
        let command = V2Command::from_name(name)
            .filter(|command| offer.commands.contains(*command))
            .ok_or_else(|| CapabilityError::UnknownCommand(Value::checked(name)))?;
        if let Some(first) = self.command {
            let (first, second) = (Value::checked(first.name().as_bytes()), Value::checked(name));
            return Err(CapabilityError::SecondCommand { first, second });
        }
        self.command = Some(command);
        Ok(())
    }
}
