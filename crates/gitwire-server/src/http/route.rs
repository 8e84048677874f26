//! From a URL to a repository and what is wanted there.

use gitwire_protocol::message::Service;
use http::{StatusCode, Uri};

/// Where a request leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The repository, percent-decoded.
    pub(super) path: Vec<u8>,
    pub(super) target: Target,
}

/// What is wanted of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    InfoRefs(Service),
    Service(Service),
}

impl Route {
    /// What a URL asks for. Paths that could mean another place than they seem to are not found.
    pub(super) fn of(uri: &Uri) -> Result<Self, StatusCode> {
        let path = uri.path();
        for service in [Service::UploadPack, Service::ReceivePack] {
            if let Some(repository) =
                path.strip_suffix(service.name()).and_then(|path| path.strip_suffix('/'))
            {
                return Ok(Self { path: decode(repository)?, target: Target::Service(service) });
            }
        }
        let repository = path.strip_suffix("/info/refs").ok_or(StatusCode::NOT_FOUND)?;
        let mut parameters = uri.query().unwrap_or_default().split('&');
        let service = parameters.find_map(|parameter| parameter.strip_prefix("service="));
        // Without a service the client walks over files, which are not served here.
        let service = service.ok_or(StatusCode::FORBIDDEN)?;
        match Service::from_name(service.as_bytes()) {
            Some(service @ (Service::UploadPack | Service::ReceivePack)) => {
                Ok(Self { path: decode(repository)?, target: Target::InfoRefs(service) })
            }
            _ => Err(StatusCode::FORBIDDEN),
        }
    }
}

/// Decodes a path and refuses what has two meanings: empty, `.` and `..` parts, an encoded slash, control bytes, a backslash.
fn decode(path: &str) -> Result<Vec<u8>, StatusCode> {
    let path = path.strip_prefix('/').ok_or(StatusCode::NOT_FOUND)?;
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(StatusCode::BAD_REQUEST) };
                let byte = u8::try_from(high << 4 | low).map_err(|_| StatusCode::BAD_REQUEST)?;
                if byte == b'/' {
                    return Err(StatusCode::NOT_FOUND);
                }
                byte
            }
            byte => byte,
        };
        if byte < b' ' || byte == 0x7f || byte == b'\\' {
            return Err(StatusCode::NOT_FOUND);
        }
        decoded.push(byte);
    }
    let strange = |part: &[u8]| matches!(part, b"" | b"." | b"..");
    if decoded.split(|byte| *byte == b'/').any(strange) { Err(StatusCode::NOT_FOUND) } else { Ok(decoded) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uri: &str, expected: Result<(&str, Target), u16>) {
        let expected = expected.map(|(path, target)| Route { path: path.as_bytes().to_vec(), target });
        assert_eq!(Route::of(&uri.parse().unwrap()).map_err(|status| status.as_u16()), expected, "{uri}");
    }

    #[test]
    fn routes() {
        let fetch = Target::Service(Service::UploadPack);
        let refs = Target::InfoRefs(Service::UploadPack);
        check("/a.git/git-upload-pack", Ok(("a.git", fetch)));
        check("/a/b%20c.git/git-upload-pack", Ok(("a/b c.git", fetch)));
        check("/a.git/git-receive-pack", Ok(("a.git", Target::Service(Service::ReceivePack))));
        check("/a.git/info/refs?service=git-upload-pack", Ok(("a.git", refs)));
        check("/a.git/info/refs?x=y&service=git-upload-pack", Ok(("a.git", refs)));
        check("/a.git/info/refs?service=git-upload-archive", Err(403));
        check("/a.git/info/refs?service=sh", Err(403));
        check("/a.git/info/refs", Err(403));
        check("/a.git", Err(404));
        check("/", Err(404));
        check("/git-upload-pack", Err(404));
        check("/info/refs?service=git-upload-pack", Err(404));
        check("/../a.git/git-upload-pack", Err(404));
        check("/x/%2e%2e/a.git/git-upload-pack", Err(404));
        check("/x%2fa.git/git-upload-pack", Err(404));
        check("/x//a.git/git-upload-pack", Err(404));
        check("/x/./a.git/git-upload-pack", Err(404));
        check("/a%00.git/git-upload-pack", Err(404));
        check("/a%5c.git/git-upload-pack", Err(404));
        check("/a%0a.git/git-upload-pack", Err(404));
        check("/a%2.git/git-upload-pack", Err(400));
        check("/a%zz.git/git-upload-pack", Err(400));
    }
}
