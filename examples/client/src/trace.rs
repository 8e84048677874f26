//! What the drop-ins tell whoever traces them, in git's formats (`git`, *GIT_TRACE*; `api-trace2`).

mod event;
mod http;
mod packet;

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

pub(crate) use self::event::Events;
pub(crate) use self::http::heads;
pub(crate) use self::packet::{streams, wire};

/// Where the variable of this name sends a trace; `None` where it says nothing, or what is not understood.
fn target(variable: &str) -> Option<Box<dyn Write + Send>> {
    let value = std::env::var_os(variable)?;
    let is = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if is(&["", "0", "false", "no", "off"]) {
        return None;
    }
    if is(&["1", "true", "yes", "on"]) {
        return Some(Box::new(std::io::stderr()));
    }
    let path = match value.as_bytes() {
        [digit @ b'2'..=b'9'] => PathBuf::from(format!("/dev/fd/{}", char::from(*digit))),
        [b'/', ..] => PathBuf::from(OsString::from(&value)),
        _ => return None,
    };
    match OpenOptions::new().append(true).create(true).open(&path) {
        Ok(file) => Some(Box::new(file)),
        Err(error) => {
            eprintln!("warning: could not open '{}' for tracing: {error}", path.display());
            None
        }
    }
}

/// The time of day in UTC, as RFC 3339 writes it.
fn now() -> String {
    let mut text = String::new();
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}
