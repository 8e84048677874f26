//! What stands before an object's content when it is hashed or stored loose.

use core::fmt;

use gitwire_types::ObjectKind;

/// The header of an object: its kind, a space, its size in decimal, and a NUL (`gitformat-loose`).
///
/// It is hashed before the content, and is the beginning of a loose object file.
///
/// ```
/// use gitwire_object::ObjectHeader;
/// use gitwire_types::ObjectKind;
///
/// assert_eq!(ObjectHeader::new(ObjectKind::Blob, 6).as_bytes(), b"blob 6\0");
/// ```
#[derive(Clone, Copy)]
pub struct ObjectHeader {
    /// Filled from the end, so that the digits are written in the order in which they fall out.
    bytes: [u8; Self::MAX],
    start: usize,
}

impl ObjectHeader {
    /// The longest header: the longest kind (6), a space, the 20 digits of `u64::MAX` and the NUL.
    const MAX: usize = 28;

    /// The header of an object of `kind` with `size` bytes of content.
    #[must_use]
    pub fn new(kind: ObjectKind, size: u64) -> Self {
        let mut bytes = [0; Self::MAX];
        // The last byte stays NUL.
        let mut start = Self::MAX.saturating_sub(1);
        let mut put = |byte: u8| {
            start = start.saturating_sub(1);
            if let Some(place) = bytes.get_mut(start) {
                *place = byte;
            }
        };
        let mut rest = size;
        loop {
            put(b'0'.wrapping_add((rest % 10) as u8));
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        put(b' ');
        for byte in kind.name().bytes().rev() {
            put(byte);
        }
        Self { bytes, start }
    }

    /// Its bytes, the NUL included.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or(&self.bytes)
    }
}

impl fmt::Debug for ObjectHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectHeader({})", self.as_bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests;
