//! What stands after `=`.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use gitwire_types::ObjectFormat;

use crate::{Capability, CapabilityError};

/// A name or a value that can stand on a line of capabilities: bytes without control bytes. Cheap to clone.
///
/// [`fmt::Display`] escapes what is no printable ASCII.
///
/// ```
/// use gitwire_capability::Value;
///
/// assert_eq!(Value::new("gitwire/0.1.0")?.as_bytes(), b"gitwire/0.1.0");
/// assert_eq!(Value::sanitized(b" my agent\n"), Value::new("my.agent")?);
/// assert!(Value::new("two\nlines").is_err());
/// # Ok::<(), gitwire_capability::CapabilityError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Value(Bytes);

impl Value {
    /// Takes bytes that hold no control byte.
    ///
    /// # Errors
    /// [`CapabilityError::BadValue`] with the first that is one.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, CapabilityError> {
        let bytes = bytes.into();
        match bytes.iter().position(u8::is_ascii_control) {
            None => Ok(Self(bytes)),
            Some(at) => {
                Err(CapabilityError::BadValue { at, byte: bytes.get(at).copied().unwrap_or_default() })
            }
        }
    }

    /// Makes a value that fits into every version: white space at both ends goes, and `.` stands for every byte that is no
    /// printable ASCII or is a blank. It is what git does to its own agent.
    #[must_use]
    pub fn sanitized(bytes: &[u8]) -> Self {
        let graphic = |byte: &u8| if byte.is_ascii_graphic() { *byte } else { b'.' };
        Self(bytes.trim_ascii().iter().map(graphic).collect())
    }

    /// Bytes that a grammar has found no control byte in.
    pub(crate) fn checked(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its bytes, shared.
    #[must_use]
    pub fn as_shared(&self) -> &Bytes {
        &self.0
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.escape_ascii(), f)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// A capability that we do not know, kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unknown {
    /// Its name.
    pub key: Value,
    /// What stood after `=`, if there was one.
    pub value: Option<Value>,
}

impl From<Capability<'_>> for Unknown {
    fn from(capability: Capability<'_>) -> Self {
        Self { key: Value::checked(capability.key()), value: capability.value().map(Value::checked) }
    }
}

/// `symref=NAME:TARGET`: a symbolic reference of the server. Names are as they came: the reader of the advertisement
/// compares them with the names it has checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Symref {
    /// The symbolic reference, such as `HEAD`.
    pub name: Value,
    /// The reference that it points at.
    pub target: Value,
}

impl Symref {
    /// Reads the value of `symref`. `None` if it is not two names with a colon between.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let (name, target) = value.split_at_checked(memchr::memchr(b':', value)?)?;
        let target = target.strip_prefix(b":")?;
        let whole = !name.is_empty() && !target.is_empty();
        whole.then(|| Self { name: Value::checked(name), target: Value::checked(target) })
    }
}

/// How data, progress and errors share the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SideBand {
    /// Not at all: data alone.
    #[default]
    None,
    /// `side-band`: packets of up to 1000 bytes.
    Small,
    /// `side-band-64k`: packets of up to 65520 bytes.
    Large,
}

/// The hash functions that a peer offers: `object-format`, once for each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct OfferedFormats {
    /// Those that we know, in the order in which they came.
    pub known: Vec<ObjectFormat>,
    /// Those that we do not know.
    pub unknown: Vec<Value>,
}

impl OfferedFormats {
    /// One format.
    #[must_use]
    pub fn one(format: ObjectFormat) -> Self {
        Self { known: Vec::from([format]), unknown: Vec::new() }
    }

    /// The format that the names in the answer have: the first one; SHA-1 if the peer says nothing
    /// (`gitprotocol-capabilities`).
    ///
    /// # Errors
    /// [`CapabilityError::UnknownObjectFormat`] if the peer names only such that we do not know.
    pub fn primary(&self) -> Result<ObjectFormat, CapabilityError> {
        match (self.known.first(), self.unknown.first()) {
            (Some(format), _) => Ok(*format),
            (None, Some(unknown)) => Err(CapabilityError::UnknownObjectFormat(unknown.clone())),
            (None, None) => Ok(ObjectFormat::Sha1),
        }
    }

    /// Checks that the peer can talk about objects of `ours`.
    ///
    /// # Errors
    /// [`CapabilityError::ObjectFormat`] or [`CapabilityError::UnknownObjectFormat`] if it cannot.
    pub fn agree(&self, ours: ObjectFormat) -> Result<(), CapabilityError> {
        if self.known.contains(&ours) {
            return Ok(());
        }
        let theirs = self.primary()?;
        if theirs == ours { Ok(()) } else { Err(CapabilityError::ObjectFormat { ours, theirs }) }
    }

    /// Checks a format that the peer uses after our offer.
    pub(crate) fn admit(&self, name: &[u8]) -> Result<(), CapabilityError> {
        let theirs = ObjectFormat::from_name(name)
            .ok_or_else(|| CapabilityError::UnknownObjectFormat(Value::checked(name)))?;
        let ours = self.primary()?;
        if theirs == ours || self.known.contains(&theirs) {
            return Ok(());
        }
        Err(CapabilityError::ObjectFormat { ours, theirs })
    }

    pub(crate) fn add(&mut self, name: &[u8]) {
        match ObjectFormat::from_name(name) {
            Some(format) if self.known.contains(&format) => {}
            Some(format) => self.known.push(format),
            None => self.unknown.push(Value::checked(name)),
        }
    }
}

/// Keeps the first value of a capability that may come once, as git does.
pub(crate) fn first(place: &mut Option<Value>, value: &[u8]) {
    if place.is_none() {
        *place = Some(Value::checked(value));
    }
}
