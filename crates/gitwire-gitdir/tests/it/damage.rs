//! Objects that are damaged: told, never returned as if they were whole.

use std::path::{Path, PathBuf};

use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_storage::{Repository as _, Result, StorageErrorKind};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::git::{Scratch, available, git, work_tree};

fn open(path: &Path, verify: bool) -> GitDir {
    let mut options = OpenOptions::default();
    options.verify_objects = verify;
    GitDir::open(path, &options).unwrap()
}

fn ids(path: &Path) -> Vec<ObjectId> {
    git(path, "cat-file --batch-check --batch-all-objects")
        .lines()
        .map(|line| ObjectId::from_hex(ObjectFormat::Sha1, &line.as_bytes()[..40]).unwrap())
        .collect()
}

fn read(repository: &GitDir, id: &ObjectId) -> Result<Option<ObjectKind>> {
    repository.objects()?.read(id, 1 << 20, &mut Vec::new())
}

fn file_of(path: &Path, end: &str) -> PathBuf {
    let entries = std::fs::read_dir(path.join(".git/objects/pack")).unwrap();
    entries.map(|entry| entry.unwrap().path()).find(|path| path.to_string_lossy().ends_with(end)).unwrap()
}

fn overwrite(path: &Path, content: &[u8]) {
    // The files of packs may not be written to; a new one takes the place.
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, content).unwrap();
}

#[test]
fn a_loose_object_under_a_wrong_name_is_told_where_names_are_checked() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    let file = |id: &ObjectId| {
        let hex = id.to_string();
        let (fan, rest) = hex.split_at(2);
        path.join(".git/objects").join(fan).join(rest)
    };
    let ids = ids(&path);
    overwrite(&file(&ids[0]), &std::fs::read(file(&ids[1])).unwrap());
    assert!(read(&open(&path, false), &ids[0]).is_ok());
    let error = read(&open(&path, true), &ids[0]).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Corrupt(Some(ids[0])));
    assert_eq!(
        error.to_string(),
        format!("loose object {0} is corrupt: content hashes to {1}", ids[0], ids[1])
    );
    let whole = std::fs::read(file(&ids[1])).unwrap();
    for cut in 0..whole.len() {
        overwrite(&file(&ids[0]), &whole[..cut]);
        assert!(read(&open(&path, false), &ids[0]).is_err(), "cut at {cut}");
    }
    overwrite(&file(&ids[0]), &[&whole[..], b"x"].concat());
    let error = read(&open(&path, false), &ids[0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("loose object {} is corrupt: bytes follow the compressed data", ids[0])
    );
}

#[test]
fn every_flipped_bit_of_a_pack_or_index_is_told_or_harmless() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 3);
    let ids = ids(&path);
    git(&path, "repack -q -a -d");
    for end in [".pack", ".idx"] {
        let file = file_of(&path, end);
        let whole = std::fs::read(&file).unwrap();
        let step = if end == ".idx" { 7 } else { 1 };
        for at in (0..whole.len()).step_by(step) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            overwrite(&file, &flipped);
            let repository = open(&path, true);
            for id in &ids {
                // What is read has its name; what is not must be told, or is absent by a damaged index.
                if let Err(error) = read(&repository, id) {
                    assert!(
                        matches!(error.kind(), StorageErrorKind::Corrupt(_) | StorageErrorKind::Limit),
                        "{error}"
                    );
                }
            }
        }
        overwrite(&file, &whole);
    }
}

#[test]
fn a_pack_that_is_cut_under_a_reader_is_an_error() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 3);
    let ids = ids(&path);
    git(&path, "repack -q -a -d");
    let repository = open(&path, false);
    let view = repository.objects().unwrap();
    let file = file_of(&path, ".pack");
    let handle = std::process::Command::new("truncate").args(["-s", "40"]).arg(&file).status();
    assert!(handle.unwrap().success());
    let mut content = Vec::new();
    let failed = ids.iter().filter(|id| view.read(id, 1 << 20, &mut content).is_err()).count();
    assert!(failed >= ids.len() - 1, "{failed} of {}", ids.len());
    // A pack that cannot be opened: what is nowhere else is told, not said to be absent.
    let error = read(&open(&path, false), &ids[0]).unwrap_err();
    assert!(matches!(error.kind(), StorageErrorKind::Corrupt(_)), "{error}");
    assert!(error.to_string().contains("cannot be used"), "{error}");
}

#[test]
fn a_good_copy_elsewhere_hides_a_damaged_one() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    let ids = ids(&path);
    // All objects loose and packed; then the pack is damaged behind its header.
    git(&path, "repack -q -a");
    let file = file_of(&path, ".pack");
    let mut damaged = std::fs::read(&file).unwrap();
    let end = damaged.len() - 20;
    damaged[12..end].fill(0xff);
    overwrite(&file, &damaged);
    for id in &ids {
        assert!(read(&open(&path, true), id).unwrap().is_some());
    }
}
