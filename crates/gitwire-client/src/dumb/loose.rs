//! One object in a file of its own (`gitformat-loose`: a zlib stream of header and content).

use std::io::Read;

use flate2::read::ZlibDecoder;
use gitwire_object::{CommitLinks, ObjectError, TagRef, TreeRef, Trust, object_id};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use super::DumbError;
use crate::ClientError;

/// An object that is what its name says.
pub(super) struct Loose {
    pub(super) kind: ObjectKind,
    pub(super) content: Vec<u8>,
}

impl Loose {
    /// Reads a file that should hold the object `id`.
    pub(super) fn read(id: &ObjectId, file: impl Read, max: u64) -> Result<Self, ClientError> {
        let corrupt = |why: &str| DumbError::Object { id: *id, why: why.to_owned() };
        let too_large = || DumbError::Limit { what: "bytes of a loose object", max };
        let mut stream = ZlibDecoder::new(file);
        let mut header = Vec::new();
        let mut byte = [0];
        while header.len() < HEADER_MAX {
            stream.read_exact(&mut byte).map_err(|error| corrupt(&error.to_string()))?;
            if byte == [0] {
                break;
            }
            header.extend_from_slice(&byte);
        }
        let (kind, size) = parse_header(&header).ok_or_else(|| corrupt("its header is wrong"))?;
        if size > max {
            return Err(too_large().into());
        }
        // One byte more than there should be tells that there is more.
        let mut content = Vec::new();
        let read = stream.take(size.saturating_add(1)).read_to_end(&mut content);
        read.map_err(|error| corrupt(&error.to_string()))?;
        if content.len() as u64 != size {
            return Err(corrupt("its size is not what its header says").into());
        }
        let actual = object_id(id.format(), Trust::Stranger, kind, &content);
        match actual {
            Ok(actual) if actual == *id => Ok(Self { kind, content }),
            Ok(_) => Err(corrupt("its hash is another").into()),
            Err(error) => Err(corrupt(&error.to_string()).into()),
        }
    }

    /// What it names, in its order.
    pub(super) fn links(&self, id: &ObjectId) -> Result<Vec<ObjectId>, ClientError> {
        let format = id.format();
        let links = links(format, self.kind, &self.content);
        links.map_err(|error| DumbError::Object { id: *id, why: error.to_string() }.into())
    }
}

fn links(format: ObjectFormat, kind: ObjectKind, content: &[u8]) -> Result<Vec<ObjectId>, ObjectError> {
    match kind {
        ObjectKind::Blob => Ok(Vec::new()),
        ObjectKind::Tag => Ok(vec![TagRef::parse(format, content)?.target()]),
        ObjectKind::Commit => {
            let links = CommitLinks::parse(format, content)?;
            Ok(std::iter::once(links.tree).chain(links.parents()).collect())
        }
        ObjectKind::Tree => TreeRef::new(format, content)
            .iter()
            .filter(|entry| !entry.as_ref().is_ok_and(|entry| entry.mode.is_gitlink()))
            .map(|entry| entry.map(|entry| entry.id()))
            .collect(),
    }
}

fn parse_header(header: &[u8]) -> Option<(ObjectKind, u64)> {
    let text = std::str::from_utf8(header).ok()?;
    let (kind, size) = text.split_once(' ')?;
    let digits = size.bytes().all(|byte| byte.is_ascii_digit());
    Some((ObjectKind::from_name(kind.as_bytes())?, size.parse().ok().filter(|_| digits)?))
}

/// `commit`, a blank and the digits of the largest number.
const HEADER_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn file(text: &[u8]) -> Vec<u8> {
        let mut out = ZlibEncoder::new(Vec::new(), Compression::default());
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    #[track_caller]
    fn check(file: &[u8], expected: Result<&[u8], &str>) {
        let id = object_id(ObjectFormat::Sha1, Trust::Own, ObjectKind::Blob, b"hello").unwrap();
        let read = Loose::read(&id, file, 5).map(|loose| loose.content).map_err(|error| error.to_string());
        let expected = expected.map(<[u8]>::to_vec);
        let shown = |text: &str| match text.contains(" more than ") {
            true => text.to_owned(),
            false => format!("object {id} is corrupt: {text}"),
        };
        assert_eq!(read, expected.map_err(shown));
    }

    #[test]
    fn files() {
        check(&file(b"blob 5\0hello"), Ok(b"hello"));
        check(&file(b"blob 6\0hello!"), Err("bytes of a loose object: more than 5"));
        check(&file(b"blob 5\0hallo"), Err("its hash is another"));
        check(&file(b"tree 5\0hello"), Err("its hash is another"));
        check(&file(b"blob 4\0hello"), Err("its size is not what its header says"));
        check(&file(b"blob 5\0hell"), Err("its size is not what its header says"));
        check(&file(b"blob +5\0hello"), Err("its header is wrong"));
        check(&file(b"bolb 5\0hello"), Err("its header is wrong"));
        check(&file(&[b'x'; 100]), Err("its header is wrong"));
        check(b"<html>", Err("corrupt deflate stream"));
        check(b"", Err("incomplete deflate stream"));
        let cut = file(b"blob 5\0hello");
        check(&cut[..cut.len() - 6], Err("incomplete deflate stream"));
    }
}
