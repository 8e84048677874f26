//! `FETCH_HEAD`: what the last fetch brought (`git-fetch`).

use bytes::Bytes;
use gitwire_storage::Result;
use gitwire_types::ObjectId;

use crate::error::{Context as _, optional};
use crate::fs::{Links, read_all};
use crate::lock::replace_file;
use crate::repository::GitDir;

/// One line of `FETCH_HEAD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchHead {
    /// The object that was fetched.
    pub id: ObjectId,
    /// Whether `git pull` merges it.
    pub merge: Merge,
    /// Where it comes from: `branch 'main' of https://example.com/project`.
    pub note: Bytes,
}

/// Whether a fetched ref is for merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// It is.
    Yes,
    /// It is not; the line says so.
    No,
}

/// What becomes of the lines that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchHeadMode {
    /// They go.
    Replace,
    /// They stay (`git fetch --append`).
    Append,
}

impl GitDir {
    /// Writes `FETCH_HEAD`, as a whole.
    ///
    /// # Errors
    /// A failing medium.
    pub fn write_fetch_head(&self, lines: &[FetchHead], mode: FetchHeadMode) -> Result<()> {
        let inner = self.inner();
        let dir = &inner.refs.dir;
        let mut text = match mode {
            FetchHeadMode::Replace => Vec::new(),
            FetchHeadMode::Append => optional(dir.open(NAME, Links::Refuse))
                .and_then(|file| file.map(|file| read_all(&*file, FETCH_HEAD_MAX)).transpose())
                .context(|| "cannot read 'FETCH_HEAD'".to_owned())?
                .unwrap_or_default(),
        };
        for line in lines {
            text.extend_from_slice(line.id.to_hex().as_bytes());
            text.extend_from_slice(match line.merge {
                Merge::Yes => b"\t\t",
                Merge::No => b"\tnot-for-merge\t",
            });
            for byte in &line.note {
                match byte {
                    b'\n' => text.extend_from_slice(b"\\n"),
                    byte => text.push(*byte),
                }
            }
            text.push(b'\n');
        }
        replace_file(&*inner.file_system, dir, NAME, &text)
    }
}

const NAME: &[u8] = b"FETCH_HEAD";

/// A line for each of a million refs.
const FETCH_HEAD_MAX: u64 = 256 << 20;
