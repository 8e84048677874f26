//! By which names an HTTP door may be asked for.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// The names by which a door on this machine's own address may be asked for: any address, `localhost`, and those that were given.
///
/// Who reaches such a door may often do all, because nobody but this machine does. A browser on it shows pages of strangers, though:
/// one whose name is led to this machine's own address (DNS rebinding) would be of the same site as ours, and could read and push.
/// What it cannot do is to ask under another name than its own.
#[derive(Debug, Clone)]
pub(crate) struct Names(Arc<[String]>);

impl Names {
    pub(crate) fn new(given: &[String]) -> Self {
        Self(given.iter().map(|name| plain(name)).collect())
    }

    /// Whether a request is for us. One that names nobody comes from no browser.
    pub(crate) fn allow(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let hosts = headers.get_all(HOST).iter().map(|host| Authority::try_from(host.as_bytes()).ok());
        hosts
            .chain(uri.authority().map(|authority| Some(authority.clone())))
            .all(|host| host.is_some_and(|host| self.is_ours(host.host())))
    }

    fn is_ours(&self, host: &str) -> bool {
        let host = plain(host);
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        bare.parse::<IpAddr>().is_ok()
            || host == "localhost"
            || host.ends_with(".localhost")
            || self.0.contains(&host)
    }
}

/// In lower case, without the dot of a whole name.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, expected: bool) {
        let names = Names::new(&["Git.Example".to_owned()]);
        let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
        assert_eq!(names.allow(&"/x".parse().unwrap(), &headers), expected, "{host}");
    }

    #[test]
    fn names() {
        check("127.0.0.1:8418", true);
        check("[::1]:8418", true);
        check("10.1.2.3", true);
        check("localhost", true);
        check("LOCALHOST.:8418", true);
        check("gitwired.localhost:80", true);
        check("git.example:8418", true);
        check("evil.example:8418", false);
        check("git.example.evil.example", false);
        check("notlocalhost", false);
        check("localhost.evil.example", false);
        check("127.0.0.1.evil.example", false);
        check("", false);
        check("a b", false);
    }

    #[test]
    fn the_line_of_the_request_counts_as_well() {
        let ask = |uri: &str| Names::new(&[]).allow(&uri.parse().unwrap(), &HeaderMap::new());
        assert!(ask("/x") && ask("http://127.0.0.1/x"));
        assert!(!ask("http://evil.example/x"));
    }
}
