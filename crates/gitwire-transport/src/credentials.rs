//! Who asks, where a server wants to know.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::fmt;

use crate::TransportError;

/// Finds out in whose name a server is asked, and hears whether that went well. Programs ask helpers and people; see
/// `gitcredentials` for what is usual.
///
/// Called when a server has asked for it, or before where that is [wished](crate::Proactive), at most once for each place in a
/// conversation; again only for the next step of a credential that has several. It may block.
pub trait Credentials: Send + Sync {
    /// A credential for a place; `None` if there is none.
    ///
    /// # Errors
    /// Whatever keeps it from being found out.
    fn fill(&self, place: &CredentialPlace) -> Result<Option<Credential>, TransportError>;

    /// The server has accepted it: it may be kept.
    fn approve(&self, _place: &CredentialPlace, _credential: &Credential) {}

    /// The server has refused it: it is of no use.
    fn reject(&self, _place: &CredentialPlace, _credential: &Credential) {}
}

impl fmt::Debug for dyn Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// Where a credential is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialPlace {
    /// `https`, `http`, `wss` or `ws`.
    pub protocol: String,
    /// The host, with the port where the URL has one.
    pub host: String,
    /// The path, percent-decoded, without the slash before it.
    pub path: Vec<u8>,
    /// Who asks, where the URL says so.
    pub user: Option<String>,
    /// What the server's `WWW-Authenticate` headers say, in their order.
    pub challenges: Vec<String>,
}

impl CredentialPlace {
    /// A place of a host.
    #[must_use]
    pub fn new(protocol: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            protocol: protocol.into(),
            host: host.into(),
            path: Vec::new(),
            user: None,
            challenges: Vec::new(),
        }
    }
}

/// In whose name a server is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// A user and a password (RFC 7617).
    Basic {
        /// The user. Without a colon.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token (RFC 6750).
    Bearer(Secret),
    /// What any other scheme wants.
    Other {
        /// The name of the scheme.
        scheme: String,
        /// What follows it in the header.
        value: Secret,
        /// The server will ask again, for the next step: that is no refusal.
        more: bool,
    },
}

impl Credential {
    /// A user and a password.
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { user: user.into(), password: Secret::new(password) }
    }

    /// The value of the header `Authorization`: to be sent over what nobody else can read, and never shown.
    #[must_use]
    pub fn authorization(&self) -> Secret {
        match self {
            Self::Basic { user, password } => {
                let text = format!("{user}:{}", password.expose());
                Secret(format!("Basic {}", base64(text.as_bytes())))
            }
            Self::Bearer(token) => Secret(format!("Bearer {}", token.expose())),
            Self::Other { scheme, value, .. } => Secret(format!("{scheme} {}", value.expose())),
        }
    }
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being printed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18_u32, 12, 6, 0].into_iter().enumerate() {
            let letter = ALPHABET.get((bits >> shift & 63) as usize).copied().unwrap_or(b'=');
            text.push(if at <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_the_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn headers() {
        let basic = Credential::basic("Aladdin", "open sesame");
        assert_eq!(basic.authorization().expose(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let bearer = Credential::Bearer(Secret::new("t0ken"));
        assert_eq!(bearer.authorization().expose(), "Bearer t0ken");
    }

    #[test]
    fn nothing_prints_a_secret() {
        let text = format!(
            "{:?} {:?}",
            Credential::basic("u", "hunter2"),
            Credential::Bearer(Secret::new("hunter2"))
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
}
