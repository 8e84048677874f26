//! From a URL to a repository and what is wanted there.

use gitwire_protocol::message::Service;
use gitwire_storage::{ObjectFile, PackPart};
use gitwire_types::{ObjectFormat, ObjectId};
use http::{StatusCode, Uri};

/// Where a request leads.
///
/// ```
/// use gitwire_server::http::{Route, RouteError, Target};
///
/// let route = Route::of(&"/team/project.git/HEAD".parse()?)?;
/// assert_eq!((&route.path[..], route.target), (&b"team/project.git"[..], Target::Head));
/// assert_eq!(Route::of(&"/team/project.git/config".parse()?), Err(RouteError::Unknown));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The repository, percent-decoded, without a slash at its ends.
    pub path: Vec<u8>,
    /// What is wanted of it.
    pub target: Target,
}

/// What is wanted of a repository (`gitprotocol-http`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// `info/refs?service=…`: the advertisement of a smart server.
    Advertisement(Service),
    /// `git-upload-pack` or `git-receive-pack`.
    Service(Service),
    /// `info/refs` without a service: the refs for a client that walks over files.
    Refs,
    /// `HEAD`.
    Head,
    /// `objects/info/packs`.
    Packs,
    /// `objects/info/alternates` and `objects/info/http-alternates`.
    Alternates,
    /// A loose object, or a file of a pack, by its id. No other file has a way that leads to it.
    Object(ObjectFile),
}

/// Why a URL leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// It is none of a repository's.
    #[error("not found")]
    Unknown,
    /// It could mean another place than it seems to: empty, `.` and `..` parts, an encoded slash, control bytes, a backslash.
    #[error("the path has two meanings")]
    Ambiguous,
    /// A percent sign without two hexadecimal digits behind it.
    #[error("the path is not percent-encoded")]
    Encoding,
    /// A service that is not spoken over HTTP.
    #[error("unsupported service")]
    Service,
}

impl RouteError {
    /// The status of an answer that says so.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Unknown | Self::Ambiguous => StatusCode::NOT_FOUND,
            Self::Encoding => StatusCode::BAD_REQUEST,
            Self::Service => StatusCode::FORBIDDEN,
        }
    }
}

impl Route {
    /// What a URL asks for.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub fn of(uri: &Uri) -> Result<Self, RouteError> {
        Self::parse(&decode(uri.path())?, uri.query().unwrap_or_default())
    }

    /// What a path asks for that has been decoded already, as `PATH_INFO` has (RFC 3875), and the query behind it.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub fn parse(path: &[u8], query: &str) -> Result<Self, RouteError> {
        if path.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\') {
            return Err(RouteError::Ambiguous);
        }
        let path = path.strip_prefix(b"/").ok_or(RouteError::Unknown)?;
        let (repository, target) = split(path, query).ok_or(RouteError::Unknown)?;
        if repository.split(|byte| *byte == b'/').any(|part| matches!(part, b"" | b"." | b"..")) {
            return Err(RouteError::Ambiguous);
        }
        Ok(Self { path: repository.to_vec(), target: target? })
    }
}

/// The repository and what is wanted of it; `None` where the end of the path is nothing that is served.
fn split<'a>(path: &'a [u8], query: &str) -> Option<(&'a [u8], Result<Target, RouteError>)> {
    let named = [
        (&b"/git-upload-pack"[..], Target::Service(Service::UploadPack)),
        (b"/git-receive-pack", Target::Service(Service::ReceivePack)),
        (b"/HEAD", Target::Head),
        (b"/objects/info/packs", Target::Packs),
        (b"/objects/info/alternates", Target::Alternates),
        (b"/objects/info/http-alternates", Target::Alternates),
    ];
    for (end, target) in named {
        if let Some(repository) = path.strip_suffix(end) {
            return Some((repository, Ok(target)));
        }
    }
    if let Some(repository) = path.strip_suffix(b"/info/refs") {
        let service = query.split('&').find_map(|parameter| parameter.strip_prefix("service="));
        let target = match service.map(|name| Service::from_name(name.as_bytes())) {
            None => Ok(Target::Refs),
            Some(Some(service @ (Service::UploadPack | Service::ReceivePack))) => {
                Ok(Target::Advertisement(service))
            }
            Some(_) => Err(RouteError::Service),
        };
        return Some((repository, target));
    }
    let (path, name) = cut(path)?;
    let (path, folder) = cut(path)?;
    let (repository, objects) = cut(path)?;
    let file = (objects == b"objects").then(|| object_file(folder, name))??;
    Some((repository, Ok(Target::Object(file))))
}

/// A path and its last part.
fn cut(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = memchr::memrchr(b'/', path)?;
    let (before, name) = path.split_at_checked(slash)?;
    Some((before, name.strip_prefix(b"/")?))
}

/// `ab/cdef…`, `pack/pack-….pack` or `pack/pack-….idx`, as git writes them: lower-case digits, as many as an id has.
fn object_file(folder: &[u8], name: &[u8]) -> Option<ObjectFile> {
    if folder != b"pack" {
        return (folder.len() == 2).then(|| id(&[folder, name].concat()))?.map(ObjectFile::Loose);
    }
    let name = name.strip_prefix(b"pack-")?;
    for part in [PackPart::Pack, PackPart::Index] {
        let stem = name.strip_suffix(part.extension().as_bytes()).and_then(|name| name.strip_suffix(b"."));
        if let Some(stem) = stem {
            return id(stem).map(|id| ObjectFile::Pack(id, part));
        }
    }
    None
}

fn id(digits: &[u8]) -> Option<ObjectId> {
    let formats = [ObjectFormat::Sha1, ObjectFormat::Sha256];
    let format = formats.into_iter().find(|format| format.hex_len() == digits.len())?;
    ObjectId::from_hex(format, digits).ok().filter(|id| id.to_hex().as_bytes() == digits)
}

/// Decodes a path. An encoded slash would be a part of a name to some and its end to others.
fn decode(path: &str) -> Result<Vec<u8>, RouteError> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(RouteError::Encoding) };
        match u8::try_from(high << 4 | low).map_err(|_| RouteError::Encoding)? {
            b'/' => return Err(RouteError::Ambiguous),
            byte => decoded.push(byte),
        }
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uri: &str, expected: Result<(&str, Target), RouteError>) {
        let expected = expected.map(|(path, target)| Route { path: path.as_bytes().to_vec(), target });
        assert_eq!(Route::of(&uri.parse().unwrap()), expected, "{uri}");
    }

    #[test]
    fn services_and_lists() {
        let fetch = Target::Service(Service::UploadPack);
        let refs = Target::Advertisement(Service::UploadPack);
        check("/a.git/git-upload-pack", Ok(("a.git", fetch)));
        check("/a/b%20c.git/git-upload-pack", Ok(("a/b c.git", fetch)));
        check("/a.git/git%2dupload-pack", Ok(("a.git", fetch)));
        check("/a.git/git-receive-pack", Ok(("a.git", Target::Service(Service::ReceivePack))));
        check("/a.git/info/refs?service=git-upload-pack", Ok(("a.git", refs)));
        check("/a.git/info/refs?x=y&service=git-upload-pack", Ok(("a.git", refs)));
        check("/a.git/info/refs?service=git-upload-archive", Err(RouteError::Service));
        check("/a.git/info/refs?service=sh", Err(RouteError::Service));
        check("/a.git/info/refs?service=", Err(RouteError::Service));
        check("/a.git/info/refs", Ok(("a.git", Target::Refs)));
        check("/a.git/info/refs?x=y", Ok(("a.git", Target::Refs)));
        check("/a.git/HEAD", Ok(("a.git", Target::Head)));
        check("/a.git/objects/info/packs", Ok(("a.git", Target::Packs)));
        check("/a.git/objects/info/alternates", Ok(("a.git", Target::Alternates)));
        check("/a.git/objects/info/http-alternates", Ok(("a.git", Target::Alternates)));
        check("/a.git", Err(RouteError::Unknown));
        check("/", Err(RouteError::Unknown));
        check("/git-upload-pack", Err(RouteError::Unknown));
        check("/HEAD", Err(RouteError::Unknown));
        check("/info/refs?service=git-upload-pack", Err(RouteError::Unknown));
    }

    #[test]
    fn files_by_shape_alone() {
        let (one, two) = ("1".repeat(40), "2".repeat(64));
        let from = |digits: &str, at: usize| digits.get(at..).unwrap().to_owned();
        let sha1 = ObjectId::from_hex(ObjectFormat::Sha1, one.as_bytes()).unwrap();
        let sha256 = ObjectId::from_hex(ObjectFormat::Sha256, two.as_bytes()).unwrap();
        let found = |file| Ok(("a.git", Target::Object(file)));
        check(&format!("/a.git/objects/11/{}", from(&one, 2)), found(ObjectFile::Loose(sha1)));
        check(&format!("/a.git/objects/22/{}", from(&two, 2)), found(ObjectFile::Loose(sha256)));
        let pack = |part| found(ObjectFile::Pack(sha1, part));
        check(&format!("/a.git/objects/pack/pack-{one}.pack"), pack(PackPart::Pack));
        check(&format!("/a.git/objects/pack/pack-{one}.idx"), pack(PackPart::Index));
        let wide = found(ObjectFile::Pack(sha256, PackPart::Pack));
        check(&format!("/a.git/objects/pack/pack-{two}.pack"), wide);
        for path in [
            format!("pack/pack-{one}.rev"),
            format!("pack/pack-{one}.keep"),
            format!("pack/pack-{one}"),
            format!("pack/{one}.pack"),
            format!("pack/pack-{}.pack", from(&one, 1)),
            format!("pack/pack-{}A.pack", from(&one, 1)),
            format!("pack/tmp_pack_{}", from(&one, 8)),
            format!("pack/pack-{one}.pack.lock"),
            format!("1/{}", from(&one, 1)),
            format!("11/{}", from(&one, 3)),
            format!("11/{}g", from(&one, 3)),
            format!("AA/{}", from(&one, 2)),
            "info/commit-graph".to_owned(),
            "info/../../config".to_owned(),
        ] {
            check(&format!("/a.git/objects/{path}"), Err(RouteError::Unknown));
        }
        for path in ["config", "hooks/update", "packed-refs", "refs/heads/main", "logs/HEAD/x", "description"]
        {
            check(&format!("/a.git/{path}"), Err(RouteError::Unknown));
        }
    }

    #[test]
    fn paths_with_two_meanings() {
        check("/../a.git/git-upload-pack", Err(RouteError::Ambiguous));
        check("/x/%2e%2e/a.git/git-upload-pack", Err(RouteError::Ambiguous));
        check("/x%2fa.git/git-upload-pack", Err(RouteError::Ambiguous));
        check("/x//a.git/git-upload-pack", Err(RouteError::Ambiguous));
        check("//a.git/git-upload-pack", Err(RouteError::Ambiguous));
        check("/a.git//git-upload-pack", Err(RouteError::Ambiguous));
        check("/x/./a.git/git-upload-pack", Err(RouteError::Ambiguous));
        check("/a%00.git/git-upload-pack", Err(RouteError::Ambiguous));
        check("/a%5c.git/git-upload-pack", Err(RouteError::Ambiguous));
        check("/a%0a.git/git-upload-pack", Err(RouteError::Ambiguous));
        check("/a%7f.git/git-upload-pack", Err(RouteError::Ambiguous));
        check("/a%2.git/git-upload-pack", Err(RouteError::Encoding));
        check("/a%zz.git/git-upload-pack", Err(RouteError::Encoding));
        check("/a.git/git-upload-pack%", Err(RouteError::Encoding));
    }
}
