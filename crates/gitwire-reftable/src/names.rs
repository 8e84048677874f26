//! The files of a stack of tables.

use std::fmt;

/// The name of a table's file: the transactions that it holds, and a number that tells it from others that hold the same.
///
/// ```
/// use gitwire_reftable::TableName;
///
/// let name = TableName { min_update_index: 1, max_update_index: 18, number: 0x1d20_29f4 };
/// assert_eq!(name.to_string(), "0x000000000001-0x000000000012-1d2029f4.ref");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableName {
    /// The first transaction.
    pub min_update_index: u64,
    /// The last one.
    pub max_update_index: u64,
    /// Any number.
    pub number: u32,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#014x}-{:#014x}-{:08x}.ref", self.min_update_index, self.max_update_index, self.number)
    }
}

/// The names in `tables.list`, oldest table first; `None` where one of them cannot be the name of a file beside it.
#[must_use]
pub fn read_list(content: &[u8]) -> Option<Vec<&[u8]>> {
    let names: Vec<&[u8]> = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let fits = |name: &&[u8]| {
        name.len() <= NAME_LEN_MAX
            && !name.starts_with(b".")
            && !name.iter().any(|byte| matches!(byte, 0 | b'/'))
    };
    names.iter().all(fits).then_some(names)
}

/// The content of `tables.list`.
#[must_use]
pub fn write_list<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut content = Vec::new();
    for name in names {
        content.extend_from_slice(name);
        content.push(b'\n');
    }
    content
}

/// As long as file systems let names be.
const NAME_LEN_MAX: usize = 255;
