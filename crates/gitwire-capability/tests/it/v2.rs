use gitwire_capability::{
    Budget, CapabilityError, Feature, FeatureSet, Limits, V2Command, V2FetchFeature, V2Offer, V2Request,
    V2Wish, Value,
};
use gitwire_types::ObjectFormat;

fn offer(lines: &[&str]) -> V2Offer {
    let (mut offer, mut budget) = (V2Offer::default(), Budget::default());
    lines.iter().for_each(|line| offer.add(line.as_bytes(), &mut budget).expect("a line"));
    offer
}

fn lines(each_line: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Vec<String> {
    let mut lines = Vec::new();
    each_line(&mut |line| lines.push(String::from_utf8_lossy(line).into_owned()));
    lines
}

const EVERYTHING: &[&str] = &[
    "agent=git/2.47.3",
    "ls-refs=unborn",
    "fetch=shallow wait-for-done filter ref-in-want sideband-all packfile-uris",
    "server-option",
    "object-format=sha1",
    "session-id=s1",
    "object-info",
    "bundle-uri",
    "promisor-remote=name=lop,url=x",
];

#[track_caller]
fn check(read: &[&str], written: &[&str]) {
    assert_eq!(lines(|each| offer(read).each_line(each)), written);
}

#[test]
fn what_is_read_is_written_in_gits_order() {
    check(EVERYTHING, EVERYTHING);
    check(&[], &[]);
    let mut reversed = EVERYTHING.to_vec();
    reversed.reverse();
    check(&reversed, EVERYTHING);
    check(&["fetch", "ls-refs"], &["ls-refs", "fetch"]);
    check(&["fetch=", "ls-refs= "], &["ls-refs", "fetch"]);
    check(&["fetch=filter  new shallow", "ls-refs=newer"], &["ls-refs=newer", "fetch=shallow filter new"]);
    check(&["x", "y=a b", "fetch"], &["fetch", "x", "y=a b"]);
    check(
        &["object-format=sha256", "object-format=x", "object-format=sha1"],
        &["object-format=sha256", "object-format=sha1", "object-format=x"],
    );
}

#[test]
fn what_may_come_once_keeps_its_first_value() {
    check(&["agent=a", "agent=b", "fetch=filter", "fetch=shallow"], &["agent=a", "fetch=filter"]);
}

#[test]
fn values_of_flags_are_left_alone() {
    check(
        &["object-info=size", "server-option=x", "bundle-uri=y"],
        &["server-option", "object-info", "bundle-uri"],
    );
    check(&["agent", "session-id", "object-format"], &["agent", "session-id", "object-format"]);
}

#[test]
fn malformed_lines() {
    let mut offer = V2Offer::default();
    let mut add = |line: &[u8]| offer.add(line, &mut Budget::default());
    assert_eq!(add(b""), Err(CapabilityError::EmptyKey { at: 0 }));
    assert_eq!(add(b"=x"), Err(CapabilityError::EmptyKey { at: 0 }));
    assert_eq!(add(b"fetch shallow"), Err(CapabilityError::BadKey { at: 5, byte: b' ' }));
    assert_eq!(add(b"agent=a\nb"), Err(CapabilityError::ControlByte { at: 7, byte: b'\n' }));
    assert_eq!(offer, V2Offer::default());
}

#[test]
fn agreements() {
    let mut wish = V2Wish::new(ObjectFormat::Sha1);
    wish.agent = Value::new("me").ok();
    wish.session_id = Value::new("mine").ok();
    let full = offer(EVERYTHING).agree(&wish).expect("all is offered");
    assert_eq!((full.fetch, full.unborn, full.server_option), (FeatureSet::all(), true, true));
    assert_eq!(full.commands, FeatureSet::all());
    assert_eq!(full.promisor_remote, Value::new("name=lop,url=x").ok());
    assert_eq!(
        lines(|each| V2Request::new(V2Command::Fetch, &full).each_line(each)),
        ["command=fetch", "agent=me", "session-id=mine", "object-format=sha1"]
    );

    let least = offer(&["ls-refs", "fetch"]).agree(&wish).expect("enough is offered");
    assert!(least.fetch.is_empty() && !least.unborn && !least.server_option);
    assert_eq!(lines(|each| V2Request::new(V2Command::LsRefs, &least).each_line(each)), ["command=ls-refs"]);

    wish.fetch = FeatureSet::NONE.with(V2FetchFeature::Filter);
    assert_eq!(offer(EVERYTHING).agree(&wish).map(|agreement| agreement.fetch), Ok(wish.fetch));
}

#[test]
fn what_is_required_is_missed() {
    #[track_caller]
    fn check(lines: &[&str], wish: &V2Wish, expected: CapabilityError) {
        assert_eq!(offer(lines).agree(wish), Err(expected));
    }
    let missing = |capability| CapabilityError::Missing { capability };
    let wish = V2Wish::new(ObjectFormat::Sha1);
    check(&["fetch"], &wish, missing("ls-refs"));
    check(&["ls-refs"], &wish, missing("fetch"));
    for feature in V2FetchFeature::ALL {
        let wish = V2Wish { required: FeatureSet::NONE.with(*feature), ..wish.clone() };
        check(&["ls-refs", "fetch"], &wish, missing(feature.name()));
        assert!(offer(EVERYTHING).agree(&wish).is_ok());
    }
    check(&["ls-refs", "fetch"], &V2Wish { server_option: true, ..wish.clone() }, missing("server-option"));
    let (ours, theirs) = (ObjectFormat::Sha1, ObjectFormat::Sha256);
    check(
        &["ls-refs", "fetch", "object-format=sha256"],
        &wish,
        CapabilityError::ObjectFormat { ours, theirs },
    );
    let wish = V2Wish::new(ObjectFormat::Sha256);
    check(&["ls-refs", "fetch"], &wish, CapabilityError::ObjectFormat { ours: theirs, theirs: ours });
}

fn value(text: &str) -> Value {
    Value::new(text.to_owned()).expect("a value")
}

#[track_caller]
fn check_request(offer_lines: &[&str], request: &[&str], expected: Result<&[&str], CapabilityError>) {
    let (offer, mut budget, mut read) = (offer(offer_lines), Budget::default(), V2Request::default());
    let done = request.iter().try_for_each(|line| read.add(line.as_bytes(), &offer, &mut budget));
    match expected {
        Ok(written) => assert_eq!(
            (done, &lines(|each| read.each_line(each))[..]),
            (Ok(()), &written.iter().map(|&line| line.to_owned()).collect::<Vec<_>>()[..])
        ),
        Err(error) => assert_eq!(done, Err(error)),
    }
}

#[test]
fn requests() {
    let whole = [
        "command=fetch",
        "agent=me",
        "session-id=mine",
        "server-option=a",
        "server-option=b c",
        "object-format=sha1",
        "promisor-remote=lop",
    ];
    check_request(EVERYTHING, &whole, Ok(&whole));
    check_request(
        EVERYTHING,
        &["agent=a", "agent=b", "command=ls-refs"],
        Ok(&["command=ls-refs", "agent=a"]),
    );
    check_request(EVERYTHING, &[], Ok(&[]));
}

/// Where git's server dies.
#[test]
fn requests_that_are_refused() {
    use CapabilityError::{NoObjectFormat, NotOffered, SecondCommand, UnknownCommand, UnknownObjectFormat};
    check_request(EVERYTHING, &["command=push"], Err(UnknownCommand(value("push"))));
    check_request(EVERYTHING, &["command="], Err(UnknownCommand(value(""))));
    check_request(&["fetch"], &["command=ls-refs"], Err(UnknownCommand(value("ls-refs"))));
    check_request(
        EVERYTHING,
        &["command=fetch", "command=ls-refs"],
        Err(SecondCommand { first: value("fetch"), second: value("ls-refs") }),
    );
    check_request(EVERYTHING, &["command"], Err(NotOffered(value("command"))));
    check_request(EVERYTHING, &["x=y"], Err(NotOffered(value("x=y"))));
    check_request(EVERYTHING, &["fetch"], Err(NotOffered(value("fetch"))));
    check_request(&["fetch"], &["agent=a"], Err(NotOffered(value("agent=a"))));
    check_request(&["fetch"], &["session-id=a"], Err(NotOffered(value("session-id=a"))));
    check_request(&["fetch"], &["server-option=a"], Err(NotOffered(value("server-option=a"))));
    check_request(&["fetch"], &["object-format=sha1"], Err(NotOffered(value("object-format=sha1"))));
    check_request(&["fetch"], &["promisor-remote=a"], Err(NotOffered(value("promisor-remote=a"))));
    check_request(EVERYTHING, &["object-format"], Err(NoObjectFormat));
    check_request(EVERYTHING, &["object-format=md5"], Err(UnknownObjectFormat(value("md5"))));
    check_request(EVERYTHING, &[""], Err(CapabilityError::EmptyKey { at: 0 }));
}

#[test]
fn a_request_without_a_format_means_sha1() {
    let (ours, theirs) = (ObjectFormat::Sha256, ObjectFormat::Sha1);
    let request = V2Request::default();
    assert_eq!(request.check_format(theirs), Ok(()));
    assert_eq!(request.check_format(ours), Err(CapabilityError::ObjectFormat { ours, theirs }));
}

#[test]
fn the_budget_of_a_request_is_spent() {
    let offer = offer(EVERYTHING);
    let mut budget = Budget::new(Limits { capabilities_max: 9, bytes_max: 17 });
    let mut request = V2Request::default();
    assert_eq!(request.add(b"server-option=abc", &offer, &mut budget), Ok(()));
    assert_eq!(request.add(b"command=fetch", &offer, &mut budget), Err(CapabilityError::TooLong { max: 17 }));
}
