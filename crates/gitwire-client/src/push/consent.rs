//! What others have to say to a push before it is asked for: who signs it, and who may stop it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use gitwire_capability::Certificate;
use gitwire_protocol::PushRequest;
use gitwire_protocol::message::PushCertificate;

use super::PushUpdate;
use crate::ClientError;

/// Looks at a push before the server is asked for anything (`githooks`, *pre-push*).
pub trait PrePush: fmt::Debug + Send + Sync {
    /// Sees all refs that are to change, or would on a dry run: those of status [`Done`](super::PushStatus::Done).
    ///
    /// # Errors
    /// Why there shall be no push; may be empty where that has been said.
    fn approve(&self, updates: &[&PushUpdate]) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Signs what it is given.
pub trait Signer: fmt::Debug + Send + Sync {
    /// A detached signature: armored lines that start with `-----BEGIN`.
    ///
    /// # Errors
    /// Why there is none.
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;
}

/// How a push is signed (`git push --signed`).
#[derive(Debug, Clone)]
pub struct Signing {
    /// Whether a server that takes no signed pushes gets an unsigned one.
    pub when: Certificate,
    /// Who pushes, as the certificate says it: the key or its owner, the time in seconds and the zone.
    pub pusher: Bytes,
    /// Who signs.
    pub signer: Arc<dyn Signer>,
}

impl Signing {
    /// Puts a certificate into a request whose agreement holds a nonce. `pushee` is the remote, without what is secret in its URL.
    pub(super) fn sign(&self, request: &mut PushRequest, pushee: &[u8]) -> Result<(), ClientError> {
        let Some(nonce) = &request.agreement.nonce else { return Ok(()) };
        let mut certificate = PushCertificate::default();
        certificate.pusher = &self.pusher;
        certificate.pushee = (!pushee.is_empty()).then_some(pushee);
        certificate.nonce = Some(nonce.as_bytes());
        certificate.push_options = request.push_options.iter().map(|option| &option[..]).collect();
        certificate.commands =
            request.commands.iter().map(|command| (command.old, command.new, &command.name[..])).collect();
        let mut text = certificate.to_text();
        let signature = self.signer.sign(&text).map_err(ClientError::Signature)?;
        text.extend_from_slice(&signature);
        request.certificate = Some(text.into());
        Ok(())
    }
}
