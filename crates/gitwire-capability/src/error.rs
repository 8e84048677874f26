//! What can be wrong with capabilities, and with what two sides want of each other.

use gitwire_types::ObjectFormat;

use crate::Value;

/// Why bytes are no capabilities, or why two sides do not come together.
///
/// The peer is to blame for [`EmptyKey`](Self::EmptyKey), [`BadKey`](Self::BadKey), [`ControlByte`](Self::ControlByte),
/// [`BadField`](Self::BadField), [`NotOffered`](Self::NotOffered), [`UnknownCommand`](Self::UnknownCommand) and
/// [`SecondCommand`](Self::SecondCommand) and [`NoObjectFormat`](Self::NoObjectFormat); a limit was hit in [`TooMany`](Self::TooMany) and [`TooLong`](Self::TooLong);
/// nobody is in [`Missing`](Self::Missing) and the two about object formats; we called wrongly in
/// [`BadValue`](Self::BadValue). Offsets count from the start of the list or the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CapabilityError {
    /// A capability without a name: `=value`, or an empty line of version 2.
    #[error("capability at byte {at} has no name")]
    EmptyKey {
        /// Offset of the capability.
        at: usize,
    },
    /// A byte that the name of a capability of version 2 must not hold (`gitprotocol-v2`: letters, digits, `-` and `_`).
    #[error("capability name has byte {byte:#04x} at byte {at}")]
    BadKey {
        /// Offset of the byte.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// A control byte in a capability.
    #[error("capability has control byte {byte:#04x} at byte {at}")]
    ControlByte {
        /// Offset of the byte.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// A field of a structured value that is not `name=value`, has a broken escape, comes twice or is missing.
    #[error("value of promisor-remote is malformed at byte {at}: {reason}")]
    BadField {
        /// Offset of the field in the value.
        at: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More capabilities than [`Limits::capabilities_max`](crate::Limits::capabilities_max).
    #[error("more than {max} capabilities")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// More bytes than [`Limits::bytes_max`](crate::Limits::bytes_max).
    #[error("more than {max} bytes of capabilities")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// The peer uses a capability that we did not offer: all of its line.
    #[error("capability {0} was not offered")]
    NotOffered(Value),
    /// The peer asks for a command that we did not offer (`gitprotocol-v2`).
    #[error("command {0} was not offered")]
    UnknownCommand(Value),
    /// The peer asks for a second command in one request (`gitprotocol-v2`).
    #[error("command {second} follows command {first}")]
    SecondCommand {
        /// The command that came first.
        first: Value,
        /// The command that follows it.
        second: Value,
    },
    /// The peer does not offer what we cannot do without.
    #[error("the peer does not offer {capability}")]
    Missing {
        /// The name of the capability.
        capability: &'static str,
    },
    /// The two sides name objects by different hash functions.
    #[error("object format {theirs} does not match {ours}")]
    ObjectFormat {
        /// Ours.
        ours: ObjectFormat,
        /// Theirs.
        theirs: ObjectFormat,
    },
    /// The peer says `object-format` and does not say which.
    #[error("object-format has no value")]
    NoObjectFormat,
    /// The peer names a hash function that we do not know.
    #[error("object format {0} is unknown")]
    UnknownObjectFormat(Value),
    /// Asked to send a value that has a control byte in it, or none at all.
    #[error("a value to send has byte {byte:#04x} at offset {at}")]
    BadValue {
        /// Offset of the byte.
        at: usize,
        /// The byte.
        byte: u8,
    },
}
