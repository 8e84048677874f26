use gitwire_capability::{
    Budget, CapabilityError, Certificate, Feature, FeatureSet, Limits, PushAgreement, PushFeature, PushOffer,
    PushWish, Report, SideBand, Value,
};
use gitwire_types::ObjectFormat;

fn offer(list: &str) -> PushOffer {
    PushOffer::parse(list.as_bytes(), Limits::default()).expect("a list")
}

fn written(agreement: &PushAgreement) -> String {
    let mut out = Vec::new();
    agreement.write(&mut out);
    String::from_utf8(out).expect("ASCII")
}

const EVERYTHING: &str = "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta \
    no-thin push-cert=1-ab push-options session-id=s1 object-format=sha1 agent=git/2.47.3";

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
    check("push-options agent=a push-cert=n atomic", "atomic push-cert=n push-options agent=a");
    check("no-thin push-options ofs-delta", "ofs-delta no-thin push-options");
    check("push-cert=a push-cert=b x y=z", "push-cert=a x y=z");
    check("object-format=sha256 object-format=new", "object-format=sha256 object-format=new");
}

#[track_caller]
fn check(list: &str, report: Report, side_band: SideBand, said: &str) {
    let offer = offer(list);
    let mut wish = PushWish::new(ObjectFormat::Sha1);
    wish.features = FeatureSet::all();
    wish.agent = Value::new("me").ok();
    wish.session_id = Value::new("mine").ok();
    let client = offer.agree(&wish).expect("nothing is required");
    assert_eq!((client.report, client.side_band), (report, side_band));
    assert_eq!(written(&client), said);
    let mut server = PushAgreement::offered(&offer);
    for word in said.split(' ') {
        server.add(word.as_bytes(), &offer, &mut Budget::default()).expect("our own words");
    }
    assert_eq!(server.check_format(ObjectFormat::Sha1), Ok(()));
    assert_eq!(server, client);
}

#[test]
fn agreements() {
    check("", Report::None, SideBand::None, "");
    check("report-status", Report::V1, SideBand::None, " report-status");
    check("report-status-v2", Report::V2, SideBand::None, " report-status-v2");
    check("report-status-v2 report-status", Report::V2, SideBand::None, " report-status-v2");
    check("side-band-64k side-band", Report::None, SideBand::Large, " side-band-64k");
    check("delete-refs ofs-delta", Report::None, SideBand::None, "");
    check("atomic no-thin", Report::None, SideBand::None, " atomic");
    check("object-format=sha1", Report::None, SideBand::None, " object-format=sha1");
    check(
        EVERYTHING,
        Report::V2,
        SideBand::Large,
        " report-status-v2 side-band-64k quiet atomic push-options object-format=sha1 agent=me session-id=mine",
    );
}

#[test]
fn each_required_feature_is_missed() {
    for feature in PushFeature::ALL {
        let mut wish = PushWish::new(ObjectFormat::Sha1);
        wish.required.insert(*feature);
        assert_eq!(offer("").agree(&wish), Err(CapabilityError::Missing { capability: feature.name() }));
        assert!(offer(EVERYTHING).agree(&wish).is_ok());
    }
}

#[test]
fn certificates() {
    #[track_caller]
    fn check(list: &str, certificate: Certificate, expected: Result<Option<&str>, CapabilityError>) {
        let wish = PushWish { certificate, ..PushWish::new(ObjectFormat::Sha1) };
        let expected =
            expected.map(|nonce| nonce.map(|nonce| Value::new(nonce.to_owned()).expect("a value")));
        assert_eq!(offer(list).agree(&wish).map(|agreement| agreement.nonce), expected);
    }
    check("push-cert=n", Certificate::Never, Ok(None));
    check("push-cert=n", Certificate::IfOffered, Ok(Some("n")));
    check("push-cert=n", Certificate::Always, Ok(Some("n")));
    check("", Certificate::IfOffered, Ok(None));
    check("", Certificate::Always, Err(CapabilityError::Missing { capability: "push-cert" }));
}

/// A push that names no format means SHA-1, and a SHA-256 repository refuses it.
#[test]
fn object_formats() {
    #[track_caller]
    fn check(list: &str, said: &[&str], ours: ObjectFormat, expected: Result<(), CapabilityError>) {
        let offer = offer(list);
        let mut server = PushAgreement::offered(&offer);
        let mut budget = Budget::default();
        let done = said
            .iter()
            .try_for_each(|line| server.add(line.as_bytes(), &offer, &mut budget))
            .and_then(|()| server.check_format(ours));
        assert_eq!(done, expected);
    }
    use ObjectFormat::{Sha1, Sha256};
    check(
        "object-format=sha256",
        &[],
        Sha256,
        Err(CapabilityError::ObjectFormat { ours: Sha256, theirs: Sha1 }),
    );
    check("object-format=sha256", &["object-format=sha256"], Sha256, Ok(()));
    check("object-format=sha256", &["", "object-format=sha256"], Sha256, Ok(()));
    check(
        "object-format=sha256",
        &["object-format=sha256", "object-format=sha1"],
        Sha256,
        Err(CapabilityError::ObjectFormat { ours: Sha256, theirs: Sha1 }),
    );
    check(
        "object-format=sha1",
        &["object-format=sha256"],
        Sha1,
        Err(CapabilityError::ObjectFormat { ours: Sha1, theirs: Sha256 }),
    );
    check("", &[], Sha1, Ok(()));
    let unknown = CapabilityError::UnknownObjectFormat(Value::new("x").expect("a value"));
    check("object-format=sha1", &["object-format=x"], Sha1, Err(unknown));

    let wish = PushWish::new(Sha256);
    assert_eq!(offer("").agree(&wish), Err(CapabilityError::ObjectFormat { ours: Sha256, theirs: Sha1 }));
    let agreement = offer("object-format=sha256").agree(&wish).expect("the same format");
    assert_eq!(written(&agreement), " object-format=sha256");
}

#[test]
fn a_server_takes_what_comes() {
    let offer = offer("report-status delete-refs");
    let mut server = PushAgreement::offered(&offer);
    server.add(b" report-status-v2 atomic x=y report-status", &offer, &mut Budget::default()).expect("words");
    assert_eq!(server.report, Report::V1);
    assert_eq!(server.features, FeatureSet::NONE.with(PushFeature::DeleteRefs));
    let unknown: Vec<_> = server.unknown.iter().map(|unknown| unknown.key.to_string()).collect();
    assert_eq!(unknown, ["report-status-v2", "atomic", "x"]);
}
