use gitwire_capability::{
    AckMode, Budget, CapabilityError, Feature, FeatureSet, FetchAgreement, FetchFeature, FetchOffer,
    FetchWish, Limits, SideBand, Value,
};
use gitwire_types::ObjectFormat;

fn offer(list: &str) -> FetchOffer {
    FetchOffer::parse(list.as_bytes(), Limits::default()).expect("a list")
}

fn written(agreement: &FetchAgreement) -> String {
    let mut out = Vec::new();
    agreement.write(&mut out);
    String::from_utf8(out).expect("ASCII")
}

const EVERYTHING: &str = "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not \
    deepen-relative no-progress include-tag multi_ack_detailed allow-tip-sha1-in-want allow-reachable-sha1-in-want \
    no-done symref=HEAD:refs/heads/main filter session-id=s1 object-format=sha1 agent=git/2.47.3";

#[test]
fn what_is_read_is_written_in_gits_order() {
    #[track_caller]
    fn check(list: &str, expected: &str) {
        let mut out = Vec::new();
        offer(list).write(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
    check(EVERYTHING, EVERYTHING);
    check("", "");
    check("agent=a filter multi_ack", "multi_ack filter agent=a");
    check("x=1 ofs-delta y", "ofs-delta x=1 y");
    check(
        "symref=HEAD:a symref=refs/x:b object-format=sha256 object-format=sha1",
        "symref=HEAD:a symref=refs/x:b object-format=sha256 object-format=sha1",
    );
    check("object-format=blake3", "object-format=blake3");
}

#[test]
fn what_may_come_once_keeps_its_first_value() {
    let offer = offer(
        "agent=a agent=b session-id=s session-id=t multi_ack multi_ack object-format=sha1 object-format=sha1",
    );
    assert_eq!(offer.agent, Value::new("a").ok());
    assert_eq!(offer.session_id, Value::new("s").ok());
    assert_eq!(offer.formats.known, [ObjectFormat::Sha1]);
    assert!(offer.unknown.is_empty());
}

#[test]
fn names_are_whole_words() {
    let offer = offer(
        "multi_ack_detailed_more side-band-64k no-donee xthin-pack agent symref=HEAD symref=:x symref=x:",
    );
    assert_eq!(offer.features, FeatureSet::NONE.with(FetchFeature::SideBand64k));
    assert!(offer.agent.is_none() && offer.symrefs.is_empty());
    assert_eq!(offer.unknown.len(), 7);
}

#[test]
fn a_feature_with_a_value_is_the_feature() {
    assert!(offer("thin-pack=yes").features.contains(FetchFeature::ThinPack));
}

/// What a typical client and a server with this list agree on: acknowledgments, side-band, and what the client says.
#[track_caller]
fn check(list: &str, ack_mode: AckMode, side_band: SideBand, said: &str) {
    let offer = offer(list);
    let mut wish = FetchWish::new(ObjectFormat::Sha1);
    wish.agent = Value::new("me").ok();
    wish.session_id = Value::new("mine").ok();
    let client = offer.agree(&wish).expect("nothing is required");
    assert_eq!((client.ack_mode, client.side_band), (ack_mode, side_band));
    assert_eq!(written(&client), said);
    // The server hears the same, however the words are spread over wants.
    let mut server = FetchAgreement::offered(&offer);
    for word in said.split(' ') {
        server.add(word.as_bytes(), &offer, &mut Budget::default()).expect("our own words");
    }
    assert_eq!(
        (server.ack_mode, server.side_band, server.no_done()),
        (ack_mode, side_band, client.no_done())
    );
    assert_eq!((server.agent, server.session_id), (client.agent, client.session_id));
    assert!(server.unknown.is_empty());
    assert!(client.features.difference(server.features).is_empty());
}

#[test]
fn agreements() {
    use AckMode::{Detailed, Multi, Single};
    check("", Single, SideBand::None, "");
    check("multi_ack", Multi, SideBand::None, " multi_ack");
    check("multi_ack_detailed", Detailed, SideBand::None, " multi_ack_detailed");
    check(
        "multi_ack multi_ack_detailed side-band",
        Detailed,
        SideBand::Small,
        " multi_ack_detailed side-band",
    );
    check("side-band side-band-64k", Single, SideBand::Large, " side-band-64k");
    check("side-band-64k side-band no-done", Single, SideBand::Large, " side-band-64k");
    check("multi_ack no-done", Multi, SideBand::None, " multi_ack");
    check("multi_ack_detailed no-done", Detailed, SideBand::None, " multi_ack_detailed no-done");
    check("agent=x thin-pack", Single, SideBand::None, " thin-pack agent=me");
    check("session-id=x", Single, SideBand::None, " session-id=mine");
    check(
        EVERYTHING,
        Detailed,
        SideBand::Large,
        " multi_ack_detailed no-done side-band-64k thin-pack ofs-delta agent=me session-id=mine",
    );
}

#[test]
fn everything_in_the_order_of_gits_client() {
    let mut wish = FetchWish::new(ObjectFormat::Sha1);
    wish.features = FeatureSet::all();
    wish.agent = Value::new("git/2.47.3").ok();
    wish.session_id = Value::new("s2").ok();
    let agreement = offer(EVERYTHING).agree(&wish).expect("all is offered");
    assert_eq!(
        written(&agreement),
        " multi_ack_detailed no-done side-band-64k deepen-relative thin-pack no-progress include-tag ofs-delta \
         deepen-since deepen-not agent=git/2.47.3 session-id=s2 filter"
    );
    for feature in
        [FetchFeature::Shallow, FetchFeature::AllowTipSha1InWant, FetchFeature::AllowReachableSha1InWant]
    {
        assert!(agreement.features.contains(feature));
    }
}

#[test]
fn a_blank_in_an_agent_becomes_a_dot() {
    let mut wish = FetchWish::new(ObjectFormat::Sha1);
    wish.agent = Value::new("my agent").ok();
    assert_eq!(written(&offer("agent=x").agree(&wish).expect("agreed")), " agent=my.agent");
}

#[test]
fn each_required_feature_is_missed() {
    for feature in FetchFeature::ALL {
        let mut wish = FetchWish::new(ObjectFormat::Sha1);
        wish.required.insert(*feature);
        assert_eq!(offer("").agree(&wish), Err(CapabilityError::Missing { capability: feature.name() }));
        assert!(offer(EVERYTHING).agree(&wish).is_ok());
    }
}

#[test]
fn object_formats() {
    #[track_caller]
    fn check(list: &str, ours: ObjectFormat, expected: Result<(), CapabilityError>) {
        assert_eq!(offer(list).agree(&FetchWish::new(ours)).map(|_| ()), expected);
    }
    use ObjectFormat::{Sha1, Sha256};
    check("", Sha1, Ok(()));
    check("", Sha256, Err(CapabilityError::ObjectFormat { ours: Sha256, theirs: Sha1 }));
    check("object-format=sha1", Sha1, Ok(()));
    check("object-format=sha256", Sha1, Err(CapabilityError::ObjectFormat { ours: Sha1, theirs: Sha256 }));
    check("object-format=sha256 object-format=sha1", Sha1, Ok(()));
    let unknown = CapabilityError::UnknownObjectFormat(Value::new("blake3").expect("a value"));
    check("object-format=blake3", Sha1, Err(unknown.clone()));
    check("object-format=blake3 object-format=sha1", Sha1, Ok(()));

    let offer = offer("object-format=sha256");
    let add =
        |word: &str| FetchAgreement::offered(&offer).add(word.as_bytes(), &offer, &mut Budget::default());
    assert_eq!(add("object-format=sha256"), Ok(()));
    assert_eq!(add("object-format=sha1"), Err(CapabilityError::ObjectFormat { ours: Sha256, theirs: Sha1 }));
    assert_eq!(add("object-format=blake3"), Err(unknown));
    assert_eq!(add("agent=x"), Ok(()), "git's client names no format in a fetch");
}

/// A server must not mind what a client leaves out or makes up; what it makes up can be seen.
#[test]
fn a_server_takes_what_comes() {
    let offer = offer("ofs-delta shallow agent=x");
    let mut server = FetchAgreement::offered(&offer);
    server
        .add(b" multi_ack_detailed thin-pack ofs-delta new=1 agent=a agent=b", &offer, &mut Budget::default())
        .expect("words");
    assert_eq!(server.ack_mode, AckMode::Single);
    assert_eq!(server.features, [FetchFeature::OfsDelta, FetchFeature::Shallow].into_iter().collect());
    let unknown: Vec<_> = server.unknown.iter().map(|unknown| unknown.key.to_string()).collect();
    assert_eq!(unknown, ["multi_ack_detailed", "thin-pack", "new"]);
    assert_eq!(server.agent, Value::new("a").ok());
    assert_eq!(server.add(b"=x", &offer, &mut Budget::default()), Err(CapabilityError::EmptyKey { at: 0 }));
    assert_eq!(
        server.add(b"x", &offer, &mut Budget::new(Limits { capabilities_max: 0, bytes_max: 1 })),
        Err(CapabilityError::TooMany { max: 0 })
    );
}
