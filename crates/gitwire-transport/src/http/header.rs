//! Headers of requests.

use hyper::header::HeaderValue;

use crate::{HttpError, Secret, TransportError};

/// A value of a header.
pub(crate) fn value(name: &str, text: &str) -> Result<HeaderValue, TransportError> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| bad_header(name))
}

/// One that nothing prints.
pub(crate) fn secret(name: &str, text: &Secret) -> Result<HeaderValue, TransportError> {
    let mut value = value(name, text.expose())?;
    value.set_sensitive(true);
    Ok(value)
}

pub(crate) fn bad_header(name: &str) -> TransportError {
    HttpError::BadHeader { name: name.escape_default().to_string() }.into()
}
