//! Signed pushes: the nonce that a certificate must hold, and whether it does (`gitprotocol-pack`, *push certificate*).

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use gitwire_object::{Hasher, Trust};
use gitwire_protocol::Serving;
use gitwire_protocol::message::PushCertificate;
use gitwire_types::{ObjectFormat, ObjectId};

use super::hooks::SignatureCheck;

/// Signed pushes, where they are offered (`receive.certNonceSeed`, `receive.certNonceSlop`).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificatePolicy {
    /// What only this server knows, and nobody else can make nonces without.
    pub seed: Bytes,
    /// How old a nonce may be that another process of this server gave, over HTTP. Zero: it may not be older than this second.
    pub slop: Duration,
    /// What the nonces are good for: one repository. Its path, or another name that no other repository has.
    pub place: Bytes,
}

impl CertificatePolicy {
    /// Signed pushes into `place`, with nonces that nobody can make who does not know `seed`.
    pub fn new(seed: impl Into<Bytes>, place: impl Into<Bytes>) -> Self {
        Self { seed: seed.into(), slop: Duration::ZERO, place: place.into() }
    }

    /// A nonce of this moment.
    #[allow(clippy::disallowed_methods, reason = "a nonce is as old as the time of day says")]
    pub(super) fn nonce(&self) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.nonce_of(now.as_secs())
    }

    fn nonce_of(&self, seconds: u64) -> String {
        let text = [&self.place[..], b":", seconds.to_string().as_bytes()].concat();
        format!("{seconds}-{}", hmac(&self.seed, &text))
    }

    /// What a nonce is worth in a conversation in which `given` was given.
    fn check(&self, nonce: Option<&[u8]>, given: &str, serving: Serving) -> NonceStatus {
        let Some(nonce) = nonce else { return NonceStatus::Missing };
        if nonce == given.as_bytes() {
            return NonceStatus::Ok;
        }
        // On one stream there is no other that could be good.
        if serving == Serving::Duplex {
            return NonceStatus::Bad;
        }
        let seconds = |nonce: &[u8]| {
            let text = std::str::from_utf8(nonce).ok()?;
            text.split_once('-')?.0.parse::<u64>().ok()
        };
        let (Some(then), Some(now)) = (seconds(nonce), seconds(given.as_bytes())) else {
            return NonceStatus::Bad;
        };
        if !same(self.nonce_of(then).as_bytes(), nonce) {
            return NonceStatus::Bad;
        }
        if !self.slop.is_zero() && now.abs_diff(then) <= self.slop.as_secs() {
            return NonceStatus::Ok;
        }
        NonceStatus::Slop(i128::from(now).saturating_sub(i128::from(then)))
    }
}

impl std::fmt::Debug for CertificatePolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificatePolicy").field("slop", &self.slop).finish_non_exhaustive()
    }
}

/// The certificate of a push, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateCheck {
    /// The certificate as a blob in the repository; `None` where the repository stores none.
    pub object: Option<ObjectId>,
    /// What its signature is worth.
    pub signature: SignatureCheck,
    /// The nonce that counts.
    pub nonce: Bytes,
    /// What the nonce in the certificate is worth.
    pub nonce_status: NonceStatus,
}

impl CertificateCheck {
    /// What the certificate says, without its signature.
    pub(super) fn new(
        policy: &CertificatePolicy,
        certificate: &PushCertificate<'_>,
        given: &str,
        serving: Serving,
    ) -> Self {
        let nonce_status = policy.check(certificate.nonce, given, serving);
        // One of another process of ours that is young enough counts as if it had been given here.
        let nonce = match (nonce_status, certificate.nonce) {
            (NonceStatus::Ok, Some(nonce)) => Bytes::copy_from_slice(nonce),
            _ => Bytes::copy_from_slice(given.as_bytes()),
        };
        Self { object: None, signature: SignatureCheck::default(), nonce, nonce_status }
    }
}

/// What the nonce of a certificate is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonceStatus {
    /// None was given, and there is one.
    Unsolicited,
    /// It is not one of ours.
    Bad,
    /// There is none.
    Missing,
    /// It is the one that was given, or young enough.
    Ok,
    /// It is one of ours, so many seconds too old.
    Slop(i128),
}

impl NonceStatus {
    /// Git's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsolicited => "UNSOLICITED",
            Self::Bad => "BAD",
            Self::Missing => "MISSING",
            Self::Ok => "OK",
            Self::Slop(_) => "SLOP",
        }
    }
}

/// HMAC-SHA-256 (RFC 2104), in hex. It is no secret how long the parts are.
fn hmac(key: &[u8], text: &[u8]) -> String {
    let hash = |parts: [&[u8]; 2]| {
        let mut hasher = Hasher::new(ObjectFormat::Sha256, Trust::Own);
        parts.into_iter().for_each(|part| hasher.update(part));
        // SHA-256 has no attack that is looked for.
        hasher.finish().unwrap_or(ObjectId::zero(ObjectFormat::Sha256))
    };
    let mut block = [0_u8; BLOCK];
    let hashed;
    let key = if key.len() > BLOCK {
        hashed = hash([key, b""]);
        hashed.as_bytes()
    } else {
        key
    };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let inner = hash([&block.map(|byte| byte ^ 0x36), text]);
    hash([&block.map(|byte| byte ^ 0x5c), inner.as_bytes()]).to_string()
}

/// Whether both are the same, in a time that does not tell where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).fold(0, |found, (one, other)| found | (one ^ other)) == 0
}

/// The block of SHA-256, in bytes.
const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_rfc_4231() {
        let case = |key: &[u8], text: &[u8], code: &str| assert_eq!(hmac(key, text), code);
        case(&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        case(
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        case(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        );
    }

    #[test]
    fn a_nonce_is_good_where_and_when_it_was_given() {
        let mut policy = CertificatePolicy::new("secret", "/srv/r.git");
        let (given, older) = (policy.nonce_of(1_000), policy.nonce_of(940));
        let check = |policy: &CertificatePolicy, nonce: Option<&str>, serving| {
            policy.check(nonce.map(str::as_bytes), &given, serving)
        };
        assert_eq!(check(&policy, Some(&given), Serving::Duplex), NonceStatus::Ok);
        assert_eq!(check(&policy, None, Serving::Duplex), NonceStatus::Missing);
        assert_eq!(check(&policy, Some(&older), Serving::Duplex), NonceStatus::Bad);
        assert_eq!(check(&policy, Some(&older), Serving::Stateless), NonceStatus::Slop(60));
        policy.slop = Duration::from_secs(59);
        assert_eq!(check(&policy, Some(&older), Serving::Stateless), NonceStatus::Slop(60));
        policy.slop = Duration::from_secs(60);
        assert_eq!(check(&policy, Some(&older), Serving::Stateless), NonceStatus::Ok);
        let other = CertificatePolicy::new("secret", "/srv/other.git").nonce_of(1_000);
        let forged = CertificatePolicy::new("guess", "/srv/r.git").nonce_of(1_000);
        for bad in [other.as_str(), &forged, "1000", "1000-", "-", "", "x-y", "99999999999999999999-1"] {
            assert_eq!(check(&policy, Some(bad), Serving::Stateless), NonceStatus::Bad, "{bad}");
        }
    }
}
