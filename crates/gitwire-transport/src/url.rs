//! Where a repository is: what git takes as `<repository>` (`git-fetch`, GIT URLS).

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use gitwire_protocol::Mode;
use memchr::{memchr, memmem};

use crate::Secret;

/// Where a repository is.
///
/// The parts are bytes, percent-decoded where git decodes them, and are free of control bytes. Neither host nor user starts
/// with `-`.
///
/// ```
/// use gitwire_transport::{Scheme, Url};
///
/// let url = Url::parse(b"ssh://me@example.org:2222/srv/a%20b.git")?;
/// assert_eq!((url.scheme, url.port), (Scheme::Ssh, Some(2222)));
/// assert_eq!(url.path, b"/srv/a b.git");
/// assert_eq!(Url::parse(b"example.org:a.git")?.host.as_deref(), Some("example.org"));
/// # Ok::<(), gitwire_transport::UrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Url {
    /// How it is reached.
    pub scheme: Scheme,
    /// Who asks, before `@`.
    pub user: Option<String>,
    /// The password, after a colon before `@`: http, https, ws and wss alone have one.
    pub password: Option<Secret>,
    /// The machine, without the brackets of an IPv6 address. `None` for local paths.
    pub host: Option<String>,
    /// The port, where one is given.
    pub port: Option<u16>,
    /// The repository on that machine.
    pub path: Vec<u8>,
    /// The path, and what follows it, as it was written.
    pub(crate) written: Vec<u8>,
}

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// A path without a scheme.
    Local,
    /// `file://`.
    File,
    /// `git://`, port 9418.
    Git,
    /// `ssh://`, its old names `git+ssh://` and `ssh+git://`, and `[user@]host:path`.
    Ssh,
    /// `http://`.
    Http,
    /// `https://`.
    Https,
    /// `ws://`: the duplex protocol in a WebSocket.
    Ws,
    /// `wss://`: the same over TLS.
    Wss,
    /// `ext::`: the path is a command.
    Ext,
}

/// What is wrong with a URL, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {position} of the URL")]
pub struct UrlError {
    /// Offset of the offending byte in the URL as it was given.
    pub position: usize,
    /// What is wrong there.
    pub kind: UrlErrorKind,
}

/// What is wrong with a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlErrorKind {
    /// Nothing was given.
    #[error("empty URL")]
    Empty,
    /// A scheme or remote helper that this crate does not know.
    #[error("no connector for '{0}' URLs")]
    UnknownScheme(String),
    /// A remote helper is named, and no kind of URL.
    #[error("url has no scheme: {0}")]
    NoScheme(String),
    /// There is nothing where the host should be.
    #[error("no host")]
    NoHost,
    /// There is nothing where the path should be.
    #[error("no path")]
    NoPath,
    /// A port that is not a number from 1 to 65535.
    #[error("bad port")]
    BadPort,
    /// `[` without `]`.
    #[error("unclosed bracket")]
    UnclosedBracket,
    /// `%` without two hexadecimal digits.
    #[error("bad percent escape")]
    BadEscape,
    /// A control byte, as it stands or percent-encoded: it could forge a request.
    #[error("control byte {0:#04x}")]
    ControlByte(u8),
    /// A user or host that a program could take for an option.
    #[error("strange hostname '{0}' blocked")]
    OptionLike(String),
    /// A user or host that is not UTF-8.
    #[error("user or host is not UTF-8")]
    NotUtf8,
}

impl Url {
    /// Reads what git would take as a repository.
    ///
    /// # Errors
    /// What is wrong, and at which byte.
    pub fn parse(url: &[u8]) -> Result<Self, UrlError> {
        if url.is_empty() {
            return Err(UrlError { position: 0, kind: UrlErrorKind::Empty });
        }
        if let Some(end) = memmem::find(url, b"://").filter(|end| is_scheme(&url[..*end])) {
            return with_scheme(url, end);
        }
        if let Some(end) = memmem::find(url, b"::").filter(|end| is_scheme(&url[..*end])) {
            let path = Part { url, start: end + 2, end: url.len(), escaped: false };
            return match &url[..end] {
                b"ext" => Ok(Self { path: path.bytes()?, ..Self::bare(Scheme::Ext) }),
                // A remote helper is named, and a URL for it.
                b"http" | b"https" | b"ws" | b"wss" => Self::for_helper(url, end + 2),
                scheme => Err(unknown_scheme(scheme)),
            };
        }
        match scp_colon(url)? {
            Some(colon) => scp_form(url, colon),
            None => Ok(Self {
                path: Part { url, start: 0, end: url.len(), escaped: false }.bytes()?,
                ..Self::bare(Scheme::Local)
            }),
        }
    }

    /// The URL that a helper is to use.
    fn for_helper(url: &[u8], start: usize) -> Result<Self, UrlError> {
        let rest = &url[start..];
        let shifted = |error: UrlError| UrlError { position: error.position + start, ..error };
        match memmem::find(rest, b"://").filter(|end| is_scheme(&rest[..*end])) {
            Some(end) => with_scheme(rest, end).map_err(shifted),
            None => Err(UrlError {
                position: start,
                kind: UrlErrorKind::NoScheme(rest.escape_ascii().to_string()),
            }),
        }
    }

    /// Host and port as a `host=` parameter says them: an IPv6 address in brackets, the port only where one is given.
    #[must_use]
    pub fn authority(&self) -> Option<String> {
        let host = self.host.as_deref()?;
        let host = if host.contains(':') { Cow::Owned(format!("[{host}]")) } else { Cow::Borrowed(host) };
        Some(match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host.into_owned(),
        })
    }

    /// What may be shown of what git would take as a repository: without the user and password that it may have.
    ///
    /// ```
    /// use gitwire_transport::Url;
    ///
    /// assert_eq!(Url::anonymized(b"https://me:secret@example.org/a"), b"https://example.org/a");
    /// assert_eq!(Url::anonymized(b"/srv/a@b"), b"/srv/a@b");
    /// ```
    #[must_use]
    pub fn anonymized(url: &[u8]) -> Vec<u8> {
        let start = memmem::find(url, b"://").map_or(0, |at| at + 3);
        let authority = memchr(b'/', &url[start..]).map_or(url.len(), |at| start + at);
        let at = url[start..authority].iter().rposition(|byte| *byte == b'@').map(|at| start + at + 1);
        match at {
            // Without a scheme it is a login only before `host:path`.
            Some(at) if start > 0 || memchr(b':', &url[at..]).is_some() => {
                [&url[..start], &url[at..]].concat()
            }
            _ => url.to_vec(),
        }
    }

    /// Whether a conversation with it has one lasting stream.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.scheme {
            Scheme::Http | Scheme::Https => Mode::Stateless,
            _ => Mode::Duplex,
        }
    }

    fn bare(scheme: Scheme) -> Self {
        Self {
            scheme,
            user: None,
            password: None,
            host: None,
            port: None,
            path: Vec::new(),
            written: Vec::new(),
        }
    }
}

impl Scheme {
    /// What stands before `://`; for [`Scheme::Local`] what git calls it in `protocol.<name>.allow`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Local | Self::File => "file",
            Self::Git => "git",
            Self::Ssh => "ssh",
            Self::Http => "http",
            Self::Https => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Ext => "ext",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn with_scheme(url: &[u8], scheme_end: usize) -> Result<Url, UrlError> {
    let scheme = match url[..scheme_end].to_ascii_lowercase().as_slice() {
        b"file" => Scheme::File,
        b"git" => Scheme::Git,
        b"ssh" | b"git+ssh" | b"ssh+git" => Scheme::Ssh,
        b"http" => Scheme::Http,
        b"https" => Scheme::Https,
        b"ws" => Scheme::Ws,
        b"wss" => Scheme::Wss,
        _ => return Err(unknown_scheme(&url[..scheme_end])),
    };
    let start = scheme_end + 3;
    if scheme == Scheme::File {
        // What stands before the first slash would be the name of a machine; git passes over it.
        let path = Part { url, start, end: url.len(), escaped: true };
        let Some(slash) = memchr(b'/', path.raw_bytes()) else {
            return Err(path.error(UrlErrorKind::NoPath));
        };
        let path = Part { start: start + slash, ..path }.bytes()?;
        return Ok(Url { path, ..Url::bare(scheme) });
    }
    let slash = memchr(b'/', &url[start..]).map_or(url.len(), |at| start + at);
    let mut before_path = Part { url, start, end: slash, escaped: true };
    let is_web = matches!(scheme, Scheme::Http | Scheme::Https | Scheme::Ws | Scheme::Wss);
    let (login, password) = if is_web { take_login(&mut before_path)? } else { (None, None) };
    let (user, host, port) = authority(before_path)?;
    let user = user.or(login);
    let mut path = Part { url, start: slash, end: url.len(), escaped: true };
    // A web server may be a repository.
    if path.is_empty() && !is_web {
        return Err(path.error(UrlErrorKind::NoPath));
    }
    // `/~user/…` names a home directory: the path that is sent has no slash before the tilde.
    if matches!(scheme, Scheme::Git | Scheme::Ssh) && path.raw_bytes().starts_with(b"/~") {
        path.start += 1;
    }
    let written = path.raw_bytes().to_vec();
    Ok(Url { scheme, user, password, host: Some(host), port, path: path.bytes()?, written })
}

/// `[user@]host:path`, where nothing is decoded.
fn scp_form(url: &[u8], colon: usize) -> Result<Url, UrlError> {
    let before = Part { url, start: 0, end: colon, escaped: false };
    let Named { user, mut host, rest, bracketed } = Named::of(before)?;
    if !rest.is_empty() {
        return Err(rest.error(UrlErrorKind::BadPort));
    }
    let mut port = None;
    // `[host:port]:path` is how the scp form names a port; `[::1]:path` is an address.
    let colons = host.raw_bytes().iter().filter(|byte| **byte == b':').count();
    if let Some(at) = memchr(b':', host.raw_bytes()).filter(|_| bracketed && colons == 1) {
        port = Some(parse_port(Part { start: host.start + at + 1, ..host })?);
        host.end = host.start + at;
    }
    let host = host.name(colon)?;
    let mut path = Part { url, start: colon + 1, end: url.len(), escaped: false };
    if path.is_empty() {
        return Err(path.error(UrlErrorKind::NoPath));
    }
    if path.raw_bytes().starts_with(b"/~") {
        path.start += 1;
    }
    Ok(Url { user, host: Some(host), port, path: path.bytes()?, ..Url::bare(Scheme::Ssh) })
}

/// The colon that makes `host:path` of what could be a path: the first one, before any slash, outside brackets.
fn scp_colon(url: &[u8]) -> Result<Option<usize>, UrlError> {
    let at = memchr(b'@', url).filter(|at| memchr(b'/', &url[..*at]).is_none());
    // The brackets may hold the user as well.
    let host = at.filter(|_| !url.starts_with(b"[")).map_or(0, |at| at + 1);
    let from = if url[host..].starts_with(b"[") {
        match memchr(b']', &url[host..]) {
            Some(at) => host + at,
            // A path may hold a bracket; only one that looks like a host must be closed.
            None if memchr(b':', url).is_none() || memchr(b'/', url).is_some() => return Ok(None),
            None => return Err(UrlError { position: host, kind: UrlErrorKind::UnclosedBracket }),
        }
    } else {
        0
    };
    let colon = memchr(b':', &url[from..]).map(|at| from + at);
    Ok(colon.filter(|colon| memchr(b'/', &url[..*colon]).is_none()))
}

fn authority(part: Part<'_>) -> Result<(Option<String>, String, Option<u16>), UrlError> {
    let Named { user, mut host, mut rest, bracketed } = Named::of(part)?;
    if !bracketed && !is_address(host.raw_bytes()) {
        let colon = memchr(b':', host.raw_bytes()).map_or(host.end, |at| host.start + at);
        rest = Part { start: colon, ..host };
        host.end = colon;
    }
    let port = match rest.raw_bytes() {
        b"" | b":" => None,
        [b':', ..] => Some(parse_port(Part { start: rest.start + 1, ..rest })?),
        _ => return Err(rest.error(UrlErrorKind::BadPort)),
    };
    Ok((user, host.name(part.end)?, port))
}

/// Who and where: `user@host`, with the host or all of it in brackets or without them.
struct Named<'a> {
    user: Option<String>,
    host: Part<'a>,
    /// What stands behind the bracket.
    rest: Part<'a>,
    bracketed: bool,
}

impl<'a> Named<'a> {
    fn of(part: Part<'a>) -> Result<Self, UrlError> {
        let (mut user, mut host) = (None, part);
        if !part.raw_bytes().starts_with(b"[") {
            (user, host) = take_user(part, part.end)?;
        }
        if !host.raw_bytes().starts_with(b"[") {
            return Ok(Self { user, host, rest: Part { start: part.end, ..part }, bracketed: false });
        }
        let unclosed = || host.error(UrlErrorKind::UnclosedBracket);
        let close = host.start + memchr(b']', host.raw_bytes()).ok_or_else(unclosed)?;
        let rest = Part { start: close + 1, ..part };
        host = Part { start: host.start + 1, end: close, ..part };
        if user.is_none() {
            (user, host) = take_user(host, part.end)?;
        }
        Ok(Self { user, host, rest, bracketed: true })
    }
}

/// Takes the user from the front; `end` is the end of the authority, for messages.
fn take_user(part: Part<'_>, end: usize) -> Result<(Option<String>, Part<'_>), UrlError> {
    let Some(at) = part.raw_bytes().iter().rposition(|byte| *byte == b'@') else { return Ok((None, part)) };
    let user = Part { end: part.start + at, ..part };
    let host = Part { start: part.start + at + 1, ..part };
    Ok((if user.is_empty() { None } else { Some(user.name(end)?) }, host))
}

/// An IPv6 address that has no brackets.
fn is_address(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// `user[:password]@`; a colon of the user or an `@` of either is percent-encoded.
fn take_login(part: &mut Part<'_>) -> Result<(Option<String>, Option<Secret>), UrlError> {
    let Some(at) = part.raw_bytes().iter().rposition(|byte| *byte == b'@') else { return Ok((None, None)) };
    let mut user = Part { end: part.start + at, ..*part };
    part.start += at + 1;
    let mut password = None;
    if let Some(colon) = memchr(b':', user.raw_bytes()) {
        let text = Part { start: user.start + colon + 1, ..user };
        let text = String::from_utf8(text.bytes()?).map_err(|_| text.error(UrlErrorKind::NotUtf8));
        password = Some(Secret::new(text?));
        user.end = user.start + colon;
    }
    let user = if user.is_empty() { None } else { Some(user.name(user.end)?) };
    Ok((user, password))
}

fn parse_port(part: Part<'_>) -> Result<u16, UrlError> {
    let text = part.raw_bytes();
    // `parse` takes a sign; a port has none.
    let digits = text.iter().all(u8::is_ascii_digit).then_some(text);
    let port = digits.and_then(|text| std::str::from_utf8(text).ok()).and_then(|text| text.parse().ok());
    port.filter(|port| *port != 0).ok_or_else(|| part.error(UrlErrorKind::BadPort))
}

fn is_scheme(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn unknown_scheme(scheme: &[u8]) -> UrlError {
    UrlError { position: 0, kind: UrlErrorKind::UnknownScheme(scheme.escape_ascii().to_string()) }
}

/// A part of a URL that knows where it stands.
#[derive(Clone, Copy)]
struct Part<'a> {
    url: &'a [u8],
    start: usize,
    end: usize,
    /// Whether `%` escapes a byte.
    escaped: bool,
}

impl<'a> Part<'a> {
    fn raw_bytes(&self) -> &'a [u8] {
        &self.url[self.start..self.end]
    }

    fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// The bytes, percent escapes decoded where the form has them, if none is a control byte then.
    fn bytes(&self) -> Result<Vec<u8>, UrlError> {
        let bytes = self.raw_bytes();
        let mut decoded = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(&first) = bytes.get(at) {
            let (byte, len) = if self.escaped && first == b'%' {
                let escape = bytes.get(at + 1..at + 3).and_then(from_hex);
                (escape.ok_or_else(|| self.error_at(at, UrlErrorKind::BadEscape))?, 3)
            } else {
                (first, 1)
            };
            if byte.is_ascii_control() {
                return Err(self.error_at(at, UrlErrorKind::ControlByte(byte)));
            }
            decoded.push(byte);
            at += len;
        }
        Ok(decoded)
    }

    /// The part as a name that is handed to programs and servers; what stands up to `end` is shown of one that is refused.
    fn name(&self, end: usize) -> Result<String, UrlError> {
        let bytes = self.bytes()?;
        if bytes.is_empty() {
            return Err(self.error(UrlErrorKind::NoHost));
        }
        if bytes.starts_with(b"-") {
            let shown = Part { end, ..*self }.bytes()?.escape_ascii().to_string();
            return Err(self.error(UrlErrorKind::OptionLike(shown)));
        }
        String::from_utf8(bytes).map_err(|_| self.error(UrlErrorKind::NotUtf8))
    }

    fn error(&self, kind: UrlErrorKind) -> UrlError {
        self.error_at(0, kind)
    }

    fn error_at(&self, at: usize, kind: UrlErrorKind) -> UrlError {
        UrlError { position: self.start + at, kind }
    }
}

fn from_hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match digits {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
