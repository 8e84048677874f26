use gitwire_capability::{
    Budget, Capabilities, Capability, CapabilityError, Feature, FeatureSet, FetchFeature, FetchOffer, Limits,
    Line, PushFeature, PushOffer, V2Command, V2FetchFeature, V2Offer, Value, split_line, split_want,
};

type Pair<'a> = (&'a [u8], Option<&'a [u8]>);

#[track_caller]
fn check(list: &[u8], expected: Result<&[Pair<'_>], CapabilityError>) {
    let found: Result<Vec<_>, _> = Capabilities::new(list)
        .map(|capability| capability.map(|capability| (capability.key(), capability.value())))
        .collect();
    assert_eq!(found.as_deref(), expected.as_ref().map(|pairs| *pairs), "{}", list.escape_ascii());
}

#[test]
fn lists() {
    check(b"", Ok(&[]));
    check(b" ", Ok(&[]));
    check(b"\n", Ok(&[]));
    check(b"a", Ok(&[(b"a", None)]));
    check(b" a  b ", Ok(&[(b"a", None), (b"b", None)]));
    check(b"a\tb\r\n", Ok(&[(b"a", None), (b"b", None)]));
    check(b"agent=git/2.47.3", Ok(&[(b"agent", Some(b"git/2.47.3"))]));
    check(b"a= b", Ok(&[(b"a", Some(b"")), (b"b", None)]));
    check(b"a=b=c", Ok(&[(b"a", Some(b"b=c"))]));
    check(b"agent=\xff\xc3\xa9", Ok(&[(b"agent", Some(b"\xff\xc3\xa9"))]));
}

#[test]
fn malformed_lists() {
    use CapabilityError::{ControlByte, EmptyKey};
    check(b"=", Err(EmptyKey { at: 0 }));
    check(b"=x", Err(EmptyKey { at: 0 }));
    check(b"a  =x", Err(EmptyKey { at: 3 }));
    check(b"a\0b", Err(ControlByte { at: 1, byte: 0 }));
    check(b"a b\x1b[2J", Err(ControlByte { at: 3, byte: 0x1b }));
    check(b"a=\x7f", Err(ControlByte { at: 2, byte: 0x7f }));
    check(b"\x0b", Err(ControlByte { at: 0, byte: 0x0b }));
    let mut list = Capabilities::new(b"a =b c");
    assert!(list.next().is_some_and(|first| first.is_ok()));
    assert_eq!(list.next(), Some(Err(EmptyKey { at: 2 })));
    assert_eq!(list.next(), None, "an error ends the list");
}

#[track_caller]
fn check_line(line: &[u8], expected: Result<Pair<'_>, CapabilityError>) {
    assert_eq!(Capability::parse(line).map(|capability| (capability.key(), capability.value())), expected);
}

#[test]
fn lines_of_version_2() {
    check_line(b"server-option", Ok((b"server-option", None)));
    check_line(b"fetch=shallow filter", Ok((b"fetch", Some(b"shallow filter"))));
    check_line(b"fetch=", Ok((b"fetch", Some(b""))));
    check_line(b"a_B-9=a=b ~|\xff", Ok((b"a_B-9", Some(b"a=b ~|\xff"))));
}

#[test]
fn malformed_lines_of_version_2() {
    use CapabilityError::{BadKey, ControlByte, EmptyKey};
    check_line(b"", Err(EmptyKey { at: 0 }));
    check_line(b"=", Err(EmptyKey { at: 0 }));
    check_line(b" agent=x", Err(BadKey { at: 0, byte: b' ' }));
    check_line(b"two words", Err(BadKey { at: 3, byte: b' ' }));
    check_line(b"a.b", Err(BadKey { at: 1, byte: b'.' }));
    check_line(b"\xc3\xa9", Err(BadKey { at: 0, byte: 0xc3 }));
    check_line(b"agent\n", Err(ControlByte { at: 5, byte: b'\n' }));
    check_line(b"agent=a\tb", Err(ControlByte { at: 7, byte: b'\t' }));
    check_line(b"agent=a\0", Err(ControlByte { at: 7, byte: 0 }));
}

/// A capability list shorter than the prefix that a client looked for was read out of bounds (CVE-2026-53587).
#[test]
fn every_prefix_of_a_list_reads() {
    let list = b"object-format=sha1 symref=HEAD:refs/heads/main agent=git/2.47.3 push-cert=1-ab session-id=x";
    let line = [b"95d09f2b10159347eece71399a7e2e907ea3df4f HEAD\0", &list[..]].concat();
    for end in 0..=line.len() {
        let capabilities = split_line(&line[..end]).capabilities;
        assert_eq!(capabilities.is_some(), end > 45);
        let list = capabilities.unwrap_or_default();
        assert!(FetchOffer::parse(list, Limits::default()).is_ok(), "{}", list.escape_ascii());
        assert!(PushOffer::parse(list, Limits::default()).is_ok());
    }
}

#[test]
fn places_on_lines() {
    assert_eq!(split_line(b"a b"), Line { line: b"a b", capabilities: None });
    assert_eq!(split_line(b"a b\0"), Line { line: b"a b", capabilities: Some(b"") });
    assert_eq!(split_line(b"a b\0c\0d"), Line { line: b"a b", capabilities: Some(b"c\0d") });
    assert_eq!(split_line(b""), Line { line: b"", capabilities: None });
    assert_eq!(split_want(b"a"), Line { line: b"a", capabilities: None });
    assert_eq!(split_want(b"a "), Line { line: b"a", capabilities: Some(b"") });
    assert_eq!(split_want(b"a b c"), Line { line: b"a", capabilities: Some(b"b c") });
}

#[test]
fn limits_at_max_and_above() {
    let limits = Limits { capabilities_max: 3, bytes_max: 100 };
    assert!(FetchOffer::parse(b"a b c", limits).is_ok());
    assert_eq!(FetchOffer::parse(b"a b c d", limits), Err(CapabilityError::TooMany { max: 3 }));
    assert_eq!(PushOffer::parse(b"a b c d", limits), Err(CapabilityError::TooMany { max: 3 }));

    let limits = Limits { capabilities_max: 100, bytes_max: 6 };
    assert!(FetchOffer::parse(b"ab  c=d ", limits).is_ok());
    assert!(FetchOffer::parse(b"abc  c=d ", limits).is_ok());
    assert_eq!(FetchOffer::parse(b"abcd  c=d ", limits), Err(CapabilityError::TooLong { max: 6 }));
    assert_eq!(
        FetchOffer::parse(b"a", Limits { bytes_max: 0, ..limits }),
        Err(CapabilityError::TooLong { max: 0 })
    );
    assert_eq!(
        FetchOffer::parse(b"a", Limits { capabilities_max: 0, ..limits }),
        Err(CapabilityError::TooMany { max: 0 })
    );

    // The budget is spent over all lines of a message.
    let mut budget = Budget::new(Limits { capabilities_max: 2, bytes_max: 100 });
    let mut offer = V2Offer::default();
    assert_eq!(offer.add(b"a", &mut budget), Ok(()));
    assert_eq!(offer.add(b"a", &mut budget), Ok(()));
    assert_eq!(offer.add(b"a", &mut budget), Err(CapabilityError::TooMany { max: 2 }));
}

/// Repeated `symref` once sent a client into a loop without end. Here they are all listed, each byte looked at a fixed
/// number of times: the list is read in one pass, and what is kept grows with it.
#[test]
fn ten_thousand_symrefs() {
    for count in [2, 3, 10_000] {
        let list: Vec<u8> =
            (0..count).flat_map(|at| format!(" symref=refs/x/{at}:refs/y/{at}").into_bytes()).collect();
        let offer = FetchOffer::parse(&list, Limits::default()).expect("below the limits");
        assert_eq!(offer.symrefs.len(), count);
        assert_eq!(offer.symrefs[count - 1].name.as_bytes(), format!("refs/x/{}", count - 1).as_bytes());
    }
    let list: Vec<u8> = b" object-format=sha1".repeat(10_000);
    let offer = FetchOffer::parse(&list, Limits::default()).expect("below the limits");
    assert_eq!(offer.formats.known.len(), 1);
}

#[test]
fn values() {
    assert_eq!(Value::new(&b"a b"[..]).map(|value| value.to_string()), Ok("a b".to_owned()));
    assert_eq!(Value::new(&b"a\nb"[..]), Err(CapabilityError::BadValue { at: 1, byte: b'\n' }));
    assert_eq!(Value::new(&b"\0"[..]), Err(CapabilityError::BadValue { at: 0, byte: 0 }));
    assert_eq!(Value::sanitized(b"  git\x1b/2 \xff\n").as_bytes(), b"git./2..");
    assert_eq!(Value::sanitized(b"").as_bytes(), b"");
    assert_eq!(format!("{:?}", Value::new(&b"\xff"[..])), "Ok(\"\\xff\")");
    assert_eq!(Value::default().as_shared().len(), 0);
}

#[test]
fn feature_sets() {
    fn every<F: Feature + PartialEq>() {
        assert!(F::ALL.len() <= 32);
        for (at, feature) in F::ALL.iter().enumerate() {
            assert_eq!(F::from_name(feature.name().as_bytes()), Some(*feature));
            assert_eq!(feature.bit(), 1 << at);
            let one = FeatureSet::NONE.with(*feature);
            assert_eq!(one.iter().collect::<Vec<_>>(), [*feature]);
            assert_eq!(FeatureSet::all().difference(one), FeatureSet::all().without(*feature));
            assert_eq!(one.intersection(FeatureSet::all()), one);
            assert!(one.contains(*feature) && !one.is_empty() && one.without(*feature).is_empty());
        }
        assert!(F::from_name(b"").is_none());
    }
    every::<FetchFeature>();
    every::<PushFeature>();
    every::<V2FetchFeature>();
    every::<V2Command>();
    let set =
        FeatureSet::NONE.with(FetchFeature::Filter).union(FeatureSet::NONE.with(FetchFeature::MultiAck));
    assert_eq!(format!("{set:?}"), "{MultiAck, Filter}");
}
