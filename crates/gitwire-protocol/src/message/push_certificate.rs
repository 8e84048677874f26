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
/// assert!(text.as_bytes().starts_with(&certificate.payload()));
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
}

impl<'a> PushCertificate<'a> {
    /// Reads a certificate: its header, its commands up to the first line that starts with `-----BEGIN`, and the signature.
    /// Headers that are not known are passed over.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] without its version, a blank line or a proper command; [`Violation::ObjectId`].
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
        loop {
            let (_, line) = next().ok_or_else(|| Violation::line("a blank line", b""))?;
            if line.is_empty() {
                break;
            }
            certificate.header(line);
        }
        while let Some((start, line)) = next() {
            if line.starts_with(b"-----BEGIN") {
                certificate.signature = text.get(start..).unwrap_or_default();
                break;
            }
            certificate.commands.push(command(format, line)?);
        }
        Ok(certificate)
    }

    /// The text that is signed: all but the signature.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
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

    fn header(&mut self, line: &'a [u8]) {
        if let Some(pusher) = value(line, b"pusher") {
            self.pusher = pusher;
        } else if let Some(pushee) = value(line, b"pushee") {
            self.pushee = Some(pushee);
        } else if let Some(nonce) = value(line, b"nonce") {
            self.nonce = Some(nonce);
        } else if let Some(option) = value(line, b"push-option") {
            self.push_options.push(option);
        }
    }
}
