//! *push-cert*: a signed statement of which refs a push changes.

use alloc::vec::Vec;

use gitwire_types::{ObjectFormat, ObjectId};

use super::update_request::command;
use super::value;
use crate::Violation;

/// A push certificate (`gitprotocol-pack`), read from or written to the text that is signed. What it borrows, it borrows from
/// that text.
///
/// ```
/// use gitwire_protocol::message::PushCertificate;
/// use gitwire_types::ObjectFormat;
///
/// let id = "1".repeat(40);
/// let text = format!(
///     "certificate version 0.1\npusher A <a@example.org> 1700000000 +0000\nnonce 1-x\n\n{id} {id} refs/heads/main\n-----BEGIN\n"
/// );
/// let certificate = PushCertificate::parse(ObjectFormat::Sha1, text.as_bytes())?;
/// assert_eq!(certificate.nonce, Some(&b"1-x"[..]));
/// assert_eq!(certificate.commands.len(), 1);
/// assert_eq!(certificate.signature, b"-----BEGIN\n");
/// assert!(text.as_bytes().starts_with(certificate.payload()));
/// assert_eq!(certificate.to_text(), certificate.payload());
/// # Ok::<(), gitwire_protocol::Violation>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushCertificate<'a> {
    /// Who pushes: name, address and time, or the key.
    pub pusher: &'a [u8],
    /// Where to.
    pub pushee: Option<&'a [u8]>,
    /// What the server gave as a proof of freshness.
    pub nonce: Option<&'a [u8]>,
    /// The push options, as outside of the certificate.
    pub push_options: Vec<&'a [u8]>,
    /// Old id, new id and name of each ref.
    pub commands: Vec<(ObjectId, ObjectId, &'a [u8])>,
    /// What follows the commands: the detached signature.
    pub signature: &'a [u8],
    /// What the signature is for.
    payload: &'a [u8],
}

impl<'a> PushCertificate<'a> {
    /// Reads a certificate: its header, its commands up to the first line that starts with `-----BEGIN`, and the signature.
    /// Headers that are not known are passed over.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] without its version, a blank line or a proper command; [`Violation::Malformed`] for a second
    /// `pusher`, `pushee` or `nonce`; [`Violation::ObjectId`].
    pub fn parse(format: ObjectFormat, text: &'a [u8]) -> Result<Self, Violation> {
        let mut certificate = Self::default();
        let mut lines = text.split_inclusive(|byte| *byte == b'\n');
        let mut read = 0_usize;
        let mut next = || {
            let line: &[u8] = lines.next()?;
            let start = read;
            read = read.saturating_add(line.len());
            Some((start, line.strip_suffix(b"\n").unwrap_or(line)))
        };
        match next() {
            Some((_, b"certificate version 0.1")) => {}
            other => return Err(Violation::line("certificate version 0.1", other.unwrap_or_default().1)),
        }
        let mut pusher = None;
        loop {
            let (_, line) = next().ok_or_else(|| Violation::line("a blank line", b""))?;
            if line.is_empty() {
                break;
            }
            certificate.header(line, &mut pusher)?;
        }
        certificate.pusher = pusher.unwrap_or_default();
        certificate.payload = text;
        while let Some((start, line)) = next() {
            if line.starts_with(b"-----BEGIN") {
                (certificate.payload, certificate.signature) =
                    text.split_at_checked(start).unwrap_or((text, b""));
                break;
            }
            certificate.commands.push(command(format, line)?);
        }
        Ok(certificate)
    }

    /// The bytes that are signed: all that was read but the signature, as it came. Nothing for a certificate that was not read.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The text to sign: version, headers, a blank line, commands. The signature goes behind it.
    #[must_use]
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::from(&b"certificate version 0.1\n"[..]);
        let mut line = |parts: &[&[u8]]| {
            parts.iter().for_each(|part| text.extend_from_slice(part));
            text.push(b'\n');
        };
        line(&[b"pusher ", self.pusher]);
        if let Some(pushee) = self.pushee {
            line(&[b"pushee ", pushee]);
        }
        if let Some(nonce) = self.nonce {
            line(&[b"nonce ", nonce]);
        }
        for option in &self.push_options {
            line(&[b"push-option ", option]);
        }
        line(&[]);
        for (old, new, name) in &self.commands {
            line(&[old.to_hex().as_bytes(), b" ", new.to_hex().as_bytes(), b" ", name]);
        }
        text
    }

    /// Takes one header. Who signs two of them leaves it open which one counts.
    fn header(&mut self, line: &'a [u8], pusher: &mut Option<&'a [u8]>) -> Result<(), Violation> {
        let (place, what) = if let Some(value) = value(line, b"pusher") {
            (pusher.replace(value), "second pusher")
        } else if let Some(value) = value(line, b"pushee") {
            (self.pushee.replace(value), "second pushee")
        } else if let Some(value) = value(line, b"nonce") {
            (self.nonce.replace(value), "second nonce")
        } else {
            self.push_options.extend(value(line, b"push-option"));
            return Ok(());
        };
        if place.is_some() { Err(Violation::malformed(what, line)) } else { Ok(()) }
    }
}
