//! Files of cookies (`http.cookieFile`, `http.saveCookies`): Netscape's format, or lines of `Set-Cookie:`.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use gitwire_transport::Cookies;

/// The cookies of a file.
pub(super) struct CookieFile {
    path: PathBuf,
    /// Whether what servers set is written back.
    saves: bool,
    known: Mutex<Vec<Cookie>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cookie {
    /// `None`: whatever is asked; lines of headers do not say.
    host: Option<String>,
    /// Whether hosts below that one hear it too.
    below: bool,
    path: String,
    secure: bool,
    /// Seconds since 1970; 0 for the end of the session.
    expires: u64,
    name: String,
    value: String,
}

impl CookieFile {
    /// What a file holds; one that is not there holds nothing.
    pub(super) fn read(path: PathBuf, saves: bool) -> Self {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let known = Mutex::new(text.lines().filter_map(Cookie::parse_line).collect());
        Self { path, saves, known }
    }
}

impl Cookies for CookieFile {
    fn sent(&self, encrypted: bool, host: &str, path: &str) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = known.iter().filter(|cookie| cookie.fits(encrypted, host, path));
        let all: Vec<String> = fitting.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    fn received(&self, host: &str, path: &str, header: &str) {
        let Some(cookie) = Cookie::parse_header(header, host, path) else { return };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|there| {
            (&there.host, &there.path, &there.name) != (&cookie.host, &cookie.path, &cookie.name)
        });
        known.push(cookie);
        if self.saves {
            write(&self.path, &known);
        }
    }
}

/// Cookies that cannot be written are asked for again.
fn write(path: &Path, cookies: &[Cookie]) {
    let mut text = "# Netscape HTTP Cookie File\n\n".to_owned();
    let truth = |truth: bool| if truth { "TRUE" } else { "FALSE" };
    for cookie in cookies {
        let Some(host) = &cookie.host else { continue };
        let (below, secure) = (truth(cookie.below), truth(cookie.secure));
        let Cookie { path, expires, name, value, .. } = cookie;
        text += &format!("{host}\t{below}\t{path}\t{secure}\t{expires}\t{name}\t{value}\n");
    }
    let _ = std::fs::write(path, text);
}

impl Cookie {
    fn parse_line(line: &str) -> Option<Self> {
        let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
        if line.get(..11).is_some_and(|start| start.eq_ignore_ascii_case("set-cookie:")) {
            let (name, value) = line.get(11..)?.split(';').next()?.split_once('=')?;
            return Some(Self {
                host: None,
                below: false,
                path: "/".to_owned(),
                secure: false,
                expires: 0,
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
            });
        }
        if line.starts_with('#') {
            return None;
        }
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        let (host, below, path, secure) = (next()?, next()?, next()?, next()?);
        let (expires, name, value) = (next()?.parse().ok()?, next()?, next().unwrap_or_default());
        Some(Self {
            host: Some(host.to_owned()),
            below: below == "TRUE",
            path: path.to_owned(),
            secure: secure == "TRUE",
            expires,
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }

    /// RFC 6265, section 5.2.
    fn parse_header(header: &str, host: &str, path: &str) -> Option<Self> {
        let mut parts = header.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let folder = path.rfind('/').filter(|at| *at > 0).and_then(|at| path.get(..at)).unwrap_or("/");
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        let mut cookie = Self {
            host: Some(host.to_owned()),
            below: false,
            path: folder.to_owned(),
            secure: false,
            expires: 0,
            name,
            value,
        };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "domain" => {
                    let domain = value.trim_start_matches('.');
                    // Nobody sets cookies for others.
                    if domain != host && !host.ends_with(&format!(".{domain}")) {
                        return None;
                    }
                    (cookie.host, cookie.below) = (Some(format!(".{domain}")), true);
                }
                "secure" => cookie.secure = true,
                "max-age" => cookie.expires = now().saturating_add(value.parse().unwrap_or(0)),
                _ => {}
            }
        }
        let clean = |text: &str| !text.contains(['\t', '\n', '\r']);
        (clean(&cookie.path) && clean(&cookie.name) && clean(&cookie.value)).then_some(cookie)
    }

    fn fits(&self, encrypted: bool, host: &str, path: &str) -> bool {
        let here = self.host.as_deref().is_none_or(|own| {
            let own = own.trim_start_matches('.');
            own == host || self.below && host.ends_with(&format!(".{own}"))
        });
        let own = self.path.trim_end_matches('/');
        let below =
            path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        here && below && (encrypted || !self.secure) && (self.expires == 0 || self.expires > now())
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_hears_a_cookie() {
        let fits = |line: &str, encrypted, host, path| {
            Cookie::parse_line(line).is_some_and(|cookie| cookie.fits(encrypted, host, path))
        };
        let line = "h\tFALSE\t/a\tFALSE\t0\tn\tv";
        assert!(fits(line, false, "h", "/a/b"));
        assert!(!fits(line, false, "h", "/ab"));
        assert!(!fits(line, false, "x.h", "/a"));
        assert!(!fits("h\tFALSE\t/\tTRUE\t0\tn\tv", false, "h", "/a"));
        assert!(!fits("h\tFALSE\t/\tFALSE\t1\tn\tv", true, "h", "/a"));
        assert!(fits(".h\tTRUE\t/\tTRUE\t0\tn\tv", true, "x.h", "/a"));
        assert!(fits("Set-Cookie: n=v; Path=/x", false, "any", "/a"));
        assert!(!fits("# h\tFALSE\t/\tFALSE\t0\tn\tv", false, "h", "/"));
    }

    #[test]
    fn what_servers_set() {
        let set = |header: &str| Cookie::parse_header(header, "x.h", "/a/info/refs?service=y");
        let cookie = set("n=v").unwrap();
        assert_eq!((cookie.host.as_deref(), cookie.path.as_str()), (Some("x.h"), "/a/info"));
        assert_eq!(
            set("n=v; Path=/; Secure").map(|cookie| (cookie.path, cookie.secure)),
            Some(("/".into(), true))
        );
        assert_eq!(set("n=v; Domain=h").and_then(|cookie| cookie.host).as_deref(), Some(".h"));
        assert_eq!(set("n=v; Domain=other"), None);
        assert_eq!(set("n=a\tb"), None);
        assert_eq!(set("nothing"), None);
    }
}
