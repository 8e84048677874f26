//! `--diag-url`: what a URL is taken for.

use std::io::Write as _;
use std::process::ExitCode;

use gitwire_transport::{Scheme, Url};

use crate::failure::Failure;

pub(super) fn print(text: &[u8]) -> Result<ExitCode, Failure> {
    let url = Url::parse(text).map_err(|error| Failure::fatal(error.to_string()))?;
    if matches!(url.scheme, Scheme::Http | Scheme::Https | Scheme::Ws | Scheme::Wss) {
        return Err(Failure::fatal(format!("protocol '{}' is not supported", url.scheme)));
    }
    let mut out = std::io::stdout().lock();
    let mut line =
        |name: &str, value: &[u8]| out.write_all(&[b"Diag: ", name.as_bytes(), b"=", value, b"\n"].concat());
    line("url", text)?;
    line("protocol", url.scheme.name().as_bytes())?;
    let host = url.host.as_deref().unwrap_or_default();
    let user = url.user.as_deref().map(|user| format!("{user}@")).unwrap_or_default();
    match url.scheme {
        Scheme::Ssh => {
            line("userandhost", format!("{user}{host}").as_bytes())?;
            line("port", url.port.map_or_else(|| "NONE".to_owned(), |port| port.to_string()).as_bytes())?;
        }
        Scheme::Local => line("hostandport", b"")?,
        _ => line("hostandport", authority(text))?,
    }
    line("path", &url.path)?;
    Ok(ExitCode::SUCCESS)
}

/// Who and where, as it is written.
fn authority(url: &[u8]) -> &[u8] {
    let start = url.windows(3).position(|three| three == b"://").map_or(0, |at| at + 3);
    let rest = &url[start..];
    &rest[..rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len())]
}
