//! Variables that hold for some URLs: `http.<url>.*`, `credential.<url>.*` (`git-config`, `http.<url>.*`).

use gitwire_gitdir::Config;
use gitwire_transport::Url;

use crate::failure::Failure;

/// The value of a variable; without one where the name stands alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a>(Option<&'a [u8]>);

impl Value<'_> {
    pub(super) fn into_text(self) -> String {
        String::from_utf8_lossy(self.0.unwrap_or_default()).into_owned()
    }

    /// As a truth value, as everywhere in git's configuration.
    pub(super) fn truth(self, name: &str) -> Result<bool, Failure> {
        let mut config = Config::default();
        config.set("a", None, "b", self.0);
        let bad = || Failure::fatal(format!("bad boolean config value '{}' for '{name}'", self.into_text()));
        config.boolean("a", None, "b").map_err(|_| bad())?.ok_or_else(bad)
    }
}

/// Every value of a variable that holds for `url`, in order.
pub(super) fn matching<'a>(
    config: &'a Config,
    section: &'a str,
    name: &'a str,
    url: &'a Url,
) -> impl Iterator<Item = Value<'a>> {
    ranked(config, section, name, url).map(|(_, value)| value)
}

/// The value of a variable for the most fitting pattern, and the last among those.
pub(super) fn best<'a>(
    config: &'a Config,
    section: &'a str,
    name: &'a str,
    url: &'a Url,
) -> Option<Value<'a>> {
    // The last of several that are equal is the greatest.
    ranked(config, section, name, url).max_by_key(|(rank, _)| *rank).map(|(_, value)| value)
}

/// How well a pattern fits: the length of its host and of its path, and whether it names the user.
type Rank = (usize, usize, bool);

fn ranked<'a>(
    config: &'a Config,
    section: &'a str,
    name: &'a str,
    url: &'a Url,
) -> impl Iterator<Item = (Rank, Value<'a>)> {
    config.entries().iter().filter_map(move |entry| {
        if !entry.section.eq_ignore_ascii_case(section) || !entry.name.eq_ignore_ascii_case(name) {
            return None;
        }
        let rank = match entry.subsection.as_deref() {
            None => Some((0, 0, false)),
            Some(pattern) => rank(pattern, url),
        };
        rank.map(|rank| (rank, Value(entry.value.as_deref())))
    })
}

fn rank(pattern: &[u8], url: &Url) -> Option<Rank> {
    let pattern = Url::parse(pattern).ok()?;
    let port = |url: &Url| url.port.unwrap_or(if url.scheme.name().ends_with('s') { 443 } else { 80 });
    let (wanted, host) = (pattern.host.as_deref()?, url.host.as_deref()?);
    let user = pattern.user.is_none() || pattern.user == url.user;
    let fits = pattern.scheme == url.scheme && port(&pattern) == port(url) && user && host_fits(wanted, host);
    let path = pattern.path.strip_suffix(b"/").unwrap_or(&pattern.path);
    let below = url.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
    (fits && below).then_some((wanted.len(), path.len(), pattern.user.is_some()))
}

/// Label by label; `*` stands for any one.
fn host_fits(wanted: &str, host: &str) -> bool {
    let (mut wanted, mut host) = (wanted.split('.'), host.split('.'));
    loop {
        match (wanted.next(), host.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == "*" || one.eq_ignore_ascii_case(other) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let url = Url::parse(b"https://me@git.example.org/a/b.git").unwrap();
        for (pattern, fits) in [
            ("https://git.example.org", true),
            ("https://git.example.org:443/", true),
            ("https://GIT.example.org/a", true),
            ("https://git.example.org/a/", true),
            ("https://*.example.org", true),
            ("https://me@git.example.org", true),
            ("https://you@git.example.org", false),
            ("https://git.example.org/a/b", false),
            ("https://*.org", false),
            ("http://git.example.org", false),
            ("https://git.example.org:8443", false),
            ("https://git.example.org.evil", false),
            ("nonsense", false),
        ] {
            assert_eq!(rank(pattern.as_bytes(), &url).is_some(), fits, "{pattern}");
        }
    }

    #[test]
    fn the_most_fitting_value() {
        let text = b"[http]\n\tx = plain\n[http \"https://h/a\"]\n\tx = path\n[http \"https://h\"]\n\tx = host\n\tx = last\n";
        let config = Config::parse(text).unwrap();
        for (url, expected) in [("https://h/a/b", "path"), ("https://h/b", "last"), ("http://h/a", "plain")] {
            let url = Url::parse(url.as_bytes()).unwrap();
            assert_eq!(best(&config, "http", "x", &url).unwrap().into_text(), expected);
        }
        let url = Url::parse(b"https://h/").unwrap();
        assert_eq!(matching(&config, "http", "x", &url).count(), 3);
    }
}
