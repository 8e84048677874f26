//! URLs of submodules.

/// Whether a submodule may have this URL: no option, no line break behind escapes, a host where one belongs.
pub(super) fn is_allowed(url: &[u8]) -> bool {
    if url.starts_with(b"-") {
        return false;
    }
    if is_relative(url) {
        let rest = after_dot_dots(url);
        // Joined to a remote's URL, this would become its host or its scheme.
        return !decodes_to_newline(url)
            && !rest.is_some_and(|rest| rest.starts_with(b":") || rest.starts_with(b"/"));
    }
    if url.starts_with(b"git://") {
        return !decodes_to_newline(url);
    }
    match for_curl(url) {
        Some(rest) => !decodes_to_newline(url) && is_sound(rest),
        None => true,
    }
}

fn is_relative(url: &[u8]) -> bool {
    [&b"./"[..], b"../", b".\\", b"..\\"].iter().any(|start| url.starts_with(start))
}

/// What follows the leading `./` and `../`, if there was a `../`.
fn after_dot_dots(url: &[u8]) -> Option<&[u8]> {
    let mut rest = url;
    let mut up = false;
    loop {
        if let Some(after) = rest.strip_prefix(b"../").or_else(|| rest.strip_prefix(b"..\\")) {
            (rest, up) = (after, true);
        } else if let Some(after) = rest.strip_prefix(b"./").or_else(|| rest.strip_prefix(b".\\")) {
            rest = after;
        } else {
            return up.then_some(rest);
        }
    }
}

/// What follows the scheme of a URL that goes to the HTTP helper: `http://…`, or any URL behind `http::`.
fn for_curl(url: &[u8]) -> Option<&[u8]> {
    let helpers = [&b"http::"[..], b"https::", b"ftp::", b"ftps::"];
    if let Some(asked) = helpers.iter().find_map(|helper| url.strip_prefix(*helper)) {
        // A helper that is asked for by name gets whatever follows, and must find a URL there.
        let colon = asked.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte));
        let after = colon.and_then(|at| asked.get(at..)).and_then(|rest| rest.strip_prefix(b"://"));
        return Some(after.unwrap_or_default());
    }
    let schemes = [&b"http://"[..], b"https://", b"ftp://", b"ftps://"];
    schemes.iter().find_map(|scheme| url.strip_prefix(*scheme))
}

/// Whether what follows the scheme is a URL by git's measure (`urlmatch` of `git-config`): a host, a port that is one, escapes that
/// are whole, a path that does not climb over its root.
fn is_sound(rest: &[u8]) -> bool {
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, b""));
    let user_end = authority.iter().position(|byte| *byte == b'@');
    let (user, host) = match user_end {
        Some(at) => (authority.get(..at), authority.get(at.saturating_add(1)..)),
        None => (None, Some(authority)),
    };
    let path_end = path.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(path.len());
    escapes_are_whole(user.unwrap_or_default())
        && is_host_and_port(host.unwrap_or_default())
        && escapes_are_whole(path)
        && stays_below_root(path.get(..path_end).unwrap_or_default())
}

fn is_host_and_port(text: &[u8]) -> bool {
    // The colons of an address in brackets are not before a port.
    let bracket = text.iter().rposition(|byte| *byte == b']').unwrap_or(0);
    let colon = text.iter().rposition(|byte| *byte == b':').filter(|at| *at >= bracket);
    let (host, port) = match colon {
        Some(at) => {
            (text.get(..at).unwrap_or_default(), text.get(at.saturating_add(1)..).unwrap_or_default())
        }
        None => (text, &b""[..]),
    };
    let of_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(byte);
    !host.is_empty() && host.iter().all(of_host) && is_port(port)
}

fn is_port(port: &[u8]) -> bool {
    if port.is_empty() {
        return true;
    }
    let number = core::str::from_utf8(port).ok().and_then(|port| port.parse::<u16>().ok());
    port.iter().all(u8::is_ascii_digit) && number.is_some_and(|number| number > 0)
}

/// Two hexadecimal digits after each `%`.
fn escapes_are_whole(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).all(|at| {
        let digits = text.get(at.saturating_add(1)..at.saturating_add(3)).unwrap_or_default();
        digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit)
    })
}

fn stays_below_root(path: &[u8]) -> bool {
    let mut depth = 0_usize;
    for part in path.split(|byte| *byte == b'/').skip(1) {
        // Nobody has to escape a dot, so an escaped one is a dot.
        match String::from_utf8_lossy(part).to_ascii_lowercase().replace("%2e", ".").as_str() {
            "." => {}
            ".." => match depth.checked_sub(1) {
                Some(up) => depth = up,
                None => return false,
            },
            _ => depth = depth.saturating_add(1),
        }
    }
    true
}

fn decodes_to_newline(url: &[u8]) -> bool {
    url.contains(&b'\n') || url.windows(3).any(|part| part.eq_ignore_ascii_case(b"%0a"))
}
