//! Answers and their headers.

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderValue, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};

use super::HttpBody;
use crate::OpenError;

pub(super) type Answer = Response<HttpBody>;

/// An answer that may be another one the next time.
pub(super) fn answer(kind: &str, body: HttpBody) -> Answer {
    let mut answer = Response::new(body);
    no_cache(&mut answer);
    if let Ok(kind) = HeaderValue::from_str(kind) {
        answer.headers_mut().insert(CONTENT_TYPE, kind);
    }
    answer
}

/// No, with a text that git shows to its user.
pub(super) fn refusal(status: StatusCode, text: &str) -> Answer {
    let mut answer = answer("text/plain; charset=utf-8", HttpBody::from_bytes(format!("{text}\n")));
    *answer.status_mut() = status;
    answer
}

pub(super) fn internal() -> Answer {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
}

pub(super) fn wrong_method(allow: &'static str) -> Answer {
    let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// Who are you? (RFC 9110, section 11)
pub(super) fn sign_in(realm: &str, text: &str) -> Answer {
    let mut answer = refusal(StatusCode::UNAUTHORIZED, text);
    let quoted: String = realm.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
    let challenge = HeaderValue::from_str(&format!("Basic realm=\"{quoted}\", charset=\"UTF-8\""));
    let challenge = challenge.unwrap_or(HeaderValue::from_static("Basic realm=\"Git\""));
    answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    answer
}

/// Not now.
pub(super) fn later(text: &str) -> Answer {
    let mut answer = refusal(StatusCode::TOO_MANY_REQUESTS, text);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

/// Why a repository is not served.
pub(super) fn not_opened(error: &OpenError, realm: &str) -> Answer {
    match error {
        OpenError::SignIn => sign_in(realm, error.reply()),
        OpenError::NotFound { .. } => refusal(StatusCode::NOT_FOUND, error.reply()),
        OpenError::NotEnabled | OpenError::Denied => refusal(StatusCode::FORBIDDEN, error.reply()),
        OpenError::Storage(_) => internal(),
    }
}

/// What git's server says so that no proxy keeps what may change.
fn no_cache(answer: &mut Answer) {
    let headers = answer.headers_mut();
    headers.insert(EXPIRES, HeaderValue::from_static("Fri, 01 Jan 1980 00:00:00 GMT"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0, must-revalidate"));
}
