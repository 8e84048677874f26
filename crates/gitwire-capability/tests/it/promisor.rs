use gitwire_capability::{
    CapabilityError, PromisorRemote, accepted_promisors, parse_accepted_promisors, parse_promisors, promisors,
};

#[track_caller]
fn check(value: &str, expected: Result<&[PromisorRemote], (usize, &'static str)>) {
    let expected = expected.map_err(|(at, reason)| CapabilityError::BadField { at, reason });
    assert_eq!(parse_promisors(value.as_bytes()).as_deref(), expected.as_ref().map(|remotes| *remotes));
}

#[test]
fn remotes() {
    let lop = || PromisorRemote::new("lop", "https://x/y");
    check("name=lop,url=https://x/y", Ok(&[lop()]));
    check("url=https://x/y,name=lop", Ok(&[lop()]));
    check("name=lop,url=https://x/y;name=b%3Bc,url=%2f", Ok(&[lop(), PromisorRemote::new("b;c", "/")]));
    check("name=,url=", Ok(&[PromisorRemote::new("", "")]));
    let mut full = lop();
    full.filter = Some("blob:limit=1k".into());
    full.token = Some("a=b".into());
    full.unknown = vec![("new".into(), "ä".into())];
    check(
        "name=lop,url=https://x/y,partialCloneFilter=blob:limit=1k,token=a=b,new=%c3%a4",
        Ok(&[full.clone()]),
    );
    let written = promisors(&[lop(), full]).expect("two remotes");
    assert_eq!(
        written.to_string(),
        "name=lop,url=https://x/y;name=lop,url=https://x/y,partialCloneFilter=blob:limit=1k,token=a=b,new=%c3%a4"
    );
    assert_eq!(promisors(&[]), None);
}

#[test]
fn malformed_remotes() {
    const FIELD: &str = "a field is not name=value";
    const TWICE: &str = "a field comes twice";
    const ESCAPE: &str = "an escape is not two hexadecimal digits";
    check("", Err((0, FIELD)));
    check("name", Err((0, FIELD)));
    check("=x", Err((0, FIELD)));
    check("name=a,url=b,", Err((13, FIELD)));
    check("name=a,url=b;", Err((13, FIELD)));
    check("name=a,na me=b", Err((7, FIELD)));
    check("name=a,url=b,name=c", Err((13, TWICE)));
    check("name=a,url=b,x=1,x=2", Err((17, TWICE)));
    check("url=b", Err((0, "a remote has no name")));
    check("name=a,url=b;name=c", Err((13, "a remote has no url")));
    check("name=%", Err((5, ESCAPE)));
    check("name=%2", Err((5, ESCAPE)));
    check("name=a,url=x%g0", Err((11, ESCAPE)));
    let many = |count: usize| (0..count).map(|at| format!(",x{at}=1")).collect::<String>();
    assert!(parse_promisors(format!("name=a,url=b{}", many(32)).as_bytes()).is_ok());
    let error = parse_promisors(format!("name=a,url=b{}", many(33)).as_bytes()).unwrap_err();
    assert!(matches!(error, CapabilityError::BadField { reason: "too many fields", .. }));
}

#[test]
fn accepted() {
    #[track_caller]
    fn check(names: &[&[u8]], value: Option<&str>) {
        let written = accepted_promisors(names.iter().copied());
        assert_eq!(written.as_ref().map(ToString::to_string).as_deref(), value);
        let read = written.map(|value| parse_accepted_promisors(value.as_bytes()).expect("our own words"));
        assert_eq!(read.unwrap_or_default(), names);
    }
    check(&[], None);
    check(&[b"lop"], Some("lop"));
    check(&[b"a;b", b"c,d %"], Some("a%3bb;c%2cd%20%25"));
    check(&[b"\xff\n"], Some("%ff%0a"));
    assert_eq!(parse_accepted_promisors(b";a;;"), Ok(vec!["a".into()]));
    let reason = "an escape is not two hexadecimal digits";
    assert_eq!(parse_accepted_promisors(b"a;%zz"), Err(CapabilityError::BadField { at: 2, reason }));
}
