//! What an HTTP server reads of a request beside its body: a path leads to one place or to none, credentials come out as they were put
//! in, and a part of a file lies inside of it.

use std::ops::Range;

use gitwire_server::http::{Authorization, Part, Route, Target};
use gitwire_storage::{ObjectFile, PackPart};

/// A path, a query and the values of two headers, a line each.
pub(super) fn http_request(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (path, query, authorization, range) = (next(), next(), next(), next());
    route(path, &String::from_utf8_lossy(query));
    credentials(authorization);
    for size in [0, 1, 10, 1 << 40, u64::MAX] {
        if let Part::Some(Range { start, end }) = Part::of(range, size) {
            assert!(start < end && end <= size, "{start}..{end} of {size}");
        }
    }
}

fn route(path: &[u8], query: &str) {
    // As a URL it may be refused earlier, but leads nowhere else once its escapes are taken away.
    if let Some(route) = format!("/{}", path.escape_ascii()).parse().ok().and_then(|uri| Route::of(&uri).ok())
    {
        leads_to_one_place(&route);
    }
    let Ok(route) = Route::parse(path, query) else { return };
    leads_to_one_place(&route);
    assert!(path.starts_with(b"/") && path[1..].starts_with(&route.path), "another repository");
    let end = match route.target {
        Target::Object(ObjectFile::Loose(id)) => {
            let hex = id.to_string();
            let (folder, name) = hex.split_at(2);
            format!("/objects/{folder}/{name}")
        }
        Target::Object(ObjectFile::Pack(id, part)) => {
            let extension = if part == PackPart::Pack { "pack" } else { "idx" };
            format!("/objects/pack/pack-{id}.{extension}")
        }
        _ => return,
    };
    assert_eq!(&path[1 + route.path.len()..], end.as_bytes(), "another file");
}

fn leads_to_one_place(route: &Route) {
    let two_meanings = |part: &[u8]| matches!(part, b"" | b"." | b"..");
    assert!(!route.path.split(|byte| *byte == b'/').any(two_meanings), "{}", route.path.escape_ascii());
    assert!(!route.path.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\'));
}

fn credentials(header: &[u8]) {
    let Ok(Authorization { credentials, .. }) = Authorization::parse(header) else { return };
    assert!(!credentials.user.chars().any(char::is_control), "a control character came through");
    // A token has no name, and is not in base64.
    if header.len() > 6 && header[..6].eq_ignore_ascii_case(b"basic ") {
        let text = [credentials.user.as_bytes(), b":", &credentials.password].concat();
        assert_eq!(header[6..].trim_ascii(), base64(&text).as_bytes(), "two texts for the same credentials");
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let digit_of = |shift: u32| char::from(DIGITS[(bits >> shift & 63) as usize]);
            text.push(if digit <= group.len() { digit_of(18 - 6 * digit as u32) } else { '=' });
        }
    }
    text
}
