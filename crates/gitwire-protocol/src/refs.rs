//! Refs as a server shows them, in blocks.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;
use gitwire_pktline::{Decoded, Packet, decode, text};
use gitwire_types::{ObjectFormat, ObjectId};

use crate::message::{LsRefsLine, RefAdvertisementLine};

/// A ref as a server shows it.
///
/// The name's bytes are the server's: check them with [`RefName::new`](gitwire_types::RefName::new) before they mean
/// anything. git ignores refs with names that it would not accept itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdvertisedRef<'a> {
    /// The name; `.have` (versions 0 and 1) for an object without a ref of its own.
    pub name: &'a [u8],
    /// The object; `None` for `HEAD` that points at a branch that is not there yet.
    pub id: Option<ObjectId>,
    /// What the tag points at in the end, if it is one, and if that was asked for (version 2).
    pub peeled: Option<ObjectId>,
    /// The ref that it points at, if it is symbolic, and if that was asked for (version 2) or told (versions 0 and 1: of
    /// `HEAD` only, as a rule).
    pub symref_target: Option<&'a [u8]>,
}

impl<'a> AdvertisedRef<'a> {
    /// A ref that is neither a tag nor symbolic.
    #[must_use]
    pub const fn new(name: &'a [u8], id: ObjectId) -> Self {
        Self { name, id: Some(id), peeled: None, symref_target: None }
    }
}

/// A part of a list of refs: one shared piece of the input, read again as it is walked. A million refs take the memory of
/// their lines.
///
/// ```
/// # fn show(block: &gitwire_protocol::RefBlock) {
/// for shown in block.iter() {
///     println!("{:?} {}", shown.id, shown.name.escape_ascii());
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RefBlock {
    /// Whole pkt-lines that were read once already.
    lines: Bytes,
    format: ObjectFormat,
    dialect: Dialect,
}

/// How the lines are written.
#[derive(Debug, Clone)]
pub(crate) enum Dialect {
    /// *advertised-refs*, with the symbolic refs of the capability list, ordered by name.
    Advertisement(Arc<Vec<(Bytes, Bytes)>>),
    /// *advertised-refs* of a push: no tag is peeled there, and no ref is said to be symbolic.
    Push,
    /// The answer to `ls-refs`.
    LsRefs,
}

impl RefBlock {
    pub(crate) const fn new(lines: Bytes, format: ObjectFormat, dialect: Dialect) -> Self {
        Self { lines, format, dialect }
    }

    /// The refs, in the order in which they came.
    #[must_use]
    pub fn iter(&self) -> Refs<'_> {
        Refs { block: self, rest: &self.lines, ahead: None }
    }

    /// The pkt-lines as they came.
    #[must_use]
    pub const fn lines(&self) -> &Bytes {
        &self.lines
    }
}

impl<'a> IntoIterator for &'a RefBlock {
    type Item = AdvertisedRef<'a>;
    type IntoIter = Refs<'a>;

    fn into_iter(self) -> Refs<'a> {
        self.iter()
    }
}

/// The refs of a [`RefBlock`].
#[derive(Debug, Clone)]
pub struct Refs<'a> {
    block: &'a RefBlock,
    rest: &'a [u8],
    /// A line that was read to see whether it belongs to the one before.
    ahead: Option<(ObjectId, &'a [u8])>,
}

impl<'a> Refs<'a> {
    fn line(&mut self) -> Option<&'a [u8]> {
        match decode(self.rest) {
            Ok(Decoded::Packet { packet: Packet::Data(data), consumed }) => {
                self.rest = self.rest.get(consumed..).unwrap_or_default();
                Some(text(data))
            }
            // Not to be reached: the machine has read every line of the block.
            _ => None,
        }
    }

    fn advertised(&mut self) -> Option<(ObjectId, &'a [u8])> {
        match RefAdvertisementLine::parse_ref(self.block.format, self.line()?) {
            Ok(RefAdvertisementLine::Ref { id, name, .. }) => Some((id, name)),
            _ => None,
        }
    }
}

impl<'a> Iterator for Refs<'a> {
    type Item = AdvertisedRef<'a>;

    fn next(&mut self) -> Option<AdvertisedRef<'a>> {
        let symrefs = match &self.block.dialect {
            Dialect::LsRefs => {
                return LsRefsLine::parse(self.block.format, self.line()?).ok().map(|line| line.0);
            }
            Dialect::Push => return self.advertised().map(|(id, name)| AdvertisedRef::new(name, id)),
            Dialect::Advertisement(symrefs) => symrefs,
        };
        let (id, name) = match self.ahead.take() {
            Some(ahead) => ahead,
            None => self.advertised()?,
        };
        let mut shown = AdvertisedRef::new(name, id);
        match self.advertised() {
            Some((peeled, tag)) if tag.strip_suffix(b"^{}") == Some(name) => shown.peeled = Some(peeled),
            ahead => self.ahead = ahead,
        }
        let symref = symrefs.binary_search_by(|(symref, _)| symref.as_ref().cmp(name)).ok();
        shown.symref_target = symref.and_then(|at| symrefs.get(at)).map(|(_, target)| target.as_ref());
        Some(shown)
    }
}
