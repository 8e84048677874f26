//! The name of an object, and the hash function that made it.

use core::fmt;
use core::hash::{Hash, Hasher};

/// The hash function of a repository (`extensions.objectFormat`, the `object-format` capability).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ObjectFormat {
    /// SHA-1: 20 bytes, 40 hexadecimal digits. What a peer means that says nothing.
    #[default]
    Sha1,
    /// SHA-256: 32 bytes, 64 hexadecimal digits.
    Sha256,
}

impl ObjectFormat {
    /// The length of an id in bytes.
    #[must_use]
    pub const fn raw_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The length of an id in hexadecimal digits.
    #[must_use]
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
        }
    }

    /// The word for it in capabilities and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The format that `name` names, if it is a known one.
    #[must_use]
    pub const fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"sha1" => Some(Self::Sha1),
            b"sha256" => Some(Self::Sha256),
            _ => None,
        }
    }
}

impl fmt::Display for ObjectFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of an object: the hash of its kind, size and content.
///
/// Ids order by their bytes, as in pack indexes. The all-zero id stands for "no object" in ref updates.
///
/// ```
/// use gitwire_types::{ObjectFormat, ObjectId};
///
/// let id = ObjectId::from_hex(ObjectFormat::Sha1, b"74730D410FCB6603ACE96F1DC55EA6196122532D")?;
/// assert_eq!(id.to_string(), "74730d410fcb6603ace96f1dc55ea6196122532d");
/// assert_eq!(format!("{id:.7}"), "74730d4");
/// # Ok::<(), gitwire_types::ObjectIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// The id's bytes; those past `format.raw_len()` are zero.
    bytes: [u8; 32],
    format: ObjectFormat,
}

impl ObjectId {
    /// The all-zero id of `format`.
    #[must_use]
    pub const fn zero(format: ObjectFormat) -> Self {
        Self { bytes: [0; 32], format }
    }

    /// An id from the 20 bytes of a SHA-1.
    #[must_use]
    pub const fn from_sha1(raw: [u8; 20]) -> Self {
        let mut bytes = [0; 32];
        let (head, _) = bytes.split_at_mut(20);
        head.copy_from_slice(&raw);
        Self { bytes, format: ObjectFormat::Sha1 }
    }

    /// An id from the 32 bytes of a SHA-256.
    #[must_use]
    pub const fn from_sha256(raw: [u8; 32]) -> Self {
        Self { bytes: raw, format: ObjectFormat::Sha256 }
    }

    /// The id of the tree without entries, which every repository has though it need not be stored.
    ///
    /// ```
    /// use gitwire_types::{ObjectFormat, ObjectId};
    ///
    /// let tree = ObjectId::empty_tree(ObjectFormat::Sha1);
    /// assert_eq!(tree.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    /// ```
    #[must_use]
    pub const fn empty_tree(format: ObjectFormat) -> Self {
        match format {
            ObjectFormat::Sha1 => Self::from_sha1([
                0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92,
                0x88, 0xfb, 0xee, 0x49, 0x04,
            ]),
            ObjectFormat::Sha256 => Self::from_sha256([
                0x6e, 0xf1, 0x9b, 0x41, 0x22, 0x5c, 0x53, 0x69, 0xf1, 0xc1, 0x04, 0xd4, 0x5d, 0x8d, 0x85,
                0xef, 0xa9, 0xb0, 0x57, 0xb5, 0x3b, 0x14, 0xb4, 0xb9, 0xb9, 0x39, 0xdd, 0x74, 0xde, 0xcc,
                0x53, 0x21,
            ]),
        }
    }

    /// An id of `format` from its raw bytes, which must be exactly [`ObjectFormat::raw_len`] long.
    ///
    /// # Errors
    /// [`ObjectIdError::Length`] for any other length.
    pub fn from_raw(format: ObjectFormat, raw: &[u8]) -> Result<Self, ObjectIdError> {
        let wrong = ObjectIdError::Length { expected: format.raw_len(), actual: raw.len() };
        match format {
            ObjectFormat::Sha1 => raw.try_into().map(Self::from_sha1),
            ObjectFormat::Sha256 => raw.try_into().map(Self::from_sha256),
        }
        .map_err(|_| wrong)
    }

    /// An id of `format` from its hexadecimal digits, of either case, which must be exactly [`ObjectFormat::hex_len`] many.
    ///
    /// # Errors
    /// [`ObjectIdError::Length`] for any other length, [`ObjectIdError::NotHex`] with the first bad byte's place.
    pub fn from_hex(format: ObjectFormat, hex: &[u8]) -> Result<Self, ObjectIdError> {
        if hex.len() != format.hex_len() {
            return Err(ObjectIdError::Length { expected: format.hex_len(), actual: hex.len() });
        }
        let value = |digit: u8| HEX_VALUE.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT);
        let mut bytes = [0; 32];
        // Ids come by the million in ref lines and commits, and nearly all are good: look once at the end.
        let mut seen = 0;
        let (pairs, _) = hex.as_chunks::<2>();
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let (high, low) = (value(*high), value(*low));
            seen |= high | low;
            *byte = high << 4 | low;
        }
        if seen == NO_DIGIT {
            let bad = hex.iter().copied().enumerate().find(|(_, digit)| value(*digit) == NO_DIGIT);
            if let Some((at, byte)) = bad {
                return Err(ObjectIdError::NotHex { at, byte });
            }
        }
        Ok(Self { bytes, format })
    }

    /// The hash function it comes from.
    #[must_use]
    pub const fn format(&self) -> ObjectFormat {
        self.format
    }

    /// Its raw bytes, [`ObjectFormat::raw_len`] of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self.format {
            ObjectFormat::Sha1 => self.bytes.split_at(20).0,
            ObjectFormat::Sha256 => &self.bytes,
        }
    }

    /// Whether it is the all-zero id.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.bytes == [0; 32]
    }

    /// Its lower-case hexadecimal digits, on the stack.
    #[must_use]
    pub fn to_hex(&self) -> Hex {
        let mut digits = [0; 64];
        let (pairs, _) = digits.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(self.bytes) {
            *pair = [hex_digit(byte >> 4), hex_digit(byte & 15)];
        }
        Hex { digits, len: self.format.hex_len() }
    }
}

impl Hash for ObjectId {
    // An id is a hash already: its first 16 bytes tell ids apart, and equal ids agree in them. Use a map with a seeded
    // hasher all the same: peers choose ids.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (halves, _) = self.bytes.as_chunks::<8>();
        for half in halves.iter().take(2) {
            state.write_u64(u64::from_ne_bytes(*half));
        }
    }
}

// As many digits as a precision says.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.to_hex().as_str())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The hexadecimal digits of an [`ObjectId`], held without an allocation.
#[derive(Clone, Copy)]
pub struct Hex {
    digits: [u8; 64],
    len: usize,
}

impl Hex {
    /// The digits as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or(&self.digits)
    }

    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or("")
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<[u8]> for Hex {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Why some bytes are not an object id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectIdError {
    /// Too few or too many bytes or digits.
    #[error("object id has length {actual}, expected {expected}")]
    Length {
        /// What the format asks for.
        expected: usize,
        /// What was there.
        actual: usize,
    },
    /// A byte that is no hexadecimal digit.
    #[error("object id has byte {byte:#04x} at offset {at}, which is no hexadecimal digit")]
    NotHex {
        /// Offset of the byte in the digits.
        at: usize,
        /// The byte.
        byte: u8,
    },
}

const fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0'.wrapping_add(nibble),
        _ => b'a'.wrapping_add(nibble).wrapping_sub(10),
    }
}

/// What is no digit. Its bits are more than any digits together have.
const NO_DIGIT: u8 = 255;

/// The value of each byte as a hexadecimal digit; [`NO_DIGIT`] where it is none.
static HEX_VALUE: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let mut rest: &mut [u8] = &mut table;
    let mut byte = 0_u8;
    while let Some((first, tail)) = rest.split_first_mut() {
        *first = match byte {
            b'0'..=b'9' => byte.wrapping_sub(b'0'),
            b'a'..=b'f' => byte.wrapping_sub(b'a').wrapping_add(10),
            b'A'..=b'F' => byte.wrapping_sub(b'A').wrapping_add(10),
            _ => NO_DIGIT,
        };
        byte = byte.wrapping_add(1);
        rest = tail;
    }
    table
};

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(hex: &str, expected: Result<&str, ObjectIdError>) {
        let found = ObjectId::from_hex(ObjectFormat::Sha1, hex.as_bytes()).map(|id| id.to_string());
        assert_eq!(found, expected.map(String::from));
    }

    #[test]
    fn digits() {
        let good = "0123456789abcdef0123456789abcdef01234567";
        check(good, Ok(good));
        check(&good.to_uppercase(), Ok(good));
        check("", Err(ObjectIdError::Length { expected: 40, actual: 0 }));
        check(&[good, "0"].concat(), Err(ObjectIdError::Length { expected: 40, actual: 41 }));
        check(&good.replacen('1', "g", 1), Err(ObjectIdError::NotHex { at: 1, byte: b'g' }));
        check(&good.replace('7', " "), Err(ObjectIdError::NotHex { at: 7, byte: b' ' }));
        check(&good.replace("67", "6:"), Err(ObjectIdError::NotHex { at: 7, byte: b':' }));
    }

    proptest! {
        #[test]
        fn there_and_back(raw in any::<[u8; 32]>(), at in 0..64_usize, byte in any::<u8>()) {
            let id = ObjectId::from_sha256(raw);
            let mut hex = id.to_hex().as_bytes().to_vec();
            prop_assert_eq!(ObjectId::from_hex(ObjectFormat::Sha256, &hex), Ok(id));
            hex[at] = byte;
            let expected = byte.is_ascii_hexdigit().then_some(()).ok_or(ObjectIdError::NotHex { at, byte });
            prop_assert_eq!(ObjectId::from_hex(ObjectFormat::Sha256, &hex).map(|_| ()), expected);
        }
    }
}
