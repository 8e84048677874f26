//! Where a bundle is, and its bytes.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::BytesMut;
use gitwire_gitdir::fs::{Disk, File, FileSystem as _, Links};
use gitwire_protocol::message::{BundleHeader, ParsedBundleHeader};
use gitwire_transport::ConnectOptions;

use super::{BundleError, BundleLimits, BundleList};

/// Where a bundle is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A file of this machine.
    File(Vec<u8>),
    /// A file of an HTTP server: its whole URL.
    Http(Vec<u8>),
    /// Somewhere that bundles are not looked for; others may still be named from there.
    Elsewhere,
}

/// What a file begins with.
pub(super) enum Found {
    List(BundleList),
    /// A bundle's header, and what was read of its pack.
    Bundle(BundleHeader, BytesMut),
}

impl Source {
    /// Where a person, or the URL of a repository, points.
    pub(super) fn of_person(uri: &[u8]) -> Self {
        if is_http(uri) {
            return Self::Http(uri.to_vec());
        }
        match uri.strip_prefix(b"file://") {
            Some(path) => Self::File(path.to_vec()),
            None if has_scheme(uri) => Self::Elsewhere,
            None => Self::File(uri.to_vec()),
        }
    }

    /// Where a list that is here says something is. What came over the network does not lead to files of this machine.
    pub(super) fn beside(&self, uri: &[u8]) -> Option<Self> {
        if is_http(uri) {
            return Some(Self::Http(uri.to_vec()));
        }
        let path = uri.strip_prefix(b"file://").or_else(|| (!has_scheme(uri)).then_some(uri))?;
        match self {
            Self::File(_) if path.starts_with(b"/") => Some(Self::File(path.to_vec())),
            Self::File(list) => Some(Self::File(resolve(list, path))),
            Self::Http(_) if path.len() != uri.len() => None,
            Self::Http(list) => {
                let at = list.windows(3).position(|three| three == b"://")?.checked_add(3)?;
                let host = list.iter().skip(at).position(|byte| *byte == b'/')?.checked_add(at)?;
                let (origin, below) = list.split_at_checked(host)?;
                let below = below.split(|byte| *byte == b'?').next()?;
                let path = if path.starts_with(b"/") { path.to_vec() } else { resolve(below, path) };
                Some(Self::Http([origin, &path].concat()))
            }
            Self::Elsewhere => None,
        }
    }

    /// Lets `take` read the content.
    pub(super) fn read(
        &self,
        connect: &ConnectOptions,
        take: &mut dyn FnMut(&mut dyn Read) -> Result<(), BundleError>,
    ) -> Result<(), BundleError> {
        match self {
            Self::Elsewhere => Err(BundleError::Place),
            Self::File(path) => {
                let mut file = open(path).map_err(|error| BundleError::Source(error.to_string()))?;
                take(&mut file)
            }
            Self::Http(uri) => http(uri, connect, take),
        }
    }
}

#[cfg(feature = "http")]
fn http(
    uri: &[u8],
    connect: &ConnectOptions,
    take: &mut dyn FnMut(&mut dyn Read) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    let failed = |error: gitwire_transport::TransportError| BundleError::Source(error.to_string());
    let (mut site, name) = crate::web_file::locate(uri, connect).map_err(failed)?;
    take(&mut site.get(&name, 0).map_err(failed)?)
}

#[cfg(not(feature = "http"))]
fn http(
    _: &[u8],
    _: &ConnectOptions,
    _: &mut dyn FnMut(&mut dyn Read) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    Err(BundleError::Place)
}

/// Reads as much as tells what a file is, and the whole of a list.
pub(super) fn front(content: &mut dyn Read, limits: &BundleLimits) -> Result<Found, BundleError> {
    let mut held = BytesMut::new();
    loop {
        let ended = more(content, &mut held)?;
        let is_bundle = held.starts_with(b"# v2 git bundle\n") || held.starts_with(b"# v3 git bundle\n");
        if !is_bundle && held.len() as u64 > limits.list_bytes_max {
            return Err(BundleError::Limit { what: "bytes of a list", max: limits.list_bytes_max });
        }
        if is_bundle {
            let parsed = BundleHeader::parse(&held);
            let parsed = parsed.map_err(|error| BundleError::Malformed(error.to_string()))?;
            let length = match &parsed {
                ParsedBundleHeader::Complete { consumed, .. } => *consumed,
                ParsedBundleHeader::Incomplete => held.len(),
            };
            if length > limits.header_bytes_max {
                let max = limits.header_bytes_max as u64;
                return Err(BundleError::Limit { what: "bytes of a header", max });
            }
            if let ParsedBundleHeader::Complete { header, consumed } = parsed {
                let rest = held.split_off(consumed);
                return Ok(Found::Bundle(header, rest));
            }
            if ended {
                return Err(BundleError::Malformed("its header is cut short".to_owned()));
            }
        } else if ended {
            return BundleList::parse(&held).map(Found::List);
        }
    }
}

/// Reads on; whether that was the end. Twice as much each time, so that headers are not parsed over and over.
fn more(content: &mut dyn Read, held: &mut BytesMut) -> Result<bool, BundleError> {
    let room = held.len().clamp(PIECE, PIECES_MAX);
    let mut piece = vec![0; room];
    let mut filled = 0_usize;
    while filled < room {
        let rest = piece.get_mut(filled..).unwrap_or_default();
        match content.read(rest) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(BundleError::Source(error.to_string())),
        }
    }
    held.extend_from_slice(piece.get(..filled).unwrap_or_default());
    Ok(filled < room)
}

/// A path as seen from a file.
fn resolve(from: &[u8], path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = from.split(|byte| *byte == b'/').collect();
    parts.pop();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"." => {}
            b".." if parts.len() > 1 => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join(&b'/')
}

fn is_http(uri: &[u8]) -> bool {
    uri.starts_with(b"http://") || uri.starts_with(b"https://")
}

fn has_scheme(uri: &[u8]) -> bool {
    uri.windows(3).any(|three| three == b"://")
}

/// A file that is read from its start.
struct FileReader {
    file: Arc<dyn File>,
    offset: u64,
}

impl Read for FileReader {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.offset, room)?;
        self.offset = self.offset.saturating_add(read as u64);
        Ok(read)
    }
}

fn open(path: &[u8]) -> io::Result<FileReader> {
    let path = Path::new(OsStr::from_bytes(path));
    let name = path.file_name().ok_or(io::ErrorKind::NotFound)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = Disk.directory(parent)?.open(name.as_encoded_bytes(), Links::Follow)?;
    Ok(FileReader { file, offset: 0 })
}

const PIECE: usize = 64 << 10;
const PIECES_MAX: usize = 16 << 20;
