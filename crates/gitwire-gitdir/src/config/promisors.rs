//! Promisor remotes of the configuration (`git-config`, `remote.<name>.promisor`).

use super::{Config, ConfigError};

/// A remote that has the objects which a partial clone left out.
///
/// ```
/// use gitwire_gitdir::{Config, PromisorConfig};
///
/// let text = b"[remote \"big\"]\n\turl = /srv/big.git\n\tpromisor = true\n";
/// let remotes = PromisorConfig::all(&Config::parse(text)?)?;
/// assert_eq!(remotes[0].name, b"big");
/// assert_eq!(remotes[0].url.as_deref(), Some(&b"/srv/big.git"[..]));
/// # Ok::<(), gitwire_gitdir::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PromisorConfig {
    /// The remote's name.
    pub name: Vec<u8>,
    /// `remote.<name>.url`: where it is; `None` where that is not said, or empty.
    pub url: Option<Vec<u8>>,
    /// `remote.<name>.partialCloneFilter`: what fetches from it leave out.
    pub filter: Option<Vec<u8>>,
    /// `remote.<name>.token`: what opens it.
    pub token: Option<Vec<u8>>,
}

impl PromisorConfig {
    /// All promisor remotes in the order in which they are asked: as the configuration names them, the one of `extensions.partialClone`
    /// last. A remote with a filter is one as well.
    ///
    /// # Errors
    /// A value of `promisor` that is no boolean.
    pub fn all(config: &Config) -> Result<Vec<Self>, ConfigError> {
        let mut names: Vec<&[u8]> = Vec::new();
        let mut remotes = Vec::new();
        for entry in config.entries().iter().filter(|entry| entry.section == "remote") {
            let Some(name) = entry.subsection.as_deref() else { continue };
            let is_one = match entry.name.as_str() {
                "promisor" => config.boolean("remote", Some(name), "promisor")? == Some(true),
                "partialclonefilter" => true,
                _ => false,
            };
            if is_one && !names.contains(&name) {
                names.push(name);
                remotes.push(Self::of(config, name));
            }
        }
        if let Some(last) = config.string("extensions", None, "partialClone") {
            remotes.retain(|remote| remote.name != last);
            remotes.push(Self::of(config, last));
        }
        Ok(remotes)
    }

    fn of(config: &Config, name: &[u8]) -> Self {
        let value = |key: &str| {
            let value = config.string("remote", Some(name), key);
            value.filter(|value| !value.is_empty()).map(<[u8]>::to_vec)
        };
        let (url, filter, token) = (value("url"), value("partialCloneFilter"), value("token"));
        Self { name: name.to_vec(), url, filter, token }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let remotes = PromisorConfig::all(&Config::parse(text.as_bytes()).unwrap()).unwrap();
        let show = |text: &Option<Vec<u8>>| text.as_deref().unwrap_or(b"-").escape_ascii().to_string();
        let remotes: Vec<String> = remotes
            .iter()
            .map(|remote| {
                let PromisorConfig { name, url, filter, token } = remote;
                format!("{} {} {} {}", name.escape_ascii(), show(url), show(filter), show(token))
            })
            .collect();
        assert_eq!(remotes, expected, "{text}");
    }

    #[test]
    fn promisors_are_found_in_their_order() {
        check("", &[]);
        check("[remote \"a\"]\nurl = u\n", &[]);
        check("[remote \"a\"]\nurl = u\npromisor\n", &["a u - -"]);
        check(
            "[remote \"a\"]\npromisor = false\n[remote \"b\"]\npartialCloneFilter = tree:0\n",
            &["b - tree:0 -"],
        );
        check("[remote \"a\"]\npromisor = true\npromisor = false\n", &[]);
        check(
            "[remote \"b\"]\ntoken = t\npromisor=1\nurl =\n[remote \"a\"]\npromisor=1\n",
            &["b - - t", "a - - -"],
        );
        let both = "[remote \"b\"]\npromisor=1\n[remote \"a\"]\npromisor=1\n";
        check(&format!("{both}[extensions]\npartialClone = b\n"), &["a - - -", "b - - -"]);
        check("[extensions]\npartialClone = c\n", &["c - - -"]);
    }
}
