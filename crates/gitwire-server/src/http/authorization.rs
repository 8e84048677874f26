//! What a client says of itself: the `Authorization` header (RFC 9110, 7617, 6750).

use crate::access::Credentials;

/// What an `Authorization` header holds.
///
/// ```
/// use gitwire_server::http::{Authorization, AuthorizationError};
///
/// let credentials = Authorization::parse(b"Basic YW5uOnNlY3JldA==")?.credentials;
/// assert_eq!((&credentials.user[..], &credentials.password[..]), ("ann", &b"secret"[..]));
/// # Ok::<(), AuthorizationError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Authorization {
    /// A name and a password. A token (`Bearer`) stands where the password does, with an empty name.
    pub credentials: Credentials,
}

/// Why an `Authorization` header says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// A scheme besides `Basic` and `Bearer`.
    #[error("unsupported authorization scheme")]
    Scheme,
    /// Longer than [`Authorization::BYTES_MAX`].
    #[error("authorization of more than {} bytes", Authorization::BYTES_MAX)]
    TooLong,
    /// What follows the scheme cannot be read.
    #[error("malformed authorization")]
    Malformed,
}

impl Authorization {
    /// The longest header that is read. 8 KiB: signed tokens with some claims take one or two.
    pub const BYTES_MAX: usize = 8 << 10;

    /// Reads the value of the header.
    ///
    /// # Errors
    /// Why it says nothing.
    pub fn parse(header: &[u8]) -> Result<Self, AuthorizationError> {
        if header.len() > Self::BYTES_MAX {
            return Err(AuthorizationError::TooLong);
        }
        let space = memchr::memchr(b' ', header).ok_or(AuthorizationError::Scheme)?;
        let (scheme, value) = header.split_at_checked(space).unwrap_or_default();
        let value = value.trim_ascii();
        let credentials = if scheme.eq_ignore_ascii_case(b"basic") {
            basic(value).ok_or(AuthorizationError::Malformed)?
        } else if scheme.eq_ignore_ascii_case(b"bearer") {
            bearer(value).ok_or(AuthorizationError::Malformed)?
        } else {
            return Err(AuthorizationError::Scheme);
        };
        Ok(Self { credentials })
    }
}

/// `user:password` in base64. A name with control bytes would end up in logs and reflogs.
fn basic(value: &[u8]) -> Option<Credentials> {
    let decoded = base64(value)?;
    let (user, password) = decoded.split_at_checked(memchr::memchr(b':', &decoded)?)?;
    let user = std::str::from_utf8(user).ok()?;
    if user.chars().any(char::is_control) {
        return None;
    }
    Some(Credentials { user: user.to_owned(), password: password.get(1..)?.to_vec() })
}

fn bearer(token: &[u8]) -> Option<Credentials> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    (!token.is_empty() && token.iter().all(fits))
        .then(|| Credentials { user: String::new(), password: token.to_vec() })
}

/// Base64 with its padding (RFC 4648, section 4). Bits that stand for nothing are zero, so that one text has one form.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut groups = text.chunks_exact(4).peekable();
    while let Some(group) = groups.next() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 0 && groups.peek().is_some() {
            return None;
        }
        let (bytes, rest) = match padding {
            0 => (3, 0),
            1 => (2, 0xff),
            2 => (1, 0xffff),
            _ => return None,
        };
        let digits = group.iter().take(4_usize.checked_sub(padding)?);
        let bits = digits
            .chain([&b'A'; 2])
            .take(4)
            .try_fold(0_u32, |bits, digit| Some(bits << 6 | value(*digit)?))?;
        if bits & rest != 0 {
            return None;
        }
        decoded.extend_from_slice(bits.to_be_bytes().get(1..)?.get(..bytes)?);
    }
    Some(decoded)
}

fn value(digit: u8) -> Option<u32> {
    let (first, base) = match digit {
        b'A'..=b'Z' => (b'A', 0),
        b'a'..=b'z' => (b'a', 26),
        b'0'..=b'9' => (b'0', 52),
        b'+' => return Some(62),
        b'/' => return Some(63),
        _ => return None,
    };
    Some(u32::from(digit.checked_sub(first)?).saturating_add(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Result<(&str, &[u8]), AuthorizationError>) {
        let parsed = Authorization::parse(header.as_bytes());
        let parsed = parsed.as_ref().map(|Authorization { credentials }| {
            (credentials.user.as_str(), credentials.password.as_slice())
        });
        assert_eq!(parsed.map_err(|error| *error), expected, "{header}");
    }

    #[test]
    fn names_passwords_and_tokens() {
        check("Basic YW5uOnNlY3JldA==", Ok(("ann", b"secret")));
        check("basic  YW5uOnNlY3JldA== ", Ok(("ann", b"secret")));
        check("Basic YW5uOg==", Ok(("ann", b"")));
        check("Basic Og==", Ok(("", b"")));
        check("Basic OmE6Yg==", Ok(("", b"a:b")));
        check("Basic YTr/", Ok(("a", b"\xff")));
        check("Basic w6Q6w6Q=", Ok(("\u{e4}", "\u{e4}".as_bytes())));
        check("Bearer abc.DEF-_~+/==", Ok(("", b"abc.DEF-_~+/==")));
        check("bearer x", Ok(("", b"x")));
    }

    #[test]
    fn what_says_nothing() {
        for header in ["", "Basic", "Negotiate abc", "Digest username=\"a\"", "YW5uOnNlY3JldA=="] {
            check(header, Err(AuthorizationError::Scheme));
        }
        for header in [
            "Basic ",
            "Basic YW5u",
            "Basic YW5uOnNlY3JldA=",
            "Basic YW5uOnNlY3JldA",
            "Basic YW5uOnNlY3JldB==",
            "Basic YW5uOnNlY3JldA==YW5u",
            "Basic YW5u====",
            "Basic =W5uOnNl",
            "Basic YW5u OnNl",
            "Basic YW5u-_Nl",
            // A line feed, and what is no UTF-8, in the name.
            "Basic YQpiOmM=",
            "Basic /zpi",
            "Bearer ",
            "Bearer a b",
            "Bearer a\u{e4}",
        ] {
            check(header, Err(AuthorizationError::Malformed));
        }
    }

    #[test]
    fn bytes_max() {
        let token = "x".repeat(Authorization::BYTES_MAX - "Bearer ".len());
        check(&format!("Bearer {token}"), Ok(("", token.as_bytes())));
        check(&format!("Bearer x{token}"), Err(AuthorizationError::TooLong));
    }
}
