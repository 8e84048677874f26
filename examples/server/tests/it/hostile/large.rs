//! Objects that nobody can hold: trees, commits, bases and what is made of them. Each push is taken or refused in little memory.

use gitwire_object::{Hasher, Trust};
use gitwire_testkit::pack::{PackBuilder, write_size};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use super::{Door, blob, commit, id_of, tree};
use crate::bombs::repeating;

/// A delta that copies these pieces of a base.
fn copies(base: usize, pieces: impl Iterator<Item = (usize, usize)> + Clone) -> Vec<u8> {
    let mut delta = Vec::new();
    write_size(base as u64, &mut delta);
    write_size(pieces.clone().map(|(_, len)| len as u64).sum(), &mut delta);
    for (offset, len) in pieces {
        // Three bytes of length are the most.
        for at in (0..len).step_by(1 << 23) {
            delta.push(0xff);
            delta.extend(u32::try_from(offset + at).unwrap().to_le_bytes());
            delta.extend(&u32::try_from((len - at).min(1 << 23)).unwrap().to_le_bytes()[..3]);
        }
    }
    delta
}

/// Bytes that do not repeat, and compress a little.
fn noise(len: usize) -> Vec<u8> {
    (0..u32::try_from(len).unwrap()).map(|at| (at.wrapping_mul(2_654_435_761) >> 27) as u8).collect()
}

/// The content of a tree of so many entries.
fn large_tree(entries: u32, name: impl Fn(u32) -> String, id: &ObjectId) -> Vec<u8> {
    (0..entries).flat_map(|nth| [b"100644 ", name(nth).as_bytes(), b"\0", id.as_bytes()].concat()).collect()
}

fn with_commit(pack: &mut PackBuilder, tree: &ObjectId) -> ObjectId {
    let commit = commit(tree, "");
    pack.whole(ObjectKind::Commit, &commit);
    id_of(ObjectKind::Commit, &commit)
}

#[test]
fn a_delta_that_makes_a_gigabyte_is_taken_in_little_memory() {
    let Some(door) = Door::new("gigabyte") else { return };
    let base = vec![0; 1 << 16];
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
    hasher.begin_object(ObjectKind::Blob, 1 << 30);
    (0..1 << 14).for_each(|_| hasher.update(&base));
    let id = hasher.finish().unwrap();
    let mut pack = PackBuilder::new();
    let first = pack.blob(&base);
    pack.offset_delta(first, &repeating(1 << 14));
    let content = tree(&[("100644", b"zeros", &id)]);
    pack.whole(ObjectKind::Tree, &content);
    let tip = with_commit(&mut pack, &id_of(ObjectKind::Tree, &content));
    let answer = door.push(&tip, &pack.finish());
    assert!(answer.contains("ok refs/heads/hostile"), "{answer}");
}

#[test]
fn sixteen_deltas_of_a_quarter_of_a_gigabyte_are_made_in_little_memory() {
    let Some(door) = Door::new("sixteen") else { return };
    let base = vec![0; 1 << 16];
    let mut pack = PackBuilder::new();
    let first = pack.blob(&base);
    for less in 0..16 {
        pack.offset_delta(first, &repeating((1 << 12) - less));
    }
    let answer = door.push(&blob(&base), &pack.finish());
    assert!(answer.contains("unpack ok"), "{answer}");
}

#[test]
fn chains_of_large_results_are_spilled() {
    let Some(door) = Door::new("large-chain") else { return };
    // Each is made against what is made against the one before, and each has a second child.
    let base = vec![0; 1 << 16];
    let mut pack = PackBuilder::new();
    let mut at = pack.blob(&base);
    at = pack.offset_delta(at, &repeating(512));
    let len = 512 << 16;
    for nth in 0..6 {
        pack.offset_delta(at, &copies(len, [(nth, len / 2)].into_iter()));
        at = pack.offset_delta(at, &copies(len, [(1, len / 2), (0, len / 2)].into_iter()));
    }
    let answer = door.push(&blob(&base), &pack.finish());
    assert!(answer.contains("unpack ok"), "{answer}");
}

#[test]
fn a_large_base_that_is_copied_byte_by_byte_takes_no_memory() {
    let Some(door) = Door::new("bytewise") else { return };
    let base = noise(40_000_000);
    let mut pack = PackBuilder::new();
    let first = pack.blob(&base);
    let far = copies(base.len(), (0..500_000_usize).map(|nth| ((nth * 8_191) % base.len(), 1)));
    pack.offset_delta(first, &far);
    // Two megabytes of it, so that it is not held either.
    let more = copies(base.len(), (0..400_000_usize).map(|nth| ((nth * 104_729) % (base.len() - 8), 8)));
    pack.offset_delta(first, &more);
    let answer = door.push(&blob(&base), &pack.finish());
    assert!(answer.contains("unpack ok"), "{answer}");
}

#[test]
fn a_tree_of_a_million_entries_is_checked_and_walked_in_little_memory() {
    let Some(door) = Door::new("million") else { return };
    let leaf = blob(b"leaf");
    let name = |nth: u32| format!("{nth:08}");
    let first = large_tree(1_000_000, name, &leaf);
    // The same with one entry less, as a delta.
    let entry = 7 + 8 + 1 + 20;
    let delta = copies(first.len(), (0..3).map(|nth| (nth * 12_000_000, 12_000_000 - entry * (nth / 2))));
    let second = &first[..first.len() - entry];
    let mut pack = PackBuilder::new();
    pack.blob(b"leaf");
    let offset = pack.whole(ObjectKind::Tree, &first);
    pack.offset_delta(offset, &delta);
    let [first, second] = [&first[..], second].map(|content| id_of(ObjectKind::Tree, content));
    let content = tree(&[("40000", b"a", &first), ("40000", b"b", &second)]);
    pack.whole(ObjectKind::Tree, &content);
    let tip = with_commit(&mut pack, &id_of(ObjectKind::Tree, &content));
    door.taken(&tip, &pack.finish());
}

#[test]
fn large_trees_are_checked_to_their_end() {
    let Some(door) = Door::new("large-trees") else { return };
    let leaf = blob(b"leaf");
    let push = |content: &[u8], says: &str| {
        let mut pack = PackBuilder::new();
        pack.blob(b"leaf");
        pack.whole(ObjectKind::Tree, content);
        let tip = with_commit(&mut pack, &id_of(ObjectKind::Tree, content));
        door.refused_tip(&tip, &pack.finish(), says);
    };
    let many = large_tree(200_000, |nth| format!("{nth:08}"), &leaf);
    let then = |entries: &[(&str, &[u8], &ObjectId)]| [&many[..], &tree(entries)].concat();
    push(&then(&[("100644", b"00000000", &leaf)]), "treeNotSorted");
    push(&then(&[("100644", b"a", &leaf), ("100644", b"a", &leaf)]), "duplicateEntries");
    // A file and a directory of one name, with all that may stand between the two.
    let dashes: Vec<String> = (0..100_000).map(|nth| format!("a-{nth:08}")).collect();
    let between: Vec<_> = dashes.iter().map(|name| ("100644", name.as_bytes(), &leaf)).collect();
    let trick = [&[("100644", &b"a"[..], &leaf)][..], &between, &[("40000", b"a", &leaf)]].concat();
    push(&then(&trick), "duplicateEntries");
    push(&then(&[("100644", b"x~/.git", &leaf)]), "fullPathname");
    push(&then(&[("120000", b"~.gitmodules", &leaf), ("100644", b"~x\\.git", &leaf)]), "hasDotgit");
    push(&[&many[..], b"100644 cut"].concat(), "badTree");
    push(&then(&[("40000", b"z", &blob(b"not there"))]), "missing necessary objects");
}

#[test]
fn commits_and_tags_with_messages_of_a_hundred_megabytes_are_taken() {
    let Some(door) = Door::new("messages") else { return };
    let content = tree(&[("100644", b"a", &blob(b"leaf"))]);
    let mut pack = PackBuilder::new();
    pack.blob(b"leaf");
    pack.whole(ObjectKind::Tree, &content);
    let message = "x\n".repeat(50 << 20);
    let commit = [commit(&id_of(ObjectKind::Tree, &content), "").as_slice(), message.as_bytes()].concat();
    pack.whole(ObjectKind::Commit, &commit);
    let tip = id_of(ObjectKind::Commit, &commit);
    door.taken(&tip, &pack.clone().finish());
    // A NUL at its very end.
    let commit = [&commit[..], b"\0"].concat();
    pack.whole(ObjectKind::Commit, &commit);
    let tip = id_of(ObjectKind::Commit, &commit);
    door.refused_tip(&tip, &pack.finish(), "nulInCommit");
    // Headers without end.
    let mut pack = PackBuilder::new();
    let person = "A <a@example.org> 1700000000 +0000\n";
    let parents = format!("parent {tip}\n").repeat(120_000);
    let head = format!("tree {}\n{parents}author {person}committer {person}\n", blob(b"x"));
    pack.whole(ObjectKind::Commit, head.as_bytes());
    door.refused_tip(&tip, &pack.finish(), "headers of more than 4194304 bytes");
}

#[test]
fn many_bases_of_some_megabytes_are_not_held_together() {
    let Some(door) = Door::new("bases") else { return };
    let mut pack = PackBuilder::new();
    let content = noise(1_900_000);
    for nth in 0..40_u8 {
        let base = [&content[..], &[nth]].concat();
        let offset = pack.blob(&base);
        // Two children each, so that it waits.
        for at in 0..2 {
            let next = pack.offset_delta(offset, &copies(base.len(), [(at, 1_800_000)].into_iter()));
            pack.offset_delta(next, &copies(1_800_000, [(at, 1_700_000)].into_iter()));
        }
    }
    let answer = door.push(&blob(&[&content[..], &[0]].concat()), &pack.finish());
    assert!(answer.contains("unpack ok"), "{answer}");
}

#[test]
fn links_to_everything_and_nothing_are_not_all_noted() {
    let Some(door) = Door::new("links") else { return };
    // Trees of a megabyte, each of 30,000 names that nobody has, and of trees in trees.
    for mode in ["100644", "40000"] {
        let mut pack = PackBuilder::new();
        let mut below = blob(b"nothing");
        for nth in 0..30_u32 {
            let ids: Vec<_> =
                (0..30_000_u32).map(|id| blob(&[nth, id].map(u32::to_be_bytes).concat())).collect();
            let names: Vec<_> = (0..30_000).map(|name| format!("{name:05}")).collect();
            let mut entries: Vec<_> =
                names.iter().zip(&ids).map(|(name, id)| (mode, name.as_bytes(), id)).collect();
            entries.push(("40000", b"below", &below));
            let content = tree(&entries);
            pack.whole(ObjectKind::Tree, &content);
            below = id_of(ObjectKind::Tree, &content);
        }
        let tip = with_commit(&mut pack, &below);
        door.refused_tip(&tip, &pack.finish(), "missing necessary objects");
    }
}
