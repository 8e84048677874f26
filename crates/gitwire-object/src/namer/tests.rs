use super::*;
use crate::sha1::tests::{engines, random, suspicious_blocks};

/// Names all of `contents` in lanes, and compares with one by one.
#[track_caller]
fn check(contents: &[Vec<u8>]) {
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Stranger);
    for engine in engines().map(Some).chain([None]) {
        let mut namer = Namer::with_engine(ObjectFormat::Sha1, engine);
        let mut named = Vec::new();
        let mut compare = |namer: &mut Namer<&[u8]>| {
            while let Some((content, id)) = namer.pop() {
                assert_eq!(id, hasher.object_id(ObjectKind::Blob, content), "{engine:?} {}", content.len());
                named.push(content.len());
            }
        };
        for content in contents {
            namer.push(ObjectKind::Blob, content.as_slice());
            compare(&mut namer);
        }
        namer.finish();
        compare(&mut namer);
        assert_eq!(named.len(), contents.len());
    }
}

fn content(len: usize, seed: &mut u64) -> Vec<u8> {
    (0..len).map(|_| random(seed).to_be_bytes()[0]).collect()
}

#[test]
fn every_length_has_the_name_that_it_has_alone() {
    let mut seed = 5;
    let contents: Vec<_> = (0..400).map(|len| content(len, &mut seed)).collect();
    check(&contents);
    check(&contents[..1]);
    check(&[]);
}

#[test]
fn messages_of_unlike_length_share_the_lanes() {
    let mut seed = 6;
    let mut contents: Vec<_> = (0..150).map(|nth| content(nth * nth * 7 % 30_011, &mut seed)).collect();
    let max = Namer::<Vec<u8>>::LANE_MAX;
    contents.extend([max - 1, max, max + 1].map(|len| content(len, &mut seed)));
    contents.extend((0..40).map(|len| content(len, &mut seed)));
    check(&contents);
}

#[test]
fn who_is_suspected_by_chance_is_cleared() {
    let mut seed = 7;
    let mut contents = Vec::new();
    for block in suspicious_blocks() {
        // The header of a blob of this size has 9 bytes.
        let mut suspect = content(64 - 9, &mut seed);
        suspect.extend_from_slice(&block);
        suspect.resize(1000, 0);
        contents.push(suspect);
    }
    check(&contents);
}

#[test]
fn the_guilty_object_alone_has_no_name() {
    for engine in engines() {
        let mut namer = Namer::with_engine(ObjectFormat::Sha1, Some(engine));
        for nth in 0..5_u8 {
            namer.push(ObjectKind::Blob, [nth]);
        }
        namer.suspects.guilty.push(3);
        namer.finish();
        let mut refused = Vec::new();
        while let Some((content, id)) = namer.pop() {
            if let Err(HashError::Collision { id }) = id {
                let own = crate::object_id(ObjectFormat::Sha1, Trust::Own, ObjectKind::Blob, &content);
                assert_eq!(own, Ok(id));
                refused.push(content);
            }
        }
        assert_eq!(refused, [[3]]);
    }
}
