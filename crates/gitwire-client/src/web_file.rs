//! A file on an HTTP server, by its whole URL.

use gitwire_transport::http::Site;
use gitwire_transport::{ConnectOptions, HttpError, TransportError, Url};

/// The folder that a file is in, to be asked for it, and the file's name with its query.
pub(crate) fn locate(uri: &[u8], connect: &ConnectOptions) -> Result<(Site, String), TransportError> {
    let end = uri.iter().position(|byte| *byte == b'?').unwrap_or(uri.len());
    let slash = uri.get(..end).and_then(|path| path.iter().rposition(|byte| *byte == b'/'));
    let parts = slash.and_then(|at| uri.split_at_checked(at.checked_add(1)?));
    let none = || HttpError::NotFound { url: uri.escape_ascii().to_string(), message: Vec::new() };
    let (folder, name) = parts.ok_or_else(none)?;
    let name = std::str::from_utf8(name).map_err(|_| none())?;
    Ok((Site::new(&Url::parse(folder)?, connect)?, name.to_owned()))
}
