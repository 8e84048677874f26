//! The heads of requests and answers as lines.

use hyper::ext::ReasonPhrase;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, PROXY_AUTHORIZATION, SET_COOKIE};
use hyper::{Request, Response};

use super::body::SentBody;
use crate::HttpTrace;

pub(super) fn request(request: &Request<SentBody>, trace: &dyn HttpTrace) {
    trace.sent(&format!("{} {} HTTP/1.1", request.method(), request.uri()));
    lines(request.headers(), trace.shows_secrets(), &mut |line| trace.sent(line));
    // These are made while the request is sent.
    match request.body() {
        SentBody::Streamed(_) | SentBody::Long(_) => trace.sent("Transfer-Encoding: chunked"),
        SentBody::Whole(bytes) if !bytes.is_empty() => {
            trace.sent(&format!("Content-Length: {}", bytes.len()));
        }
        SentBody::Whole(_) => {}
    }
    if let SentBody::Whole(bytes) | SentBody::Long(bytes) = request.body()
        && !bytes.is_empty()
    {
        trace.sent_data(bytes);
    }
}

pub(super) fn response<B>(response: &Response<B>, trace: &dyn HttpTrace) {
    let status = response.status();
    let said = response.extensions().get::<ReasonPhrase>();
    let reason = match said {
        Some(said) => said.as_bytes().escape_ascii().to_string(),
        None => status.canonical_reason().unwrap_or_default().to_owned(),
    };
    trace.received(&format!("{:?} {} {reason}", response.version(), status.as_u16()));
    lines(response.headers(), trace.shows_secrets(), &mut |line| trace.received(line));
}

fn lines(headers: &HeaderMap, secrets: bool, tell: &mut dyn FnMut(&str)) {
    for (name, value) in headers {
        let text = value.as_bytes().escape_ascii().to_string();
        let text = if secrets { text } else { without_secrets(name, &text) };
        tell(&format!("{}: {text}", title(name.as_str())));
    }
}

/// The scheme of an authorization and the names of cookies may be seen.
fn without_secrets(name: &HeaderName, text: &str) -> String {
    let cut = |text: &str, at: char| text.split_once(at).map(|(before, _)| before.to_owned());
    if *name == AUTHORIZATION || *name == PROXY_AUTHORIZATION {
        return format!("{} <redacted>", cut(text, ' ').unwrap_or_default());
    }
    if *name == COOKIE || *name == SET_COOKIE {
        let cookies =
            text.split("; ").map(|cookie| format!("{}=<redacted>", cut(cookie, '=').unwrap_or_default()));
        return cookies.collect::<Vec<_>>().join("; ");
    }
    text.to_owned()
}

/// `Content-Type`, as people write it.
fn title(name: &str) -> String {
    let mut start = true;
    let letter = |letter: char| {
        let written = if start { letter.to_ascii_uppercase() } else { letter };
        start = letter == '-';
        written
    };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn secrets_are_left_out() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Basic bWU6c2VjcmV0"),
            ("proxy-authorization", "c2VjcmV0"),
            ("cookie", "a=1; b=; c"),
            ("set-cookie", "id=1; Path=/"),
            ("git-protocol", "version=2"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let mut told = Vec::new();
        lines(&headers, false, &mut |line| told.push(line.to_owned()));
        assert_eq!(
            told,
            [
                "Authorization: Basic <redacted>",
                "Proxy-Authorization:  <redacted>",
                "Cookie: a=<redacted>; b=<redacted>; =<redacted>",
                "Set-Cookie: id=<redacted>; Path=<redacted>",
                "Git-Protocol: version=2",
            ]
        );
        let mut told = Vec::new();
        lines(&headers, true, &mut |line| told.push(line.to_owned()));
        assert_eq!(told.first().map(String::as_str), Some("Authorization: Basic bWU6c2VjcmV0"));
    }
}
