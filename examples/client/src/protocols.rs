//! Which kinds of URL may be used (`git-config`, `protocol.allow`; `git`, *GIT_ALLOW_PROTOCOL*, *GIT_PROTOCOL_FROM_USER*).

use gitwire_gitdir::Config;
use gitwire_transport::Protocols;

use crate::failure::Failure;

/// What the configuration and the environment allow.
pub(crate) fn allowed(config: &Config) -> Result<Protocols, Failure> {
    let list = std::env::var("GIT_ALLOW_PROTOCOL").ok();
    let from_user = std::env::var("GIT_PROTOCOL_FROM_USER").ok();
    judge(config, list.as_deref(), from_user.as_deref())
}

/// The same for URLs that no person has named: where a server redirects to.
pub(crate) fn redirected(config: &Config) -> Result<Protocols, Failure> {
    judge(config, std::env::var("GIT_ALLOW_PROTOCOL").ok().as_deref(), Some("0"))
}

fn judge(config: &Config, list: Option<&str>, from_user: Option<&str>) -> Result<Protocols, Failure> {
    let from_user = from_user.is_none_or(|text| !matches!(text, "" | "0" | "false" | "no" | "off"));
    let may = |name: &str| -> Result<bool, Failure> {
        if let Some(list) = list {
            return Ok(list.split(':').any(|one| one == name));
        }
        let (own, all) = (
            config.string("protocol", Some(name.as_bytes()), "allow"),
            config.string("protocol", None, "allow"),
        );
        let by_default = match name {
            "http" | "https" | "git" | "ssh" => &b"always"[..],
            "ext" => b"never",
            _ => b"user",
        };
        let (key, value) = match (own, all) {
            (Some(own), _) => (format!("protocol.{name}.allow"), own),
            (None, Some(all)) => ("protocol.allow".to_owned(), all),
            (None, None) => (String::new(), by_default),
        };
        match value.to_ascii_lowercase().as_slice() {
            b"always" => Ok(true),
            b"never" => Ok(false),
            b"user" => Ok(from_user),
            _ => Err(Failure::fatal(format!("unknown value for config '{key}': {}", value.escape_ascii()))),
        }
    };
    let mut protocols = Protocols::user();
    protocols.file = may("file")?;
    protocols.git = may("git")?;
    protocols.ssh = may("ssh")?;
    protocols.https = may("https")?;
    protocols.http = may("http")?;
    protocols.ext = may("ext")?;
    Ok(protocols)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, list: Option<&str>, from_user: Option<&str>, expected: &str) {
        let config = Config::parse(text.as_bytes()).unwrap();
        let shown = judge(&config, list, from_user).map_or_else(
            |failure| failure.text,
            |may| {
                let all = [("file", may.file), ("git", may.git), ("ssh", may.ssh), ("https", may.https)];
                let all = all.into_iter().chain([("http", may.http), ("ext", may.ext)]);
                all.filter_map(|(name, may)| may.then_some(name)).collect::<Vec<_>>().join(" ")
            },
        );
        assert_eq!(shown, expected, "{text} {list:?} {from_user:?}");
    }

    #[test]
    fn what_is_allowed() {
        check("", None, None, "file git ssh https http");
        check("", None, Some("0"), "git ssh https http");
        check("", Some("file:ext"), Some("0"), "file ext");
        check("", Some(""), None, "");
        check("[protocol \"ext\"]\n\tallow = user\n", None, None, "file git ssh https http ext");
        check("[protocol \"ext\"]\n\tallow = user\n", None, Some("false"), "git ssh https http");
        check("[protocol]\n\tallow = never\n[protocol \"ssh\"]\n\tallow = Always\n", None, None, "ssh");
        check("[protocol]\n\tallow = x\n", None, None, "unknown value for config 'protocol.allow': x");
        check(
            "[protocol \"git\"]\n\tallow = x\n",
            None,
            None,
            "unknown value for config 'protocol.git.allow': x",
        );
    }
}
