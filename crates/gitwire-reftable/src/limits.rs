//! How much a reftable may ask of us.

/// What is accepted of a reftable. Every field is a largest accepted value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one block, inflated where it is compressed.
    ///
    /// 16 MiB less one: what the three bytes of a block's length can say, and what `reftable.blockSize` may be. One block of a
    /// table is in memory for each cursor.
    pub block_bytes_max: u32,
    /// Bytes of one key: the name of a ref, with nine more for its place in a reflog.
    ///
    /// 64 KiB: file systems end names at 4 KiB, which those who change between backends keep to.
    pub key_bytes_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { block_bytes_max: (16 << 20) - 1, key_bytes_max: 64 << 10 }
    }
}
