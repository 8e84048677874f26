//! Vectors of `packed-refs`.

use gitwire_storage::Peeled;
use gitwire_types::ObjectFormat;
use proptest::prelude::*;

use super::PackedRefs;

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn text(template: &str) -> Vec<u8> {
    template.replace("ONE", ONE).replace("TWO", TWO).into_bytes()
}

#[track_caller]
fn check(template: &str, expected: &[(&str, Peeled)]) {
    let refs = PackedRefs::parse(text(template), ObjectFormat::Sha1).unwrap();
    let got: Vec<_> = refs
        .iter()
        .map(|found| {
            let found = found.unwrap();
            (std::str::from_utf8(found.name).unwrap(), found.peeled)
        })
        .collect();
    assert_eq!(got, expected);
    for (name, peeled) in expected {
        assert_eq!(refs.find(name.as_bytes()).unwrap().unwrap().peeled, *peeled, "{name}");
    }
    assert_eq!(refs.find(b"refs/none").unwrap(), None);
}

#[track_caller]
fn check_error(template: &str, expected: &str) {
    let parsed = PackedRefs::parse(text(template), ObjectFormat::Sha1);
    let error = match parsed {
        Ok(refs) => refs.iter().find_map(Result::err).unwrap(),
        Err(error) => error,
    };
    assert_eq!(error.to_string(), expected);
}

#[test]
fn files_of_all_ages_are_read() {
    use Peeled::{NotATag, Unknown};
    let to = Peeled::To(gitwire_types::ObjectId::from_hex(ObjectFormat::Sha1, TWO.as_bytes()).unwrap());
    check("", &[]);
    check("# pack-refs with: peeled fully-peeled sorted \n", &[]);
    check("ONE refs/heads/b\nTWO refs/heads/a\n", &[("refs/heads/a", Unknown), ("refs/heads/b", Unknown)]);
    check("# pack-refs with:\nONE refs/heads/b\n", &[("refs/heads/b", Unknown)]);
    check(
        "# pack-refs with: peeled \nONE refs/tags/b\n^TWO\nONE refs/tags/a\nONE refs/heads/c\n",
        &[("refs/heads/c", Unknown), ("refs/tags/a", NotATag), ("refs/tags/b", to)],
    );
    check(
        "# pack-refs with: peeled fully-peeled sorted \nONE refs/heads/a\nONE refs/tags/b\n^TWO\nONE refs/tags/c\n",
        &[("refs/heads/a", NotATag), ("refs/tags/b", to), ("refs/tags/c", NotATag)],
    );
}

#[test]
fn damage_is_told_with_its_place() {
    check_error("# pack-refs with: sorted", "packed-refs: header has no line end");
    check_error("ONE refs/heads/a", "packed-refs: last line has no line end");
    check_error("ONE refs/heads/a\n\n", "packed-refs: unexpected line at byte 54");
    check_error("ONE refs/heads/a\nxyz\n", "packed-refs: unexpected line at byte 54");
    check_error("ONErefs/heads/a\n", "packed-refs: unexpected line at byte 0");
    check_error("ONE \n", "packed-refs: unexpected line at byte 0");
    check_error("^ONE\n", "packed-refs: unexpected line at byte 0");
    check_error("ONE refs/heads/a\n^TWO\n^TWO\n", "packed-refs: unexpected line at byte 96");
    check_error("ONE refs/heads/a\n^TWO \n", "packed-refs: unexpected line at byte 54");
    check_error(
        "# pack-refs with: sorted \nONE refs/heads/a\n111 x\n",
        "packed-refs: unexpected line at byte 80",
    );
}

proptest! {
    #[test]
    fn halving_finds_what_reading_all_finds(
        names in prop::collection::btree_set("refs/[a-c]{1,3}(/[a-c]{1,3})?", 0..40),
        tags in any::<u64>(),
        from in "refs/[a-d]{0,3}(/[a-c]{0,3})?",
    ) {
        let mut file = b"# pack-refs with: peeled fully-peeled sorted \n".to_vec();
        for (nth, name) in names.iter().enumerate() {
            file.extend_from_slice(format!("{ONE} {name}\n").as_bytes());
            if tags >> nth & 1 == 1 {
                file.extend_from_slice(format!("^{TWO}\n").as_bytes());
            }
        }
        let refs = PackedRefs::parse(file, ObjectFormat::Sha1).unwrap();
        let got: Vec<_> = refs.iter_from(from.as_bytes()).map(|found| found.unwrap().name.to_vec()).collect();
        let expected: Vec<_> =
            names.iter().filter(|name| **name >= from).map(|name| name.clone().into_bytes()).collect();
        prop_assert_eq!(got, expected);
    }
}

mod large {
    #![allow(
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        reason = "names of the test's own making"
    )]

    use std::ops::ControlFlow;

    use super::*;
    use crate::fs::{Disk, FileSystem as _, Links};
    use crate::refs::packed::large::LargePackedRefs;

    /// A file of so many refs, some of them tags, some names long; and the names.
    fn file(count: usize, odd: usize) -> (Vec<u8>, Vec<String>) {
        let mut names: Vec<String> = (0..count)
            .map(|nth| {
                format!("refs/{}/{nth}{}", nth % 17, "x".repeat(if nth % odd == 3 { 9000 } else { nth % 40 }))
            })
            .collect();
        names.sort();
        let mut text = b"# pack-refs with: peeled fully-peeled sorted \n".to_vec();
        for (nth, name) in names.iter().enumerate() {
            text.extend_from_slice(format!("{ONE} {name}\n").as_bytes());
            if nth % 3 == 0 {
                text.extend_from_slice(format!("^{TWO}\n").as_bytes());
            }
        }
        (text, names)
    }

    fn open(text: &[u8]) -> Option<LargePackedRefs> {
        let folder =
            std::env::temp_dir().join(format!("gitwire-large-{}-{}", std::process::id(), text.len()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("packed-refs"), text).unwrap();
        let file = Disk.directory(&folder).unwrap().open(b"packed-refs", Links::Follow).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        LargePackedRefs::new(&file, text.len() as u64, ObjectFormat::Sha1).unwrap()
    }

    fn names(refs: &LargePackedRefs, from: &[u8], most: usize) -> Vec<(String, Peeled)> {
        let mut names = Vec::new();
        refs.each_from(from, &mut |found| {
            names.push((String::from_utf8(found.name.to_vec()).unwrap(), found.peeled));
            Ok(if names.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })
        .unwrap();
        names
    }

    #[test]
    fn an_open_file_gives_what_reading_all_of_it_gives() {
        for (count, odd) in [(0, 9), (1, 9), (2, 9), (60, 9), (1500, 50), (1500, 5001)] {
            let (text, all) = file(count, odd);
            let refs = open(&text).unwrap();
            let whole = PackedRefs::parse(text, ObjectFormat::Sha1).unwrap();
            let froms = all
                .iter()
                .step_by(1 + count / 40)
                .flat_map(|name| [name.clone(), format!("{name}!"), name[..name.len() - 1].to_owned()]);
            for from in froms.chain(["".to_owned(), "refs/".into(), "refs/17".into(), "s".into()]) {
                let expected: Vec<_> = whole
                    .iter_from(from.as_bytes())
                    .map(|found| found.unwrap())
                    .map(|found| (String::from_utf8(found.name.to_vec()).unwrap(), found.peeled))
                    .collect();
                assert_eq!(names(&refs, from.as_bytes(), usize::MAX), expected, "{count} refs from {from}");
                let few = expected.len().min(3);
                assert_eq!(names(&refs, from.as_bytes(), 3)[..few], expected[..few]);
            }
        }
    }

    #[test]
    fn only_a_sorted_file_is_left_on_the_disk() {
        assert!(open(b"# pack-refs with: peeled \n").is_none());
        assert!(open(format!("{ONE} refs/heads/a\n").as_bytes()).is_none());
        assert!(open(b"# pack-refs with: sorted").is_none());
    }

    #[test]
    fn damage_is_told_with_its_place() {
        let error = |text: &[u8], from: &[u8]| {
            let refs = open(text).unwrap();
            refs.each_from(from, &mut |_| Ok(ControlFlow::Continue(()))).unwrap_err().to_string()
        };
        let (mut text, names) = file(3000, 5001);
        let line = format!("{ONE} {}\n", names[2000]);
        let at = text.windows(line.len()).position(|window| window == line.as_bytes()).unwrap();
        text[at] = b'x';
        assert_eq!(
            error(&text, names[1990].as_bytes()),
            format!("packed-refs: unexpected line at byte {at}")
        );
        text.truncate(at + 50);
        assert_eq!(error(&text, names[1990].as_bytes()), "packed-refs: last line has no line end");
        let mut long = b"# pack-refs with: sorted \n".to_vec();
        long.extend_from_slice(&vec![b'y'; 600 << 10]);
        long.extend_from_slice(b"\n\n");
        assert_eq!(error(&long, b"refs/"), "packed-refs: unexpected line at byte 26");
    }
}
