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
