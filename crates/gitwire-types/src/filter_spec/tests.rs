use alloc::string::{String, ToString};
use alloc::vec;

use proptest::prelude::*;

use super::*;

fn parse(text: &[u8]) -> Result<FilterSpec, FilterSpecError> {
    FilterSpec::parse(text, &Limits::default())
}

/// The canonical form of a filter.
#[track_caller]
fn good(text: impl AsRef<[u8]>, expected: &str) {
    let filter = parse(text.as_ref()).unwrap();
    assert_eq!(filter.to_string(), expected);
    assert_eq!(parse(&filter.to_bytes()), Ok(filter));
}

#[track_caller]
fn bad(text: impl AsRef<[u8]>, expected: FilterSpecError) {
    assert_eq!(parse(text.as_ref()), Err(expected));
}

#[test]
fn canonical_forms() {
    good("blob:none", "blob:none");
    good("blob:limit=0", "blob:limit=0");
    good("blob:limit=1k", "blob:limit=1024");
    good("blob:limit=0x10", "blob:limit=16");
    good("tree:0", "tree:0");
    good("tree:1k", "tree:1024");
    good("object:type=tag", "object:type=tag");
    good("sparse:oid=main:p", "sparse:oid=main:p");
    good("sparse:oid=", "sparse:oid=");
    good("combine:tree:1", "combine:tree:1");
    good("combine:tree:1+blob:none", "combine:tree:1+blob:none");
    good("combine:tree%3A2+b%6Cob%3anone", "combine:tree:2+blob:none");
    good("combine:combine:tree:1+blob:none", "combine:combine:tree:1+blob:none");
    good("combine:combine:tree:1%2bblob:none+tree:3", "combine:combine:tree:1%2bblob:none+tree:3");
    good("combine:sparse:oid=main:p%3bat%25ter%2bn", "combine:sparse:oid=main:p%3bat%25ter%2bn");
    good("combine:sparse:oid=a%zz%", "combine:sparse:oid=a%25zz%25");
    good("combine:sparse:oid=a%00", "combine:sparse:oid=a%2500");
    good("combine:sparse:oid=%5e%7e%c3", "combine:sparse:oid=%5e%7e%c3");
    good("combine:sparse:oid=\x7f=a", r"combine:sparse:oid=\x7f=a");
    good("combine:blob:limit=%2B5", "combine:blob:limit=5");
}

fn unknown(spec: &'static str) -> FilterSpecError {
    FilterSpecError::Unknown { spec: spec.into() }
}

#[test]
fn malformed() {
    use FilterSpecError::*;
    bad("", unknown(""));
    bad("BLOB:none", unknown("BLOB:none"));
    bad("blob:none+", unknown("blob:none+"));
    bad("blob:limit=", unknown("blob:limit="));
    bad("blob:limit=-5", unknown("blob:limit=-5"));
    bad("blob:limit=18446744073709551616", unknown("blob:limit=18446744073709551616"));
    bad("tree:", TreeDepth { depth: "".into() });
    bad("tree:-1", TreeDepth { depth: "-1".into() });
    bad("tree:1:2", TreeDepth { depth: "1:2".into() });
    bad("object:type=Blob", ObjectType { name: "Blob".into() });
    bad("object:type=", ObjectType { name: "".into() });
    bad("sparse:path=/etc/passwd", SparsePath);
    bad("combine:sparse:path=x", SparsePath);
    bad("sparse:x", unknown("sparse:x"));
    bad("auto", unknown("auto"));
    bad("combine:auto", unknown("auto"));
    bad("combine:", EmptyCombine);
    bad("combine:combine:", EmptyCombine);
    bad("combine:combine%3a", EmptyCombine);
    bad("combine:+tree:1", unknown(""));
    bad("combine:tree:1+", unknown(""));
    bad("combine:tree:1++blob:none", unknown(""));
    bad("combine:tree:1%2bblob:none", TreeDepth { depth: "1+blob:none".into() });
    bad("combine%3Atree:2", unknown("combine%3Atree:2"));
    bad("combine:tree:1@", Unescaped { byte: b'@', at: 6 });
    bad("combine:blob:none+tr ee:1", Unescaped { byte: b' ', at: 2 });
    bad(b"combine:tree:\xc3\xa9", Unescaped { byte: 0xc3, at: 5 });
    bad("combine:tree:1%40", TreeDepth { depth: "1@".into() });
}

#[test]
fn auto_is_a_choice_of_the_client() {
    let choice = |text: &[u8]| FilterChoice::parse(text, &Limits::default());
    assert_eq!(choice(b"auto"), Ok(FilterChoice::Auto));
    assert_eq!(choice(b"blob:none"), Ok(FilterChoice::Spec(FilterSpec::BlobNone)));
    assert_eq!(choice(b"auto "), Err(unknown("auto ")));
}

#[test]
fn joining_stays_flat() {
    let all = FilterSpec::BlobNone.and(FilterSpec::TreeDepth(1)).and(FilterSpec::ObjectType(ObjectKind::Tag));
    assert_eq!(all.to_string(), "combine:blob:none+tree:1+object:type=tag");
}

/// `combine:` `depth` times around a filter.
fn nested(depth: usize) -> String {
    ["combine:".repeat(depth).as_str(), "tree:1"].concat()
}

#[test]
fn filter_depth_max() {
    let limits = Limits { filter_depth_max: 2, ..Limits::default() };
    assert!(FilterSpec::parse(nested(2).as_bytes(), &limits).is_ok());
    assert_eq!(FilterSpec::parse(nested(3).as_bytes(), &limits), Err(FilterSpecError::TooDeep { max: 2 }));
    let none = Limits { filter_depth_max: 0, ..Limits::default() };
    assert!(FilterSpec::parse(b"tree:1", &none).is_ok());
    assert_eq!(FilterSpec::parse(nested(1).as_bytes(), &none), Err(FilterSpecError::TooDeep { max: 0 }));
}

#[test]
fn filter_parts_max() {
    let limits = Limits { filter_parts_max: 3, ..Limits::default() };
    assert!(FilterSpec::parse(b"combine:tree:1+tree:2+tree:3", &limits).is_ok());
    let over = Err(FilterSpecError::TooMany { max: 3 });
    assert_eq!(FilterSpec::parse(b"combine:tree:1+tree:2+tree:3+tree:4", &limits), over);
    // Nested ones count together.
    assert!(FilterSpec::parse(b"combine:combine:tree:1+tree:2", &limits).is_ok());
    assert_eq!(FilterSpec::parse(b"combine:combine:tree:1%2btree:2+tree:3", &limits), over);
}

fn any_filter() -> impl Strategy<Value = FilterSpec> {
    let leaf = prop_oneof![
        Just(FilterSpec::BlobNone),
        any::<u64>().prop_map(FilterSpec::BlobLimit),
        any::<u64>().prop_map(FilterSpec::TreeDepth),
        proptest::sample::select(ObjectKind::ALL.to_vec()).prop_map(FilterSpec::ObjectType),
        proptest::collection::vec(1..=255_u8, 0..8).prop_map(|blob| FilterSpec::SparseOid(blob.into())),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        proptest::collection::vec(inner, 1..4).prop_map(FilterSpec::Combine)
    })
}

proptest! {
    #[test]
    fn written_and_read_again(filter in any_filter()) {
        prop_assert_eq!(parse(&filter.to_bytes()), Ok(filter));
    }

    #[test]
    fn whatever_is_read_has_one_canonical_form(text in "(combine:)?(tree:|blob:|sparse:oid=|[+%0-9a-f])(none|limit=)?[+%0-9a-fk]{0,6}") {
        if let Ok(filter) = parse(text.as_bytes()) {
            prop_assert_eq!(parse(&filter.to_bytes()), Ok(filter));
        }
    }
}

#[test]
fn a_list_of_one_stays_a_list() {
    assert_eq!(parse(b"combine:blob:none"), Ok(FilterSpec::Combine(vec![FilterSpec::BlobNone])));
}
