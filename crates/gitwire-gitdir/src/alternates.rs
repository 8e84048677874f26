//! Object directories that a repository borrows from: `objects/info/alternates` (`gitrepository-layout`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitwire_storage::Result;

use crate::error::{Context as _, optional};
use crate::fs::{Directory, FileSystem, Links, path_from, read_all};

/// One object directory.
#[derive(Debug, Clone)]
pub(crate) struct ObjectDirectory {
    pub(crate) path: PathBuf,
    pub(crate) dir: Arc<dyn Directory>,
    /// Device and inode: what it is, by whatever path.
    pub(crate) identity: (u64, u64),
}

impl ObjectDirectory {
    pub(crate) fn open(path: PathBuf, dir: Arc<dyn Directory>) -> std::io::Result<Self> {
        let stat = dir.stat(b"", Links::Follow)?;
        Ok(Self { path, dir, identity: (stat.device, stat.inode) })
    }
}

/// The repository's own object directory and all that it borrows from, its own first. Alternates that are not there are
/// left out, as git does, and so is whatever lies deeper than `depth_max`.
///
/// `first` are alternates of its own that stand in no file.
pub(crate) fn resolve(
    own: &ObjectDirectory,
    first: &[PathBuf],
    file_system: &dyn FileSystem,
    depth_max: u32,
) -> Result<Vec<ObjectDirectory>> {
    let mut found = vec![own.clone()];
    let mut level = vec![own.clone()];
    let mut named = first.to_vec();
    for _ in 0..depth_max {
        let mut next = Vec::new();
        for directory in &level {
            named.extend(read(directory)?);
            for path in named.drain(..) {
                let Ok(dir) = file_system.directory(&path) else { continue };
                let Ok(alternate) = ObjectDirectory::open(path, dir) else { continue };
                if found.len() < ALTERNATES_MAX
                    && found.iter().all(|known| known.identity != alternate.identity)
                {
                    found.push(alternate.clone());
                    next.push(alternate);
                }
            }
        }
        level = next;
    }
    Ok(found)
}

fn read(directory: &ObjectDirectory) -> Result<Vec<PathBuf>> {
    let content = optional(directory.dir.open(b"info/alternates", Links::Follow))
        .and_then(|file| file.map(|file| read_all(&*file, ALTERNATES_FILE_MAX)).transpose())
        .context(|| format!("cannot read '{}/info/alternates'", directory.path.display()))?;
    Ok(content.map_or(Vec::new(), |content| parse(&content, &directory.path)))
}

/// A path a line, relative ones to the object directory that the file belongs to; `#` begins a comment, `"` a quoted path.
pub(crate) fn parse(content: &[u8], relative_to: &Path) -> Vec<PathBuf> {
    content
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(|line| {
            let path = line.strip_prefix(b"\"").and_then(unquote).unwrap_or_else(|| line.to_vec());
            relative_to.join(path_from(&path))
        })
        .collect()
}

/// Paths with colons between them; `"` begins a quoted one, which may hold colons.
pub(crate) fn parse_list(list: &[u8]) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let len = entry_len(rest);
        let (entry, behind) = rest.split_at_checked(len).unwrap_or((rest, b""));
        let path = entry.strip_prefix(b"\"").and_then(unquote).unwrap_or_else(|| entry.to_vec());
        if !path.is_empty() {
            paths.push(path_from(&path));
        }
        rest = behind.get(1..).unwrap_or_default();
    }
    paths
}

/// How long the first entry of a list is.
fn entry_len(list: &[u8]) -> usize {
    let mut quoted = list.starts_with(b"\"");
    let mut escaped = false;
    for (at, byte) in list.iter().enumerate() {
        match byte {
            b':' if !quoted => return at,
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' if at > 0 => quoted = false,
            _ => {}
        }
    }
    list.len()
}

/// What a C-style quoted string says, after its first quote; `None` where it is none.
fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = quoted.iter().copied();
    let mut plain = Vec::new();
    loop {
        match bytes.next()? {
            b'"' => return bytes.next().is_none().then_some(plain),
            b'\\' => plain.push(match bytes.next()? {
                b'a' => 7,
                b'b' => 8,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 11,
                b'f' => 12,
                b'r' => b'\r',
                byte @ (b'"' | b'\\') => byte,
                first @ b'0'..=b'3' => {
                    let mut value = first.wrapping_sub(b'0');
                    for _ in 0..2 {
                        let digit = bytes.next().filter(|digit| (b'0'..=b'7').contains(digit))?;
                        value = value << 3 | digit.wrapping_sub(b'0');
                    }
                    value
                }
                _ => return None,
            }),
            byte => plain.push(byte),
        }
    }
}

/// Each alternate is looked at for every object that is not found earlier; no repository is known to have more than a few.
const ALTERNATES_MAX: usize = 256;

/// [`ALTERNATES_MAX`] paths of 4 KiB.
const ALTERNATES_FILE_MAX: u64 = 1 << 20;
