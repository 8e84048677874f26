//! Places on HTTP servers, as they are written in requests.

use std::fmt::{self, Write as _};

use crate::{Scheme, TransportError, Url};

/// A server, and where on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) origin: Origin,
    /// From the first slash on, percent-encoded; whatever follows `?` belongs to it.
    pub(crate) path: String,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) encrypted: bool,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Place {
    /// Where a repository is: the path ends with a slash.
    pub(crate) fn of(url: &Url) -> Result<Self, TransportError> {
        let encrypted = match url.scheme {
            Scheme::Http => false,
            Scheme::Https => true,
            scheme => return Err(TransportError::NoConnector { scheme: scheme.to_string() }),
        };
        let host = url.host.clone().ok_or(TransportError::Internal("an HTTP URL without a host"))?;
        let mut path = encode(&url.written);
        if !path.ends_with('/') {
            path.push('/');
        }
        Ok(Self { origin: Origin { encrypted, host, port: url.port }, path })
    }

    /// Something below it.
    pub(crate) fn join(&self, below: &str) -> Self {
        Self { origin: self.origin.clone(), path: format!("{}{below}", self.path) }
    }

    /// Where a `Location` header leads from here (RFC 3986, section 4.2). Its fragment and user mean nothing.
    pub(crate) fn follow(&self, location: &[u8]) -> Result<Self, TransportError> {
        let location = location.split(|byte| *byte == b'#').next().unwrap_or_default();
        if location.starts_with(b"//") {
            return Self::absolute(&[self.origin.scheme().as_bytes(), b":", location].concat());
        }
        if location.starts_with(b"/") {
            return Ok(Self { origin: self.origin.clone(), path: encode(location) });
        }
        if is_absolute(location) {
            return Self::absolute(location);
        }
        let here = self.path.split('?').next().unwrap_or_default();
        let folder = here.rfind('/').and_then(|at| here.get(..=at)).unwrap_or("/");
        Ok(Self { origin: self.origin.clone(), path: format!("{folder}{}", encode(location)) })
    }

    fn absolute(location: &[u8]) -> Result<Self, TransportError> {
        let url = Url::parse(location)?;
        let place = Self::of(&url)?;
        let path = if url.written.is_empty() { "/".to_owned() } else { encode(&url.written) };
        Ok(Self { path, ..place })
    }

    /// The path of a folder, percent-decoded, without the slashes around it.
    pub(super) fn decoded(&self) -> Vec<u8> {
        let mut decoded = Vec::new();
        let mut rest = self.path.trim_matches('/').as_bytes();
        while let [first, after @ ..] = rest {
            let escape = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
            let byte = escape.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
            decoded.push(byte.unwrap_or(*first));
            rest = after.get(if byte.is_some() { 2 } else { 0 }..).unwrap_or_default();
        }
        decoded
    }

    /// Another folder on the same server, as a file here names it: by a path of the server, or one from here, or a whole URL. `None`
    /// if it leads elsewhere.
    pub(super) fn beside(&self, named: &[u8]) -> Option<Self> {
        let to = self.follow(named).ok().filter(|to| to.origin.is(&self.origin) && !to.path.contains('?'))?;
        let mut parts: Vec<&str> = Vec::new();
        for part in to.path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()?),
                part => parts.push(part),
            }
        }
        let inner: String = parts.iter().flat_map(|part| [part, "/"]).collect();
        Some(Self { origin: self.origin.clone(), path: format!("/{inner}") })
    }

    /// Where the repository is, if this is `below` of it.
    pub(crate) fn without(&self, below: &str) -> Option<Self> {
        let path = self.path.strip_suffix(below)?;
        Some(Self { origin: self.origin.clone(), path: path.to_owned() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

impl Origin {
    pub(crate) fn scheme(&self) -> &'static str {
        if self.encrypted { "https" } else { "http" }
    }

    /// The port that is meant.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(if self.encrypted { 443 } else { 80 })
    }

    /// Whether both are the same server, however they are written.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.encrypted == other.encrypted
            && self.port() == other.port()
            && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// Host and port as they were written.
    pub(crate) fn authority(&self) -> String {
        let mut text = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if let Some(port) = self.port {
            // Nothing can go wrong in memory.
            let _ = write!(text, ":{port}");
        }
        text
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

fn is_absolute(location: &[u8]) -> bool {
    let colon = location.iter().position(|byte| matches!(byte, b':' | b'/' | b'?'));
    colon.is_some_and(|at| at > 0 && location.get(at) == Some(&b':'))
}

/// What may stand in a request line, as it is; everything else percent-encoded.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => text.push(char::from(*byte)),
            _ if b"-._~:/?[]@!$&'()*+,;=%".contains(byte) => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Place {
        Place::of(&Url::parse(url.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn places_of_repositories() {
        for (url, expected) in [
            ("http://h/a.git", "http://h/a.git/"),
            ("https://u:p@h:8443/a/", "https://h:8443/a/"),
            ("http://[::1]:80/a b", "http://[::1]:80/a%20b/"),
            ("http://h/a%20b%2fc?x=%3f", "http://h/a%20b%2fc?x=%3f/"),
            ("http://h/\u{e4}", "http://h/%C3%A4/"),
        ] {
            assert_eq!(place(url).to_string(), expected);
        }
        assert_eq!(place("http://h/a").join("info/refs").to_string(), "http://h/a/info/refs");
    }

    #[test]
    fn redirects_lead_from_here() {
        let here = place("http://h:8080/a/b").join("info/refs?service=x");
        for (location, expected) in [
            ("https://g/c/info/refs?service=x", "https://g/c/info/refs?service=x"),
            ("http://user:secret@g/c", "http://g/c"),
            ("//g:1/c#there", "http://g:1/c"),
            ("/c?d", "http://h:8080/c?d"),
            ("refs", "http://h:8080/a/b/info/refs"),
            ("http://g", "http://g/"),
            ("HTTP://g/x y", "http://g/x%20y"),
        ] {
            assert_eq!(here.follow(location.as_bytes()).unwrap().to_string(), expected, "{location}");
        }
        for location in ["file:///etc/passwd", "ssh://h/p", "gopher://h/p", "ext::sh", "javascript:alert(1)"]
        {
            assert!(here.follow(location.as_bytes()).is_err(), "{location}");
        }
    }

    #[test]
    fn folders_beside() {
        let here = place("http://h/a/b.git").join("objects/");
        for (named, expected) in [
            ("../../c.git/objects", Some("http://h/a/c.git/objects/")),
            ("/srv/c.git/objects", Some("http://h/srv/c.git/objects/")),
            ("/srv/./x/../c.git/objects/", Some("http://h/srv/c.git/objects/")),
            ("http://H:80/c/objects", Some("http://h/c/objects/")),
            ("http://g/c/objects", None),
            ("https://h/c/objects", None),
            ("http://h/c/objects?x", None),
            ("../../../../c/objects", None),
            ("file:///c/objects", None),
        ] {
            let folder = here.beside(named.as_bytes()).map(|place| place.to_string());
            assert_eq!(folder.as_deref(), expected, "{named}");
        }
    }

    #[test]
    fn one_server_in_two_spellings() {
        let origin = |url| place(url).origin;
        assert!(origin("http://H/").is(&origin("http://h:80/")));
        assert!(origin("https://h:443/").is(&origin("https://h/")));
        assert!(!origin("https://h/").is(&origin("http://h/")));
        assert!(!origin("http://h:81/").is(&origin("http://h/")));
        assert!(!origin("http://h/").is(&origin("http://h.evil/")));
    }
}
