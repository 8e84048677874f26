//! What git's configuration and environment say of HTTP servers.

mod credentials;
mod language;
mod pattern;

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use gitwire_client::Remote;
use gitwire_gitdir::Config;
use gitwire_transport::{HttpOptions, Redirects, Scheme, Secret, Url, Verification};

use self::credentials::Helpers;
use self::pattern::{Value, best, matching};
use crate::failure::Failure;
use crate::trace;

/// Sets how a remote's server is asked, and who says in whose name.
pub(crate) fn configure(remote: &mut Remote, config: &Config) -> Result<(), Failure> {
    if !matches!(remote.url.scheme, Scheme::Http | Scheme::Https | Scheme::Ws | Scheme::Wss) {
        return Ok(());
    }
    remote.connect.http = options(&remote.url, config)?;
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
        None | Some("initial" | "true" | "yes" | "on" | "1") => Redirects::Initial,
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
    if let Some(languages) = language::accepted(&|name| env::var(name).ok()) {
        options.headers.push(("Accept-Language".to_owned(), Secret::new(languages)));
    }
    Ok(options)
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
