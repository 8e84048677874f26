//! How the answer to `info/refs` begins.

use std::io::{Cursor, ErrorKind, Read};

use bytes::BytesMut;
use gitwire_pktline::{Decoded, Packet, decode, text};
use gitwire_protocol::Version;
use gitwire_protocol::message::{Service, ServicePreface};

use crate::{HttpError, TransportError};

/// What has been read of an answer, and what follows.
pub(super) type Whole<'a> = std::io::Chain<Cursor<BytesMut>, Box<dyn Read + 'a>>;

/// Looks how an answer begins, and gives all of it back with the version that the server speaks: versions 0 and 1 begin with
/// `# service=` and a flush packet, version 2 may.
pub(super) fn check<'a>(
    mut answer: Box<dyn Read + 'a>,
    service: Service,
) -> Result<(Version, Whole<'a>), TransportError> {
    let mut begin = Begin { answer: &mut answer, bytes: BytesMut::new(), at: 0 };
    let version = begin.version(service)?;
    let bytes = begin.bytes;
    Ok((version, Cursor::new(bytes).chain(answer)))
}

struct Begin<'a, 'b> {
    answer: &'a mut (dyn Read + 'b),
    bytes: BytesMut,
    /// How much has been understood.
    at: usize,
}

impl Begin<'_, '_> {
    fn version(&mut self, service: Service) -> Result<Version, TransportError> {
        let first = self.line()?;
        let line = text(&first);
        if !ServicePreface::is_preface(line) {
            return match line {
                b"version 2" => Ok(Version::V2),
                // The machine reports it.
                _ if line.starts_with(b"ERR ") => Ok(Version::V0),
                _ => Err(refused(line)),
            };
        }
        if ServicePreface::parse(line).map(|preface| preface.0) != Ok(service) {
            return Err(refused(line));
        }
        let flush = self.line()?;
        if !flush.is_empty() {
            return Err(refused(&flush));
        }
        Ok(match text(&self.line()?) {
            b"version 2" => Version::V2,
            b"version 1" => Version::V1,
            _ => Version::V0,
        })
    }

    /// The data of the next packet; nothing for a flush packet, and at the end.
    fn line(&mut self) -> Result<Vec<u8>, TransportError> {
        let mut room = [0; 4096];
        loop {
            let ahead = self.bytes.get(self.at..).unwrap_or_default();
            match decode(ahead) {
                Ok(Decoded::Packet { packet, consumed }) => {
                    let data = match packet {
                        Packet::Data(data) => data.to_vec(),
                        _ => Vec::new(),
                    };
                    self.at = self.at.saturating_add(consumed);
                    return Ok(data);
                }
                Ok(Decoded::Incomplete { .. }) => {}
                Err(_) => return Err(refused(ahead.get(..ahead.len().min(100)).unwrap_or_default())),
            }
            match self.answer.read(&mut room) {
                Ok(0) => return Ok(Vec::new()),
                Ok(read) => self.bytes.extend_from_slice(room.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(TransportError::Read(error)),
            }
        }
    }
}

fn refused(line: &[u8]) -> TransportError {
    let mut line = line;
    if line.len() > LINE_SHOWN_MAX {
        line = line.get(..LINE_SHOWN_MAX).unwrap_or_default();
    }
    HttpError::Preface { line: line.escape_ascii().to_string() }.into()
}

/// How much of a wrong line is shown.
const LINE_SHOWN_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, expected: Result<Version, &str>) {
        let checked = super::check(Box::new(answer.as_bytes()), Service::UploadPack);
        match (checked, expected) {
            (Ok((version, mut whole)), Ok(expected)) => {
                assert_eq!(version, expected);
                let mut text = String::new();
                whole.read_to_string(&mut text).unwrap();
                assert_eq!(text, answer);
            }
            (Err(error), Err(expected)) => {
                assert_eq!(error.to_string(), format!("invalid server response; got '{expected}'"));
            }
            (checked, _) => panic!("{:?}", checked.map(|(version, _)| version)),
        }
    }

    #[test]
    fn beginnings() {
        check("001e# service=git-upload-pack\n0000000eversion 1\nrest", Ok(Version::V1));
        check("001e# service=git-upload-pack\n0000000eversion 2\n", Ok(Version::V2));
        check("001d# service=git-upload-pack00000000", Ok(Version::V0));
        check("001e# service=git-upload-pack\n0000", Ok(Version::V0));
        check("000eversion 2\nrest", Ok(Version::V2));
        check("000dERR gone\n", Ok(Version::V0));
    }

    #[test]
    fn wrong_beginnings() {
        check("", Err(""));
        check("0000", Err(""));
        check("000eversion 1\n", Err("version 1"));
        check("001f# service=git-receive-pack\n0000", Err("# service=git-receive-pack"));
        check("001e# service=git-upload-pack\n000eversion 2\n", Err("version 2\\n"));
        check("<html>", Err("<html>"));
        check(
            "003d74730d410fcb6603ace96f1dc55ea6196122532d refs/heads/main\n0000",
            Err("74730d410fcb6603ace96f1dc55ea6196122532d refs/heads/main"),
        );
    }
}
