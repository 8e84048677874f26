//! Numbers and pieces out of a slice, without a way to run over its end.

use gitwire_types::{ObjectFormat, ObjectId};

/// What is left of a slice. Every method gives `None` where too little is left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BytesReader<'a> {
    whole: &'a [u8],
    at: usize,
}

impl<'a> BytesReader<'a> {
    pub(crate) fn new(whole: &'a [u8], at: usize) -> Self {
        Self { whole, at }
    }

    /// How much was read, from the start of the slice.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len)?;
        let piece = self.whole.get(self.at..end)?;
        self.at = end;
        Some(piece)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self) -> Option<u32> {
        self.array::<3>().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A number in pieces of seven bits as in the offsets of packs: the high piece first, each further one adding one to those
    /// before it. `None` also where it does not fit in 64 bits.
    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut byte = self.u8()?;
        let mut value = u64::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.u8()?;
            value = value.checked_add(1)?.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        }
        Some(value)
    }

    /// A number and as many bytes.
    pub(crate) fn counted(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        self.take(len)
    }

    pub(crate) fn id(&mut self, format: ObjectFormat) -> Option<ObjectId> {
        ObjectId::from_raw(format, self.take(format.raw_len())?).ok()
    }
}

/// Writes what [`BytesReader::varint`] reads.
pub(crate) fn put_varint(out: &mut Vec<u8>, value: u64) {
    // Ten pieces of seven bits hold 64; the last piece is written first.
    let mut pieces = [0; 10];
    let mut left = value;
    let mut count = 0_usize;
    for piece in &mut pieces {
        *piece = u8::try_from(left & 0x7f).unwrap_or(0) | if count > 0 { 0x80 } else { 0 };
        count = count.saturating_add(1);
        left >>= 7;
        if left == 0 {
            break;
        }
        left = left.saturating_sub(1);
    }
    out.extend(pieces.iter().take(count).rev());
}

/// Writes the low three bytes.
pub(crate) fn u24_bytes(value: usize) -> [u8; 3] {
    let [.., a, b, c] = (value as u64).to_be_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_seven_bits() {
        for value in [0, 1, 127, 128, 129, 16_511, 16_512, 1 << 32, u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut reader = BytesReader::new(&out, 0);
            assert_eq!(reader.varint(), Some(value), "{out:?}");
            assert_eq!(reader.position(), out.len());
        }
        for bad in [&b""[..], b"\x80", &[0xff; 11]] {
            assert_eq!(BytesReader::new(bad, 0).varint(), None, "{bad:?}");
        }
        assert_eq!(u24_bytes(0x01_02_03), [1, 2, 3]);
    }
}
