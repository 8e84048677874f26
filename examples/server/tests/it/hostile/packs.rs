//! Packs that lie, blow up, lead in circles, or hold what no repository should.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gitwire_pack::EntryKind;
use gitwire_testkit::pack::{PackBuilder, deflate, sealed, write_size};
use gitwire_types::{ObjectId, ObjectKind};

use super::{Door, blob, commit, id_of, tree};
use crate::bombs::repeating;

const BLOB: EntryKind = EntryKind::Whole(ObjectKind::Blob);

/// A delta of `tail` behind all of a base of less than 64 KiB.
fn appending(base: usize, tail: &[u8]) -> Vec<u8> {
    let mut delta = Vec::new();
    write_size(base as u64, &mut delta);
    write_size((base + tail.len()) as u64, &mut delta);
    delta.extend([0xb0, base.to_le_bytes()[0], base.to_le_bytes()[1], tail.len().to_le_bytes()[0]]);
    delta.extend_from_slice(tail);
    delta
}

fn with_delta(delta: &[u8]) -> Vec<u8> {
    let mut pack = PackBuilder::new();
    let base = pack.blob(b"one");
    pack.offset_delta(base, delta);
    pack.finish()
}

fn one(entry: &[u8]) -> Vec<u8> {
    let mut pack = PackBuilder::new();
    pack.raw(entry);
    pack.finish()
}

/// A zlib stream of so many MiB of zeros.
fn zeros(megabytes: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let block = vec![0; 1 << 20];
    (0..megabytes).for_each(|_| encoder.write_all(&block).unwrap());
    encoder.finish().unwrap()
}

#[test]
fn copies_outside_of_the_base() {
    let Some(door) = Door::new("copies") else { return };
    // Each way to write offset and size: one byte of each, the highest of each, all.
    for (delta, says) in [
        (&b"\x03\x04\x90\x04"[..], "delta copies 4 bytes at 0 of a base of 3 bytes"),
        (b"\x03\x01\x91\x03\x01", "delta copies 1 bytes at 3 of a base of 3 bytes"),
        (b"\x03\x01\x98\xff\x01", "delta copies 1 bytes at 4278190080 of a base of 3 bytes"),
        (b"\x03\x7f\xc0\xff", "delta copies 16711680 bytes at 0 of a base of 3 bytes"),
        (
            b"\x03\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
            "delta copies 16777215 bytes at 4294967295 of a base of 3 bytes",
        ),
        (b"\x03\x7f\x80", "delta copies 65536 bytes at 0 of a base of 3 bytes"),
        (b"\x04\x01\x01x", "delta is for a base of 4 bytes, not 3"),
        (b"\x03\x01\x00", "delta has the reserved opcode 0"),
        (b"\x03\x09\x05ab", "3 or more bytes short"),
    ] {
        door.refused(&with_delta(delta), says);
    }
}

#[test]
fn sizes_that_are_lies() {
    let Some(door) = Door::new("lies") else { return };
    let mut delta = vec![3];
    write_size(1 << 40, &mut delta);
    door.refused(&with_delta(&delta), "declares 1099511627776 bytes, the limit is 1073741824");
    let mut pack = PackBuilder::new();
    pack.entry(BLOB, 1 << 40, &deflate(b"x"));
    door.refused(&pack.finish(), "declares 1099511627776 bytes, the limit is 4294967296");
    let mut pack = PackBuilder::new();
    pack.entry(BLOB, (4 << 30) + 1, &zeros(1));
    door.refused(&pack.finish(), "declares 4294967297 bytes, the limit is 4294967296");
    door.refused(&sealed(b"PACK\0\0\0\x02\xff\xff\xff\xff".to_vec()), "declares 4294967295 objects");
    let mut pack = PackBuilder::new();
    pack.blob(b"one");
    door.refused(&pack.declare(2), "pack ends at offset");
}

#[test]
fn streams_that_inflate_to_something_else() {
    let Some(door) = Door::new("inflate") else { return };
    let with = |size: u64, compressed: &[u8]| {
        let mut pack = PackBuilder::new();
        pack.entry(BLOB, size, compressed);
        pack.finish()
    };
    door.refused(&with(6, &deflate(b"content")), "inflates to more than the 6 bytes that it declares");
    door.refused(&with(8, &deflate(b"content")), "inflates to 7 bytes, it declares 8");
    // 64 MiB behind a size of one byte, and the other way round.
    door.refused(&with(1, &zeros(64)), "inflates to more than the 1 bytes that it declares");
    door.refused(&with(1 << 30, &zeros(64)), "inflates to 67108864 bytes, it declares 1073741824");
    door.refused(&with(7, b"no zlib stream at all"), "has bad compressed data");
}

#[test]
fn a_blob_that_grows_a_thousandfold_is_taken_in_little_memory() {
    let Some(door) = Door::new("growing") else { return };
    let zeros = zeros(256);
    let mut pack = PackBuilder::new();
    pack.entry(BLOB, 256 << 20, &zeros);
    let id = door.git.feed(&door.path, ["hash-object", "--stdin"], &vec![0; 256 << 20]);
    let id = ObjectId::from_hex(gitwire_types::ObjectFormat::Sha1, id.stdout.trim_ascii()).unwrap();
    // A branch is a commit, a tag may be anything.
    let tree = tree(&[("100644", b"zeros", &id)]);
    pack.whole(ObjectKind::Tree, &tree);
    let commit = commit(&id_of(ObjectKind::Tree, &tree), "");
    pack.whole(ObjectKind::Commit, &commit);
    door.taken(&id_of(ObjectKind::Commit, &commit), &pack.finish());
}

#[test]
fn deltas_that_lead_in_circles_or_nowhere() {
    let Some(door) = Door::new("circles") else { return };
    for distance in [0, 11, 13, 24, 25, 1 << 40] {
        let mut pack = PackBuilder::new();
        pack.blob(b"one");
        let delta = appending(3, b"x");
        pack.entry(EntryKind::OffsetDelta { distance }, delta.len() as u64, &deflate(&delta));
        door.refused(&pack.finish(), &format!("has its base {distance} bytes before, where no entry starts"));
    }
    // Against itself, against each other, in a ring of three: each is what the other makes.
    let [a, b, c] = [&b"one"[..], b"two", b"six"].map(blob);
    let replacing = |text: &[u8]| [b"\x03\x03\x03", text].concat();
    for ring in [&[(a, b"one")][..], &[(b, b"one"), (a, b"two")], &[(b, b"one"), (c, b"two"), (a, b"six")]] {
        let mut pack = PackBuilder::new();
        for (base, makes) in ring {
            pack.id_delta(*base, &replacing(*makes));
        }
        door.refused(&pack.finish(), &format!("pack has {} unresolved deltas", ring.len()));
    }
    let mut pack = PackBuilder::new();
    pack.id_delta(blob(b"absent"), &appending(6, b"x"));
    door.refused(&pack.finish(), "pack has 1 unresolved deltas, the first at offset 12 against ");
}

#[test]
fn chains_without_end() {
    let Some(door) = Door::new("chains") else { return };
    for (depth, refused) in [(4_095, false), (4_096, true), (50_000, true)] {
        let mut pack = PackBuilder::new();
        let mut base = pack.blob(b"one");
        for _ in 0..depth {
            base = pack.offset_delta(base, b"\x03\x03\x03two");
        }
        let pack = pack.finish();
        if refused {
            door.refused(&pack, "ends a chain of more than 4095 deltas");
        } else {
            let answer = door.push(&blob(b"two"), &pack);
            assert!(!answer.contains("deep"), "{answer}");
        }
    }
}

#[test]
fn numbers_and_types_that_cannot_be() {
    let Some(door) = Door::new("numbers") else { return };
    let content = deflate(b"content");
    for kind in [0, 5] {
        door.refused(&one(&[&[kind << 4 | 7], &content[..]].concat()), &format!("has type {kind}"));
    }
    let overflow = "has a number that does not fit in 64 bits";
    door.refused(&one(&[&[0xb7][..], &[0xff; 9], &[0x01], &content].concat()), overflow);
    door.refused(&one(&[&[0xb7][..], &[0x80; 9], &[0x00], &content].concat()), overflow);
    door.refused(&one(&[&[0x67][..], &[0xff; 9], &[0x7f], &content].concat()), overflow);
    for version in [0, 1, 4] {
        door.refused(
            &sealed([&b"PACK\0\0\0"[..], &[version], &[0; 4]].concat()),
            &format!("version {version}"),
        );
    }
    door.refused(&sealed(b"PICK\0\0\0\x02\0\0\0\0".to_vec()), "not with PACK");
}

#[test]
fn every_flipped_bit_and_every_cut() {
    let Some(door) = Door::new("bits") else { return };
    let mut pack = PackBuilder::new();
    let base = pack.blob(b"one two three");
    pack.offset_delta(base, &appending(13, b"four"));
    let tree = tree(&[("100644", b"a", &blob(b"one two three"))]);
    pack.whole(ObjectKind::Tree, &tree);
    let commit = commit(&id_of(ObjectKind::Tree, &tree), "");
    pack.whole(ObjectKind::Commit, &commit);
    let (pack, id) = (pack.finish(), id_of(ObjectKind::Commit, &commit));
    let before = door.holds();
    for bit in 0..pack.len() * 8 {
        let mut pack = pack.clone();
        pack[bit / 8] ^= 1 << (bit % 8);
        let answer = door.push(&id, &pack);
        assert!(answer.contains("ng refs/heads/hostile "), "bit {bit}: {answer}");
    }
    for cut in 0..pack.len() {
        let answer = door.push(&id, &pack[..cut]);
        assert!(!answer.contains("ok refs/heads/hostile"), "cut at {cut}: {answer}");
    }
    assert_eq!(door.holds(), before);
    door.refused_tip(&id, &[&pack[..], b"junk"].concat(), "pack goes on after its end");
    door.taken(&id, &pack);
}

#[test]
fn what_a_tip_reaches_must_come_or_be_there() {
    let Some(door) = Door::new("closure") else { return };
    let missing = blob(b"nowhere");
    let with = |mode: &str, id: &ObjectId| {
        let tree = tree(&[(mode, b"a", id)]);
        let commit = commit(&id_of(ObjectKind::Tree, &tree), "");
        let mut pack = PackBuilder::new();
        pack.whole(ObjectKind::Tree, &tree);
        pack.whole(ObjectKind::Commit, &commit);
        (id_of(ObjectKind::Commit, &commit), pack.finish())
    };
    for mode in ["100644", "40000"] {
        let (id, pack) = with(mode, &missing);
        door.refused_tip(&id, &pack, "missing necessary objects");
    }
    // A tip that is not there at all, and one that is no commit.
    let (_, pack) = with("160000", &missing);
    door.refused_tip(&missing, &pack, "ng refs/heads/hostile ");
    let mut pack = PackBuilder::new();
    pack.blob(b"nowhere");
    door.refused_tip(&missing, &pack.finish(), "ng refs/heads/hostile ");
}

#[test]
fn paths_without_end() {
    let Some(door) = Door::new("paths") else { return };
    for (depth, refused) in [(2_000, false), (3_000, true), (100_000, true)] {
        let mut pack = PackBuilder::new();
        pack.blob(b"leaf");
        let mut content = tree(&[("100644", b"f", &blob(b"leaf"))]);
        for _ in 0..depth {
            pack.whole(ObjectKind::Tree, &content);
            content = tree(&[("40000", b"d", &id_of(ObjectKind::Tree, &content))]);
        }
        pack.whole(ObjectKind::Tree, &content);
        let commit = commit(&id_of(ObjectKind::Tree, &content), "");
        pack.whole(ObjectKind::Commit, &commit);
        let id = id_of(ObjectKind::Commit, &commit);
        match refused {
            true => door.refused_tip(&id, &pack.finish(), "tree_depth_max exceeds the limit of 2048"),
            false => door.taken(&id, &pack.finish()),
        }
    }
    // One name of a megabyte.
    let mut pack = PackBuilder::new();
    pack.blob(b"leaf");
    let content = tree(&[("100644", &vec![b'a'; 1 << 20], &blob(b"leaf"))]);
    pack.whole(ObjectKind::Tree, &content);
    let commit = commit(&id_of(ObjectKind::Tree, &content), "");
    pack.whole(ObjectKind::Commit, &commit);
    door.refused_tip(&id_of(ObjectKind::Commit, &commit), &pack.finish(), "largePathname");
}

#[test]
fn a_tree_of_ten_thousand_million_paths_is_looked_at_once() {
    let Some(door) = Door::new("paths-bomb") else { return };
    let mut pack = PackBuilder::new();
    pack.blob(b"leaf");
    let names: Vec<String> = (0..10).map(|name| name.to_string()).collect();
    let (mut mode, mut below) = ("100644", blob(b"leaf"));
    for _ in 0..10 {
        let entries: Vec<_> = names.iter().map(|name| (mode, name.as_bytes(), &below)).collect();
        let content = tree(&entries);
        pack.whole(ObjectKind::Tree, &content);
        (mode, below) = ("40000", id_of(ObjectKind::Tree, &content));
    }
    let commit = commit(&below, "");
    pack.whole(ObjectKind::Commit, &commit);
    let started = Instant::now();
    let answer = door.push(&id_of(ObjectKind::Commit, &commit), &pack.finish());
    assert!(answer.contains("ok refs/heads/hostile"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn objects_that_no_repository_should_hold() {
    let Some(door) = Door::new("unsound") else { return };
    let leaf = blob(b"leaf");
    let push = |tree: Vec<u8>, more: &str, says: &str| {
        let commit = commit(&id_of(ObjectKind::Tree, &tree), more);
        let mut pack = PackBuilder::new();
        pack.blob(b"leaf");
        pack.whole(ObjectKind::Tree, &tree);
        pack.whole(ObjectKind::Commit, &commit);
        door.refused_tip(&id_of(ObjectKind::Commit, &commit), &pack.finish(), says);
    };
    for (name, says) in [
        (&b".git"[..], "hasDotgit"),
        (b".GIT", "hasDotgit"),
        (b"git~1", "hasDotgit"),
        (b".g\xe2\x80\x8cit", "hasDotgit"),
        (b".", "hasDot"),
        (b"..", "hasDotdot"),
        (b"a/b", "fullPathname"),
        (b"", "badTree"),
    ] {
        push(tree(&[("100644", name, &leaf)]), "", says);
    }
    push(tree(&[("120000", b".gitmodules", &leaf)]), "", "gitmodulesSymlink");
    push(tree(&[("100644", b"a", &leaf), ("100644", b"a", &leaf)]), "", "duplicateEntries");
    push(tree(&[("100644", b"b", &leaf), ("100644", b"a", &leaf)]), "", "treeNotSorted");
    push(b"100644 a\0short".to_vec(), "", "badTree");
    // Larger than what is hashed in pieces.
    let names: Vec<String> = (0..40_000).map(|name| format!("{name:08}")).collect();
    let mut entries: Vec<_> = names.iter().map(|name| ("100644", name.as_bytes(), &leaf)).collect();
    entries.insert(0, ("100644", b".git", &leaf));
    push(tree(&entries), "", "hasDotgit");
    let fine = || tree(&[("100644", b"a", &leaf)]);
    push(fine(), "\nx\0y", "nulInCommit");
    // Commits that git reads in another way than some other program might.
    let id = id_of(ObjectKind::Tree, &fine());
    let person = "A <a@example.org> 1700000000 +0000";
    for (content, says) in [
        (format!("tree {id}\ntree {id}\nauthor {person}\ncommitter {person}\n\nx\n"), "missingAuthor"),
        (
            format!("tree {id}\nauthor {person}\nauthor {person}\ncommitter {person}\n\nx\n"),
            "multipleAuthors",
        ),
        (format!("tree {id}\nauthor {person}\n\nx\n"), "missingCommitter"),
        (format!("tree {id}0\nauthor {person}\ncommitter {person}\n\nx\n"), "badTreeSha1"),
        (format!("tree {id}\nauthor {person}\ncommitter {person}"), "unterminatedHeader"),
        (format!("author {person}\ntree {id}\ncommitter {person}\n\nx\n"), "missingTree"),
    ] {
        let mut pack = PackBuilder::new();
        pack.blob(b"leaf");
        pack.whole(ObjectKind::Tree, &fine());
        pack.whole(ObjectKind::Commit, content.as_bytes());
        door.refused_tip(&id_of(ObjectKind::Commit, content.as_bytes()), &pack.finish(), says);
    }
}

#[test]
fn deltas_below_the_limit_are_made_in_little_memory() {
    let Some(door) = Door::new("deltas") else { return };
    let base = vec![0; 1 << 16];
    // Sixteen times 120 MiB out of some kilobytes.
    let mut pack = PackBuilder::new();
    let first = pack.blob(&base);
    for more in 0..16 {
        pack.offset_delta(first, &repeating(1_904 + more));
    }
    let answer = door.push(&blob(&base), &pack.finish());
    assert!(answer.contains("unpack ok"), "{answer}");
}
