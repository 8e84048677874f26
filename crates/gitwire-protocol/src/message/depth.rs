//! `deepen`, `deepen-since`, `deepen-not`, `deepen-relative`: how much history a client asks for.

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use gitwire_pktline::PktLineError;

use super::{value, word};
use crate::Violation;
use crate::error::Excerpt;
use crate::wire::{Decimal, c_number, text_line};

/// How much history a client asks for (`gitprotocol-pack`, *depth-request*; `gitprotocol-v2`, *fetch*).
///
/// A number of commits, or a time and refs to stop at; never both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DepthRequest {
    /// `deepen`: the number of commits from each tip, from 1. [`UNSHALLOW`](Self::UNSHALLOW) means all of them.
    pub depth: Option<u32>,
    /// `deepen-relative`: the depth counts from the client's boundary, not from the tips.
    pub relative: bool,
    /// `deepen-since`: seconds since 1970; nothing older is sent.
    pub since: Option<u64>,
    /// `deepen-not`: refs whose history is left out.
    pub not: Vec<Bytes>,
}

impl DepthRequest {
    /// The depth that lifts every boundary, as `git fetch --unshallow` sends it.
    pub const UNSHALLOW: u32 = 0x7fff_ffff;

    /// Asks for `depth` commits from each tip.
    #[must_use]
    pub fn commits(depth: u32) -> Self {
        Self { depth: Some(depth), ..Self::default() }
    }

    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.depth.is_none() && self.since.is_none() && self.not.is_empty()
    }
}

/// One line of a depth request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DepthLine<'a> {
    Deepen(u32),
    Since(u64),
    Not(&'a [u8]),
}

impl<'a> DepthLine<'a> {
    /// `None` for lines that ask for something else.
    pub(super) fn parse(line: &'a [u8]) -> Result<Option<Self>, Violation> {
        Ok(Some(if let Some(digits) = value(line, b"deepen") {
            let depth = c_number(digits)
                .and_then(|depth| u32::try_from(depth).ok())
                .filter(|depth| (1..=DepthRequest::UNSHALLOW).contains(depth));
            Self::Deepen(depth.ok_or_else(|| number("deepen", digits))?)
        } else if let Some(digits) = value(line, b"deepen-since") {
            let since = c_number(digits).filter(|since| *since > 0);
            Self::Since(since.ok_or_else(|| number("deepen-since", digits))?)
        } else if let Some(name) = value(line, b"deepen-not") {
            Self::Not(word("deepen-not", name)?)
        } else {
            return Ok(None);
        }))
    }

    pub(super) fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        match self {
            Self::Deepen(depth) => text_line(&[b"deepen ", Decimal::new(u64::from(*depth)).as_bytes()], out),
            Self::Since(since) => text_line(&[b"deepen-since ", Decimal::new(*since).as_bytes()], out),
            Self::Not(name) => text_line(&[b"deepen-not ", name], out),
        }
    }
}

fn number(what: &'static str, digits: &[u8]) -> Violation {
    Violation::Number { what, text: Excerpt::new(digits) }
}
