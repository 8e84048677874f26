//! Blobs that clients get elsewhere.

use bytes::Bytes;
use gitwire_types::{ObjectFormat, ObjectId};

/// Blobs that lie in packs of their own elsewhere, of which a client is told instead of being sent the blobs
/// (`uploadpack.blobPackfileUri`, `gitprotocol-v2`, *packfile-uris*).
///
/// ```
/// use gitwire_server::PackfileUris;
///
/// let id = |digit: &str| digit.repeat(40);
/// let uris = PackfileUris::new([format!("{} {} https://example.org/one.pack", id("1"), id("2"))]);
/// let served: Vec<_> = uris.fetched_by(b"http,https")?.collect();
/// assert_eq!(served[0].uri, "https://example.org/one.pack");
/// assert_eq!(uris.fetched_by(b"ftp")?.count(), 0);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackfileUris {
    blobs: Vec<BlobPackfileUri>,
    malformed: Option<Bytes>,
}

/// A blob that lies in a pack elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobPackfileUri {
    /// The blob.
    pub blob: ObjectId,
    /// The checksum of the pack.
    pub pack: ObjectId,
    /// Where the pack is.
    pub uri: Bytes,
}

impl PackfileUris {
    /// Entries as the configuration has them: a blob's id, a pack's checksum and a URI, with blanks between.
    pub fn new<Value: Into<Bytes>>(values: impl IntoIterator<Item = Value>) -> Self {
        let mut uris = Self::default();
        for value in values {
            let value = value.into();
            match BlobPackfileUri::parse(&value) {
                Some(blob) => uris.blobs.push(blob),
                None => uris.malformed = Some(value),
            }
        }
        uris
    }

    /// Whether nothing was configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.malformed.is_none()
    }

    /// The blobs that a client can get which fetches over `protocols`, with commas between.
    ///
    /// # Errors
    /// A configured entry has not the form of one. It is an error only here, as with git, which reads them with the first pack.
    pub fn fetched_by(&self, protocols: &[u8]) -> Result<impl Iterator<Item = &BlobPackfileUri>, String> {
        if let Some(value) = &self.malformed {
            return Err(format!(
                "value of uploadpack.blobpackfileuri must be of the form '<object-hash> <pack-hash> <uri>' (got '{}')",
                value.escape_ascii()
            ));
        }
        Ok(self.blobs.iter().filter(move |blob| {
            let mut protocols = protocols.split(|byte| *byte == b',').filter(|protocol| !protocol.is_empty());
            protocols
                .any(|protocol| blob.uri.strip_prefix(protocol).is_some_and(|rest| rest.starts_with(b":")))
        }))
    }
}

impl BlobPackfileUri {
    fn parse(value: &Bytes) -> Option<Self> {
        let mut words = value.splitn(3, |byte| *byte == b' ');
        let (blob, pack, uri) = (object_id(words.next()?)?, object_id(words.next()?)?, words.next()?);
        let is_sendable = !uri.is_empty() && !uri.iter().any(|byte| matches!(byte, b'\n' | 0));
        let same = blob.format() == pack.format();
        (is_sendable && same).then(|| Self { blob, pack, uri: value.slice_ref(uri) })
    }
}

/// An id of the format that its length says.
fn object_id(hex: &[u8]) -> Option<ObjectId> {
    let format = [ObjectFormat::Sha1, ObjectFormat::Sha256].into_iter();
    let format = format.into_iter().find(|format| format.hex_len() == hex.len())?;
    ObjectId::from_hex(format, hex).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, protocols: &str, expected: Result<usize, &str>) {
        let uris = PackfileUris::new([value.replace('1', &"1".repeat(40)).replace('2', &"2".repeat(64))]);
        let served = uris.fetched_by(protocols.as_bytes()).map(Iterator::count);
        match expected {
            Ok(count) => assert_eq!(served, Ok(count), "{value} {protocols}"),
            Err(got) => assert!(served.unwrap_err().ends_with(&format!("(got '{got}')")), "{value}"),
        }
    }

    #[test]
    fn entries_are_served_to_whoever_speaks_their_protocol() {
        check("1 1 https://h/p", "https", Ok(1));
        check("1 1 https://h/p", "http", Ok(0));
        check("1 1 https://h/p", "http,,https", Ok(1));
        check("2 2 http://h/p q", "http", Ok(1));
        check("1 1 https", "https", Ok(0));
        check("1 1 https://h/p", "", Ok(0));
        check("anything", "https", Err("anything"));
        check("x y https://h/p", "https", Err("x y https://h/p"));
        check("1 1 ", "https", Err(&format!("{} {} ", "1".repeat(40), "1".repeat(40))));
        check("1 2 http://h", "http", Err(&format!("{} {} http://h", "1".repeat(40), "2".repeat(64))));
    }
}
