//! What git's configuration and environment say of HTTP servers.

mod cookies;
mod credentials;
mod language;
mod netrc;
mod pattern;

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gitwire_client::Remote;
use gitwire_gitdir::Config;
use gitwire_pktline::MAX_LINE;
use gitwire_transport::{
    HttpOptions, KnownHost, Proactive, Redirects, Retries, Scheme, Secret, Url, Verification,
};

use self::cookies::CookieFile;
use self::credentials::Helpers;
use self::pattern::{Value, best, matching};
use crate::failure::Failure;
use crate::{protocols, trace};

/// Sets how a remote's server is asked, and who says in whose name.
pub(crate) fn configure(remote: &mut Remote, config: &Config) -> Result<(), Failure> {
    if !matches!(remote.url.scheme, Scheme::Http | Scheme::Https | Scheme::Ws | Scheme::Wss) {
        return Ok(());
    }
    remote.connect.http = options(&remote.url, config)?;
    let file = best(config, "http", "cookieFile", &remote.url).map(Value::into_text);
    if let Some(path) = file.filter(|path| !path.is_empty()).map(home) {
        let saves = best(config, "http", "saveCookies", &remote.url);
        let saves = saves.map(|value| value.truth("http.saveCookies")).transpose()?.unwrap_or_default();
        remote.connect.cookies = Some(Arc::new(CookieFile::read(path, saves)));
    }
    // Where a server says that its objects are is one more redirect.
    let may = protocols::redirected(config)?;
    let is_allowed = if remote.url.scheme == Scheme::Https { may.https } else { may.http };
    remote.alternates = remote.connect.http.redirects == Redirects::Always && is_allowed;
    remote.connect.http.redirected = Some(may);
    remote.connect.http_trace = Some(trace::heads());
    remote.connect.credentials = Some(Arc::new(Helpers::find(&remote.url, config)?));
    Ok(())
}

fn options(url: &Url, config: &Config) -> Result<HttpOptions, Failure> {
    let mut options = HttpOptions::default();
    let text = |name| best(config, "http", name, url).map(Value::into_text);
    if let Some(agent) = variable("GIT_HTTP_USER_AGENT").or_else(|| text("userAgent")) {
        options.user_agent = agent;
    }
    let verify =
        best(config, "http", "sslVerify", url).map(|value| value.truth("http.sslVerify")).transpose()?;
    if env::var_os("GIT_SSL_NO_VERIFY").is_some() || verify == Some(false) {
        options.tls.verification = Verification::None;
    }
    options.tls.authorities = variable("GIT_SSL_CAINFO").or_else(|| text("sslCAInfo")).map(home);
    options.redirects = match text("followRedirects").as_deref() {
        None | Some("initial") => Redirects::Initial,
        Some("true" | "yes" | "on" | "1") => Redirects::Always,
        Some(_) => Redirects::Never,
    };
    for header in matching(config, "http", "extraHeader", url) {
        let header = header.into_text();
        if header.is_empty() {
            options.headers.clear();
            continue;
        }
        let (name, value) =
            header.split_once(':').ok_or_else(|| Failure::fatal("http.extraHeader without a colon"))?;
        options.headers.push((name.trim().to_owned(), Secret::new(value.trim())));
    }
    if let Some(bytes) = config.integer("http", None, "postBuffer")? {
        options.announced_max = usize::try_from(bytes).unwrap_or(options.announced_max);
        // git keeps room for one more packet.
        options.announced_max = options.announced_max.saturating_sub(MAX_LINE);
    }
    options.smart = variable("GIT_SMART_HTTP").is_none_or(|value| !is_false(&value));
    options.hosts = hosts(matching(config, "http", "curloptResolve", url).map(Value::into_text));
    options.proactive = match text("proactiveAuth").as_deref() {
        Some("auto") => Proactive::Auto,
        Some("basic") => Proactive::Basic,
        _ => Proactive::No,
    };
    options.retries = retries(url, config)?;
    if let Some(languages) = language::accepted(&|name| env::var(name).ok()) {
        options.headers.push(("Accept-Language".to_owned(), Secret::new(languages)));
    }
    Ok(options)
}

/// What is done where a server has too much to do; the environment wins.
fn retries(url: &Url, config: &Config) -> Result<Retries, Failure> {
    let number = |variable: &str, name: &str| -> Result<Option<u64>, Failure> {
        let (key, text) = match self::variable(variable) {
            Some(text) => (variable.to_owned(), text),
            None => match best(config, "http", name, url).map(Value::into_text) {
                Some(text) => (format!("http.{name}"), text),
                None => return Ok(None),
            },
        };
        let bad = |_| Failure::fatal(format!("bad numeric config value '{text}' for '{key}'"));
        text.trim().parse().map(Some).map_err(bad)
    };
    let mut retries = Retries::default();
    if let Some(max) = number("GIT_HTTP_MAX_RETRIES", "maxRetries")? {
        retries.max = u32::try_from(max).unwrap_or(u32::MAX);
    }
    if let Some(seconds) = number("GIT_HTTP_RETRY_AFTER", "retryAfter")? {
        retries.after = Duration::from_secs(seconds);
    }
    if let Some(seconds) = number("GIT_HTTP_MAX_RETRY_TIME", "maxRetryTime")? {
        retries.wait_max = Duration::from_secs(seconds);
    }
    Ok(retries)
}

/// `HOST:PORT:ADDRESS[,ADDRESS]...`, perhaps after `+`; `-HOST:PORT` takes one back, and nothing all of them.
fn hosts(values: impl Iterator<Item = String>) -> Vec<KnownHost> {
    let mut hosts: Vec<KnownHost> = Vec::new();
    for value in values {
        if value.is_empty() {
            hosts.clear();
            continue;
        }
        let (text, removed) = match value.strip_prefix('-') {
            Some(text) => (text, true),
            None => (value.strip_prefix('+').unwrap_or(&value), false),
        };
        let mut parts = text.splitn(3, ':');
        let (host, port) =
            (parts.next().unwrap_or_default(), parts.next().and_then(|port| port.parse().ok()));
        let Some(port) = port else { continue };
        hosts.retain(|known| known.host != host || known.port != port);
        let address = |text: &str| text.trim_matches(['[', ']']).parse().ok();
        let addresses: Vec<_> = parts.next().unwrap_or_default().split(',').filter_map(address).collect();
        if !removed && !addresses.is_empty() {
            hosts.push(KnownHost { host: host.to_owned(), port, addresses });
        }
    }
    hosts
}

fn is_false(value: &str) -> bool {
    matches!(value, "0" | "false" | "no" | "off")
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// `~/…` is below the home directory.
fn home(path: String) -> PathBuf {
    match (path.strip_prefix("~/"), env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// A path or command from the environment.
fn command(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.as_bytes().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hosts() {
        let values =
            ["a:80:127.0.0.1", "+b:443:[::1],10.0.0.1", "c:80:nowhere", "c", "a:81:1.2.3.4", "-a:80"];
        let shown = |values: &[&str]| {
            let all = hosts(values.iter().map(|value| (*value).to_owned()));
            all.iter()
                .map(|known| format!("{}:{} {:?}", known.host, known.port, known.addresses))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&values), ["b:443 [::1, 10.0.0.1]", "a:81 [1.2.3.4]"]);
        assert_eq!(shown(&["a:80:127.0.0.1", ""]), Vec::<String>::new());
    }

    #[test]
    fn what_is_done_where_a_server_has_too_much_to_do() {
        let url = Url::parse(b"https://h/a").unwrap();
        let config =
            Config::parse(b"[http]\n\tmaxRetries = 3\n\tretryAfter = 2\n\tmaxRetryTime = 9\n").unwrap();
        let said = retries(&url, &config).unwrap();
        let (after, wait_max) = (Duration::from_secs(2), Duration::from_secs(9));
        assert_eq!((said.max, said.after, said.wait_max), (3, after, wait_max));
        let config = Config::parse(b"[http]\n\tmaxRetries = x\n").unwrap();
        assert!(retries(&url, &config).is_err());
    }
}
