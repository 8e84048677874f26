//! The files of a commit, and the trees that hold them.

use std::collections::BTreeMap;

use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use super::Manner;
use crate::Dice;

/// The files of a commit by their paths.
#[derive(Debug, Clone, Default)]
pub(super) struct Files(pub(super) BTreeMap<Vec<u8>, File>);

/// What stands at a path.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// The digits of its mode as the tree holds them.
    pub(super) mode: &'static [u8],
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Blob(Vec<u8>),
    /// A commit of another repository, which this one does not have.
    Link(ObjectId),
    /// A tree without entries.
    Nothing,
}

/// Puts an object away; its id.
pub(super) type Put<'a> = dyn FnMut(ObjectKind, &[u8]) -> ObjectId + 'a;

impl Files {
    /// Changes some files. The tree is never empty afterwards.
    pub(super) fn change(&mut self, dice: &mut Dice, format: ObjectFormat, manner: Manner) {
        for _ in 0..=dice.below(4) {
            let path = path(dice);
            match dice.below(14) {
                0 | 1 => {
                    let gone = self.0.keys().nth(dice.below(self.0.len())).cloned();
                    gone.map(|path| self.0.remove(&path));
                }
                2 => {
                    let what = What::Link(ObjectId::from_raw(format, &dice.bytes(format.raw_len())).unwrap());
                    self.0.insert(b"module".to_vec(), File { mode: b"160000", what });
                }
                3 => self.put(b"link", b"120000", b"f0".to_vec()),
                4 if manner == Manner::Odd => {
                    self.0.insert(
                        [&path[..], b"-empty"].concat(),
                        File { mode: b"40000", what: What::Nothing },
                    );
                }
                5 if manner == Manner::Odd => {
                    let mode = *dice.pick(&[&b"100664"[..], b"100600", b"0100644", b"100640"]);
                    self.put(&path, mode, b"an old mode\n".to_vec());
                }
                6 => self.put(&path, b"100755", b"#!/bin/sh\n".to_vec()),
                _ => {
                    let content = self.content(dice, &path);
                    self.put(&path, b"100644", content);
                }
            }
        }
        if self.0.is_empty() {
            self.put(b"f0", b"100644", dice.number().to_string().into_bytes());
        }
    }

    /// Something new, something that stands elsewhere too, or what is there with a line more or less.
    fn content(&self, dice: &mut Dice, path: &[u8]) -> Vec<u8> {
        if let Some(File { what: What::Blob(old), .. }) = self.0.get(path)
            && !dice.one_in(3)
        {
            let mut lines: Vec<&[u8]> = old.split_inclusive(|byte| *byte == b'\n').collect();
            let at = dice.below(lines.len());
            lines.insert(at, b"a line more\n");
            return lines.concat();
        }
        match dice.below(12) {
            0 => Vec::new(),
            1 => dice.bytes(3000),
            2 => b"The same in many places.\n".to_vec(),
            3 => b"0123456789abcdef\n".repeat(dice.below(4500)),
            _ => (0..dice.below(60))
                .flat_map(|_| format!("line {}\n", dice.below(1000)).into_bytes())
                .collect(),
        }
    }

    fn put(&mut self, path: &[u8], mode: &'static [u8], content: Vec<u8>) {
        self.0.insert(path.to_vec(), File { mode, what: What::Blob(content) });
    }

    /// Writes blobs and trees; the id of the uppermost tree.
    pub(super) fn write(&self, put: &mut Put<'_>) -> ObjectId {
        let entries: Vec<_> = self.0.iter().map(|(path, file)| (&path[..], file)).collect();
        write_tree(&entries, put)
    }
}

/// Writes the tree of these paths, which are sorted.
fn write_tree(entries: &[(&[u8], &File)], put: &mut Put<'_>) -> ObjectId {
    // Sorted as git does: a tree's name counts as if it ended with a slash.
    let mut lines: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut folders: BTreeMap<&[u8], Vec<(&[u8], &File)>> = BTreeMap::new();
    for (path, file) in entries {
        if let Some(slash) = path.iter().position(|byte| *byte == b'/') {
            folders.entry(&path[..slash]).or_default().push((&path[slash + 1..], file));
            continue;
        }
        let (key, id) = match &file.what {
            What::Blob(content) => (path.to_vec(), put(ObjectKind::Blob, content)),
            What::Link(id) => (path.to_vec(), *id),
            What::Nothing => ([path, &b"/"[..]].concat(), put(ObjectKind::Tree, b"")),
        };
        lines.insert(key, line(file.mode, path, &id));
    }
    for (name, below) in folders {
        let id = write_tree(&below, put);
        lines.insert([name, b"/"].concat(), line(b"40000", name, &id));
    }
    let content: Vec<u8> = lines.into_values().flatten().collect();
    put(ObjectKind::Tree, &content)
}

fn line(mode: &[u8], name: &[u8], id: &ObjectId) -> Vec<u8> {
    [mode, b" ", name, b"\0", id.as_bytes()].concat()
}

/// A path. No name is a file here and a folder there.
fn path(dice: &mut Dice) -> Vec<u8> {
    let folders = match dice.below(40) {
        0 => 60,
        few => few % 4,
    };
    let mut path = Vec::new();
    for _ in 0..folders {
        path.extend_from_slice(dice.pick::<&[u8]>(FOLDERS));
        path.push(b'/');
    }
    path.extend_from_slice(dice.pick::<&[u8]>(NAMES));
    path
}

const FOLDERS: &[&[u8]] = &[b"a", b"b c", b"deep", b"\xc3\xa9t\xc3\xa9"];
/// Some of them stand between a folder's name and the same with a slash behind it.
const NAMES: &[&[u8]] = &[b"f0", b"f1", b"a.c", b"a-b", b"a0", b"latin-\xe9", b"README"];
