//! Bundle files in the place of a repository (`git-bundle`).

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use bytes::BytesMut;
use gitwire_protocol::message::{BundleHeader, ParsedBundleHeader};
use gitwire_transport::{Scheme, Url};

use crate::failure::Failure;

/// The header of the bundle that a URL names; `None` if it names no file.
pub(crate) fn header(url: &Url) -> Result<Option<BundleHeader>, Failure> {
    let path = Path::new(OsStr::from_bytes(&url.path));
    if url.scheme != Scheme::Local || !path.is_file() {
        return Ok(None);
    }
    let mut file = File::open(path)?;
    let mut read = BytesMut::new();
    let mut room = vec![0; PIECE];
    loop {
        match BundleHeader::parse(&read) {
            Ok(ParsedBundleHeader::Complete { header, .. }) => return Ok(Some(header)),
            Ok(ParsedBundleHeader::Incomplete) => {}
            Err(_) if !read.starts_with(b"# v") => {
                let shown = path.display();
                return Err(Failure::fatal(format!("'{shown}' does not look like a v2 or v3 bundle file")));
            }
            Err(violation) => return Err(Failure::fatal(format!("{}: {violation}", path.display()))),
        }
        let count = file.read(&mut room)?;
        if count == 0 {
            return Err(Failure::fatal(format!("the header of '{}' has no end", path.display())));
        }
        read.extend_from_slice(&room[..count]);
        // What has been read is looked at again from its start.
        room.resize(read.len().max(PIECE), 0);
    }
}

/// What is read first: most headers are shorter.
const PIECE: usize = 64 << 10;
