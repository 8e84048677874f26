//! The style sheet and the script.

use std::sync::LazyLock;

use bytes::Bytes;
use http::StatusCode;
use sha2::{Digest as _, Sha256};

use super::super::reply::{Keep, Reply, bytes};
use super::super::session::hex;

pub(in super::super) fn style() -> Reply {
    bytes(StatusCode::OK, Keep::Forever, "text/css; charset=utf-8", Bytes::from_static(STYLE))
}

pub(in super::super) fn script() -> Reply {
    bytes(StatusCode::OK, Keep::Forever, "text/javascript; charset=utf-8", Bytes::from_static(SCRIPT))
}

/// Robots may find repositories, and are asked not to go through every file of every commit.
pub(in super::super) fn robots() -> Reply {
    let text = Bytes::from_static(b"User-agent: *\nDisallow: /*/-/\nDisallow: /-/\n");
    bytes(StatusCode::OK, Keep::Ask, "text/plain; charset=utf-8", text)
}

/// Where the style sheet is. The URL changes with what it holds, so that browsers may keep it for ever.
pub(super) fn style_url() -> &'static str {
    static URL: LazyLock<String> = LazyLock::new(|| versioned("/-/style.css", STYLE));
    &URL
}

/// Where the script is.
pub(super) fn script_url() -> &'static str {
    static URL: LazyLock<String> = LazyLock::new(|| versioned("/-/copy.js", SCRIPT));
    &URL
}

fn versioned(path: &str, content: &[u8]) -> String {
    let hash = hex(&Sha256::digest(content));
    format!("{path}?{}", hash.get(..12).unwrap_or_default())
}

const STYLE: &[u8] = include_bytes!("../../../static/style.css");
const SCRIPT: &[u8] = include_bytes!("../../../static/copy.js");
